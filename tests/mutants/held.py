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
    "what is held is not carried": (
        HELD + "held_carry.c", "if (!rc) rc = mtr_log_carry(daemon->log, seqs, count, diagnostic);", "if (!rc) rc = mtr_log_carry(daemon->log, seqs, 0, diagnostic);",
        "test_held_retention"),
    "what is held beyond a quota is not carried": (
        HELD + "held_carry.c", "{.after = carrying->after_seq, .room = PAGE_EVENTS, .with_beyond = true};", "{.after = carrying->after_seq, .room = PAGE_EVENTS};",
        "test_held_retention"),
    "what was carried is not read": (
        "aggregator/fold_read.c", "int rc = here ? MTR_OK : fold_read_kept(aggregator, seq);", "int rc = here ? MTR_OK : fold_read_block(aggregator, seq);", "test_aggregator_held"),
    "a late meter passes over what was carried": (
        "aggregator/catch_up.c", "rc = fold_read_kept(aggregator, catch_up->next_seq);", "rc = fold_read_block(aggregator, catch_up->next_seq);", "test_aggregator_held"),
    "a copy is made twice": (
        "lib/store/log/log_carried.c", "*out = !rc && run.first_seq <= seq;", "*out = !rc && run.first_seq == seq;", "test_log_carried"),
    "copies stand before what the log has": (
        "lib/store/log/log_read.c", "int rc = seq <= removed ? read_carried(reader, seq, removed + 1, &reading) : MTR_ENOTFOUND;",
        "int rc = read_carried(reader, seq, UINT64_MAX, &reading);", "test_log_carried"),
    "a copy of another history is read": (
        "lib/store/log/log.c", "return log_carried_cut(carried, mtr_log_last_seq(log));", "return MTR_OK;", "test_log_carried"),
    "a copy goes at once": (
        "lib/store/log/log_carried.c", "if (sweep->now_us - since_us < sweep->spared_us) return MTR_OK;", "if (sweep->now_us < since_us) return MTR_OK;", "test_log_carried"),
    "a copy goes of which one event is wanted": (
        "lib/store/log/log_carried.c", "sweep->wanted[sweeping->at] < run->first_seq + run->count;", "sweep->wanted[sweeping->at] <= run->first_seq;", "test_log_carried"),
    "what is wanted again goes all the same": (
        "lib/store/log/log_carried.c", "return is_wanted(sweeping, run) ? delete_row(sweeping, UNWANTED, key) : give_up(sweeping, run, key);",
        "return is_wanted(sweeping, run) ? MTR_OK : give_up(sweeping, run, key);", "test_log_carried"),
    "a backup lacks what was carried": (
        "lib/store/log/log_copy.c", "    if (!rc) rc = copy_carried(copying, diagnostic);\n", "    if (rc) rc = copy_carried(copying, diagnostic);\n", "test_log_carried"),
    "retention goes on while a meter that comes late reads the log": (
        HELD + "held_carry.c", "if (held->catalog_version == catalog_version && !held->is_behind) return;", "if (held->catalog_version && catalog_version) return;", "test_held_simulated"),
    "what is not folded is taken for what is not held": (
        HELD + "held_carry.c", "if (!rc && next_seq <= carrying->up_to_seq) rc = MTR_EAGAIN;", "", "test_held_simulated"),
}
