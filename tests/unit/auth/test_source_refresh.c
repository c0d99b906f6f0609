/*
 * Rotated refresh tokens: a vendor that burns the old one at once, or some uses later, against a process that
 * crashes and a disk that is full now and then.
 *
 * The laws: no access token is used before the refresh token that came with it is durable; the alarm
 * `reauthorize` comes only where a token was lost between the vendor and the disk, or never reached anybody.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "collector/source/auth/files.h"
#include "collector/source/auth/secret_file.h"
#include "tests/support/auth_world.h"
#include "tests/support/directory.h"
#include "tests/support/random.h"

enum { SEEDS = 200, STEPS = 120 };

/* Tokens are "r<number>" and "a<number>": access token n came with refresh token n. */
struct vendor {
    unsigned newest;
    unsigned grace;     /* so many before the newest still work */
    bool rotates;
};

static struct mtr_source refresh_source(struct mtr_auth_oauth2 *oauth2)
{
    struct mtr_source source = world_source("https://api.acme.example");
    *oauth2 = (struct mtr_auth_oauth2){.token_url = MTR_STR("https://login.example/token"), .grant = MTR_GRANT_REFRESH_TOKEN,
                                       .client_id = MTR_STR("me"), .refresh_token_file = MTR_STR("/r")};
    source.auth = (struct mtr_source_auth){.kind = MTR_AUTH_OAUTH2, .oauth2 = oauth2};
    return source;
}

static unsigned sent_token(const struct source_call *ask)
{
    static const char name[] = "refresh_token=r";
    const char *at = memmem(ask->body.data, ask->body.size, name, strlen(name));
    assert_non_null(at);
    return (unsigned)strtoul(at + strlen(name), NULL, 10);
}

/* True: the answer is a token. */
static bool vendor_answer(struct vendor *vendor, unsigned token, char body[256])
{
    if (token > vendor->newest || vendor->newest - token > vendor->grace) {
        snprintf(body, 256, "{\"error\":\"invalid_grant\"}");
        return false;
    }
    if (vendor->rotates) vendor->newest++;
    const unsigned next = vendor->newest;
    if (vendor->rotates) snprintf(body, 256, "{\"access_token\":\"a%u\",\"refresh_token\":\"r%u\",\"expires_in\":300}", next, next);
    else snprintf(body, 256, "{\"access_token\":\"a%u\",\"expires_in\":300}", next);
    return true;
}

static void check_durable(const struct auth_world *world, const struct vendor *vendor, const struct source_call *call)
{
    char wanted[32];
    const struct mtr_str value = call->headers[call->header_count - 1].value;
    assert_true(mtr_str_starts_with(value, MTR_STR("Bearer a")));
    const unsigned number = (unsigned)strtoul(value.data + 8, NULL, 10);
    snprintf(wanted, sizeof(wanted), "\nr%u\n", number);
    if (vendor->rotates && !strstr(world->kept, wanted)) fail_msg("a%u is used, kept is \"%s\"", number, world->kept);
}

static void run_history(uint64_t seed)
{
    struct random_source random = {seed};
    struct auth_world world;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_source source = refresh_source(&oauth2);
    struct vendor vendor = {.newest = 1, .grace = (unsigned)random_below(&random, 3), .rotates = random_below(&random, 8) > 0};
    struct auth_session *session;
    unsigned lost = 0, used = 0, alarms = 0;
    world_init(&world);
    world_secret(&world, "/r", "r1");
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    for (int i = 0; i < STEPS && !alarms; i++) {
        struct auth_turn turn;
        char body[256];
        world.keep_rc = random_below(&random, 6) ? MTR_OK : MTR_EFULL;
        world.now_us += (int64_t)random_below(&random, 400) * AUTH_WORLD_S;
        const enum auth_step step = world_prepare(&world, session, &source, "https://api.acme.example/x", &turn);
        if (step == AUTH_READY) {
            check_durable(&world, &vendor, turn.call);
            used++;
        } else if (step == AUTH_ASK && random_below(&random, 12) == 0) {
            if (vendor_answer(&vendor, sent_token(&turn.ask), body) && vendor.rotates) lost++; /* nobody hears of it */
            world_answer(&world, session, 502, "", random_below(&random, 2) ? "" : NULL);
        } else if (step == AUTH_ASK) {
            const bool is_given = vendor_answer(&vendor, sent_token(&turn.ask), body);
            world_answer(&world, session, is_given ? 200 : 400, "", body);
        } else if (step == AUTH_FAILED) {
            assert_int_equal(turn.alarm, AUTH_ALARM_REAUTHORIZE);
            assert_non_null(strstr(turn.fault, "authorize anew"));
            alarms++;
        } else {
            world.now_us = turn.again_us > world.now_us ? turn.again_us : world.now_us;
        }
        if (random_below(&random, 15) == 0) { /* a crash, or an end while the disk takes nothing: what was not kept is lost */
            char newest[32];
            world.keep_rc = MTR_EIO;
            snprintf(newest, sizeof(newest), "\nr%u\n", vendor.newest);
            if (vendor.newest > 1 && !strstr(world.kept, newest)) lost++;
            auth_close(session);
            auth_keeper_close(world.keeper);
            world_start(&world);
            assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        }
    }
    if (alarms && !lost) fail_msg("METERD_SEED=%llu: the alarm without a lost token", (unsigned long long)seed);
    if (alarms) { /* a person authorizes anew: the new first token goes before all that is kept */
        struct auth_turn turn;
        world_secret(&world, "/r", "r1000");
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        assert_int_equal(sent_token(&turn.ask), 1000);
        world_answer(&world, session, 0, "", NULL);
    }
    if (vendor.grace == 2 && !lost) assert_true(used > 0);
    auth_close(session);
    world_release(&world);
}

static void no_token_is_lost_on_this_side(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED");
    const uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("METERD_SEED=%llu\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + (given ? 1 : SEEDS); seed++) run_history(seed);
}

static void waits_for_the_disk(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_source source = refresh_source(&oauth2);
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    world_secret(&world, "/r", "r1");
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
    world.keep_rc = MTR_EFULL;
    world_answer(&world, session, 200, "", "{\"access_token\":\"a2\",\"refresh_token\":\"r2\",\"expires_in\":600}");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_WAIT);
    assert_non_null(strstr(turn.fault, "cannot be kept (queue, map or disk is full)"));
    assert_int_equal(world.keeps, 1);
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_WAIT);
    assert_int_equal(world.keeps, 1); /* not at every turn */
    world.now_us = turn.again_us;
    world.keep_rc = MTR_OK;
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    assert_non_null(strstr(world.kept, "\nr2\nr1\n"));
    auth_close(session);
    world_release(&world);
}

/* Nobody comes for the token any more: it is kept all the same, by its answer or at the end. */
static void keeps_it_while_stopping(void **state)
{
    (void)state;
    for (int is_full = 0; is_full < 2; is_full++) {
        struct auth_world world;
        struct mtr_auth_oauth2 oauth2;
        struct mtr_source source = refresh_source(&oauth2);
        struct auth_session *session;
        struct auth_turn turn;
        world_init(&world);
        world_secret(&world, "/r", "r1");
        assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        auth_not_sent(session); /* the client was full: at once again */
        assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
        world.keep_rc = is_full ? MTR_EFULL : MTR_OK;
        world_answer(&world, session, 200, "", is_full ? "{\"refresh_token\":\"r2\",\"access_token\":\"a2\"}" : "{\"refresh_token\":\"r2\"}");
        world.keep_rc = MTR_OK;
        auth_close(session);
        assert_non_null(strstr(world.kept, "\nr2\nr1\n"));
        world_release(&world);
    }
}

/* With what is kept, the file of the first one may be gone. */
static void goes_on_without_the_first_file(void **state)
{
    (void)state;
    struct auth_world world;
    struct mtr_auth_oauth2 oauth2;
    struct mtr_source source = refresh_source(&oauth2);
    struct auth_session *session;
    struct auth_turn turn;
    world_init(&world);
    assert_int_equal(auth_open(world.keeper, &source, &session), MTR_OK);
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_FAILED);
    assert_non_null(strstr(turn.fault, "`/r` does not exist"));
    world.now_us = turn.again_us;
    snprintf(world.kept, sizeof(world.kept), "0000\nr7\nr6\n");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
    assert_int_equal(sent_token(&turn.ask), 7);
    world_answer(&world, session, 400, "", "{\"error\":\"invalid_grant\"}");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_WAIT);
    assert_non_null(strstr(turn.fault, "the one before is tried"));
    world.now_us = turn.again_us;
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_ASK);
    assert_int_equal(sent_token(&turn.ask), 6);
    world_answer(&world, session, 200, "", "{\"access_token\":\"a8\",\"refresh_token\":\"r8\"}");
    assert_int_equal(world_prepare(&world, session, &source, "https://api.acme.example/x", &turn), AUTH_READY);
    assert_non_null(strstr(world.kept, "\nr8\nr6\n"));
    auth_close(session);
    world_release(&world);
}

/* ---- in files ---- */

static void expect_kept(struct auth_files *files, uint8_t of, int rc, const char *text)
{
    const struct auth_hooks hooks = auth_files_hooks(files);
    const uint8_t key[AUTH_KEY_BYTES] = {of};
    struct mtr_buffer out;
    mtr_buffer_init(&out, 1 << 20);
    assert_int_equal(hooks.load(hooks.context, key, &out), rc);
    assert_true(mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(text)));
    secret_wipe(&out);
}

static void keep(struct auth_files *files, uint8_t of, const char *text)
{
    const struct auth_hooks hooks = auth_files_hooks(files);
    const uint8_t key[AUTH_KEY_BYTES] = {of};
    assert_int_equal(hooks.keep(hooks.context, key, mtr_str_from(text)), MTR_OK);
}

static void keeps_sealed_files(void **state)
{
    (void)state;
    char root[DIRECTORY_PATH_BYTES], directory[128], path[256], text[512] = "";
    struct auth_files *files;
    struct mtr_diagnostic diagnostic;
    struct stat status;
    make_temporary_in_memory(root);
    snprintf(directory, sizeof(directory), "%s/tokens", root);
    assert_int_equal(auth_files_open(directory, NULL, &files, &diagnostic), MTR_OK);
    expect_kept(files, 1, MTR_ENOTFOUND, "");
    keep(files, 1, "first secret");
    keep(files, 2, "other");
    keep(files, 1, "second secret");
    auth_files_close(files);
    assert_int_equal(auth_files_open(directory, NULL, &files, &diagnostic), MTR_OK);
    expect_kept(files, 1, MTR_OK, "second secret");
    expect_kept(files, 2, MTR_OK, "other");
    snprintf(path, sizeof(path), "%s/01%062d.sealed", directory, 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    FILE *file = fopen(path, "r+");
    assert_true(fread(text, 1, sizeof(text), file) > 0);
    assert_null(memmem(text, sizeof(text), "secret", 6));
    fseek(file, 30, SEEK_SET); /* damage is noticed */
    fputc(text[30] ^ 1, file);
    fclose(file);
    expect_kept(files, 1, MTR_ECORRUPT, "");
    auth_files_close(files);
    snprintf(path, sizeof(path), "%s/seal.key", directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 32);
    assert_int_equal(truncate(path, 31), 0);
    assert_int_equal(auth_files_open(directory, NULL, &files, &diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(diagnostic.text, "seal.key is no key: bring back the right one"));
    assert_int_equal(unlink(path), 0); /* another key: what is sealed cannot be read, and stays */
    assert_int_equal(auth_files_open(directory, NULL, &files, &diagnostic), MTR_OK);
    expect_kept(files, 2, MTR_ECORRUPT, "");
    auth_files_close(files);
    snprintf(path, sizeof(path), "%s/meterd-seal-key", root); /* a credential goes before */
    file = fopen(path, "w");
    fputs("any text\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0400), 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(auth_files_open(directory, root, &files, &diagnostic), MTR_OK);
        if (!round) keep(files, 3, "third");
        expect_kept(files, 3, MTR_OK, "third");
        auth_files_close(files);
    }
    assert_int_equal(auth_files_open("/dev/null", NULL, &files, &diagnostic), MTR_EEXISTS);
    assert_non_null(strstr(diagnostic.text, "cannot keep refresh tokens in /dev/null"));
    remove_tree(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_token_is_lost_on_this_side),
        cmocka_unit_test(waits_for_the_disk),
        cmocka_unit_test(keeps_it_while_stopping),
        cmocka_unit_test(goes_on_without_the_first_file),
        cmocka_unit_test(keeps_sealed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
