/*
 * The dedup index against a plain model: random workloads with rolls, seals, expiry, retention and reopening from the log; forced
 * collisions of tags; sealing beside finds; memory for each identity.
 */
#include "meterd/store/dedup.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/dedup/dedup_exact.h"
#include "lib/store/dedup/dedup_tags.h"
#include "meterd/core/time.h"

static const uint8_t KEY[MTR_EVENT_KEY_BYTES] = "sixteen bytes!!";

enum { UNIVERSE = 1500, VERSIONS = 2, BATCH_MAX = 200, SEGMENTS_MAX = 4096 };
#define WINDOW_US (30 * MTR_US_PER_SECOND)
#define START_US (INT64_C(1700000000) * MTR_US_PER_SECOND)

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(next_random(state) >> 33) % limit;
}

/* What the index must know: for each true identity and each quarantine identity where it stands. */
struct entry {
    uint64_t seq; /* 0: not stored */
    uint32_t version;
    uint32_t segment;
    uint32_t flags;
};

struct world {
    uint64_t random;
    char directory[64];
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    int64_t now_us;
    struct entry entries[UNIVERSE];
    struct entry quarantined[UNIVERSE][VERSIONS];
    bool registered[SEGMENTS_MAX]; /* sealed and found through the tags */
    uint32_t open_segment;
    struct mtr_log_segment segments[SEGMENTS_MAX];
};

static void remove_tree(const char *directory)
{
    char command[128];
    snprintf(command, sizeof(command), "/bin/rm -rf '%s'", directory);
    FILE *pipe = popen(command, "r");
    if (pipe) pclose(pipe);
}

static void open_world(struct world *world)
{
    struct mtr_log_options options = {
        .segment_bytes = 1 << 20, .segment_events_max = 400, .segment_age_us = INT64_C(1) << 60, .verify_all = true};
    struct mtr_diagnostic diagnostic = {0};
    assert_int_equal(mtr_log_open(world->directory, &options, &world->log, &diagnostic), 0);
    int rc = mtr_dedup_open(world->log, KEY, WINDOW_US, world->now_us, &world->dedup, &diagnostic);
    if (rc) fail_msg("open: %s", diagnostic.text);
}

static void close_world(struct world *world)
{
    mtr_dedup_close(world->dedup);
    mtr_log_close(world->log);
}

static struct world *new_world(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    world->now_us = START_US;
    snprintf(world->directory, sizeof(world->directory), "/tmp/meterd-dedup-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    open_world(world);
    return world;
}

static void free_world(struct world *world)
{
    close_world(world);
    remove_tree(world->directory);
    free(world);
}

struct sample {
    struct mtr_event event;
    struct mtr_property property;
    char id[16];
};

static void make_event(struct sample *sample, uint32_t id, uint32_t version, enum mtr_disposition disposition)
{
    int size = snprintf(sample->id, sizeof(sample->id), "e%u", id);
    sample->property = (struct mtr_property){.name = MTR_STR("v"), .kind = MTR_PROPERTY_NUMBER, .number = {version, 0}};
    sample->event = (struct mtr_event){
        .vendor = MTR_STR("acme"), .source = MTR_STR("test"), .id = {sample->id, (size_t)size}, .type = MTR_STR("t"),
        .subject = MTR_STR("s"),
        .time_us = START_US, .time_given = true, .disposition = disposition, .target_seq = disposition == MTR_DISPOSITION_VOID ? 1 : 0,
        .properties = &sample->property, .property_count = 1};
}

static struct mtr_dedup_key key_of(const struct sample *sample)
{
    uint64_t digest = mtr_event_digest(&sample->event);
    bool is_quarantined = mtr_identity_flags(sample->event.disposition) & MTR_IDENTITY_QUARANTINE;
    return (struct mtr_dedup_key){
        .identity = is_quarantined ? mtr_event_quarantine_identity(&sample->event, digest, sample->event.disposition, KEY)
                                   : mtr_event_identity(&sample->event, KEY),
        .digest = digest};
}

static void check_match(const struct entry *entry, uint32_t version, const struct mtr_dedup_match *match)
{
    if (!entry->seq) {
        assert_int_equal(match->found, MTR_DEDUP_NEW);
        return;
    }
    assert_int_equal(match->found, entry->version == version ? MTR_DEDUP_DUPLICATE : MTR_DEDUP_CONFLICT);
    assert_int_equal(match->seq, entry->seq);
    assert_int_equal(match->flags, entry->flags);
}

/* Everything there is, found or not found exactly. */
static void check_all(struct world *world)
{
    static struct mtr_dedup_key keys[UNIVERSE];
    static struct mtr_dedup_match matches[UNIVERSE];
    struct sample sample;
    for (uint32_t version = 0; version < VERSIONS; version++) {
        for (uint32_t id = 0; id < UNIVERSE; id++) {
            make_event(&sample, id, version, MTR_DISPOSITION_NORMAL);
            keys[id] = key_of(&sample);
        }
        assert_int_equal(mtr_dedup_find(world->dedup, keys, UNIVERSE, matches), 0);
        for (uint32_t id = 0; id < UNIVERSE; id++) check_match(&world->entries[id], version, &matches[id]);
        for (uint32_t id = 0; id < UNIVERSE; id++) {
            make_event(&sample, id, version, MTR_DISPOSITION_EXPIRED);
            keys[id] = key_of(&sample);
        }
        assert_int_equal(mtr_dedup_find(world->dedup, keys, UNIVERSE, matches), 0);
        for (uint32_t id = 0; id < UNIVERSE; id++) check_match(&world->quarantined[id][version], version, &matches[id]);
    }
}

static uint64_t count_entries(const struct world *world)
{
    uint64_t count = 0;
    for (uint32_t id = 0; id < UNIVERSE; id++) {
        count += world->entries[id].seq != 0;
        for (uint32_t version = 0; version < VERSIONS; version++) count += world->quarantined[id][version].seq != 0;
    }
    return count;
}

static void follow_roll(struct world *world, uint32_t count_before)
{
    uint32_t count = mtr_log_segments(world->log, world->segments, SEGMENTS_MAX);
    world->open_segment = world->segments[count - 1].number;
    if (count == count_before) return;
    mtr_dedup_roll(world->dedup, &world->segments[count - 2]);
}

/* Sends random events as a vendor would: stores what is new. */
static void send_batch(struct world *world)
{
    static struct sample samples[BATCH_MAX];
    static struct mtr_event events[BATCH_MAX];
    static struct mtr_dedup_key keys[BATCH_MAX];
    static struct entry *targets[BATCH_MAX];
    static bool is_sent[UNIVERSE];
    memset(is_sent, 0, sizeof(is_sent));
    uint32_t count = 0;
    for (uint32_t tries = 1 + below(&world->random, BATCH_MAX); tries; tries--) {
        uint32_t id = below(&world->random, UNIVERSE), version = below(&world->random, VERSIONS), kind = below(&world->random, 16);
        if (is_sent[id]) continue;
        is_sent[id] = true;
        enum mtr_disposition disposition = kind == 0 ? MTR_DISPOSITION_EXPIRED : kind == 1 ? MTR_DISPOSITION_VOID : MTR_DISPOSITION_NORMAL;
        struct sample *sample = &samples[count];
        make_event(sample, id, version, disposition);
        struct entry *entry = kind == 0 ? &world->quarantined[id][version] : &world->entries[id];
        struct mtr_dedup_match match;
        keys[count] = key_of(sample);
        assert_int_equal(mtr_dedup_find(world->dedup, &keys[count], 1, &match), 0);
        check_match(entry, version, &match);
        if (match.found != MTR_DEDUP_NEW) continue;
        *entry = (struct entry){.version = version, .flags = mtr_identity_flags(disposition)};
        targets[count] = entry;
        events[count++] = sample->event;
    }
    if (!count || !mtr_dedup_can_roll(world->dedup)) {
        for (uint32_t i = 0; i < count; i++) targets[i]->seq = 0;
        return;
    }
    uint64_t first_seq;
    uint32_t segments = mtr_log_segments(world->log, NULL, 0);
    assert_int_equal(mtr_dedup_reserve(world->dedup, count), 0);
    assert_int_equal(mtr_log_append(world->log, events, count, world->now_us, &first_seq), 0);
    follow_roll(world, segments);
    for (uint32_t i = 0; i < count; i++) {
        targets[i]->seq = first_seq + i;
        targets[i]->segment = world->open_segment;
        mtr_dedup_add(world->dedup, keys[i], targets[i]->flags, first_seq + i);
    }
}

static void roll(struct world *world)
{
    if (!mtr_dedup_can_roll(world->dedup)) return;
    uint32_t segments = mtr_log_segments(world->log, NULL, 0);
    assert_int_equal(mtr_dedup_reserve(world->dedup, 1), 0);
    int rc = mtr_log_roll(world->log, world->now_us);
    assert_true(rc == MTR_OK || rc == MTR_EAGAIN);
    follow_roll(world, segments);
}

static void seal(struct world *world)
{
    if (!mtr_dedup_unsealed(world->dedup)) return;
    assert_int_equal(mtr_dedup_seal_run(world->dedup), 0);
    bool done = false;
    while (!done) {
        assert_int_equal(mtr_dedup_seal_finish(world->dedup, 1 + below(&world->random, 100), &done), 0);
        if (!below(&world->random, 4)) send_batch(world);
    }
    uint32_t count = mtr_log_segments(world->log, world->segments, SEGMENTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (world->segments[i].sealed) world->registered[world->segments[i].number] = true;
}

static void forget_segment(struct world *world, uint32_t segment)
{
    for (uint32_t id = 0; id < UNIVERSE; id++) {
        if (world->entries[id].segment == segment) world->entries[id] = (struct entry){0};
        for (uint32_t version = 0; version < VERSIONS; version++)
            if (world->quarantined[id][version].segment == segment) world->quarantined[id][version] = (struct entry){0};
    }
    world->registered[segment] = false;
}

static void forget_expired(struct world *world)
{
    uint32_t count = mtr_log_segments(world->log, world->segments, SEGMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_log_segment *segment = &world->segments[i];
        if (world->registered[segment->number] && segment->last_received_us < world->now_us - WINDOW_US)
            forget_segment(world, segment->number);
    }
}

static void pass_time(struct world *world)
{
    world->now_us += below(&world->random, 12) * MTR_US_PER_SECOND;
    forget_expired(world);
    mtr_dedup_expire(world->dedup, world->now_us);
    uint32_t removed;
    if (below(&world->random, 2))
        assert_int_equal(mtr_log_retain(world->log, world->now_us - WINDOW_US, mtr_log_last_seq(world->log), &removed), 0);
}

static void reopen(struct world *world)
{
    close_world(world);
    open_world(world);
    uint32_t count = mtr_log_segments(world->log, world->segments, SEGMENTS_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (world->segments[i].sealed) world->registered[world->segments[i].number] = true;
    forget_expired(world);
}

static void run_workload(uint64_t seed)
{
    struct world *world = new_world(seed);
    for (int step = 0; step < 400; step++) {
        uint32_t dice = below(&world->random, 100);
        if (dice < 70) send_batch(world);
        else if (dice < 78) roll(world);
        else if (dice < 88) seal(world);
        else if (dice < 96) pass_time(world);
        else if (dice < 98) reopen(world);
        if (step % 20 == 0) check_all(world);
    }
    check_all(world);
    assert_int_equal(mtr_dedup_count(world->dedup), count_entries(world));
    free_world(world);
}

static void test_exact_over_random_workloads(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_workload(seed);
    }
}

/* Identities that differ only where no tag and no bucket looks: every one is still found, and its neighbours are still new. */
static void test_forced_collisions(void **state)
{
    (void)state;
    enum { COLLIDING = 300 };
    struct world *world = new_world(99);
    for (uint32_t i = 0; i < COLLIDING; i++) {
        struct sample sample;
        uint64_t seq;
        make_event(&sample, i, 0, MTR_DISPOSITION_NORMAL);
        assert_int_equal(mtr_dedup_reserve(world->dedup, 1), 0);
        assert_int_equal(mtr_log_append(world->log, &sample.event, 1, world->now_us, &seq), 0);
        assert_int_equal(seq, i + 1);
        mtr_dedup_add(world->dedup, (struct mtr_dedup_key){.identity = {7, (uint64_t)i << 21}, .digest = i}, 0, seq);
        if (i % 6 != 5) continue; /* 50 segments, more than both buckets have slots */
        roll(world);
        assert_int_equal(mtr_dedup_seal_run(world->dedup), 0);
        bool done = false;
        while (!done) assert_int_equal(mtr_dedup_seal_finish(world->dedup, 100, &done), 0);
    }
    for (uint32_t i = 0; i < COLLIDING; i++) {
        struct mtr_dedup_key keys[] = {{.identity = {7, (uint64_t)i << 21}, .digest = i},
                                       {.identity = {7, (uint64_t)i << 21}, .digest = i + 1},
                                       {.identity = {7, (uint64_t)i << 21 | UINT64_C(1) << 20}, .digest = i}};
        struct mtr_dedup_match matches[3];
        assert_int_equal(mtr_dedup_find(world->dedup, keys, 3, matches), 0);
        assert_int_equal(matches[0].found, MTR_DEDUP_DUPLICATE);
        assert_int_equal(matches[0].seq, i + 1);
        assert_int_equal(matches[1].found, MTR_DEDUP_CONFLICT);
        assert_int_equal(matches[2].found, MTR_DEDUP_NEW);
    }
    free_world(world);
}

static struct mtr_event_identity random_identity(uint64_t *random)
{
    uint64_t high = next_random(random) * UINT64_C(0x9E3779B97F4A7C15);
    return (struct mtr_event_identity){.high = high, .low = next_random(random) * UINT64_C(0xD1B54A32D192ED03)};
}

static void add_range(struct world *world, uint64_t *random, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(mtr_dedup_reserve(world->dedup, 1), 0);
        mtr_dedup_add(world->dedup, (struct mtr_dedup_key){.identity = random_identity(random), .digest = i}, 0, i + 1);
    }
}

/* Room made ahead: a larger table is asked for in time, and taking it loses nothing, not even what was added while it was made. */
static void test_room_made_ahead(void **state)
{
    (void)state;
    enum { STEP = 1000, COUNT = 120 * STEP };
    struct world *world = new_world(7);
    uint64_t random = 3, finishes = 0;
    for (uint64_t i = 0; i < COUNT; i += STEP) {
        uint64_t room = mtr_dedup_room_wanted(world->dedup), before = mtr_dedup_memory_bytes(world->dedup);
        if (room) assert_int_equal(mtr_dedup_room_run(world->dedup, room), 0);
        add_range(world, &random, i, i + STEP);
        if (!room) continue;
        assert_true(room > i);
        mtr_dedup_room_finish(world->dedup);
        assert_true(mtr_dedup_memory_bytes(world->dedup) > before);
        assert_int_equal(mtr_dedup_room_wanted(world->dedup), 0);
        finishes++;
    }
    assert_true(finishes >= 1);
    random = 3;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct mtr_dedup_key key = {.identity = random_identity(&random), .digest = i};
        struct mtr_dedup_match match;
        assert_int_equal(mtr_dedup_find(world->dedup, &key, 1, &match), 0);
        assert_int_equal(match.found, MTR_DEDUP_DUPLICATE);
        assert_int_equal(match.seq, i + 1);
    }
    free_world(world);
}

/* Memory of a table that is done with holds nothing any more when it is used again, and is used only where it fits. */
static void test_recycled_memory_is_empty(void **state)
{
    (void)state;
    const uint64_t wanted[] = {5000, 3000, 200, 50000};
    for (size_t k = 0; k < sizeof(wanted) / sizeof(*wanted); k++) {
        struct mtr_identities recycled, table;
        uint64_t random = 11;
        assert_int_equal(identities_init(&recycled, 5000), 0);
        for (uint64_t i = 0; i < 5000; i++) assert_true(identities_add(&recycled, random_identity(&random), 0, 0, i + 1));
        const struct mtr_log_identity *memory = recycled.entries;
        assert_int_equal(identities_prepare(&table, wanted[k], &recycled), 0);
        assert_null(recycled.entries);
        if (k < 2) assert_ptr_equal(table.entries, memory);
        assert_true(identities_has_room(&table, wanted[k]));
        for (uint64_t i = 0; i < table.capacity; i++) assert_null(identities_entry(&table, i));
        identities_release(&table);
    }
}

/* A table filled to the last identity that it is right for: nothing is lost, and it costs less than 8 bytes each. */
static void test_tags_hold_what_they_promise(void **state)
{
    (void)state;
    static bool live[MTR_TAG_SEGMENT_SLOTS];
    for (uint32_t slot = 1; slot <= 10; slot++) live[slot] = true;
    struct mtr_tag_table table;
    assert_int_equal(tags_init(&table, 200000), 0);
    uint64_t random = 42, count = 0;
    for (; count < 200000 || tags_fits(&table, count + 1); count++)
        assert_int_equal(tags_insert(&table, random_identity(&random), 1 + count % 10, live), 0);
    print_message("compact table: %llu identities, %llu.%02llu bytes each when full\n", (unsigned long long)count,
                  (unsigned long long)(tags_memory_bytes(&table) / count),
                  (unsigned long long)(tags_memory_bytes(&table) * 100 / count % 100));
    assert_true(tags_memory_bytes(&table) <= 7 * UINT64_C(200000)); /* and when fresh */

    random = 42;
    uint32_t candidates[MTR_TAG_CANDIDATES_MAX];
    for (uint64_t i = 0; i < count; i++) {
        uint32_t n = tags_find(&table, random_identity(&random), candidates);
        bool is_named = false;
        for (uint32_t j = 0; j < n; j++) is_named |= candidates[j] == 1 + i % 10;
        assert_true(is_named);
    }
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) wrong += tags_find(&table, random_identity(&random), candidates);
    print_message("compact table: %llu of %llu finds of new identities name a segment\n", (unsigned long long)wrong,
                  (unsigned long long)count);
    assert_true(wrong < count / 1000);
    tags_release(&table);
}

/* An expired segment's slots are taken again: a table of constant content never fills up. */
static void test_tags_of_expired_segments_make_room(void **state)
{
    (void)state;
    enum { SLOTS = 8, EACH = 2000, ROUNDS = 100 };
    static bool live[MTR_TAG_SEGMENT_SLOTS];
    memset(live, 0, sizeof(live));
    struct mtr_tag_table table;
    assert_int_equal(tags_init(&table, SLOTS * EACH), 0);
    uint64_t random = 7;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t slot = 1 + round;
        if (round >= SLOTS) live[slot - SLOTS] = false;
        live[slot] = true;
        for (uint32_t i = 0; i < EACH; i++) assert_int_equal(tags_insert(&table, random_identity(&random), slot, live), 0);
    }
    tags_release(&table);
}

struct sealer {
    struct mtr_dedup *dedup;
    int rc;
};

static void *run_seal(void *context)
{
    struct sealer *sealer = context;
    sealer->rc = mtr_dedup_seal_run(sealer->dedup);
    return NULL;
}

/* Sealing and growing on another thread, beside everything that the owner may do. */
static void test_sealing_beside_the_owner(void **state)
{
    (void)state;
    struct world *world = new_world(5);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 3; i++) send_batch(world);
        roll(world);
        if (!mtr_dedup_unsealed(world->dedup)) continue;
        struct sealer sealer = {.dedup = world->dedup};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_seal, &sealer), 0);
        send_batch(world);
        check_all(world);
        mtr_dedup_expire(world->dedup, world->now_us);
        pthread_join(thread, NULL);
        assert_int_equal(sealer.rc, 0);
        bool done = false;
        while (!done) assert_int_equal(mtr_dedup_seal_finish(world->dedup, 64, &done), 0);
        check_all(world);
    }
    print_message("index: %llu identities, %llu bytes with its fixed tables\n", (unsigned long long)mtr_dedup_count(world->dedup),
                  (unsigned long long)mtr_dedup_memory_bytes(world->dedup));
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_hold_what_they_promise),
        cmocka_unit_test(test_tags_of_expired_segments_make_room),
        cmocka_unit_test(test_exact_over_random_workloads),
        cmocka_unit_test(test_forced_collisions),
        cmocka_unit_test(test_room_made_ahead),
        cmocka_unit_test(test_recycled_memory_is_empty),
        cmocka_unit_test(test_sealing_beside_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
