/*
 * The intake against a plain model: random requests across groups, rolls, seals and reopening. The model
 * knows only that the first content of an id wins.
 */
#include "tests/support/intake_world.h"
#include "tests/support/random.h"

struct deferred {
    void (*work)(void *work_context);
    void *work_context;
};

static void defer(void *context, void (*work)(void *work_context), void *work_context)
{
    struct deferred *deferred = context;
    assert_null(deferred->work);
    *deferred = (struct deferred){work, work_context};
}

static void housekeep(struct world *world, struct deferred *deferred, struct random_source *random)
{
    bool more;
    if (deferred->work && random_below(random, 2)) {
        deferred->work(deferred->work_context);
        *deferred = (struct deferred){0};
    }
    assert_int_equal(mtr_intake_housekeep(world->intake, mtr_trusted_at(world->now_us), mtr_log_last_seq(world->log), defer,
                                          deferred, &more),
                     0);
}

/* Housekeeping that is given its time seals every segment but the open one. */
static void check_everything_is_sealed(struct world *world, struct deferred *deferred)
{
    bool more = true;
    while (more) {
        if (deferred->work) deferred->work(deferred->work_context);
        *deferred = (struct deferred){0};
        assert_int_equal(mtr_intake_housekeep(world->intake, mtr_trusted_at(world->now_us), 0, defer, deferred, &more), 0);
        more |= deferred->work != NULL;
    }
    struct mtr_log_segment segments[256];
    uint32_t count = mtr_log_segments(world->log, segments, 256);
    assert_in_range(count, 10, 256);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(segments[i].sealed, i + 1 < count);
    assert_int_equal(mtr_dedup_unsealed(world->dedup), 0);
    assert_int_equal(mtr_dedup_count(world->dedup), mtr_log_last_seq(world->log));
}

/* Whatever is sent again is a duplicate of the first, by its sequence. */
static void check_all_are_duplicates(struct world *world, const int *first, const uint64_t *seqs, int count)
{
    static const char *const values[] = {"1", "2", "3"};
    for (int id = 0; id < count; id++) {
        if (first[id] < 0) continue;
        struct row row = plain;
        char text[16];
        snprintf(text, sizeof(text), "r%d", id);
        row.id = text;
        row.data[1] = values[first[id]];
        const struct mtr_event_result *result = &send_rows(world, &row, 1)->results[0];
        assert_int_equal(result->code, MTR_RESULT_DUPLICATE);
        assert_int_equal(result->seq, seqs[id]);
        free_answers(world);
    }
}

/* Random requests against a model that knows only: the first content of an id wins. */
enum { MODEL_IDS = 800, MODEL_ROUNDS = 250, ROUND_REQUESTS = 4, REQUEST_EVENTS = 15 };

/* What the intake must know of each identity: the version that came first, and where it stands. */
struct model {
    struct random_source random;
    struct deferred deferred;
    int first[MODEL_IDS]; /* -1: none */
    uint64_t seqs[MODEL_IDS];
};

struct round {
    struct mtr_request *requests[ROUND_REQUESTS];
    int ids[ROUND_REQUESTS][REQUEST_EVENTS], versions[ROUND_REQUESTS][REQUEST_EVENTS];
};

static void submit_round(struct world *world, struct model *model, struct round *round)
{
    static const char *const values[] = {"1", "2", "3"};
    for (int r = 0; r < ROUND_REQUESTS; r++) {
        struct mtr_request *request = round->requests[r] = new_request(REQUEST_EVENTS);
        for (int e = 0; e < REQUEST_EVENTS; e++) {
            char id[16];
            round->ids[r][e] = (int)(random_below(&model->random, MODEL_IDS));
            round->versions[r][e] = (int)(random_below(&model->random, 3));
            snprintf(id, sizeof(id), "r%d", round->ids[r][e]);
            struct row row = plain;
            row.id = mtr_arena_strdup(&request->arena, mtr_str_from(id));
            row.data[1] = values[round->versions[r][e]];
            add_event(request, &row, world->now_us);
        }
        assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    }
    while (mtr_intake_has_work(world->intake)) {
        step(world);
        housekeep(world, &model->deferred, &model->random);
    }
}

/* In the order of their sending: the first of an identity is accepted, its like a duplicate, all others
 * conflicts. */
static void check_round(struct model *model, const struct round *round)
{
    for (int r = 0; r < ROUND_REQUESTS; r++) {
        for (int e = 0; e < REQUEST_EVENTS; e++) {
            const int id = round->ids[r][e], version = round->versions[r][e];
            const struct mtr_event_result *result = &round->requests[r]->results[e];
            if (model->first[id] < 0) {
                model->first[id] = version;
                model->seqs[id] = result->seq;
                assert_int_equal(result->code, MTR_RESULT_ACCEPTED);
            } else {
                const bool is_like = model->first[id] == version;
                assert_int_equal(result->code, is_like ? MTR_RESULT_DUPLICATE : MTR_RESULT_CONFLICT);
            }
            assert_int_equal(result->seq, model->seqs[id]);
        }
    }
}

static void run_model(uint64_t seed)
{
    struct model model = {.random = {seed}};
    struct world *world = new_world();
    close_log(world);
    world->log_options.segment_events_max = 100;
    world->options.commit_events_max = 40;
    open_log(world);
    memset(model.first, -1, sizeof(model.first));
    for (int i = 0; i < MODEL_ROUNDS; i++) {
        struct round round;
        submit_round(world, &model, &round);
        check_round(&model, &round);
        free_answers(world);
        world->now_us += MTR_US_PER_SECOND;
        if (random_below(&model.random, 40)) continue;
        if (model.deferred.work) model.deferred.work(model.deferred.work_context);
        model.deferred = (struct deferred){0};
        close_log(world);
        open_log(world);
    }
    check_everything_is_sealed(world, &model.deferred);
    check_all_are_duplicates(world, model.first, model.seqs, MODEL_IDS);
    free_world(world);
}

static void test_random_requests_against_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_model(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_requests_against_a_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
