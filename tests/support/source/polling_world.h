/*
 * A poller on a clock of the test's: requests are answered from a table of the test's, work is done at once,
 * parts go through a real intake into a real log.
 *
 *   world->answer = …;  run(world, "2026-03-11T00:10:00Z");  has_alarm(world, MTR_ALARM_GAP)
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_POLLING_WORLD_H
#define METERD_TESTS_SUPPORT_SOURCE_POLLING_WORLD_H

#include "tests/support/intake_world.h"

#include <time.h>

#include "meterd/collector/poller.h"

enum { PENDING_MAX = 64, STEPS_MAX = 100000, URL_BYTES = 512 };

/* What the vendor says to a request: a status, the body, and when its clock says that is. */
struct vendor_answer {
    unsigned status;
    const char *body;
    int64_t skew_us;
};

struct polling_world {
    struct world *world;
    struct mtr_ledger *ledger;
    struct mtr_poller *poller;
    struct vendor_answer (*answer)(void *context, const char *url);
    void *context;
    struct {
        struct mtr_poll *poll;
        char url[URL_BYTES];
    } sent[PENDING_MAX];
    struct mtr_poll *works[PENDING_MAX]; /* NULL: of the poller itself */
    uint32_t sent_count, work_count, asked;
    char told[1 << 16]; /* lines */
};

static inline int world_send(void *context, struct mtr_poll *poll, const struct mtr_http_call *call)
{
    struct polling_world *polling = context;
    assert_true(polling->sent_count < PENDING_MAX);
    polling->sent[polling->sent_count].poll = poll;
    snprintf(polling->sent[polling->sent_count++].url, URL_BYTES, "%s", call->url);
    polling->asked++;
    return MTR_OK;
}

static inline void world_resume(void *context, struct mtr_poll *poll)
{
    (void)context, (void)poll;
}

static inline void world_cancel(void *context, struct mtr_poll *poll)
{
    struct polling_world *polling = context;
    struct mtr_http_answer answer;
    uint32_t i = 0;
    while (i < polling->sent_count && polling->sent[i].poll != poll) i++;
    if (i == polling->sent_count) return;
    polling->sent[i] = polling->sent[--polling->sent_count];
    mtr_http_answer_init(&answer);
    answer.error = MTR_ECLOSED;
    mtr_poller_on_answer(poll, &answer, polling->world->now_us);
    mtr_http_answer_release(&answer);
}

static inline int world_work(void *context, struct mtr_poll *poll)
{
    struct polling_world *polling = context;
    assert_true(polling->work_count < PENDING_MAX);
    polling->works[polling->work_count++] = poll;
    return MTR_OK;
}

static inline int world_submit(void *context, struct mtr_request *request)
{
    struct polling_world *polling = context;
    return mtr_intake_submit(polling->world->intake, request);
}

static inline void world_nonce(void *context, uint8_t nonce[MTR_POLLER_NONCE_BYTES])
{
    (void)context;
    memset(nonce, 7, MTR_POLLER_NONCE_BYTES);
}

static inline void world_tell(void *context, bool is_alarm, struct mtr_str source, const char *text)
{
    struct polling_world *polling = context;
    const size_t size = strlen(polling->told);
    snprintf(polling->told + size, sizeof(polling->told) - size, "%s%.*s %s\n", is_alarm ? "! " : "", MTR_STR_ARGS(source), text);
}

static inline void open_poller(struct polling_world *polling)
{
    char pages[96], tokens[96];
    const struct mtr_poller_hooks hooks = {.context = polling,
                                           .send = world_send,
                                           .resume = world_resume,
                                           .cancel = world_cancel,
                                           .work = world_work,
                                           .submit = world_submit,
                                           .nonce = world_nonce,
                                           .tell = world_tell};
    snprintf(pages, sizeof(pages), "%s/pages", polling->world->directory);
    snprintf(tokens, sizeof(tokens), "%s/tokens", polling->world->directory);
    const struct mtr_poller_options options = {.hooks = &hooks, .log = polling->world->log, .ledger = polling->ledger, .event_key = KEY,
                                               .pages = pages, .tokens = tokens, .polls_max = 8, .events_max = 1000, .allow_loopback = true};
    assert_int_equal(mtr_poller_open(&options, &polling->poller), 0);
}

static inline struct polling_world *new_polling_world(const char *sources)
{
    struct polling_world *polling = calloc(1, sizeof(*polling));
    struct mtr_diagnostic diagnostic = {0};
    char directory[96];
    assert_non_null(polling);
    polling->world = new_world();
    apply(polling->world, sources);
    snprintf(directory, sizeof(directory), "%s/intake", polling->world->directory);
    if (mtr_ledger_open(directory, false, &polling->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    open_poller(polling);
    return polling;
}

static inline void answer_one(struct polling_world *polling)
{
    struct mtr_http_answer answer;
    char header[128];
    const struct vendor_answer said = polling->answer(polling->context, polling->sent[0].url);
    struct mtr_poll *poll = polling->sent[0].poll;
    const int64_t date_s = (polling->world->now_us + said.skew_us) / MTR_US_PER_SECOND;
    memmove(polling->sent, polling->sent + 1, --polling->sent_count * sizeof(polling->sent[0]));
    mtr_http_answer_init(&answer);
    mtr_buffer_init(&answer.headers, 4096);
    answer.status = said.status;
    answer.was_sent = true;
    strftime(header, sizeof(header), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime(&(time_t){date_s}));
    assert_int_equal(mtr_buffer_append(&answer.headers, header, strlen(header)), 0);
    assert_int_equal(mtr_poller_on_piece(poll, &answer, mtr_str_from(said.body)), 0);
    mtr_poller_on_answer(poll, &answer, polling->world->now_us);
    mtr_http_answer_release(&answer);
}

static inline void work_one(struct polling_world *polling)
{
    struct mtr_poll *poll = polling->works[0];
    memmove(polling->works, polling->works + 1, --polling->work_count * sizeof(polling->works[0]));
    mtr_poller_do_work(polling->poller, poll);
    mtr_poller_on_worked(polling->poller, poll, polling->world->now_us);
}

static inline void commit_all(struct polling_world *polling)
{
    struct world *world = polling->world;
    step(world);
    for (uint32_t i = 0; i < world->answer_count; i++)
        mtr_poller_on_committed(polling->poller, world->answers[i], world->now_us);
    world->answer_count = 0;
}

/* Everything that is due now and follows of it; when the poller wants to be called again. */
static inline int64_t settle(struct polling_world *polling)
{
    int64_t next_us = 0;
    for (int i = 0; i < STEPS_MAX; i++) {
        assert_int_equal(mtr_poller_step(polling->poller, polling->world->catalog, polling->world->now_us, &next_us), 0);
        if (polling->work_count)
            work_one(polling);
        else if (polling->sent_count)
            answer_one(polling);
        else if (next_us > polling->world->now_us)
            break;
        commit_all(polling);
    }
    assert_true(next_us > polling->world->now_us);
    return next_us;
}

/* The clock goes on to then, from one thing that is due to the next. */
static inline void run(struct polling_world *polling, const char *until)
{
    const int64_t until_us = instant(until);
    int64_t next_us = settle(polling);
    while (next_us <= until_us) {
        polling->world->now_us = next_us;
        next_us = settle(polling);
    }
    polling->world->now_us = until_us;
    (void)settle(polling);
}

static inline void close_poller(struct polling_world *polling)
{
    mtr_poller_stop(polling->poller, "it is over");
    (void)settle(polling);
    mtr_poller_close(polling->poller);
}

static inline void free_polling_world(struct polling_world *polling)
{
    close_poller(polling);
    mtr_ledger_close(polling->ledger);
    free_world(polling->world);
    free(polling);
}

static inline const struct mtr_source_alarm *find_alarm(struct mtr_source_status *status, struct polling_world *polling, const char *key,
                                                        enum mtr_alarm alarm)
{
    assert_true(mtr_poller_status(polling->poller, MTR_STR("acme"), mtr_str_from(key), status));
    for (uint32_t i = 0; i < status->alarm_count; i++)
        if (status->alarms[i].alarm == alarm) return &status->alarms[i];
    return NULL;
}

#endif
