"""Each event of the log counts once in the rollups, and the rater learns of it: fold, voids, held events, catch-up, watermark, feed. Rows as __main__.py says."""
ROLLUPS = "lib/store/rollups/"

MUTANTS = {
    "the watermark falls": (
        "aggregator/aggregator.c", "if (idle && now_us > position->watermark_us &&", "if (idle && now_us != position->watermark_us &&", "test_aggregator_steps"),
    "the watermark passes what is not folded": (
        "aggregator/aggregator.c", "bool idle = position->drained && !is_behind(aggregator);", "bool idle = position->drained || !is_behind(aggregator);",
        "test_aggregator_steps"),
    "the watermark passes what is being released": (
        "aggregator/aggregator.c", "bool idle = position->drained && !is_behind(aggregator);", "bool idle = position->drained;", "test_aggregator_steps"),
    "the fold's cursor is in another transaction than its cells": (
        "aggregator/aggregator.c",
        "    if (!rc && write) rc = mtr_rollups_commit(aggregator->txn);\n",
        "    if (!rc && write) {\n        rc = mtr_rollups_commit(aggregator->txn);\n        if (!rc) rc = mtr_rollups_begin(aggregator->rollups, true, &aggregator->txn);\n"
        "        if (!rc) rc = mtr_rollups_put_cursor(aggregator->txn, position.next_seq, position.watermark_us, position.change);\n"
        "        if (!rc) rc = mtr_rollups_commit(aggregator->txn);\n    }\n",
        "test_aggregator_steps"),
    "a gap in the log is passed over": (
        "aggregator/fold.c", "if (aggregator->block.first_seq > next) return fail_gap(aggregator, next);",
        "if (aggregator->block.first_seq > next && next == UINT64_MAX) return fail_gap(aggregator, next);\n"
        "        if (aggregator->block.first_seq > next) next = aggregator->block.first_seq;", "test_aggregator$"),
    "an hour holds its end": (
        "aggregator/fold.c", "        time_us >= slot->hour.end_us) {", "        time_us > slot->hour.end_us) {", "test_aggregator$"),
    "a meter that comes late misses the first event": (
        "aggregator/fold.c", "rc = fact_put_u64(aggregator, &name, seq, NULL);", "rc = fact_put_u64(aggregator, &name, seq + 1, NULL);", "test_aggregator$|test_aggregator_order"),
    "what is spread counts anew in each hour": (
        "aggregator/fold.c", "        before = after;\n", "        (void)before;\n", "test_aggregator_points"),
    "a reading that comes late leaves the next one as it was": (
        "aggregator/fold.c", "point->time_us == after->time_us && point->seq <= after->seq", "point->time_us == after->time_us && point->seq < after->seq",
        "test_aggregator_points"),
    "an event is taken back twice": (
        ROLLUPS + "rollups_state.c", "if (rc != MTR_ENOTFOUND) return rc ? rc : MTR_EEXISTS;", "if (rc && rc != MTR_ENOTFOUND) return rc;", "test_aggregator$"),
    "what was taken back while it was held counts": (
        "aggregator/voids.c", "        held.voided = true;\n", "        held.voided = false;\n", "test_aggregator$"),
    "what was taken back counts when it is released": (
        "aggregator/release.c", "if (!rc && row->voided && counts != EVENT_IS_BEYOND)", "if (!rc && row->voided && counts == EVENT_IS_BEYOND)", "test_aggregator$"),
    "what was taken back counts when a meter catches up": (
        "aggregator/catch_up.c", "if (!rc && is_voided && counts != EVENT_IS_BEYOND) rc =", "if (!rc && is_voided && counts == EVENT_IS_BEYOND) rc =",
        "test_aggregator$|test_aggregator_order"),
    "a void takes back what a meter has still to catch up with": (
        "aggregator/voids.c", "if (!fold_covers(aggregator, resolved.meters[i]->number, v->target_seq))",
        "if (!fold_covers(aggregator, resolved.meters[i]->number, v->target_seq) && !v->seq)", "test_aggregator$"),
    "what is released counts once more when a meter catches up": (
        "aggregator/release.c", "if (!fold_covers(aggregator, meter->number, row->seq))", "if (!fold_covers(aggregator, meter->number, row->seq) && !row->seq)",
        "test_aggregator$|test_aggregator_order"),
    "a meter that catches up has one event more": (
        "aggregator/fold_read.c", "return seq < catch_up->next_seq || seq >= catch_up->end_seq;", "return seq < catch_up->next_seq || seq > catch_up->end_seq;",
        "test_aggregator_steps"),
    "the last of several equal values takes it away": (
        "aggregator/member_table.c", "MTR_QUANTITY(is_there - was_there).e12;", "MTR_QUANTITY(row->count > 0 ? is_there : -was_there).e12;", "test_aggregator$|test_aggregator_order"),
    "a cell forgets up to where in the log it is": (
        "aggregator/cell_table.c", "if (change->seq_last > cell.seq_last) cell.seq_last = change->seq_last;", "cell.seq_last = change->seq_last;", "test_aggregator_order"),
    "the feed tells of the first of several days": (
        "aggregator/cell_table.c", "row.subscription != key->subscription || row.day != day)", "row.subscription != key->subscription)", "test_aggregator$"),
    "a page of quarantined events begins with the last of the one before": (
        ROLLUPS + "rollups_state.c", "struct mtr_key from = sequence_key(after_seq + 1);", "struct mtr_key from = sequence_key(after_seq + !after_seq);", "test_rollups$"),
    "held events go on with the last of those before": (
        ROLLUPS + "rollups_state.c", "if (after->vendor.size) rollups_key_u64(&from, after->seq + 1);", "if (after->vendor.size) rollups_key_u64(&from, after->seq + !after->seq);",
        "test_rollups$"),
    "a quota is filled by what came later": (
        "aggregator/quota.c", "*admitted = fold_has_room(&quota) && !preceded;", "*admitted = fold_has_room(&quota);", "test_aggregator_quota|test_aggregator_order"),
    "a step that failed leaves what it had noted": (
        "aggregator/aggregator.c", "        memset(aggregator->types, 0, sizeof(aggregator->types));\n", "", "test_aggregator_steps"),
    "a feed row of a subscription that is not known is passed over": (
        "rater/due.c", "    if (!subscription) return STOP;\n    if (!step->rows_left) {", "    if (!subscription) return MTR_OK;\n    if (!step->rows_left) {", "test_rater_steps"),
    "a feed that begins anew is not read": (
        "rater/rater.c", "    if (!rc && step->feed_change < step->cursor.change)\n        step->cursor.change = 0;", "    if (!rc && step->feed_change == UINT64_MAX)\n        step->cursor.change = 0;",
        "test_rater_steps"),
    "where rollups are folded again the rater reads on in the feed of before": (
        "daemon/stores/consistency.c", "return mtr_rater_forget_feed(daemon->charges);", "return MTR_OK;", "test_folded_again"),
    "charges are made while rollups are folded again": (
        "daemon/stores/consistency.c", "atomic_store(&daemon->rating_waits, cursors->is_charged);", "atomic_store(&daemon->rating_waits, false);", "test_mixed_stores|test_repair"),
}
