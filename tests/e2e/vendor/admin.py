"""The control interface of HTTP, under /-/, for whoever is no Python in the same process:

    GET  /-/truth?from=RFC3339&to=RFC3339&account=…    what was published last
    GET  /-/trace?source=NAME, /-/counters, /-/trapped
    POST /-/life {"late": 3, "restate": 2, "move": 1, "vanish": 1, "give_back": 1}
    POST /-/chaos {"too_many": 0.1}     shares; {} ends all
    POST /-/script {"source": NAME, "faults": ["empty"], "times": 2}
    POST /-/clock {"at": RFC3339} or {"by_s": 3600}
"""
import json

from . import spelling
from .message import Answer


class Admin:
    def __init__(self, simulator):
        self.simulator = simulator

    def answer(self, request):
        verb = getattr(self, f"{request.method.lower()}_{request.words[1] if len(request.words) > 1 else ''}", None)
        if not verb:
            return Answer.problem(404, "NotFound", request.path)
        try:
            return Answer.of_json(verb(json.loads(request.body) if request.method == "POST" else request.query))
        except (ValueError, KeyError, AssertionError) as fault:
            return Answer.problem(400, "bad_data", repr(fault))

    def get_truth(self, query):
        rows = self.simulator.truth.rows(spelling.instant(query["from"]), spelling.instant(query["to"]), query.get("account"))
        return [{"id": row.id, "account": row.account, "start": spelling.write_time(row.start_us, "rfc3339"),
                 "quantity": spelling.write_number(row.quantity), **dict(row.dimensions)} for row in rows]

    def get_trace(self, query):
        return [entry._asdict() for entry in self.simulator.trace.of(query["source"])]

    def get_counters(self, _):
        return {**self.simulator.trace.counts, "edition": self.simulator.truth.edition}

    def get_trapped(self, _):
        return [f"{request.method} {request.target}" for request in self.simulator.trapped]

    def post_life(self, body):
        for what, count in body.items():
            if what not in ("late", "restate", "move", "vanish", "give_back"):
                raise ValueError(what)
            getattr(self.simulator.life, what)(count)
        return {"edition": self.simulator.truth.edition}

    def post_chaos(self, body):
        self.simulator.chaos.set(body)
        return body

    def post_script(self, body):
        self.simulator.chaos.script(body["source"], *body["faults"], times=body.get("times", 1))
        return body

    def post_clock(self, body):
        if "at" in body:
            self.simulator.clock.set(spelling.instant(body["at"]))
        else:
            self.simulator.clock.advance(int(body["by_s"] * 1000000))
        return {"now": spelling.write_time(self.simulator.clock.now_us(), "rfc3339")}
