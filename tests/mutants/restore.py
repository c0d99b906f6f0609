"""What follows a restore, and what backups hold. Rows as __main__.py says."""

MUTANTS = {
    "a directory that is a copy goes on as if it were not": (
        "lib/store/life.c", "if (!rc && memcmp(known, found, sizeof(known)) == 0) *out = MTR_LIFE_GOES_ON;", "if (!rc) *out = MTR_LIFE_GOES_ON;",
        "test_store_life|test_restored_books"),
    "two stores that were put back have one epoch": (
        "lib/store/charges/charges_epoch.c", "const int64_t second = now_us / MTR_US_PER_SECOND - EPOCH_ZERO_S;", "const int64_t second = now_us > 0 ? 1 : EPOCH_ZERO_S;",
        "test_charges$|test_restored_books"),
    "numbers go on where the copy ends": (
        "lib/store/charges/charges.c", "*out = (last > epoch.number ? last : epoch.number) + 1;", "*out = last + 1;", "test_charges$|test_pull|test_restored_books"),
    "ids of charges that were lost come again": (
        "rater/emit.c", "if (!rc && emitting->epoch) rc =", "if (!rc && emitting->epoch == 1) rc =", "test_restored_books|test_mixed_stores"),
    "a cursor of charges that were lost is answered": (
        "rater/emitter/feed.c", "if (rc || last == after) return rc;", "if (rc || last <= after) return rc;", "test_pull|test_restored_books"),
    "a consumer need not know of the epoch": (
        "rater/emitter/feed.c", "    lost->valid_up_to = next.last_before;\n    return MTR_ECLOSED;", "    lost->valid_up_to = next.last_before;\n    return MTR_OK;",
        "test_pull|test_restored_books"),
    "charges go out before their receiver is reconciled": (
        "rater/emitter/outbox.c", "if (state.epoch != step->epoch) return serve_notice(step, destination);", "if (state.epoch > step->epoch) return serve_notice(step, destination);",
        "test_outbox_notice|test_restored_books"),
    "any answer reconciles a receiver": (
        "rater/emitter/webhook.c", "return says_reconciled(result, notice, up_to) ? MTR_DELIVERED : MTR_DELIVERY_REJECTED;",
        "return says_reconciled(result, notice, up_to) ? MTR_DELIVERED : (*up_to = notice->valid_up_to, MTR_DELIVERED);", "test_outbox_notice"),
    "what a receiver lacks does not go out again": (
        "rater/emitter/outbox_notice.c", "        message.state = MTR_MESSAGE_PENDING;\n        message.attempts = 0;", "        if (message.state == MTR_MESSAGE_ACKED) continue;\n        message.attempts = 0;",
        "test_outbox_notice|test_restored_books"),
    "a receiver goes on in the middle of a message": (
        "rater/emitter/outbox_notice.c", "if (message.first_charge <= up_to) *out = message.first_charge - 1;", ";", "test_outbox_notice|test_restored_books"),
    "the copy of a log that goes on keeps identities": (
        "lib/store/log/log_copy.c", "        *has_any = true;\n        rc = lmdb_error(mdb_cursor_del(cursor, 0));\n        if (!rc) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));",
        "        *has_any = false;\n        rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));", "test_log_copy"),
    "half a request is restored": (
        "lib/store/log/log_copy.c", "if (*last_seq <= up_to) return MTR_OK;", "if (header.first_seq <= up_to) return MTR_OK;", "test_log_copy|test_point_in_time"),
    "segments of another log are taken for those of this one": (
        "lib/store/log/log_copy.c", "a->last_seq == b->last_seq && same_hash(a->last_hash, b->last_hash) &&", "same_hash(a->last_hash, a->last_hash) &&",
        "test_log_copy"),
    "any log goes on where a backup ends": (
        "daemon/stores/restore.c", "const bool is_same = !rc && own.first_seq == other.first_seq && own.hash.high == other.hash.high &&\n                         own.hash.low == other.hash.low;",
        "const bool is_same = !rc && own.first_seq >= other.first_seq - other.first_seq;", "test_point_in_time"),
    "a file that a backup lost is not missed": (
        "lib/store/backup_list.c", "if (was_size != is_size || strncmp(was, is, was_size) != 0) break;", "if (was_size < is_size && strncmp(was, is, 1) > 0) break;", "test_backup$"),
    "a lock is believed to be of what its name leads to": (
        "lib/store/hold.c", "    if (!rc && !is_same(fd, path, is_followed)) rc = MTR_ENOTFOUND;\n", "", "test_hold$"),
    "a directory is removed by a name that leads to another one": (
        "lib/store/hold.c", "    if (!is_same(hold, path, false)) return MTR_ENOTFOUND;\n", "", "test_hold$"),
    "a key of other identities is believed": (
        "lib/store/dedup/dedup_open.c", "if (rc || found) return rc;", "if (rc || found || !found) return rc;", "test_dedup$|test_repair$"),
    "what was damaged is put over what was put aside before": (
        "daemon/stores/aside.c", "        if (errno != EEXIST) return mtr_error_from_errno(errno);\n", "        return MTR_OK;\n", "test_repair$"),
    "a backup is linked to one that is damaged": (
        "daemon/stores/backing_up.c", "code && newest && !atomic_load", "code && !newest && !atomic_load", "test_backup_schedule"),
}
