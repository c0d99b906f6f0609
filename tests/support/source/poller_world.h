/*
 * A world for tests of the poller: an intake world, the ledger of windows and a vendor, who is a function of
 * the test; time stands until poller_world_at moves it. Nothing is real but the stores: what the poller asks of the world
 * waits in queues, and is done one after the other.
 *
 * A crash: poller_world_crash at any moment; what is under way finds that nothing is possible any more, and what was not
 * committed is gone.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_POLLER_WORLD_H
#define METERD_TESTS_SUPPORT_SOURCE_POLLER_WORLD_H

#include "tests/support/intake_world.h"

#include <time.h>

#include "meterd/collector/poller.h"
#include "meterd/core/buffer.h"

enum { QUEUED_MAX = 2 * MTR_POLLER_POLLS_MAX, TOLD_BYTES = 1 << 16 };

struct vendor_reply {
    unsigned status; /* 200 unless the vendor says otherwise */
    struct mtr_buffer *headers, *body;
    int64_t skew_us; /* of its clock */
};

struct poller_world {
    struct world *world;
    struct mtr_ledger *ledger;
    struct mtr_poller *poller;
    char directory[80], pages[80], tokens[80];
    uint32_t polls_max, events_max;
    int64_t known_us; /* of the poller's options */
    /* The vendor. */
    void (*answer)(void *context, const char *url, struct vendor_reply *reply);
    void *context;
    uint32_t asked; /* requests so far */
    /* After each commit of a part: true: crash now. NULL: never. */
    bool (*crashes)(void *context);
    bool (*crashes_at_work)(void *context); /* the same after each work of the pool, as of the ledger's fold */
    void (*listens)(void *context, bool is_alarm, struct mtr_str source, const char *text); /* to each line; NULL: nobody does */
    void (*ends)(void *context); /* nothing is left to do at this time; NULL: nobody is told */
    bool refuses; /* the intake takes no part: the next one */
    bool is_dead;
    int64_t next_us;
    struct mtr_poll *works[QUEUED_MAX], *sends[QUEUED_MAX];
    char *urls[QUEUED_MAX];
    uint32_t work_count, send_count, submitted;
    char told[TOLD_BYTES]; /* lines that people were told, the first of them; "! " before those of alarms */
};

/* What stands behind `name`, as "from=", in the request. */
static inline int64_t url_parameter(const char *url, const char *name)
{
    const char *at = strstr(url, name);
    assert_non_null(at);
    return strtoll(at + strlen(name), NULL, 10);
}

/* ---- hooks ---- */

static inline int poller_world_send(void *context, struct mtr_poll *poll, const struct mtr_http_call *call)
{
    struct poller_world *w = context;
    assert_true(w->send_count < QUEUED_MAX);
    if (w->is_dead) return MTR_EIO;
    w->urls[w->send_count] = strdup(call->url);
    w->sends[w->send_count++] = poll;
    return MTR_OK;
}

static inline void poller_world_resume(void *context, struct mtr_poll *poll) { (void)context, (void)poll; }
/* The request at that place of the queue, which is free then. */
static inline struct mtr_poll *poller_world_take_send(struct poller_world *w, uint32_t at, char **url)
{
    struct mtr_poll *poll = w->sends[at];
    *url = w->urls[at];
    w->send_count--;
    memmove(w->sends + at, w->sends + at + 1, (w->send_count - at) * sizeof(w->sends[0]));
    memmove(w->urls + at, w->urls + at + 1, (w->send_count - at) * sizeof(w->urls[0]));
    return poll;
}

static inline void poller_world_cancel(void *context, struct mtr_poll *poll)
{
    struct poller_world *w = context;
    struct mtr_http_answer answer;
    uint32_t at = 0;
    char *url;
    while (at < w->send_count && w->sends[at] != poll) at++;
    if (at == w->send_count) return; /* it is answered at this moment */
    (void)poller_world_take_send(w, at, &url);
    free(url);
    mtr_http_answer_init(&answer);
    answer.error = MTR_ECLOSED;
    mtr_poller_on_answer(poll, &answer, w->world->now_us);
    mtr_http_answer_release(&answer);
}

static inline int poller_world_work(void *context, struct mtr_poll *poll)
{
    struct poller_world *w = context;
    assert_true(w->work_count < QUEUED_MAX);
    if (w->is_dead) return MTR_ENOMEM;
    w->works[w->work_count++] = poll;
    return MTR_OK;
}

static inline int poller_world_submit(void *context, struct mtr_request *request)
{
    struct poller_world *w = context;
    int rc = w->is_dead ? MTR_ECLOSED : w->refuses ? MTR_ENOMEM : mtr_intake_submit(w->world->intake, request);
    w->refuses = false;
    w->submitted += !rc;
    return rc;
}

static inline void poller_world_nonce(void *context, uint8_t nonce[MTR_POLLER_NONCE_BYTES])
{
    (void)context;
    memset(nonce, 7, MTR_POLLER_NONCE_BYTES);
}

static inline void poller_world_tell(void *context, bool is_alarm, struct mtr_str source, const char *text)
{
    struct poller_world *w = context;
    const size_t size = strlen(w->told);
    if (w->listens && !w->is_dead) w->listens(w->context, is_alarm, source, text);
    snprintf(w->told + size, sizeof(w->told) - size, "%s%.*s %s\n", is_alarm ? "! " : "", MTR_STR_ARGS(source), text);
}

/* ---- opening ---- */

static inline void poller_world_open(struct poller_world *w)
{
    struct mtr_diagnostic diagnostic = {0};
    const struct mtr_poller_hooks hooks = {.context = w, .send = poller_world_send, .resume = poller_world_resume, .cancel = poller_world_cancel,
                                           .work = poller_world_work, .submit = poller_world_submit, .nonce = poller_world_nonce, .tell = poller_world_tell};
    if (mtr_ledger_open(w->directory, false, &w->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    const struct mtr_poller_options options = {.hooks = &hooks, .log = w->world->log, .ledger = w->ledger, .event_key = KEY, .pages = w->pages,
                                               .tokens = w->tokens, .polls_max = w->polls_max, .events_max = w->events_max, .allow_loopback = true,
                                               .known_us = w->known_us};
    assert_int_equal(mtr_poller_open(&options, &w->poller), 0);
    w->is_dead = false;
}

static inline struct poller_world *new_poller_world(void)
{
    struct poller_world *w = calloc(1, sizeof(*w));
    w->world = new_world();
    w->polls_max = 4;
    w->events_max = 7;
    snprintf(w->directory, sizeof(w->directory), "%s/intake", w->world->directory);
    snprintf(w->pages, sizeof(w->pages), "%s/pages", w->world->directory);
    snprintf(w->tokens, sizeof(w->tokens), "%s/tokens", w->world->directory);
    poller_world_open(w);
    return w;
}

/* ---- what waits is done ---- */

static inline void poller_world_do_work(struct poller_world *w)
{
    struct mtr_poll *poll = w->works[0];
    memmove(w->works, w->works + 1, --w->work_count * sizeof(w->works[0]));
    mtr_poller_do_work(w->poller, poll);
    if (!w->is_dead && w->crashes_at_work && w->crashes_at_work(w->context)) w->is_dead = true;
    mtr_poller_on_worked(w->poller, poll, w->world->now_us);
}

static inline void poller_world_do_works(struct poller_world *w)
{
    while (w->work_count) poller_world_do_work(w);
}

static inline void poller_world_add_date(const struct poller_world *w, const struct vendor_reply *reply)
{
    char header[64];
    const time_t date_s = (w->world->now_us + reply->skew_us) / MTR_US_PER_SECOND;
    struct tm date;
    const size_t size = strftime(header, sizeof(header), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&date_s, &date));
    assert_int_equal(mtr_buffer_append(reply->headers, header, size), 0);
}

static inline void poller_world_answer(struct poller_world *w, struct mtr_poll *poll, const char *url)
{
    struct mtr_http_answer answer;
    struct mtr_buffer body;
    mtr_http_answer_init(&answer);
    mtr_buffer_init(&body, 8 << 20);
    struct vendor_reply reply = {.status = 200, .headers = &answer.headers, .body = &body};
    w->asked++;
    if (w->is_dead)
        answer.error = MTR_ECLOSED;
    else
        w->answer(w->context, url, &reply);
    if (!answer.error) poller_world_add_date(w, &reply);
    answer.status = answer.error ? 0 : reply.status;
    int rc = body.size && !answer.error ? mtr_poller_on_piece(poll, &answer, mtr_buffer_str(&body)) : MTR_OK;
    assert_int_not_equal(rc, MTR_EAGAIN); /* pages of tests are small */
    if (rc) answer.error = rc;
    mtr_poller_on_answer(poll, &answer, w->world->now_us);
    mtr_buffer_release(&body);
    mtr_http_answer_release(&answer);
}

static inline void poller_world_do_sends(struct poller_world *w)
{
    char *url;
    if (!w->send_count) return;
    struct mtr_poll *poll = poller_world_take_send(w, 0, &url);
    poller_world_answer(w, poll, url);
    free(url);
}

static inline void poller_world_commit(struct poller_world *w)
{
    if (!w->submitted) return;
    step(w->world);
    for (uint32_t i = 0; i < w->world->answer_count; i++) {
        if (w->crashes && w->crashes(w->context)) w->is_dead = true;
        w->submitted--;
        mtr_poller_on_committed(w->poller, w->world->answers[i], w->world->now_us);
    }
    w->world->answer_count = 0;
}

static inline bool poller_world_is_busy(const struct poller_world *w) { return w->work_count || w->send_count || w->submitted; }

/* Until nothing is left to do at this time; or it is dead. */
static inline void poller_world_run(struct poller_world *w)
{
    bool was_busy;
    do {
        assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &w->next_us), 0);
        was_busy = poller_world_is_busy(w);
        poller_world_do_works(w);
        poller_world_do_sends(w);
        poller_world_commit(w);
    } while (!w->is_dead && (was_busy || poller_world_is_busy(w) || w->next_us <= w->world->now_us));
    if (w->ends && !w->is_dead) w->ends(w->context);
}

/* Time goes by until then: all that is due meanwhile is done in its time. */
static inline void poller_world_at(struct poller_world *w, int64_t now_us)
{
    poller_world_run(w);
    while (!w->is_dead && w->next_us < now_us) {
        w->world->now_us = mtr_time_later(w->next_us, w->world->now_us + 1);
        poller_world_run(w);
    }
    if (w->is_dead) return;
    w->world->now_us = mtr_time_later(now_us, w->world->now_us); /* the vendor may have taken his time */
    poller_world_run(w);
}

static inline void poller_world_until(struct poller_world *w, const char *time) { poller_world_at(w, instant(time)); }

static inline void poller_world_close(struct poller_world *w)
{
    mtr_poller_stop(w->poller, "it is over");
    for (int i = 0; !mtr_poller_is_idle(w->poller) && i < 100000; i++) {
        int64_t next_us;
        poller_world_do_works(w);
        poller_world_do_sends(w);
        poller_world_commit(w);
        assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &next_us), 0);
    }
    mtr_poller_close(w->poller);
    mtr_ledger_close(w->ledger);
}

/* forgets: the ledger is folded again. */
static inline void poller_world_crash(struct poller_world *w, bool forgets)
{
    w->is_dead = true;
    poller_world_close(w);
    close_log(w->world);
    if (forgets) remove_tree(w->directory);
    open_log(w->world);
    poller_world_open(w);
}

static inline void free_poller_world(struct poller_world *w)
{
    poller_world_close(w);
    free_world(w->world);
    free(w);
}

/* ---- what came of it ---- */

static inline struct mtr_ledger_window window_of(struct poller_world *w, const char *key, const char *each, const char *start)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    const struct mtr_strand strand = {MTR_STR("acme"), mtr_str_from(key), mtr_str_from(each)};
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    int rc = mtr_ledger_get_window(txn, &strand, instant(start), &window);
    if (rc) fail_msg("%s %s %s: %s", key, each, start, mtr_error_text(rc));
    mtr_ledger_abort(txn);
    window.problem = (struct mtr_str){NULL, 0};
    return window;
}

/* NULL: the source does not have it. */
static inline const struct mtr_source_alarm *alarm_of(const struct poller_world *w, const char *key, enum mtr_alarm alarm,
                                                      struct mtr_source_status *status)
{
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), mtr_str_from(key), status));
    for (uint32_t i = 0; i < status->alarm_count; i++)
        if (status->alarms[i].alarm == alarm) return &status->alarms[i];
    return NULL;
}

/* "ID=number of the first property " of what counts in the log, by id. */
struct counted_row {
    char id[64], number[MTR_DECIMAL_TEXT_BYTES];
};
static inline int compare_counted(const void *a, const void *b)
{
    return strcmp(((const struct counted_row *)a)->id, ((const struct counted_row *)b)->id);
}
static inline void counted_rows(struct poller_world *w, const char *key, char *out, size_t room)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    char source[64];
    const uint64_t last = mtr_log_last_seq(w->world->log);
    uint8_t *voided = calloc(last + 1, 1);
    struct counted_row *rows = calloc(last + 1, sizeof(*rows));
    size_t count = 0;
    snprintf(source, sizeof(source), "meterd:%s", key);
    assert_int_equal(mtr_log_reader_attach(w->world->log, &reader), 0);
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t seq = 1; seq <= last; seq = header.first_seq + header.count) {
            assert_int_equal(mtr_log_read(reader, seq, &header, &events, &diagnostic), 0);
            for (uint32_t i = 0; i < header.count; i++) {
                const uint64_t at = header.first_seq + i;
                if (!pass && events[i].disposition == MTR_DISPOSITION_VOID) assert_false(voided[events[i].target_seq]++);
                if (!pass || voided[at] || events[i].disposition != MTR_DISPOSITION_NORMAL) continue;
                if (!mtr_str_equal(events[i].source, mtr_str_from(source))) continue;
                snprintf(rows[count].id, sizeof(rows[count].id), "%.*s", MTR_STR_ARGS(events[i].id));
                char *number = strrchr(rows[count].id, '#'); /* rows that only come have none */
                if (number) *number = '\0';
                mtr_decimal_format(events[i].properties[0].number, rows[count++].number);
            }
        }
    qsort(rows, count, sizeof(*rows), compare_counted);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(out);
        snprintf(out + size, room - size, "%s=%s ", rows[i].id, rows[i].number);
    }
    mtr_log_reader_close(reader);
    free(rows);
    free(voided);
}

#endif
