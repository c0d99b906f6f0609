/*
 * For tests of what goes from the log to money: a rating world whose rollups are folded from a log, as the
 * daemon does it. Use rating_store for documents, so that the fold finds out by itself where cells are cut.
 */
#ifndef METERD_TESTS_SUPPORT_METERING_H
#define METERD_TESTS_SUPPORT_METERING_H

#include "meterd/aggregator/aggregator.h"
#include "tests/support/log_directory.h"
#include "tests/support/rating.h"

struct metering_world {
    struct rating_world rating;
    struct mtr_log *log;
    struct mtr_log_reader *reader; /* of the test's own questions */
    struct mtr_log_reader *fold_reader;
    struct mtr_aggregator *aggregator;
    uint64_t sent;
};

static inline void metering_open(struct metering_world *world, int64_t now_us)
{
    const struct mtr_log_options options = small_options();
    const struct mtr_aggregator_options fold = {.step_events_max = 100000};
    struct mtr_diagnostic diagnostic;
    char path[2 * DIRECTORY_PATH_BYTES];
    memset(world, 0, sizeof(*world));
    rating_open(&world->rating, now_us);
    snprintf(path, sizeof(path), "%s/log", world->rating.root);
    if (mtr_log_open(path, &options, &world->log, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_log_reader_attach(world->log, &world->reader), 0);
    assert_int_equal(mtr_log_reader_attach(world->log, &world->fold_reader), 0);
    assert_int_equal(mtr_aggregator_open(world->rating.rollups, world->fold_reader, &fold, &world->aggregator), 0);
}

static inline void metering_close(struct metering_world *world)
{
    mtr_aggregator_close(world->aggregator);
    mtr_log_reader_close(world->fold_reader);
    mtr_log_reader_close(world->reader);
    mtr_log_close(world->log);
    rating_close(&world->rating);
}

/* Appends it as it is, under an id of its own; its sequence. */
static inline uint64_t metering_append(struct metering_world *world, struct mtr_event event)
{
    char id[32];
    uint64_t seq;
    snprintf(id, sizeof(id), "e-%llu", (unsigned long long)++world->sent);
    event.source = MTR_STR("test");
    event.id = mtr_str_from(id);
    event.time_given = true;
    assert_int_equal(mtr_log_append(world->log, &event, 1, world->rating.now_us, &seq), 0);
    return seq;
}

/* All of the log and the catalog, up to the world's now. */
static inline void metering_fold(struct metering_world *world)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    for (int i = 0; i < 10000 && !result.idle; i++) {
        int rc = mtr_aggregator_step(world->aggregator, world->rating.catalog, world->rating.now_us, &result, &diagnostic);
        if (rc) fail_msg("step: %s %s", mtr_error_text(rc), diagnostic.text);
    }
    assert_true(result.idle);
}

#endif
