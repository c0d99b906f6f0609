/*
 * A trial's edge: what a reading asks of the world goes through here, and whoever looks on is shown it with
 * its secrets masked.
 */
#include <stdio.h>
#include <string.h>

#include "collector/source/call_text.h"
#include "collector/source/trial/trial_state.h"

enum { SHOWN_BYTES_MAX = 4 << 20 };

/* ---- what is shown ---- */

struct shown {
    struct mtr_buffer url, headers, body;
};

static void release_shown(struct shown *shown)
{
    mtr_buffer_release(&shown->url);
    mtr_buffer_release(&shown->headers);
    mtr_buffer_release(&shown->body);
}

static int show_header(const struct mtr_trial *trial, struct mtr_str name, struct mtr_str value,
                       struct mtr_buffer *out)
{
    int rc = mtr_buffer_append_str(out, name);
    if (!rc) rc = mtr_buffer_append_str(out, MTR_STR(": "));
    if (!rc) rc = source_mask_header(trial->mask, name, value, out);
    return rc ? rc : mtr_buffer_append_char(out, '\n');
}

/* The text of `type` is that of a form: the same parameters sign there as in a URL. */
static int show_call(const struct mtr_trial *trial, const struct mtr_http_call *call, struct shown *shown)
{
    mtr_buffer_init(&shown->url, SHOWN_BYTES_MAX);
    mtr_buffer_init(&shown->headers, SHOWN_BYTES_MAX);
    mtr_buffer_init(&shown->body, SHOWN_BYTES_MAX);
    int rc = source_mask_url(trial->mask, mtr_str_from(call->url), &shown->url);
    for (uint32_t i = 0; !rc && i < call->header_count; i++)
        rc = show_header(trial, call->headers[i].name, call->headers[i].value, &shown->headers);
    if (!rc && call->body.size && !trial->is_token)
        rc = source_mask_text(trial->mask, call->body, &shown->body);
    return rc;
}

/* Lines "name: value\r\n" of an answer. */
static int show_headers(const struct mtr_trial *trial, struct mtr_str lines, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    while (!rc && lines.size) {
        const char *end = memchr(lines.data, '\n', lines.size);
        const size_t size = end ? (size_t)(end - lines.data) : lines.size;
        struct mtr_str line = {lines.data, size};
        lines = (struct mtr_str){lines.data + size + (end != NULL), lines.size - size - (end != NULL)};
        if (line.size && line.data[line.size - 1] == '\r') line.size--;
        const char *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
        if (!colon) continue;
        const struct mtr_str name = {line.data, (size_t)(colon - line.data)};
        struct mtr_str value = {colon + 1, line.size - name.size - 1};
        while (value.size && value.data[0] == ' ')
            value = (struct mtr_str){value.data + 1, value.size - 1};
        rc = show_header(trial, name, value, out);
    }
    return rc;
}

/* ---- requests ---- */

static int send(void *context, struct mtr_poll *poll, const struct source_call *call)
{
    struct mtr_trial *trial = context;
    const struct call_rules rules = {.answer_bytes_max = trial->source.answer.bytes_max,
                                     .allow_loopback = trial->options.allow_loopback,
                                     .allow_private = trial->options.allow_private};
    struct call_text text;
    struct shown shown = {0};
    trial->is_token = poll_asks_token(poll);
    trial->answer_bytes = 0;
    int rc = call_text_make(&text, call, &rules);
    if (!rc) rc = show_call(trial, &text.call, &shown);
    const struct mtr_trial_request request = {.number = trial->requests + 1,
                                              .is_token = trial->is_token,
                                              .method = call->method,
                                              .url = mtr_buffer_str(&shown.url),
                                              .headers = mtr_buffer_str(&shown.headers),
                                              .body = mtr_buffer_str(&shown.body)};
    if (!rc) rc = trial->hooks.send(trial->hooks.context, &text.call, &request);
    if (!rc) trial->requests++;
    release_shown(&shown);
    call_text_release(&text);
    return rc;
}

static void resume(void *context, struct mtr_poll *poll)
{
    struct mtr_trial *trial = context;
    (void)poll;
    trial->hooks.resume(trial->hooks.context);
}

static void cancel(void *context, struct mtr_poll *poll)
{
    struct mtr_trial *trial = context;
    (void)poll;
    trial->hooks.cancel(trial->hooks.context);
}

int mtr_trial_on_piece(struct mtr_trial *trial, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    int rc = poll_piece(trial->poll, answer, piece);
    if (!rc) trial->answer_bytes += piece.size;
    return rc;
}

/* What came may be the token that the mask must know: the reading looks at it first. */
void mtr_trial_on_answer(struct mtr_trial *trial, struct mtr_http_answer *answer, int64_t now_us)
{
    struct mtr_buffer headers, lines;
    struct mtr_trial_answer shown = {.number = trial->requests,
                                     .is_token = trial->is_token,
                                     .status = answer->status,
                                     .error = answer->error,
                                     .reason = answer->reason,
                                     .bytes = trial->answer_bytes};
    mtr_buffer_init(&headers, SHOWN_BYTES_MAX);
    mtr_buffer_init(&lines, SHOWN_BYTES_MAX);
    const bool is_copied = !mtr_buffer_append_str(&lines, mtr_buffer_str(&answer->headers));
    trial->now_us = now_us;
    trial->report.last_status = answer->status;
    trial->report.last_error = answer->error;
    poll_answered(trial->poll, answer, now_us);
    if (is_copied && !show_headers(trial, mtr_buffer_str(&lines), &headers))
        shown.headers = mtr_buffer_str(&headers);
    if (trial->hooks.on_answer) trial->hooks.on_answer(trial->hooks.context, &shown);
    mtr_buffer_release(&headers);
    mtr_buffer_release(&lines);
}

/* ---- work ---- */

/* Done in the next turn of mtr_trial_step. */
static int work(void *context, struct mtr_poll *poll)
{
    struct mtr_trial *trial = context;
    (void)poll;
    trial->has_work = true;
    return MTR_OK;
}

static int submit(void *context, struct mtr_poll *poll, struct mtr_request *request)
{
    (void)context;
    (void)poll;
    (void)request;
    MTR_ASSERT(!"a trial sends nothing to the intake");
    return MTR_EDENIED;
}

static void nonce(void *context, uint8_t out[AUTH_NONCE_BYTES])
{
    struct mtr_trial *trial = context;
    _Static_assert((int)AUTH_NONCE_BYTES == (int)MTR_TRIAL_NONCE_BYTES, "the same bytes");
    trial->hooks.nonce(trial->hooks.context, out);
}

/* ---- rows ---- */

static void on_begin(void *context)
{
    struct mtr_trial *trial = context;
    trial->report.restarts += trial->poll != NULL;
    if (trial->hooks.on_begin) trial->hooks.on_begin(trial->hooks.context);
}

static struct mtr_event_result judge(struct mtr_trial *trial, const struct mtr_event *event)
{
    const struct mtr_catalog *catalog = trial->options.catalog;
    struct mtr_verdict verdict = judge_limits(event, &trial->row_arena);
    if (verdict.code == MTR_RESULT_ACCEPTED && catalog)
        verdict = judge_future(&trial->judge, event, trial->now_us);
    if (verdict.code == MTR_RESULT_ACCEPTED && catalog)
        verdict = judge_usage(&trial->judge, catalog, event, trial->now_us, &trial->row_arena);
    if (verdict.code == MTR_RESULT_LATE) verdict.reason = judge_late_reason(&verdict, &trial->row_arena);
    return (struct mtr_event_result){.code = verdict.code,
                                     .field = verdict.field,
                                     .reason = verdict.reason,
                                     .finding = verdict.finding,
                                     .not_counted = verdict.not_counted};
}

static int on_row(void *context, const struct read_row *row, const struct mtr_event *event,
                  const struct mtr_diagnostic *problem)
{
    struct mtr_trial *trial = context;
    if (!trial->hooks.on_row) return MTR_OK;
    mtr_arena_reset(&trial->row_arena);
    const struct mtr_trial_row shown = {.event = event,
                                        .key = row->key,
                                        .digest = row->digest,
                                        .is_outside = row->is_outside,
                                        .is_unmapped = problem != NULL,
                                        .result = problem
                                                      ? (struct mtr_event_result){.code = MTR_RESULT_INVALID,
                                                                                  .field = problem->field,
                                                                                  .reason = problem->text,
                                                                                  .finding = problem->code}
                                                      : judge(trial, event)};
    return trial->hooks.on_row(trial->hooks.context, &shown);
}

void trial_make_hooks(struct mtr_trial *trial)
{
    trial->poll_hooks = (struct poll_hooks){trial, send, resume, cancel, work, submit, nonce, NULL, NULL};
    trial->watch = (struct reading_watch){trial, on_begin, on_row};
}

/* ---- secrets ---- */

static int read_wrong(void *context, struct mtr_str file, struct mtr_buffer *out,
                      char fault[AUTH_FAULT_BYTES])
{
    (void)context;
    (void)file;
    (void)fault;
    return mtr_buffer_append_str(out, MTR_STR("not-the-secret-of-this-source"));
}

struct auth_hooks trial_auth_hooks(struct mtr_trial *trial)
{
    struct auth_hooks hooks = auth_files_hooks(trial->files);
    if (trial->options.secret == MTR_TRIAL_SECRET_WRONG) {
        hooks.read_secret = read_wrong;
        hooks.load = NULL;
        hooks.keep = NULL;
    }
    hooks.mask = trial->mask;
    return hooks;
}
