"""The preset partner-center, as its example in config/sources writes it, against the simulator: an export is a job whose manifest names files below a
root, behind a token; a month without usage is a job that failed, with 200 and the code 5000; an equal eTag is nothing to do.

The simulator has paths and columns of its own: these, and nothing else that the preset says, are written over.
"""
import os
import sys
from dataclasses import replace

sys.path.insert(0, os.path.dirname(__file__))
from harness import wait_until  # noqa: E402
from polled import World  # noqa: E402
from vendor import every_dialect  # noqa: E402
from vendor.document import EVENT_TYPE  # noqa: E402

SEED = int(os.environ.get("METERD_SEED", "1"))
ALL = every_dialect()
PARTNER = replace(ALL["periods"], name="partner", no_data="error", job_id="Location", page_rows=15)
COLUMNS = {"type": f"={EVENT_TYPE}.{{}}", "subject": "accountId", "time": {"path": "usageStart", "format": "rfc3339"},
           "data": {"quantity": {"path": "amount", "as": "number", "round": {"digits": 12}}, "region": "region", "plan": "plan"}}


class Presets(World):
    def document(self, name, **more):
        """What the simulator's dialect would be written as, less what the preset says."""
        whole = super().document(name, **more)
        common = {key: whole[key] for key in ("key", "vendor", "base_url", "hosts", "auth", "limits", "guard")}
        mapping = {**COLUMNS, "type": COLUMNS["type"].format(name)}
        submit = {"path": "/reports", "body": {"json": {"period": "{period}"}}}
        return {**common, "preset": "partner-center", "schedule": {"every": "1s", "jitter": "0s"}, "identity": {"id": "lineId"}, "map": mapping,
                "job": {"submit": submit, "poll": {"every": "1s"}}}


def check():
    with Presets(SEED, [PARTNER]) as world:
        world.begin()
        world.drain()
        for _ in range(2):
            world.go_on(6)
            world.drain()
        wait_until("the month without usage is asked for again", lambda: ("partner", "incomplete") in world.alarms())
        assert not {alarm for _, alarm in world.alarms()} - {"incomplete", "suspect"}, world.alarms()
        files = sum("/files/" in entry.target for entry in world.vendor.trace.of("partner"))
        polls = len(world.vendor.trace.of("partner"))
        wait_until("further reports", lambda: len(world.vendor.trace.of("partner")) > polls + 12)
        assert sum("/files/" in entry.target for entry in world.vendor.trace.of("partner")) == files, "an equal eTag is nothing to do"
        assert not world.vendor.trapped and world.audit()


if __name__ == "__main__":
    check()
