"""What is done by trusted time alone. Rows as __main__.py says."""

MUTANTS = {
    "a wall clock is believed however far it is ahead": (
        "lib/core/time/trusted_time.c", "if (state == MTR_CLOCK_BELIEVED) believe(", "if (state != MTR_CLOCK_BACK) believe(", "test_trusted_time|test_intake_clock|test_scenario$"),
    "a wall clock that is set back is believed": (
        "lib/core/time/trusted_time.c", "    record->low_us = low_us;", "    record->low_us = low_us - low_us;", "test_trusted_time|test_scenario$"),
    "what was received before an accepted step is forgotten by it": (
        "lib/core/time/trusted_time.c", "record->now_us >= record->accepted_us + clock->limits.forget_us)", "record->now_us >= record->accepted_us)", "test_trusted_time|test_intake_clock"),
    "what may be forgotten counts once more": (
        "collector/intake/judge_time.c", "if (may_be_forgotten(judge, event, times->forgotten_us))", "if (times->forgotten_us > INT64_MAX - 1)", "test_intake_clock"),
    "what retention has removed counts once more": (
        "lib/store/dedup/dedup_open.c", "dedup->forgotten_us = find_removed(dedup->log, segments, count);",
        "dedup->forgotten_us = segments ? INT64_MIN : find_removed(dedup->log, segments, count);", "test_intake_clock"),
    "events are expired by the log's last receive time": (
        "collector/intake/intake.c", ".earliest_us = time.earliest_us,", ".earliest_us = received_us,", "test_intake_clock"),
    "periods open and close by the wall clock": (
        "daemon/pipeline.c", "clock_now(daemon).earliest_us;", "clock_now(daemon).latest_us;", "test_clock$"),
    "a clock of another century begins a directory": (
        "daemon/clock.c", "if (wall_us >= WALL_FIRST_US && wall_us < WALL_END_US) return MTR_OK;", "if (wall_us >= 0) return MTR_OK;", "test_clock$"),
    "a backup has no time": (
        "daemon/stores/backup.c", "    {\"clock\", mtr_backup_file, true},\n", "", "test_clock$|test_backup$"),
    "identities are forgotten by the wall clock": (
        "daemon/pipeline.c", "const struct mtr_trusted_time time = clock_now(daemon);", "struct mtr_trusted_time time = clock_now(daemon);\n    time.forget_us = time.latest_us;", "test_clock$"),
}
