"""A vendor with a usage API, and with everything that real ones do wrong.

    truth ─▶ reading ─▶ paging, parts, jobs ─▶ body ─▶ packing ─▶ listener
                           chaos looks in at each of them ─▶ trace

A `Simulator` (simulator.py) holds a ledger of what was published and when (truth.py), and serves it under `/NAME/…`
for each `Dialect` that it was given (dialect.py): the same usage as pages, cursors, links, manifests, reports; behind
every kind of login; as JSON, CSV, XML. `source_document` (document.py) says the same dialect as a document of
meterd's. `Chaos` (chaos.py) decides by a seed what goes wrong; `Trace` has all that was answered, `Witness` what of it was false.

Standard library only, zstd aside. Loopback only. Threads of the listener share one lock; nothing here reads what
meterd keeps.
"""
from .chaos import FAULTS, Chaos
from .clock import Clock
from .dialect import Dialect, any_dialect, every_dialect
from .document import source_document
from .life import Life
from .simulator import Simulator
from .truth import Row, Truth

__all__ = ["FAULTS", "Chaos", "Clock", "Dialect", "Life", "Row", "Simulator", "Truth", "any_dialect", "every_dialect",
           "source_document"]
