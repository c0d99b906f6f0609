"""What is acknowledged is in the log, once, until nobody needs it: segments, manifest, identities, commits, recovery, retention. Rows as __main__.py says.

Not here, since it changes nothing that anybody could see:
  * the offset that identities_sort moves sequences by: a table's first identity is its segment's first event, always, so the offset is 0.
  * `>` for `>=` where a segment has as many events as it may: the block behind it comes into the next one, which is as good.
"""
LOG = "lib/store/log/"
DEDUP = "lib/store/dedup/"
INTAKE = "collector/intake/"

MUTANTS = {
    "a segment of another log is a part of this one": (
        LOG + "log_verify.c", "if (!hashes_equal(header.previous_hash, chain->last_hash))", "if (!hashes_equal(header.hash, header.hash))",
        "test_log_corruption"),
    "a reader goes on in another log": (
        LOG + "log_read.c", "bool follows = reader->last.count && ", "bool follows = !reader->last.count && ", "test_log_corruption"),
    "the hash of a block is not looked at": (
        LOG + "block.c", "if (actual.low != le_get(stored, 8) || actual.high != le_get(stored + 8, 8))", "if (actual.low == 0 && stored)",
        "test_block$|test_log_corruption"),
    "the hash of the manifest is not looked at": (
        LOG + "log_manifest.c", "actual.low != stored.low || actual.high != stored.high)", "(actual.low == 0 && stored.low))", "test_log_corruption"),
    "the hash of a chunk of identities is not looked at": (
        LOG + "log_chunk.c", "actual.low != le_get(p + size, 8) ||\n        actual.high != le_get(p + size + 8, 8))", "actual.low == 0)",
        "test_log_leftovers"),
    "a segment that the manifest does not name is removed": (
        LOG + "log_recover.c", "if (entries == 0) return segment_remove(directory, number);", "return segment_remove(directory, number);",
        "test_log_corruption"),
    "an old root is taken for the newest": (
        LOG + "log_segment.c", "if (strict && !neighbours)", "if (strict && !neighbours && !number)", "test_log_corruption"),
    "receive times fall": (
        LOG + "log.c", ".received_us = now_us > log->last_received_us ? now_us : log->last_received_us,", ".received_us = now_us,", "test_log$"),
    "the log goes on where a commit's outcome is unknown": (
        LOG + "log.c", "if (rc == MTR_EIO) log->failed = true;", ";", "test_log$"),
    "the log goes on where a roll's outcome is unknown": (
        LOG + "log.c", "        log->failed = rc == MTR_EIO;\n", "", "test_log$"),
    "a segment is unlinked before the manifest forgets it": (
        LOG + "log_retain.c", "    int rc = count ? log_write_manifest(log) : MTR_OK;\n",
        "    int rc = MTR_OK;\n    for (uint32_t i = 0; i < count && !rc; i++) rc = segment_remove(log->set.directory, first_number + i);\n"
        "    if (!rc && count) rc = log_write_manifest(log);\n", "test_log$"),
    "what a crash left of a sealing stays": (
        LOG + "log_identities.c", "if (done == 0) rc = remove_leftovers(txn);", "if (done > count) rc = remove_leftovers(txn);", "test_log_leftovers"),
    "retention takes what is not folded": (
        LOG + "log_retain.c", "record->last_seq <= consumed_seq;", "record->start_seq <= consumed_seq;", "test_log$"),
    "retention takes what is not sealed": (
        LOG + "log_retain.c", "return record->sealed && ", "return record->rolled && ", "test_log$"),
    "retention takes what was received at its border": (
        LOG + "log_retain.c", "record->last_received_us < before_us", "record->last_received_us <= before_us", "test_log$"),
    "retention takes a segment from under its reader": (
        LOG + "log_retain.c", "entry->uses == 0 && ", "entry->record.number && ", "test_log$"),
    "a tag alone says that an event came before": (
        DEDUP + "dedup.c", "if (rc == MTR_ENOTFOUND) return MTR_OK;", "if (rc == MTR_ENOTFOUND) return match->found = MTR_DEDUP_DUPLICATE, MTR_OK;",
        "test_dedup$"),
    "what is being sealed is not known": (
        DEDUP + "dedup.c", "for (uint32_t i = 0; i < dedup->sealing_count; i++) {", "for (uint32_t i = 1; i < dedup->sealing_count; i++) {", "test_dedup$"),
    "the same id with other content is a repeat": (
        DEDUP + "dedup.c", "stored->digest == digest ?", "stored->digest == digest || stored->seq_offset ?", "test_dedup$"),
    "an identity without a place for its tag is forgotten": (
        DEDUP + "dedup_seal.c", "    segment->is_unfiltered = true;\n    segments->unfiltered_count++;\n", "", "test_dedup$"),
    "an identity without a place for its tag is forgotten when tables are built": (
        DEDUP + "dedup_seal.c", "if (homeless) build->unfiltered[homeless - build->range.first] = true;", "(void)homeless;", "test_dedup$"),
    "what was rolled before a crash could seal it is not known": (
        DEDUP + "dedup_open.c", "if (!segments[i].sealed) rc = index_unsealed(", "if (!segments[i].sealed && i + 1 == count) rc = index_unsealed(",
        "test_dedup$"),
    "quarantined copies have the identity of their event": (
        DEDUP + "dedup_open.c", "flags & MTR_IDENTITY_QUARANTINE\n", "flags > MTR_IDENTITY_QUARANTINE + MTR_IDENTITY_VOID\n", "test_dedup$"),
    "identities are forgotten at the border of their window": (
        DEDUP + "dedup.c", "segments->rows[segments->begin].last_received_us < oldest_us", "segments->rows[segments->begin].last_received_us <= oldest_us",
        "test_dedup$|test_intake_flow"),
    "an index that is made anew forgets at the border of the window": (
        DEDUP + "dedup_open.c", "if (segment->last_received_us < oldest_us) {", "if (segment->last_received_us <= oldest_us) {",
        "test_dedup$|test_intake_flow"),
    "identities live no longer than for what comes in time": (
        INTAKE + "intake.c", "return options->dedup_window_us + options->future_us;", "return options->dedup_window_us;", "test_intake_flow"),
    "a late repeat of what came before its time counts": (
        INTAKE + "judge_time.c", "event->time_us - judge->options.future_us <= forgotten_us", "event->time_us + 0 * judge->options.future_us <= forgotten_us",
        "test_intake_flow"),
    "events are acknowledged before they are stored": (
        INTAKE + "intake.c", "    if (!rc && intake->group.stored_count) rc = commit_group(intake, received_us);\n"
        "    uint32_t stored_count = intake->group.stored_count;\n    answer_group(intake, rc);\n",
        "    uint32_t stored_count = intake->group.stored_count;\n    const struct mtr_group group = intake->group;\n    answer_group(intake, rc);\n"
        "    intake->group = group;\n    if (!rc && stored_count) rc = commit_group(intake, received_us);\n    group_reset(&intake->group);\n",
        "test_intake_flow"),
    "an answer says stored whatever the commit said": (
        INTAKE + "intake.c", "    answer_group(intake, rc);\n", "    answer_group(intake, MTR_OK);\n", "test_intake_flow"),
    "an id is claimed before its event is stored": (
        INTAKE + "intake.c", "    rc = mtr_log_append(intake->log, group->stored,",
        "    for (uint32_t i = 0; i < group->stored_count; i++)\n"
        "        mtr_dedup_add(intake->dedup, group->stored_keys[i], mtr_identity_flags(group->stored[i].disposition), group->first_seq + i);\n"
        "    rc = mtr_log_append(intake->log, group->stored,", "test_intake_flow"),
    "the intake goes on where a commit's outcome is unknown": (
        INTAKE + "intake.c", "return error == MTR_EFULL || error == MTR_ENOMEM ||", "return error == MTR_EIO || error == MTR_EFULL || error == MTR_ENOMEM ||",
        "test_intake_flow"),
    "a dry run claims ids": (
        INTAKE + "intake.c", "if (!rc && intake->group.first->is_dry_run) forget_stored(&intake->group);", "if (rc && intake->group.first->is_dry_run) forget_stored(&intake->group);",
        "test_intake_flow"),
    "two of one id in flight count both": (
        INTAKE + "group.c", "return (int64_t)*claim_of(group, identity) - 1;", "return (int64_t)(*claim_of(group, identity) & 0) - 1;", "test_intake_flow"),
    "usage of a period that ends at the border is late": (
        INTAKE + "judge.c", "return end_us < border_us;", "return end_us <= border_us;", "test_intake$"),
    "the copy of a store is ahead of the log's": (
        "daemon/stores/backup.c", "    int rc = backup_copy_stores(wanted->data, partial, wanted->on_copied, diagnostic);\n    if (!rc) rc = copy_log(wanted, partial, out, diagnostic);\n",
        "    int rc = copy_log(wanted, partial, out, diagnostic);\n    if (!rc) rc = backup_copy_stores(wanted->data, partial, wanted->on_copied, diagnostic);\n",
        "test_backup$"),
}
