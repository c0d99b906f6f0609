/*
 * Turns: nobody waits for all of another's events, and what is stored in parts is one request to its sender.
 */
#include "tests/support/intake_world.h"

#include <signal.h>
#include <sys/resource.h>

enum { MANY = 20000, TURN = 4096, ONE = 1, TWO = 2 };

static char ids[MANY][16];

static struct mtr_request *submit(struct world *world, mtr_owner owner, uint32_t first, uint32_t count)
{
    struct mtr_request *request = new_request(count);
    struct row row = plain;
    for (uint32_t i = 0; i < count; i++) {
        row.id = ids[first + i];
        add_event(request, &row, world->now_us);
    }
    request->owner = owner;
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    return request;
}

static struct world *new_world_of(uint32_t commit_events_max)
{
    struct world *world = new_world();
    mtr_intake_close(world->intake);
    world->options.commit_events_max = commit_events_max;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, &world->intake), 0);
    for (uint32_t i = 0; i < MANY; i++) snprintf(ids[i], sizeof(ids[i]), "e%u", i);
    return world;
}

static void expect_all(const struct mtr_request *request, enum mtr_result_code code)
{
    assert_int_equal(request->error, 0);
    assert_int_equal(request->counts[code], request->count);
}

/* One event comes behind at most the turn that others have before it. */
static void one_waits_for_a_turn_of_each(void **state)
{
    (void)state;
    struct world *world = new_world_of(MANY);
    struct mtr_request *many = submit(world, ONE, 0, MANY - 2);
    struct mtr_request *one = submit(world, TWO, MANY - 2, 1);
    step(world);
    assert_int_equal(world->answer_count, 1);
    assert_ptr_equal(world->answers[0], one);
    expect_all(one, MTR_RESULT_ACCEPTED);
    assert_int_equal(mtr_log_last_seq(world->log), TURN + 1);
    assert_int_equal(one->results[0].seq, TURN + 1);
    struct mtr_request *late = submit(world, TWO, MANY - 1, 1);
    step(world);
    assert_ptr_equal(world->answers[1], late);
    assert_true(mtr_intake_has_work(world->intake));
    step(world); /* alone: all that is left */
    assert_ptr_equal(world->answers[2], many);
    expect_all(many, MTR_RESULT_ACCEPTED);
    assert_false(mtr_intake_has_work(world->intake));
    for (uint32_t i = 1; i < many->count; i++) assert_true(many->results[i].seq > many->results[i - 1].seq);
    free_world(world);
}

/* Many requests of one are worth no more than one large one. */
static void many_requests_are_no_more_turns(void **state)
{
    (void)state;
    struct world *world = new_world_of(MANY);
    for (uint32_t i = 0; i < 12; i++) submit(world, ONE, i * 1000, 1000);
    struct mtr_request *one = submit(world, TWO, 12000, 1);
    step(world);
    assert_true(world->answer_count <= 6);
    assert_ptr_equal(world->answers[world->answer_count - 1], one);
    while (mtr_intake_has_work(world->intake)) step(world);
    assert_int_equal(world->answer_count, 13);
    for (uint32_t i = 0; i < 13; i++) expect_all(world->answers[i], MTR_RESULT_ACCEPTED);
    free_world(world);
}

/* Where the parts are cut changes nothing: repeats and voids find what an earlier part stored. */
static void parts_are_one_request(void **state)
{
    (void)state;
    struct world *world = new_world_of(100);
    struct mtr_request *request = new_request(1000);
    struct row row = plain, taken_back = {.id = "v", .type = MTR_EVENT_TYPE_VOID, .time = NOW, .data = {"id", "\"e5"}};
    for (uint32_t i = 0; i < 1000; i++) {
        row.id = ids[i % 500];
        add_event(request, i == 750 ? &taken_back : &row, world->now_us);
    }
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(world->answer_count, 0);
        step(world);
    }
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(request->counts[MTR_RESULT_ACCEPTED], 500);
    assert_int_equal(request->counts[MTR_RESULT_DUPLICATE], 499);
    assert_int_equal(request->counts[MTR_RESULT_VOIDED], 1);
    for (uint32_t i = 500; i < 1000; i++)
        if (i != 750) assert_int_equal(request->results[i].seq, request->results[i - 500].seq);
    free_world(world);
}

static void step_on_full_disk(struct world *world, int expected)
{
    struct rlimit before, none;
    uint32_t committed;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    const int rc = mtr_intake_step(world->intake, world->catalog, mtr_trusted_at(world->now_us), &committed);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, expected);
}

/* What was stored before it failed stands, and is a duplicate when the same is sent again. */
static void what_fails_is_the_rest(void **state)
{
    (void)state;
    struct world *world = new_world_of(100);
    struct mtr_request *request = submit(world, ONE, 0, 250), *behind = submit(world, ONE, 250, 10);
    step(world);
    step_on_full_disk(world, MTR_EIO);
    assert_int_equal(world->answer_count, 2);
    assert_ptr_equal(world->answers[0], request);
    assert_ptr_equal(world->answers[1], behind);
    assert_int_equal(request->error, MTR_EIO);
    assert_int_equal(request->part_first, 100);
    assert_int_equal(request->counts[MTR_RESULT_ACCEPTED], 100);
    assert_int_equal(request->counts[MTR_RESULT_UNPROCESSED], 150);
    assert_int_equal(behind->error, MTR_EIO);
    assert_int_equal(behind->counts[MTR_RESULT_UNPROCESSED], 10);
    assert_false(mtr_intake_has_work(world->intake));
    free_answers(world);
    close_log(world);
    open_log(world);
    request = submit(world, ONE, 0, 250);
    while (mtr_intake_has_work(world->intake)) step(world);
    assert_true(request->counts[MTR_RESULT_DUPLICATE] >= 100);
    assert_int_equal(request->counts[MTR_RESULT_DUPLICATE] + request->counts[MTR_RESULT_ACCEPTED], 250);
    assert_int_equal(mtr_log_last_seq(world->log), 250);
    free_world(world);
}

/* Who fills the queue fills his own half. */
static void there_is_room_for_another(void **state)
{
    (void)state;
    struct world *world = new_world_of(1000);
    struct mtr_request *refused = new_request(1);
    for (uint32_t i = 0; i < world->options.queue_requests_max / 2; i++) submit(world, ONE, i, 1);
    refused->owner = ONE;
    assert_int_equal(mtr_intake_submit(world->intake, refused), MTR_EFULL);
    assert_true(mtr_intake_has_room(world->intake));
    submit(world, TWO, 1000, 1);
    refused->owner = TWO;
    assert_int_equal(mtr_intake_submit(world->intake, refused), MTR_OK);
    while (mtr_intake_has_work(world->intake)) step(world);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_waits_for_a_turn_of_each), cmocka_unit_test(many_requests_are_no_more_turns),
        cmocka_unit_test(parts_are_one_request),        cmocka_unit_test(what_fails_is_the_rest),
        cmocka_unit_test(there_is_room_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
