/*
 * The intake from submit to answer: repeats in flight, bounds, failures, a full disk, many threads, lateness.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/core/limits.h"
#include "tests/support/intake_world.h"

static void submit_row(struct world *world, const struct row *row)
{
    struct mtr_request *request = new_request(1);
    add_event(request, row, world->now_us);
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
}

/* Two requests of one group commit: the first wins, the second is answered with it, by its sequence. */
static void test_repeats_across_requests_in_flight(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row other = plain;
    other.data[1] = "2";
    submit_row(world, &plain);
    submit_row(world, &plain);
    submit_row(world, &other);
    assert_int_equal(world->answer_count, 0);
    step(world);
    static const enum mtr_result_code codes[] = {MTR_RESULT_ACCEPTED, MTR_RESULT_DUPLICATE,
                                                 MTR_RESULT_CONFLICT};
    assert_int_equal(world->answer_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world->answers[i]->results[0].code, codes[i]);
        assert_int_equal(world->answers[i]->results[0].seq, 1);
    }
    assert_int_equal(mtr_log_last_seq(world->log), 2);
    free_world(world);
}

static void test_decoder_faults_stay_and_are_counted(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct mtr_request *request = new_request(2);
    add_event(request, &plain, world->now_us);
    add_event(request, &plain, world->now_us);
    request->results[0] =
        (struct mtr_event_result){.code = MTR_RESULT_INVALID, .field = "time", .reason = "not a time", .finding = MTR_FINDING_EVENT_TIME_MALFORMED};
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    step(world);
    assert_int_equal(request->results[0].code, MTR_RESULT_INVALID);
    assert_string_equal(request->results[0].reason, "not a time");
    assert_int_equal(request->results[1].code, MTR_RESULT_ACCEPTED);
    assert_int_equal(request->counts[MTR_RESULT_INVALID], 1);
    struct mtr_buffer json;
    mtr_buffer_init(&json, 4096);
    assert_int_equal(mtr_request_write_json(request, &json), 0);
    assert_int_equal(mtr_buffer_append_char(&json, '\0'), 0);
    assert_string_equal(
        json.data,
        "{\"accepted\":1,\"duplicate\":0,\"held\":0,\"late\":0,\"voided\":0,\"conflict\":0,"
        "\"expired\":0,\"future\":0,"
        "\"invalid\":1,\"not_active\":0,\"not_authorized\":0,\"unprocessed\":0,\"results\":[{\"index\":0,"
        "\"id\":\"p\",\"result\":\"invalid\",\"class\":\"fix\",\"field\":\"time\",\"reason\":\"not a time\",\"code\":\"event.time.malformed\"}]}");
    mtr_buffer_release(&json);
    free_world(world);
}

static struct mtr_request *submit_rows(struct world *world, const struct row *rows, uint32_t count, bool is_dry_run)
{
    struct mtr_request *request = new_request(count);
    for (uint32_t i = 0; i < count; i++) add_event(request, &rows[i], world->now_us);
    request->is_dry_run = is_dry_run;
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    return request;
}

/* The answer is the one that the same request gets when it is sent for good, but for sequences that are not
 * there yet; nothing is stored; and what is sent beside it, before and behind, knows nothing of it. */
static void test_a_dry_run_stores_nothing(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row rows[] = {plain, plain, plain, plain, plain, plain, plain};
    rows[1].id = rows[2].id = rows[3].id = "q"; /* new, again, and with other content */
    rows[3].data[1] = "2";
    rows[4].id = "r", rows[4].subject = "nobody";
    rows[5].id = "s", rows[5].data[1] = "\"many";
    rows[6].id = "t", rows[6].time = "2026-01-02T00:00:00Z"; /* expired: kept in quarantine */
    submit_row(world, &plain);
    const struct mtr_request *dry = submit_rows(world, rows, 7, true);
    for (int i = 0; i < 2; i++) step(world);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(mtr_log_last_seq(world->log), 1);
    const struct mtr_request *first = submit_rows(world, &rows[1], 1, false), *again = submit_rows(world, rows, 7, true);
    for (int i = 0; i < 2; i++) step(world);
    assert_int_equal(first->results[0].code, MTR_RESULT_ACCEPTED); /* nothing was claimed by the dry run */
    assert_int_equal(first->results[0].seq, 2);
    assert_int_equal(again->results[1].code, MTR_RESULT_DUPLICATE);
    assert_int_equal(again->results[1].seq, 2);
    assert_int_equal(again->results[3].seq, 2); /* the original's */
    static const enum mtr_result_code codes[] = {MTR_RESULT_DUPLICATE, MTR_RESULT_ACCEPTED, MTR_RESULT_DUPLICATE, MTR_RESULT_CONFLICT,
                                                 MTR_RESULT_HELD,      MTR_RESULT_INVALID,  MTR_RESULT_EXPIRED};
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(dry->results[i].code, codes[i]);
        assert_int_equal(dry->results[i].seq, i == 0); /* of what is stored already alone */
    }
    assert_int_equal(dry->counts[MTR_RESULT_DUPLICATE], 2);
    const struct mtr_request *real = submit_rows(world, rows, 7, false);
    step(world);
    for (uint32_t i = 0; i < 7; i++) assert_int_equal(real->results[i].code, again->results[i].code);
    assert_int_equal(mtr_log_last_seq(world->log), 2 + 3); /* the conflict, the held and the expired one */
    free_world(world);
}

/* A retry is a duplicate whatever became of the catalog meanwhile. */
static void test_retry_after_a_catalog_change(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row held = plain;
    held.subject = "sub-2";
    assert_int_equal(send_rows(world, &held, 1)->results[0].code, MTR_RESULT_HELD);
    apply(
        world,
        "subscriptions:\n  - {key: sub-2, service: compute, customer: c, tariff: standard, start: 2026-01-01, end: 2026-02-01}\n");
    assert_int_equal(send_rows(world, &held, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    held.id = "p2";
    assert_int_equal(send_rows(world, &held, 1)->results[0].code, MTR_RESULT_NOT_ACTIVE);
    free_world(world);
}

/* What only retired meters would count is told to the sender; a meter beside them takes it. */
static void test_retired_meters(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row row = plain;
    apply(
        world,
        "meters:\n  - {key: cpu, service: compute, event_type: cpu, value: seconds, group_by: [region, size], retired: " T "}\n");
    const struct mtr_event_result *result = send_rows(world, &row, 1)->results;
    assert_int_equal(result->code, MTR_RESULT_NOT_ACTIVE);
    assert_string_equal(result->field, "time");
    assert_string_equal(result->reason,
                        "the meter cpu was retired from " T " on, and no other one counts it");
    apply(world, "meters:\n  - {key: cpu2, service: compute, event_type: cpu, value: minutes, filter: {unit: min}}\n");
    assert_int_equal(send_rows(world, &row, 1)->results->code, MTR_RESULT_NOT_ACTIVE); /* not one of it */
    row.data[0] = "minutes";
    row.data[2] = "unit";
    row.data[3] = "\"min";
    assert_int_equal(send_rows(world, &row, 1)->results->code, MTR_RESULT_ACCEPTED);
    free_world(world);
}

static void test_bounds_of_queue_and_group(void **state)
{
    (void)state;
    struct world *world = new_world();
    mtr_intake_close(world->intake);
    world->options.queue_requests_max = 6; /* of which one sender has a half */
    world->options.queue_bytes_max = 450;
    world->options.commit_events_max = 3;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, &world->intake), 0);
    struct row rows[4];
    char ids[4][16];
    for (int i = 0; i < 4; i++) {
        snprintf(ids[i], sizeof(ids[i]), "g%d", i);
        rows[i] = plain;
        rows[i].id = ids[i];
    }
    struct mtr_request *requests[3];
    for (int i = 0; i < 3; i++) {
        requests[i] = new_request(4);
        for (int j = 0; j < 2; j++) add_event(requests[i], &rows[(i * 2 + j) % 4], world->now_us);
    }
    assert_int_equal(mtr_intake_submit(world->intake, requests[0]), 0);
    assert_int_equal(mtr_intake_submit(world->intake, requests[1]), 0);
    assert_int_equal(mtr_intake_submit(world->intake, requests[2]), MTR_EFULL); /* bytes */
    requests[2]->body_bytes = 10;
    assert_int_equal(mtr_intake_submit(world->intake, requests[2]), 0);
    struct mtr_request *fourth = new_request(1);
    fourth->body_bytes = 0;
    assert_int_equal(mtr_intake_submit(world->intake, fourth), MTR_EFULL); /* requests */
    step(world); /* two events each, three fit */
    assert_int_equal(world->answer_count, 1);
    step(world);
    assert_int_equal(world->answer_count, 3);
    for (uint32_t i = 0; i < 3; i++) assert_ptr_equal(world->answers[i], requests[i]);
    assert_false(mtr_intake_has_work(world->intake));
    fourth->body_bytes = 1 << 30; /* larger than the queue: waits alone */
    assert_int_equal(mtr_intake_submit(world->intake, fourth), 0);
    step(world);
    mtr_intake_drain(world->intake);
    struct mtr_request *fifth = new_request(1);
    assert_int_equal(mtr_intake_submit(world->intake, fifth), MTR_ECLOSED);
    free_request(fifth);
    free_world(world);
}

static void test_receive_time_never_goes_back(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row second = plain;
    second.id = "p2", second.time = "2026-03-10T12:04:00Z";
    send_rows(world, &plain, 1);
    int64_t first_us = world->now_us;
    world->now_us -= 3600 * MTR_US_PER_SECOND;
    /* not future: judged by the receive time */
    assert_int_equal(send_rows(world, &second, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    assert_int_equal(mtr_log_last_received_us(world->log), first_us);
    free_world(world);
}

/* A disk that fails: everyone is told to send again, nobody is told "stored", and nothing goes in until
 * recovery. */
static void test_failed_append_refuses_everything(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row other = plain;
    other.id = "p2";
    send_rows(world, &plain, 1);
    world->options.commit_events_max = 1;
    mtr_intake_close(world->intake);
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &world->options, &world->intake), 0);
    submit_row(world, &other);
    submit_row(world, &plain);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    uint32_t committed;
    int rc = mtr_intake_step(world->intake, world->catalog, mtr_trusted_at(world->now_us), &committed);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, MTR_EIO);
    assert_int_equal(world->answer_count, 3);
    for (uint32_t i = 1; i < 3; i++) {
        assert_int_equal(world->answers[i]->error, MTR_EIO);
        assert_int_equal(world->answers[i]->results[0].code, MTR_RESULT_UNPROCESSED);
        assert_int_equal(world->answers[i]->counts[MTR_RESULT_UNPROCESSED], 1);
    }
    struct mtr_request *refused = new_request(1);
    assert_int_equal(mtr_intake_submit(world->intake, refused), MTR_ECLOSED);
    free_request(refused);
    free_answers(world);
    close_log(world);
    open_log(world); /* recovery: the second event is stored or new, the first is there */
    assert_int_equal(send_rows(world, &plain, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    send_rows(world, &other, 1);
    assert_int_equal(send_rows(world, &other, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    free_world(world);
}

/* A segment is full, and no file may be opened for the next: nothing is stored, and all goes on when one may. */
static void test_a_lack_of_files_passes(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct row other = plain;
    other.id = "p2";
    close_log(world);
    world->log_options.segment_events_max = 1;
    open_log(world);
    send_rows(world, &plain, 1);
    submit_row(world, &other);
    const int next = dup(0);
    assert_true(next > 0);
    close(next);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    uint32_t committed;
    int rc = mtr_intake_step(world->intake, world->catalog, mtr_trusted_at(world->now_us), &committed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, MTR_EFILES);
    assert_int_equal(committed, 0);
    assert_int_equal(world->answers[1]->error, MTR_EFILES);
    assert_int_equal(world->answers[1]->results[0].code, MTR_RESULT_UNPROCESSED);
    assert_int_equal(send_rows(world, &other, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    assert_int_equal(send_rows(world, &plain, 1)->results[0].code, MTR_RESULT_DUPLICATE);
    free_world(world);
}

enum { SENDERS = 3, SENDER_REQUESTS = 60 };

struct sender {
    struct world *world;
    int number;
};

static void *run_sender(void *context)
{
    struct sender *sender = context;
    for (int i = 0; i < SENDER_REQUESTS;) {
        struct mtr_request *request = new_request(2);
        char id[32];
        struct row row = plain;
        snprintf(id, sizeof(id), "s%d-%d", sender->number, i);
        row.id = mtr_arena_strdup(&request->arena, mtr_str_from(id));
        add_event(request, &row, sender->world->now_us);
        row.id = mtr_arena_strdup(&request->arena, MTR_STR("shared"));
        add_event(request, &row, sender->world->now_us);
        if (mtr_intake_submit(sender->world->intake, request) == MTR_OK)
            i++;
        else
            free_request(request); /* full: pushed back */
    }
    return NULL;
}

static void test_submits_from_many_threads(void **state)
{
    (void)state;
    struct world *world = new_world();
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){world, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_sender, &senders[i]), 0);
    }
    while (world->answer_count < SENDERS * SENDER_REQUESTS) step(world);
    for (int i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
    uint32_t accepted = 0, duplicates = 0;
    for (uint32_t i = 0; i < world->answer_count; i++) {
        accepted += world->answers[i]->counts[MTR_RESULT_ACCEPTED];
        duplicates += world->answers[i]->counts[MTR_RESULT_DUPLICATE];
    }
    assert_int_equal(accepted, SENDERS * SENDER_REQUESTS + 1);
    assert_int_equal(duplicates, SENDERS * SENDER_REQUESTS - 1);
    free_world(world);
}

/* A file system of its own, of 24 MiB. False where the kernel does not let this process mount. */
static bool mount_small_disk(const char *directory)
{
    if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0))) return false;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return false;
    return mount("tmpfs", directory, "tmpfs", 0, "size=24m") == 0;
}

static void fill_disk(const char *path)
{
    static const char bytes[65536];
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    while (write(file, bytes, sizeof(bytes)) > 0) continue;
    close(file);
}

/* A full disk pushes back, request by request; nothing is stored, nothing is lost, and it goes on when
 * there is room. Runs last. */
static void test_full_disk(void **state)
{
    (void)state;
    struct world *world = new_world();
    char filler[128], ids[400][16];
    close_log(world);
    snprintf(world->log_directory, sizeof(world->log_directory), "%s/disk", world->directory);
    snprintf(filler, sizeof(filler), "%s/filler", world->log_directory);
    assert_int_equal(mkdir(world->log_directory, 0700), 0);
    bool is_small = mount_small_disk(world->log_directory);
    world->log_options.segment_events_max = 100;
    open_log(world);
    if (!is_small) {
        print_message("skipped: this process may not mount a small disk\n");
        free_world(world);
        return;
    }
    fill_disk(filler);
    int sent = 0, rc = 0;
    for (; !rc && sent < 400; sent++) {
        uint32_t committed;
        struct row row = plain;
        snprintf(ids[sent], sizeof(ids[sent]), "f%d", sent);
        row.id = ids[sent];
        submit_row(world, &row);
        rc = mtr_intake_step(world->intake, world->catalog, mtr_trusted_at(world->now_us), &committed);
        if (rc) break;
    }
    assert_int_equal(rc, MTR_EFULL);
    const struct mtr_request *refused = world->answers[world->answer_count - 1];
    assert_int_equal(refused->error, MTR_EFULL);
    assert_int_equal(refused->results[0].code, MTR_RESULT_UNPROCESSED);
    assert_int_equal(mtr_log_last_seq(world->log), sent);
    assert_int_equal(unlink(filler), 0);
    for (int i = 0; i <= sent; i++) {
        struct row row = plain;
        row.id = ids[i];
        assert_int_equal(send_rows(world, &row, 1)->results[0].code,
                         i < sent ? MTR_RESULT_DUPLICATE : MTR_RESULT_ACCEPTED);
    }
    free_answers(world);
    close_log(world);
    assert_int_equal(umount(world->log_directory), 0);
    open_log(world);
    free_world(world);
}

static void housekeep_all(struct world *world)
{
    for (bool more = true; more;)
        assert_int_equal(mtr_intake_housekeep(world->intake, mtr_trusted_at(world->now_us), UINT64_MAX, NULL, NULL, &more),
                         0);
}

static unsigned code_at(struct world *world, const char *id, const char *time, int64_t now_us)
{
    struct row row = plain;
    row.id = id;
    row.time = time;
    world->now_us = now_us;
    housekeep_all(world);
    return send_rows(world, &row, 1)->results[0].code;
}

/* Lateness as long as the window, an event as far ahead as the clocks may differ, each in a segment of its
 * own: to the last microsecond of its lateness the first one is still known, and a new one still counts. */
static void test_lateness_to_the_microsecond(void **state)
{
    (void)state;
    static const char AHEAD[] = "2026-03-10T12:05:00Z", AT_NOON[] = "2026-03-10T12:00:00Z";
    struct world *world = new_world();
    close_log(world);
    world->options.lateness_us = world->options.dedup_window_us = world->options.retention_us =
        35 * MTR_US_PER_DAY;
    world->log_options.segment_events_max = 1;
    open_log(world);
    const int64_t received_us = world->now_us, last_us = instant(AHEAD) + world->options.lateness_us;
    assert_int_equal(code_at(world, "ahead", AHEAD, received_us), MTR_RESULT_ACCEPTED);
    assert_int_equal(code_at(world, "other", AHEAD, received_us), MTR_RESULT_ACCEPTED);
    assert_int_equal(code_at(world, "noon", AT_NOON, received_us + world->options.lateness_us),
                     MTR_RESULT_LATE);
    assert_int_equal(code_at(world, "noon-2", AT_NOON, received_us + world->options.lateness_us + 1),
                     MTR_RESULT_EXPIRED);
    assert_int_equal(code_at(world, "ahead", AHEAD, last_us), MTR_RESULT_DUPLICATE);
    close_log(world);
    open_log(world); /* the index is made again from the log that was retained */
    assert_int_equal(code_at(world, "other", AHEAD, last_us), MTR_RESULT_DUPLICATE);
    assert_int_equal(code_at(world, "new", AHEAD, last_us + 1), MTR_RESULT_EXPIRED);
    free_world(world);
}

/* An event may come before its time: one that may have come with what is forgotten, whoever forgot it too early,
 * does not count again. */
static void test_what_came_before_its_time_is_forgotten_with_the_others(void **state)
{
    (void)state;
    static const char AHEAD[] = "2026-03-10T12:05:00Z", BEHIND_IT[] = "2026-03-10T12:05:00.000001Z";
    struct world *world = new_world();
    close_log(world);
    world->log_options.segment_events_max = 1;
    open_log(world);
    const int64_t received_us = world->now_us;
    assert_int_equal(code_at(world, "ahead", AHEAD, received_us), MTR_RESULT_ACCEPTED);
    assert_int_equal(code_at(world, "next", AHEAD, received_us), MTR_RESULT_ACCEPTED);
    world->now_us += mtr_intake_identity_window_us(&world->options) + 1; /* as a clock said that was ahead */
    housekeep_all(world);
    assert_int_equal(code_at(world, "ahead", AHEAD, received_us), MTR_RESULT_EXPIRED);
    assert_int_equal(code_at(world, "new", BEHIND_IT, received_us + 1), MTR_RESULT_ACCEPTED);
    free_world(world);
}

static void test_options_that_contradict(void **state)
{
    (void)state;
    struct world *world = new_world();
    struct mtr_intake *intake;
    struct mtr_intake_options options = world->options;
    options.lateness_us = options.dedup_window_us + 1;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &options, &intake), MTR_EINVALID);
    options = world->options;
    options.dedup_window_us = options.retention_us + 1;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &options, &intake), MTR_EINVALID);
    options = world->options;
    options.commit_events_max = MTR_BLOCK_EVENTS_MAX + 1;
    assert_int_equal(mtr_intake_open(world->log, world->dedup, KEY, &options, &intake), MTR_EINVALID);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats_across_requests_in_flight),
        cmocka_unit_test(test_decoder_faults_stay_and_are_counted),
        cmocka_unit_test(test_a_dry_run_stores_nothing),
        cmocka_unit_test(test_retry_after_a_catalog_change),
        cmocka_unit_test(test_retired_meters),
        cmocka_unit_test(test_bounds_of_queue_and_group),
        cmocka_unit_test(test_receive_time_never_goes_back),
        cmocka_unit_test(test_failed_append_refuses_everything),
        cmocka_unit_test(test_a_lack_of_files_passes),
        cmocka_unit_test(test_submits_from_many_threads),
        cmocka_unit_test(test_lateness_to_the_microsecond),
        cmocka_unit_test(test_what_came_before_its_time_is_forgotten_with_the_others),
        cmocka_unit_test(test_options_that_contradict),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
