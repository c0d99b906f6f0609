/*
 * The dedup index against a plain model: random workloads with rolls, seals, expiry, retention and reopening
 * from the log; forced collisions of tags; sealing beside finds.
 */
#include "meterd/store/dedup.h"

#include <pthread.h>

#include "tests/support/dedup_world.h"

struct sample {
    struct mtr_event event;
    struct mtr_property property;
    char id[16];
};

static void make_event(struct sample *sample, uint32_t id, uint32_t version, enum mtr_disposition disposition)
{
    int size = snprintf(sample->id, sizeof(sample->id), "e%u", id);
    sample->property =
        (struct mtr_property){.name = MTR_STR("v"), .kind = MTR_PROPERTY_NUMBER, .number = {version, 0}};
    sample->event = (struct mtr_event){.vendor = MTR_STR("acme"),
                                       .source = MTR_STR("test"),
                                       .id = {sample->id, (size_t)size},
                                       .type = MTR_STR("t"),
                                       .subject = MTR_STR("s"),
                                       .time_us = START_US,
                                       .time_given = true,
                                       .disposition = disposition,
                                       .target_seq = disposition == MTR_DISPOSITION_VOID ? 1 : 0,
                                       .properties = &sample->property,
                                       .property_count = 1};
}

static struct mtr_dedup_key key_of(const struct sample *sample)
{
    uint64_t digest = mtr_event_digest(&sample->event);
    bool is_quarantined = mtr_identity_flags(sample->event.disposition) & MTR_IDENTITY_QUARANTINE;
    return (struct mtr_dedup_key){
        .identity = is_quarantined ? mtr_event_quarantine_identity(&sample->event, digest,
                                                                   sample->event.disposition, KEY)
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
        for (uint32_t id = 0; id < UNIVERSE; id++)
            check_match(&world->quarantined[id][version], version, &matches[id]);
    }
}

static uint64_t count_entries(const struct world *world)
{
    uint64_t count = 0;
    for (uint32_t id = 0; id < UNIVERSE; id++) {
        count += world->entries[id].seq != 0;
        for (uint32_t version = 0; version < VERSIONS; version++)
            count += world->quarantined[id][version].seq != 0;
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
    for (uint32_t tries = 1 + (uint32_t)random_below(&world->random, BATCH_MAX); tries; tries--) {
        uint32_t id = (uint32_t)random_below(&world->random, UNIVERSE),
                 version = (uint32_t)random_below(&world->random, VERSIONS),
                 kind = (uint32_t)random_below(&world->random, 16);
        if (is_sent[id]) continue;
        is_sent[id] = true;
        enum mtr_disposition disposition = kind == 0   ? MTR_DISPOSITION_EXPIRED
                                           : kind == 1 ? MTR_DISPOSITION_VOID
                                                       : MTR_DISPOSITION_NORMAL;
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
        assert_int_equal(
            mtr_dedup_seal_finish(world->dedup, 1 + (uint32_t)random_below(&world->random, 100), &done), 0);
        if (!random_below(&world->random, 4)) send_batch(world);
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
            if (world->quarantined[id][version].segment == segment)
                world->quarantined[id][version] = (struct entry){0};
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
    world->now_us += (int64_t)random_below(&world->random, 12) * MTR_US_PER_SECOND;
    forget_expired(world);
    mtr_dedup_expire(world->dedup, world->now_us);
    uint32_t removed;
    if (random_below(&world->random, 2))
        assert_int_equal(
            mtr_log_retain(world->log, world->now_us - WINDOW_US, mtr_log_last_seq(world->log), &removed), 0);
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
        uint32_t dice = (uint32_t)random_below(&world->random, 100);
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

enum { COLLIDING = 300 };

static void check_colliding(struct world *world)
{
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
}

/* Identities that differ only where no tag and no bucket looks: every one is still found, and its
 * neighbours are still new; also by tables that are built of the log. */
static void test_forced_collisions(void **state)
{
    (void)state;
    struct world *world = new_world(99);
    for (uint32_t i = 0; i < COLLIDING; i++) {
        struct sample sample;
        uint64_t seq;
        make_event(&sample, i, 0, MTR_DISPOSITION_NORMAL);
        assert_int_equal(mtr_dedup_reserve(world->dedup, 1), 0);
        assert_int_equal(mtr_log_append(world->log, &sample.event, 1, world->now_us, &seq), 0);
        assert_int_equal(seq, i + 1);
        mtr_dedup_add(world->dedup, (struct mtr_dedup_key){.identity = {7, (uint64_t)i << 21}, .digest = i},
                      0, seq);
        if (i % 6 != 5) continue; /* 50 segments, more than both buckets have slots */
        roll(world);
        assert_int_equal(mtr_dedup_seal_run(world->dedup), 0);
        bool done = false;
        while (!done) assert_int_equal(mtr_dedup_seal_finish(world->dedup, 100, &done), 0);
    }
    check_colliding(world);
    close_world(world);
    open_world(world);
    check_colliding(world);
    free_world(world);
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
    print_message("index: %llu identities, %llu bytes with its fixed tables\n",
                  (unsigned long long)mtr_dedup_count(world->dedup),
                  (unsigned long long)mtr_dedup_memory_bytes(world->dedup));
    free_world(world);
}

/* Of a key that is another one by a bit: nothing would be found. */
static void test_key(void **state)
{
    (void)state;
    struct world *world = new_world(7);
    struct mtr_diagnostic diagnostic;
    uint8_t other[MTR_EVENT_KEY_BYTES];
    memcpy(other, KEY, sizeof(other));
    other[9] ^= 4;
    send_batch(world);
    assert_int_equal(mtr_dedup_check_key(world->log, other, &diagnostic), MTR_OK); /* nothing is sealed */
    roll(world);
    assert_int_equal(mtr_dedup_seal_run(world->dedup), 0);
    bool done = false;
    while (!done) assert_int_equal(mtr_dedup_seal_finish(world->dedup, 100, &done), 0);
    send_batch(world);
    assert_int_equal(mtr_dedup_check_key(world->log, other, &diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(diagnostic.text, "event.key is not the key that the identities of segment 000001"));
    assert_int_equal(mtr_dedup_check_key(world->log, KEY, &diagnostic), MTR_OK);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_over_random_workloads),
        cmocka_unit_test(test_forced_collisions),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_sealing_beside_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
