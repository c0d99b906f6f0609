/*
 * Files of sessions that are read and written apart: what waits for them, what does not, and what is said of one of which nothing comes. The laws of
 * refresh tokens hold with a disk that takes its time, whatever happens meanwhile.
 */
#include <stdlib.h>

#include "tests/support/auth_world.h"

enum { JOBS_MAX = 32 };
#define API "https://api.acme.example/x"

struct apart {
    struct auth_world world; /* first: the context of its hooks */
    struct mtr_blocking_job *jobs[JOBS_MAX];
    int count;
};

static void run(void *context, struct mtr_blocking_job *job)
{
    struct apart *apart = context;
    assert_true(apart->count < JOBS_MAX);
    apart->jobs[apart->count++] = job;
}

static void begin(struct apart *apart)
{
    *apart = (struct apart){.count = 0};
    struct auth_world *world = &apart->world;
    world->now_us = AUTH_WORLD_NOW;
    assert_int_equal(source_mask_open(&world->mask), MTR_OK);
    mtr_arena_init(&world->arena, 4096, 16 << 20);
    const struct auth_hooks hooks = {.context = world, .read_secret = world_read, .read_certificate = world_read,
                                     .load = world_load, .keep = world_keep, .mask = world->mask,
                                     .run = run, .run_context = apart};
    assert_int_equal(auth_keeper_open(&hooks, &world->keeper), MTR_OK);
}

static void end(struct apart *apart)
{
    for (int i = 0; i < apart->count; i++) apart->jobs[i]->drop(apart->jobs[i]);
    world_release(&apart->world);
}

/* The first that is under way ends, `later` from now. */
static void do_job(struct apart *apart, int64_t later_us)
{
    struct mtr_blocking_job *job = apart->jobs[0];
    assert_true(apart->count > 0);
    memmove(apart->jobs, apart->jobs + 1, (size_t)--apart->count * sizeof(apart->jobs[0]));
    job->work(job);
    apart->world.now_us += later_us;
    auth_file_ended(job, apart->world.now_us);
}

static struct mtr_source header_source(struct mtr_auth_header *header, const char *file)
{
    struct mtr_source source = world_source("https://api.acme.example");
    *header = (struct mtr_auth_header){.name = MTR_STR("X-Key"), .value = MTR_STR("{secret}"), .secret_file = mtr_str_from(file)};
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_HEADER, .header = header};
    return source;
}

static enum auth_step prepare(struct apart *apart, struct auth_session *session, const struct mtr_source *source, struct auth_turn *turn)
{
    return world_prepare(&apart->world, session, source, API, turn);
}

static void expect_to_wait(struct apart *apart, struct auth_session *session, const struct mtr_source *source)
{
    struct auth_turn turn;
    assert_int_equal(prepare(apart, session, source, &turn), AUTH_WAIT);
    assert_true(turn.again_us == INT64_MAX && !turn.fault[0]);
}

static void a_secret_is_waited_for(void **state)
{
    (void)state;
    struct apart apart;
    struct auth_session *session;
    struct auth_turn turn;
    struct mtr_auth_header header;
    struct mtr_source source = header_source(&header, "/etc/k");
    begin(&apart);
    world_secret(&apart.world, "/etc/k", "one");
    assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
    expect_to_wait(&apart, session, &source);
    expect_to_wait(&apart, session, &source);
    assert_int_equal(apart.count, 1); /* for both */
    assert_true(mtr_str_equal(apart.jobs[0]->lane, MTR_STR("/etc")) && !auth_file_must_end(apart.jobs[0]));
    do_job(&apart, 20000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
        expect_header(turn.call, "X-Key", "one");
    }
    world_secret(&apart.world, "/etc/k", "two");
    apart.world.now_us += AUTH_WORLD_S; /* what was read is old */
    expect_to_wait(&apart, session, &source);
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    expect_header(turn.call, "X-Key", "two");
    auth_close(session);
    end(&apart);
}

/* Nothing comes: it is said, time and again, and what comes at last heals it. Others do not wait. */
static void a_secret_that_hangs_is_told(void **state)
{
    (void)state;
    struct apart apart;
    struct auth_session *session, *other;
    struct auth_turn turn;
    struct mtr_auth_header header, of_other;
    struct mtr_source source = header_source(&header, "/mnt/k"), well = header_source(&of_other, "/etc/k");
    begin(&apart);
    world_secret(&apart.world, "/mnt/k", "one");
    world_secret(&apart.world, "/etc/k", "1");
    assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
    assert_int_equal(auth_open(apart.world.keeper, &well, &other), MTR_OK);
    expect_to_wait(&apart, session, &source);
    struct mtr_blocking_job *hangs = apart.jobs[0];
    apart.count = 0;
    apart.world.now_us += AUTH_FILE_US_MAX - 1;
    expect_to_wait(&apart, session, &source);
    for (int i = 0; i < 3; i++) {
        apart.world.now_us += 600 * AUTH_WORLD_S;
        assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_FAILED);
        assert_int_equal(turn.alarm, AUTH_ALARM_AUTH);
        assert_non_null(strstr(turn.fault, "`/mnt/k` cannot be read: it takes longer than 10 seconds"));
        assert_true(turn.again_us > apart.world.now_us && turn.again_us < INT64_MAX);
        assert_int_equal(apart.count, 0); /* it hangs once */
        expect_to_wait(&apart, other, &well);
        do_job(&apart, 0);
        assert_int_equal(prepare(&apart, other, &well, &turn), AUTH_READY);
    }
    hangs->work(hangs);
    auth_file_ended(hangs, apart.world.now_us);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    expect_header(turn.call, "X-Key", "one");
    apart.world.now_us += AUTH_WORLD_S;
    expect_to_wait(&apart, session, &source);
    auth_close(session); /* with an access under way: it is nobody's then */
    do_job(&apart, 0);
    auth_close(other);
    end(&apart);
}

/* Whether the secret has changed, is read before it is said that the vendor does not take it. */
static void a_refusal_waits_for_the_file(void **state)
{
    (void)state;
    struct apart apart;
    struct auth_session *session;
    struct auth_turn turn;
    struct mtr_auth_header header;
    struct mtr_source source = header_source(&header, "/k");
    begin(&apart);
    world_secret(&apart.world, "/k", "one");
    assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
    expect_to_wait(&apart, session, &source);
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    world_secret(&apart.world, "/k", "two");
    assert_true(auth_refused(session, turn.call, apart.world.now_us));
    expect_to_wait(&apart, session, &source);
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    expect_header(turn.call, "X-Key", "two");
    assert_true(auth_refused(session, turn.call, apart.world.now_us)); /* and now it is the same */
    expect_to_wait(&apart, session, &source);
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_FAILED);
    assert_non_null(strstr(turn.fault, "(401)"));
    apart.world.now_us += 2 * AUTH_WORLD_S;
    world_secret(&apart.world, "/k", "three");
    expect_to_wait(&apart, session, &source); /* a person has mended it: it is used at once */
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    expect_header(turn.call, "X-Key", "three");
    auth_close(session);
    end(&apart);
}

static struct mtr_source refresh_source(struct mtr_auth_oauth2 *oauth2)
{
    struct mtr_source source = world_source("https://api.acme.example");
    *oauth2 = (struct mtr_auth_oauth2){.token_url = MTR_STR("https://login.example/token"), .grant = MTR_GRANT_REFRESH_TOKEN,
                                       .client_id = MTR_STR("me"), .refresh_token_file = MTR_STR("/r")};
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = oauth2};
    return source;
}

/* The file, then what was kept. */
static void ask(struct apart *apart, struct auth_session *session, const struct mtr_source *source, const char *token)
{
    struct auth_turn turn;
    expect_to_wait(apart, session, source);
    do_job(apart, 0);
    if (prepare(apart, session, source, &turn) == AUTH_WAIT) {
        do_job(apart, 0);
        assert_int_equal(prepare(apart, session, source, &turn), AUTH_ASK);
    }
    assert_non_null(memmem(turn.ask.body.data, turn.ask.body.size, token, strlen(token)));
}

static const char rotated[] = "{\"access_token\":\"a2\",\"refresh_token\":\"r2\",\"expires_in\":300}";

static void a_rotated_token_is_durable_first(void **state)
{
    (void)state;
    struct apart apart;
    struct auth_session *session;
    struct auth_turn turn;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_source source = refresh_source(&oauth2);
    begin(&apart);
    world_secret(&apart.world, "/r", "r1");
    assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
    ask(&apart, session, &source, "refresh_token=r1");
    world_answer(&apart.world, session, 200, "", rotated);
    assert_int_equal(apart.count, 1);
    assert_true(auth_file_must_end(apart.jobs[0]));
    for (int i = 0; i < 3; i++) expect_to_wait(&apart, session, &source); /* its access token is not used */
    assert_string_equal(apart.world.kept, "");
    apart.world.now_us += AUTH_FILE_US_MAX;
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_WAIT);
    assert_non_null(strstr(turn.fault, "cannot be kept"));
    do_job(&apart, 0);
    assert_non_null(strstr(apart.world.kept, "\nr2\nr1\n"));
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    expect_header(turn.call, "Authorization", "Bearer a2");
    auth_close(session);
    end(&apart);
}

static void a_disk_that_is_full_is_tried_again(void **state)
{
    (void)state;
    struct apart apart;
    struct auth_session *session;
    struct auth_turn turn;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_source source = refresh_source(&oauth2);
    begin(&apart);
    world_secret(&apart.world, "/r", "r1");
    assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
    ask(&apart, session, &source, "refresh_token=r1");
    apart.world.keep_rc = MTR_EFULL;
    world_answer(&apart.world, session, 200, "", rotated);
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_WAIT);
    assert_non_null(strstr(turn.fault, "cannot be kept"));
    assert_true(turn.again_us > apart.world.now_us && turn.again_us < INT64_MAX && !apart.count);
    apart.world.now_us = turn.again_us;
    apart.world.keep_rc = MTR_OK;
    expect_to_wait(&apart, session, &source);
    do_job(&apart, 0);
    assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_READY);
    expect_header(turn.call, "Authorization", "Bearer a2");
    auth_close(session);
    end(&apart);
}

/* The document changes while the token is on its way: whoever comes next has it. */
static void a_session_ends_before_its_token_is_kept(void **state)
{
    (void)state;
    struct apart apart;
    struct auth_session *session;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_source source = refresh_source(&oauth2);
    begin(&apart);
    world_secret(&apart.world, "/r", "r1");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
        apart.world.kept[0] = '\0';
        ask(&apart, session, &source, "refresh_token=r1");
        apart.world.keep_rc = round ? MTR_EFULL : MTR_OK;
        world_answer(&apart.world, session, 200, "", rotated);
        if (round) do_job(&apart, 0); /* the disk was full, and is tried once more at the end */
        auth_close(session);
        assert_int_equal(apart.count, 1);
        const struct mtr_blocking_job *keep = apart.jobs[0];
        assert_int_equal(auth_open(apart.world.keeper, &source, &session), MTR_OK);
        expect_to_wait(&apart, session, &source);
        assert_true(keep->lane_jobs_max == 1 && auth_file_must_end(keep));
        apart.world.keep_rc = MTR_OK;
        do_job(&apart, 0);
        do_job(&apart, 0);
        struct auth_turn turn;
        expect_to_wait(&apart, session, &source);
        assert_true(mtr_str_equal(apart.jobs[0]->lane, MTR_STR("tokens"))); /* it loads behind what is kept */
        do_job(&apart, 0);
        assert_int_equal(prepare(&apart, session, &source, &turn), AUTH_ASK);
        assert_non_null(memmem(turn.ask.body.data, turn.ask.body.size, "refresh_token=r2", strlen("refresh_token=r2")));
        auth_not_sent(session);
        auth_close(session);
    }
    end(&apart);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_waited_for),
        cmocka_unit_test(a_secret_that_hangs_is_told),
        cmocka_unit_test(a_refusal_waits_for_the_file),
        cmocka_unit_test(a_rotated_token_is_durable_first),
        cmocka_unit_test(a_disk_that_is_full_is_tried_again),
        cmocka_unit_test(a_session_ends_before_its_token_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
