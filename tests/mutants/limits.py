"""What has no limit that a year or two of use would meet: segments, open files, what killed processes leave. Rows as __main__.py says."""
STORE = "lib/store/"

MUTANTS = {
    "segments stay open for ever": (
        STORE + "log/log_set.c", "    close_idle(set, set->open_max - 1);\n", "", "test_log_files"),
    "files of segments that nobody uses are not given up": (
        STORE + "log/log_set.c", "if (rc == MTR_EFILES && close_idle(set, 0)) {", "if (rc == MTR_EFILES && !set) {", "test_log_files"),
    "a segment that is written to is closed": (
        STORE + "log/log_set.c", "return entry->env && !entry->is_written && !entry->uses;", "return entry->env && !entry->uses;", "test_log"),
    "a segment is opened for writing below its readers": (
        STORE + "log/log_set.c", "    while (entry->is_reopened && entry->uses > 1) pthread_cond_wait(&set->changed, &set->mutex);\n", "", "test_log_files"),
    "too many open files are a failed disk": (
        "lib/core/error.c", "    case ENFILE: return MTR_EFILES;", "    case ENFILE: return MTR_EIO;", "test_log_files|test_open_files"),
    "the upper bits of a segment are lost": (
        STORE + "dedup/dedup_tags.c", "if (table->is_wide) upper[i] = (uint8_t)(slot >> WORD_BITS);", "if (table->is_wide) upper[i] = 0;", "test_dedup_tables|test_dedup_many"),
    "a narrow table stays narrow": (
        STORE + "dedup/dedup_seal.c", "(segments->count == tags_segments_max(&dedup->tags) ||", "(!segments ||", "test_dedup_many"),
    "a segment that has expired still answers": (
        STORE + "dedup/dedup_tags.c", "if (behind < places.count) candidates", "if (behind < places.count + 50) candidates", "test_dedup_tables|test_dedup_many"),
    "an audit at work is removed": (
        STORE + "hold.c", "(kind == MTR_HOLD_READER ? LOCK_SH : LOCK_EX) | LOCK_NB", "LOCK_SH | LOCK_NB", "test_hold|test_leftovers"),
    "work goes on behind its time": (
        "lib/core/share/work_limit.c", "cpu_ns() > limit->cpu_until_ns", "cpu_ns() == limit->cpu_until_ns", "test_work_limit"),
    "one piece of work has any memory": (
        "lib/core/share/work_limit.c", "if (bytes > limit->bytes_max - limit->bytes)", "if (bytes > limit->bytes_max)", "test_work_limit"),
    "all work together has any memory": (
        "lib/core/share/work_limit.c", "else if (limit->total && !mtr_shares_take(limit->total, limit->owner, bytes))", "else if (limit->total && !mtr_shares_take(limit->total, limit->owner, bytes) && !bytes)", "test_work_limit"),
    "what was called off goes on": (
        "lib/core/share/work_limit.c", "limit->end = MTR_WORK_CALLED_OFF;", "limit->looks = 0;", "test_work_limit"),
    "an arena takes nothing of its limit": (
        "lib/core/arena.c", "if (arena->limit && !mtr_work_limit_take(arena->limit, bytes)) return false;", "if (arena->limit && !mtr_work_limit_take(arena->limit, 0)) return false;", "test_work_limit"),
}
