/*
 * A whole reading of a vendor: requests, paging, reports that are waited for, proofs and the verdict, over answers that
 * are any bytes. The first byte chooses the source, the second the pieces; behind them stand answers, one behind the
 * other up to a byte 0x1e: a byte for the status, headers up to a NUL, the body. Where answers end, nobody answers.
 *
 * Whatever the pieces, the same is asked, the same rows come out and the report is the same. No request leads where the
 * document does not let it, and none has a byte that would say more than a value. What is taken is what was proved; what
 * is not has a sentence. It ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

#include "meterd/collector/source_trial.h"
#include "meterd/core/time.h"
#include "meterd/source/source_read.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SOURCE "{key: usage, vendor: acme, base_url: 'https://api.example/v1', hosts: [files.example], schedule: {every: 1h}, auth: none, "
#define DAYS "window: {length: day, start: 2026-07-01}, "
#define USAGE DAYS "request: {path: /usage, query: {from: '{from}', to: '{to}'}}, "
#define ROWS "identity: {id: id}, map: {type: =u, subject: s, time: t, data: {quantity: q}}}"
#define JSON "format: {json: {rows: 'items[]'}}, "
#define POLL "poll: {path: '/poll/{job.id}', every: 1m}, "

static const char *const documents[] = {
    SOURCE USAGE "paging: {cursor: {path: next, send: query.cursor, has_more: more}}, "
                 "complete: {count: total, sum: {path: sum, of: quantity}}, " JSON ROWS,
    SOURCE USAGE "paging: {link_header: {rel: next}}, complete: {flag: done}, "
                 "answer: {ok: {path: status, equals: fine}, absent: {status: 404}}, " JSON ROWS,
    SOURCE USAGE "paging: {page: {send: query.page, limit: {send: query.size, value: 2}, total: total, has_more: more}}, "
                 "complete: {count: total}, " JSON ROWS,
    SOURCE USAGE "paging: {offset: {send: query.offset, limit: {value: 2}, short_page_ends: true}}, answer: {rows_limit: 5}, " JSON ROWS,
    SOURCE USAGE "paging: {next_url: {path: '[\"@odata.nextLink\"]'}}, "
                 "answer: {warnings: {path: warning}, limit: {path: error, contains: much}}, " JSON ROWS,
    SOURCE USAGE "paging: {after_id: {send: query.starting_after, id: id, has_more: more}}, " JSON ROWS,
    SOURCE USAGE "paging: {parts: {list: 'parts[]', url: url, size: size, md5: md5, sha256: sha, count: count, etag: etag, "
                 "root: root, token_query: sas}}, format: {ndjson: {}}, " ROWS,
    SOURCE USAGE "paging: {parts: {s3_list: true, url: '/bucket/{item}', token: NextContinuationToken, send: query.continuation-token}}, "
                 "format: {csv: {}}, " ROWS,
    SOURCE DAYS "job: {submit: {method: POST, path: /submit, query: {from: '{from}'}}, id: {path: id}, " POLL
                "status: {path: status, running: running, done: done, empty: none, failed: failed}, result: {url: {path: url}}, "
                "timeout: 6h, delete: {method: DELETE, path: '/remove/{job.id}'}, "
                "list: {path: /reports, rows: 'reports[]', id: id, match: {from: '{from}'}}}, " JSON ROWS,
    SOURCE DAYS "job: {submit: {method: POST, path: /submit}, id: {header: X-Job}, " POLL
                "status: {path: status, running: running, done: done}, result: {manifest: {path: manifest}}}, "
                "paging: {parts: {list: 'blobs[]', url: name}}, format: {ndjson: {}}, " ROWS,
    SOURCE "window: {length: cursor, start: 2026-07-01}, delivery: append, request: {path: /feed}, "
           "paging: {cursor: {path: next, send: query.at, has_more: more}}, " JSON ROWS,
    SOURCE USAGE "format: {prometheus: {}}, identity: {hash: [instance, timestamp]}, "
                 "map: {type: =u, subject: instance, time: {path: timestamp, format: unix_s}, data: {quantity: value}}}",
};

enum { SOURCES = sizeof(documents) / sizeof(*documents), INPUT_BYTES_MAX = 32 << 10, REQUESTS_MAX = 400, TURNS_MAX = 20000, PIECE_BYTES_MAX = 64 << 10 };
#define NOW_US (INT64_C(1784112000) * 1000000) /* 2026-07-15T10:40:00Z */
#define ENDS_ANSWER 0x1e

/* ---- what is made once ---- */

static struct mtr_document *parsed[SOURCES];
static struct mtr_arena arena; /* of the sources */
static struct mtr_source sources[SOURCES];
static struct mtr_ledger *ledger;
static char directory[DIRECTORY_PATH_BYTES], pages[DIRECTORY_PATH_BYTES];

static int no_zone(void *context, struct mtr_str name, struct mtr_zone **out)
{
    (void)context;
    (void)name;
    (void)out;
    return MTR_ENOTFOUND;
}

static void end(void)
{
    mtr_ledger_close(ledger);
    for (unsigned i = 0; i < SOURCES; i++) mtr_document_close(parsed[i]);
    mtr_arena_release(&arena);
    remove_tree(pages);
    remove_tree(directory);
}

static void begin(void)
{
    struct mtr_diagnostic diagnostic;
    struct mtr_diagnostics findings;
    const struct mtr_source_zones zones = {no_zone, NULL};
    mtr_arena_init(&arena, 4096, 16 << 20);
    mtr_diagnostics_init(&findings, 4);
    for (unsigned i = 0; i < SOURCES; i++) {
        int rc = mtr_document_parse(mtr_str_from(documents[i]), &parsed[i], &diagnostic);
        MTR_ASSERT(rc == MTR_OK);
        rc = mtr_source_read(mtr_document_root(parsed[i]), &zones, &arena, &sources[i], &findings);
        MTR_ASSERT(rc == MTR_OK);
    }
    mtr_diagnostics_release(&findings);
    make_temporary_in_memory(directory);
    make_temporary_in_memory(pages);
    const int rc = mtr_ledger_open(directory, false, &ledger, &diagnostic);
    MTR_ASSERT(rc == MTR_OK);
    atexit(end);
}

/* ---- a vendor ---- */

struct reading {
    struct mtr_trial *trial;
    const uint8_t *at, *end; /* of the answers */
    size_t piece;
    bool is_asked;                 /* a request is out */
    struct mtr_str headers, body;  /* of its answer */
    unsigned status;
    bool has_answer;
    size_t taken; /* of the body */
    uint64_t asked, rows; /* all that was sent, and all that came of it */
    uint32_t requests;
    struct mtr_trial_report report;
};

static void mix(uint64_t *hash, const void *bytes, size_t size)
{
    *hash = XXH3_64bits_withSeed(size ? bytes : "", size, *hash + size);
}

static void check_line(struct mtr_str text)
{
    for (size_t i = 0; i < text.size; i++) MTR_ASSERT((unsigned char)text.data[i] >= ' ' && text.data[i] != 0x7f);
}

static void check_url(struct mtr_str url)
{
    MTR_ASSERT(!strncasecmp(url.data, "https://api.example/", 20) || !strncasecmp(url.data, "https://files.example/", 22));
    for (size_t i = 0; i < url.size; i++) MTR_ASSERT((unsigned char)url.data[i] > ' ' && url.data[i] != 0x7f && url.data[i] != '#');
}

/* Nobody answers behind the last answer. */
static void next_answer(struct reading *reading)
{
    static const unsigned statuses[] = {200, 202, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503};
    const size_t left = (size_t)(reading->end - reading->at);
    const uint8_t *stop = left ? memchr(reading->at, ENDS_ANSWER, left) : NULL;
    struct mtr_str text = {(const char *)reading->at, stop ? (size_t)(stop - reading->at) : left};
    reading->has_answer = text.size > 0;
    reading->at += text.size + (stop != NULL);
    reading->taken = 0;
    reading->headers = reading->body = MTR_STR("");
    if (!text.size) return;
    const uint8_t how = (uint8_t)text.data[0];
    reading->status = how >= 'a' && how < 'a' + sizeof(statuses) / sizeof(*statuses) ? statuses[how - 'a'] : 200;
    text = (struct mtr_str){text.data + 1, text.size - 1};
    const char *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    if (nul) reading->headers = (struct mtr_str){text.data, (size_t)(nul - text.data)};
    reading->body = nul ? (struct mtr_str){nul + 1, text.size - reading->headers.size - 1} : text;
}

static int send(void *context, const struct mtr_http_call *call, const struct mtr_trial_request *shown)
{
    struct reading *reading = context;
    MTR_ASSERT(!reading->is_asked && ++reading->requests <= REQUESTS_MAX);
    MTR_ASSERT(shown->number == reading->requests && !shown->is_token);
    check_url(mtr_str_from(call->url));
    mix(&reading->asked, call->method, strlen(call->method));
    mix(&reading->asked, call->url, strlen(call->url));
    mix(&reading->asked, call->body.data, call->body.size);
    check_line(mtr_str_from(call->method));
    for (uint32_t i = 0; i < call->header_count; i++) {
        check_line(call->headers[i].name);
        check_line(call->headers[i].value);
        mix(&reading->asked, call->headers[i].value.data, call->headers[i].value.size);
    }
    reading->is_asked = true;
    next_answer(reading);
    return MTR_OK;
}

static void resume(void *context)
{
    (void)context; /* it is tried again in each turn */
}

static void give_end(struct reading *reading, int error, int64_t now_us)
{
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    answer.status = reading->has_answer ? reading->status : 0;
    answer.error = error;
    if (error) snprintf(answer.reason, sizeof(answer.reason), "%s", mtr_error_text(error));
    const int rc = mtr_buffer_append_str(&answer.headers, reading->headers);
    MTR_ASSERT(rc == MTR_OK);
    reading->is_asked = false;
    mtr_trial_on_answer(reading->trial, &answer, now_us);
    mtr_http_answer_release(&answer);
}

static void give(struct reading *reading, int64_t now_us)
{
    struct mtr_http_answer head;
    int rc = MTR_OK;
    mtr_http_answer_init(&head);
    head.status = reading->status;
    MTR_ASSERT(mtr_buffer_append_str(&head.headers, reading->headers) == MTR_OK);
    while (!rc && reading->has_answer && reading->is_asked && reading->taken < reading->body.size) {
        const size_t left = reading->body.size - reading->taken;
        const struct mtr_str piece = {reading->body.data + reading->taken, left < reading->piece ? left : reading->piece};
        rc = mtr_trial_on_piece(reading->trial, &head, piece);
        if (!rc) reading->taken += piece.size;
    }
    mtr_http_answer_release(&head);
    if (rc != MTR_EAGAIN && reading->is_asked) give_end(reading, reading->has_answer ? rc : MTR_EDENIED, now_us);
}

static void cancel(void *context)
{
    struct reading *reading = context;
    if (reading->is_asked) give_end(reading, MTR_ECLOSED, NOW_US);
}

static void nonce(void *context, uint8_t out[MTR_TRIAL_NONCE_BYTES])
{
    (void)context;
    memset(out, 7, MTR_TRIAL_NONCE_BYTES);
}

static void on_begin(void *context)
{
    ((struct reading *)context)->rows = 0;
}

static int on_row(void *context, const struct mtr_trial_row *row)
{
    struct reading *reading = context;
    MTR_ASSERT(row->is_unmapped ? row->result.code == MTR_RESULT_INVALID : row->event != NULL);
    MTR_ASSERT(row->result.code == MTR_RESULT_ACCEPTED || row->result.reason[0]);
    mix(&reading->rows, &row->is_unmapped, sizeof(row->is_unmapped));
    if (row->is_unmapped) return MTR_OK;
    mix(&reading->rows, &row->key, sizeof(row->key));
    mix(&reading->rows, &row->digest, sizeof(row->digest));
    mix(&reading->rows, &row->is_outside, sizeof(row->is_outside));
    return MTR_OK;
}

/* ---- a reading of it ---- */

static void go_on(struct reading *reading)
{
    int64_t now_us = NOW_US, next_us;
    for (unsigned turn = 0; !mtr_trial_step(reading->trial, now_us, &next_us); turn++) {
        MTR_ASSERT(turn < TURNS_MAX);
        if (reading->is_asked) give(reading, now_us);
        else if (next_us > now_us) now_us = next_us;
    }
    MTR_ASSERT(!reading->is_asked);
}

static void read_all(struct reading *reading, const struct mtr_source *source)
{
    const struct mtr_trial_hooks hooks = {reading, send, resume, cancel, nonce, NULL, on_begin, on_row};
    const struct mtr_trial_options options = {.hooks = &hooks, .source = source, .directory = pages, .ledger = ledger, .secret = MTR_TRIAL_SECRET_NONE};
    const struct mtr_trial_ask ask = {.window = mtr_trial_newest_window(source, NOW_US)};
    struct mtr_diagnostic diagnostic;
    int rc = mtr_trial_open(&options, &reading->trial, &diagnostic);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_trial_begin(reading->trial, &ask, NOW_US);
    MTR_ASSERT(rc == MTR_OK);
    go_on(reading);
    mtr_trial_end(reading->trial);
    reading->report = *mtr_trial_report(reading->trial);
    mtr_trial_close(reading->trial);
}

static void check_proof(const struct mtr_trial_proof *proof)
{
    struct mtr_decimal said, came;
    if (!proof->is_asked) return;
    MTR_ASSERT(proof->is_said);
    if (mtr_decimal_parse(mtr_str_from(proof->came), &came)) return; /* of a flag nothing comes */
    MTR_ASSERT(mtr_decimal_parse(mtr_str_from(proof->said), &said) == MTR_OK && said.mantissa == came.mantissa && said.scale == came.scale);
}

static void check_report(const struct mtr_trial_report *report)
{
    const bool is_taken = report->result == MTR_TRIAL_TAKEN || report->result == MTR_TRIAL_UNCHANGED || report->result == MTR_TRIAL_AGAIN;
    MTR_ASSERT(is_taken || report->text[0]);
    for (const char *p = report->text; *p; p++) MTR_ASSERT((unsigned char)*p >= ' ' && *p != 0x7f);
    MTR_ASSERT(mtr_str_is_utf8(mtr_str_from(report->text)));
    MTR_ASSERT(report->result == MTR_TRIAL_FAILED || report->skipped + report->problems + report->repeated <= report->rows);
    if (report->result != MTR_TRIAL_TAKEN) return;
    check_proof(&report->count);
    check_proof(&report->sum);
    MTR_ASSERT(!report->flag.is_asked || !strcmp(report->flag.said, "true"));
}

static void check_same(const struct reading *a, const struct reading *b)
{
    MTR_ASSERT(a->asked == b->asked && a->requests == b->requests && a->rows == b->rows);
    MTR_ASSERT(a->report.result == b->report.result && a->report.alarm == b->report.alarm && !strcmp(a->report.text, b->report.text));
    MTR_ASSERT(a->report.requests == b->report.requests && a->report.pages == b->report.pages && a->report.bytes == b->report.bytes);
    MTR_ASSERT(a->report.rows == b->report.rows && a->report.skipped == b->report.skipped && a->report.problems == b->report.problems);
    MTR_ASSERT(a->report.repeated == b->report.repeated && a->report.added == b->report.added && a->report.newest_us == b->report.newest_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_BYTES_MAX) return 0;
    if (!ledger) begin();
    struct reading whole = {.at = data + 2, .end = data + size, .piece = PIECE_BYTES_MAX}, pieces = whole;
    pieces.piece = 1 + data[1] % 64;
    read_all(&whole, &sources[data[0] % SOURCES]);
    read_all(&pieces, &sources[data[0] % SOURCES]);
    check_report(&whole.report);
    check_same(&whole, &pieces);
    return 0;
}
