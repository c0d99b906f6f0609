/*
 * A dedup index over a log in a directory of its own, and beside them what a test knows of every event.
 */
#ifndef METERD_TESTS_SUPPORT_DEDUP_WORLD_H
#define METERD_TESTS_SUPPORT_DEDUP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "meterd/store/dedup.h"
#include "tests/support/directory.h"
#include "tests/support/random.h"

static const uint8_t KEY[MTR_EVENT_KEY_BYTES] = "sixteen bytes!!";

enum { UNIVERSE = 1500, VERSIONS = 2, BATCH_MAX = 200, SEGMENTS_MAX = 4096 };
#define WINDOW_US (30 * MTR_US_PER_SECOND)
#define START_US (INT64_C(1700000000) * MTR_US_PER_SECOND)

/* What the index must know: for each true identity and each quarantine identity where it stands. */
struct entry {
    uint64_t seq; /* 0: not stored */
    uint32_t version;
    uint32_t segment;
    uint32_t flags;
};

struct world {
    struct random_source random;
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    int64_t now_us;
    struct entry entries[UNIVERSE];
    struct entry quarantined[UNIVERSE][VERSIONS];
    bool registered[SEGMENTS_MAX]; /* sealed and found through the tags */
    uint32_t open_segment;
    struct mtr_log_segment segments[SEGMENTS_MAX];
};

static inline void open_world(struct world *world)
{
    struct mtr_log_options options = {.segment_bytes = 1 << 20,
                                      .segment_events_max = 400,
                                      .segment_age_us = INT64_C(1) << 60,
                                      .verify_all = true};
    struct mtr_diagnostic diagnostic = {0};
    assert_int_equal(mtr_log_open(world->directory, &options, &world->log, &diagnostic), 0);
    int rc = mtr_dedup_open(world->log, KEY, WINDOW_US, world->now_us, &world->dedup, &diagnostic);
    if (rc) fail_msg("open: %s", diagnostic.text);
}

static inline void close_world(struct world *world)
{
    mtr_dedup_close(world->dedup);
    mtr_log_close(world->log);
}

static inline struct world *new_world(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->random.state = seed;
    world->now_us = START_US;
    make_temporary_in_memory(world->directory);
    open_world(world);
    return world;
}

static inline void free_world(struct world *world)
{
    close_world(world);
    remove_tree(world->directory);
    free(world);
}

#endif
