"""Held events: those that are dropped never count, nothing that would flow is dropped, and nobody is told of a loss that is none. Rows as __main__.py says."""
HELD = "daemon/held/"

MUTANTS = {
    "what is dropped is in no quarantine": (
        "aggregator/fold.c", "if (!rc && mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_DROP)))", "if (rc && mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_DROP)))",
        "test_aggregator_held"),
    "what was taken back while it was held is told as lost": (
        "aggregator/release.c", "if (rc || row->voided) return rc;", "if (rc) return rc;", "test_aggregator_held"),
    "what was taken back beyond a quota is told as lost": (
        "aggregator/flow.c", "if (rc != MTR_ENOTFOUND) return rc; /* of what", "if (rc && rc != MTR_ENOTFOUND) return rc; /* of what", "test_aggregator_held"),
    "what is held is dropped by a clock that leaped": (
        HELD + "held_drop.c", "return mtr_time_sooner(time.forget_us, time.earliest_us) -", "return mtr_trusted_wall_us(time) -", "test_held$"),
    "what is held is dropped by a clock that was accepted": (
        HELD + "held_drop.c", "return mtr_time_sooner(time.forget_us, time.earliest_us) -", "return time.earliest_us -", "test_held$"),
    "an order goes beyond what it names": (
        HELD + "held_found.c", "if (!may_be(order->subject, event->subject) ||", "if (!may_be(order->subject, order->subject) ||", "test_held$"),
    "what was dropped is dropped again": (
        HELD + "held_page.c", "return held->seq > page->after && !held->voided &&", "return held->seq > page->after &&", "test_held$"),
    "a page passes over held events": (
        HELD + "held_page.c", "    page->has_more = true;\n", "", "test_held$"),
}
