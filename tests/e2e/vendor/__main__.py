"""A vendor to try sources against, until it is interrupted; from tests/e2e:

    python3 -m vendor --directory /tmp/vendor [--seed 1] [--days 7] [--rows 1000] [--dialect cursor …]

Usage of the last days, served as every dialect. In the directory: NAME.yaml, a document for each, with its secrets beside it.
The control interface is under /-/ (admin.py).
"""
import argparse
import json
import os
import threading
import time

from . import Life, Simulator, every_dialect, source_document
from .document import list_document
from .spelling import write_time

DAY_US = 86400 * 1000000


def main():
    parser = argparse.ArgumentParser(prog="vendor")
    parser.add_argument("--directory", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--dialect", nargs="*", default=list(every_dialect()))
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    to_us = time.time_ns() // 1000 // DAY_US * DAY_US
    from_us = to_us - options.days * DAY_US
    with Simulator(options.seed) as vendor:
        vendor.life = Life(vendor.truth, options.seed, from_us, to_us)
        vendor.life.begin(options.rows)
        for name in options.dialect:
            service = vendor.add(every_dialect()[name])
            documents = [source_document(service, options.directory, "acme", write_time(from_us, "%Y-%m-%d"))]
            if service.dialect.each == "list":  # whose rows it goes over
                documents.insert(0, list_document(service, "acme"))
            with open(os.path.join(options.directory, f"{name}.yaml"), "w") as f:
                json.dump({"vendors": [{"key": "acme"}], "sources": documents}, f, indent=1)
        print(f"{vendor.origin()}/-/counters, documents in {options.directory}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
