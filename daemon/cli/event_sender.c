/*
 * The sender's side of POST /v1/events. One request is on its way at a time; main thread only. Nothing is
 * given up silently: every event is counted under its result, or the command ends with an exit code that says
 * so.
 */
#include "daemon/cli/event_sender.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "meterd/collector/decode.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/line.h"
#include "meterd/net/coding.h"

enum {
    BODY_BYTES_MAX = 1 << 30,
    PAUSE_FIRST_MS = 200,
    PAUSE_MAX_MS = 30000,
    RETRY_AFTER_MAX_S = 300,
    EVENTS_MAX = 1 << 30, /* of a request: the daemon took them */
};

int event_sender_init(struct event_sender *sender, const struct cli_invocation *invocation,
                      struct mtr_client *client, const char *content_type, const char *compress)
{
    *sender = (struct event_sender){.client = client,
                                    .content_type = content_type,
                                    .compress = compress,
                                    .attempts_max = 8,
                                    .problems_max = 10};
    mtr_buffer_init(&sender->packed, BODY_BYTES_MAX);
    progress_init(&sender->progress, 0);
    sender->json = invocation_flag(invocation, "json");
    sender->is_dry_run = invocation_flag(invocation, "dry-run");
    if (sender->is_dry_run && mtr_dry_run_open(&sender->dry_run)) return MTR_EXIT_FAILED;
    if (!invocation_u64(invocation, "attempts", 1, 1000, &sender->attempts_max)) return MTR_EXIT_USAGE;
    if (!invocation_u64(invocation, "errors", 0, 1000000, &sender->problems_max)) return MTR_EXIT_USAGE;
    return MTR_EXIT_OK;
}

void event_sender_release(struct event_sender *sender)
{
    mtr_dry_run_close(sender->dry_run);
    mtr_buffer_release(&sender->packed);
}

void event_sender_problem(struct event_sender *sender, const char *file, struct event_sender_place place,
                          enum mtr_finding_code code, const char *field, const char *reason)
{
    const char *shown = mtr_finding_kind(code)->code;
    char text[2 * MTR_FINDING_TEXT_BYTES];
    if (sender->problems++ >= sender->problems_max) return;
    progress_clear(&sender->progress);
    fprintf(stderr, "%s:%" PRIu64 ":", file, place.line);
    if (place.column) fprintf(stderr, "%" PRIu64 ":", place.column);
    snprintf(text, sizeof(text), "%s%s%s%s%s%s", field ? field : "", field && *field ? ": " : "", reason,
             *shown ? " [" : "", shown, *shown ? "]" : "");
    mtr_line_make(text); /* what was sent, and the daemon's words, give no orders to a terminal */
    fprintf(stderr, " %s\n", text);
}

/* Retry-After when given, else doubling with jitter, so that many senders do not come back together. */
static uint64_t pause_ms(uint64_t attempt, uint32_t retry_after_s)
{
    if (retry_after_s)
        return (uint64_t)(retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S) * 1000;
    uint64_t pause = attempt < 8 ? (uint64_t)PAUSE_FIRST_MS << attempt : PAUSE_MAX_MS;
    uint64_t random = 0;
    if (pause > PAUSE_MAX_MS) pause = PAUSE_MAX_MS;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) random = attempt;
    return pause / 2 + random % (pause / 2 + 1);
}

static void wait_ms(uint64_t pause)
{
    struct timespec left = {.tv_sec = (time_t)(pause / 1000), .tv_nsec = (long)(pause % 1000) * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

static uint64_t member_u64(const struct mtr_node *map, const char *name)
{
    const struct mtr_node *node = mtr_node_get(map, name);
    uint64_t value = 0;
    return node && mtr_str_to_u64(node->text, &value) ? value : 0;
}

static const char *member_text(const struct mtr_node *map, const char *name, char *out, size_t out_bytes)
{
    const struct mtr_node *node = mtr_node_get(map, name);
    snprintf(out, out_bytes, "%.*s", node ? (int)node->text.size : 0, node ? node->text.data : "");
    return out;
}

static void count_meter(struct event_sender *sender, struct mtr_str key)
{
    uint32_t at = 0;
    while (at < sender->not_counted_meters && !mtr_str_equal(mtr_str_from(sender->not_counted[at].key), key))
        at++;
    if (at == EVENT_SENDER_METERS_MAX) at--;
    struct event_sender_meter *meter = &sender->not_counted[at];
    if (at == sender->not_counted_meters) {
        const bool is_last = at + 1 == EVENT_SENDER_METERS_MAX;
        snprintf(meter->key, sizeof(meter->key), "%.*s",
                 MTR_STR_ARGS(is_last ? MTR_STR("(others)") : key));
        sender->not_counted_meters++;
    }
    meter->events++;
}

static void take_not_counted(struct event_sender *sender, const struct mtr_node *row)
{
    const struct mtr_node *keys = mtr_node_get(row, "not_counted");
    for (uint32_t i = 0; keys && i < keys->child_count; i++) count_meter(sender, keys->children[i].text);
}

static struct event_sender_place place_of(const struct event_sender_batch *batch, uint64_t index)
{
    const struct event_sender_place number = {index + 1, 0};
    return batch->places && index < batch->count ? batch->places[index] : number;
}

static void print_result(struct event_sender *sender, const struct event_sender_batch *batch,
                         const struct mtr_node *row)
{
    char result[32], field[96], reason[MTR_FINDING_TEXT_BYTES], id[MTR_EVENT_ID_BYTES_MAX + 1], code[64],
        text[sizeof(result) + sizeof(reason) + sizeof(id) + 16];
    uint64_t index = member_u64(row, "index");
    char class_text[16];
    if (strcmp(member_text(row, "class", class_text, sizeof(class_text)), "fix") != 0) return;
    member_text(row, "result", result, sizeof(result));
    member_text(row, "field", field, sizeof(field));
    member_text(row, "reason", reason, sizeof(reason));
    member_text(row, "id", id, sizeof(id));
    member_text(row, "code", code, sizeof(code));
    snprintf(text, sizeof(text), "%s%s%s%s%s%s", result, reason[0] ? ": " : "", reason,
             id[0] ? " (id \"" : "", id, id[0] ? "\")" : "");
    event_sender_problem(sender, batch->file, place_of(batch, index), mtr_finding_code_find(code), field,
                         text);
}

static void take_rows(struct event_sender *sender, const struct event_sender_batch *batch,
                      const struct mtr_node *root)
{
    const struct mtr_node *rows = mtr_node_get(root, "results");
    for (unsigned code = 0; code < MTR_RESULT_COUNT; code++)
        sender->counts[code] += member_u64(root, mtr_result_name(code));
    for (uint32_t i = 0; rows && i < rows->child_count; i++) {
        take_not_counted(sender, &rows->children[i]);
        print_result(sender, batch, &rows->children[i]);
    }
}

/* ---- of a dry run ---- */

static enum mtr_result_code code_of(const struct mtr_node *row)
{
    const struct mtr_node *name = mtr_node_get(row, "result");
    unsigned code = 0;
    while (name && code < MTR_RESULT_COUNT &&
           !mtr_str_equal(name->text, mtr_str_from(mtr_result_name(code))))
        code++;
    return code < MTR_RESULT_COUNT ? code : MTR_RESULT_ACCEPTED;
}

/* One event: what the daemon says of it alone, and what the run makes of it. */
static void take_judged(struct event_sender *sender, const struct event_sender_batch *batch, uint32_t index,
                        const struct mtr_node *row, const struct mtr_event *event,
                        const struct mtr_event_result *result)
{
    char text[MTR_FINDING_TEXT_BYTES + MTR_EVENT_ID_BYTES_MAX + 64];
    sender->counts[result->code]++;
    if (result->reason) { /* of the run alone */
        snprintf(text, sizeof(text), "%s: %s (id \"%.*s\")", mtr_result_name(result->code), result->reason,
                 MTR_STR_ARGS(event->id));
        event_sender_problem(sender, batch->file, place_of(batch, index), result->finding, result->field,
                             text);
    } else if (row && code_of(row) == result->code) {
        take_not_counted(sender, row);
        print_result(sender, batch, row);
    }
}

struct judged {
    struct mtr_request request;
    struct mtr_event_result *alone; /* in the request's arena, as `rows` */
    const struct mtr_node **rows;   /* of the answer; NULL: plainly accepted */
};

static int decode_sent(const struct event_sender *sender, const struct event_sender_batch *batch,
                       const struct mtr_node *root, struct judged *out)
{
    struct mtr_diagnostic diagnostic;
    const struct mtr_decode_input input = {.body = batch->body,
                                           .content_type = mtr_str_from(sender->content_type),
                                           .body_bytes_max = BODY_BYTES_MAX,
                                           .events_max = EVENTS_MAX};
    const struct mtr_node *vendor = mtr_node_get(root, "vendor"), *rows = mtr_node_get(root, "results");
    struct mtr_arena *arena = &out->request.arena;
    if (vendor) out->request.vendor = vendor->text;
    int rc = mtr_decode(&input, &out->request, &diagnostic);
    if (rc) return rc;
    out->alone = mtr_arena_calloc(arena, (size_t)out->request.count + 1, sizeof(*out->alone));
    out->rows = mtr_arena_calloc(arena, (size_t)out->request.count + 1, sizeof(struct mtr_node *));
    if (!out->alone || !out->rows) return MTR_ENOMEM;
    for (uint32_t i = 0; rows && i < rows->child_count; i++) {
        char code[64];
        const struct mtr_node *row = &rows->children[i];
        const uint64_t index = member_u64(row, "index");
        if (index >= out->request.count) return MTR_EINVALID;
        out->rows[index] = row;
        member_text(row, "code", code, sizeof(code));
        out->alone[index] =
            (struct mtr_event_result){.code = code_of(row), .finding = mtr_finding_code_find(code)};
    }
    return MTR_OK;
}

/* What the run would say: requests that come before this one would have been stored. */
static int take_dry_run(struct event_sender *sender, const struct event_sender_batch *batch,
                        const struct mtr_node *root)
{
    struct judged judged = {.alone = NULL};
    mtr_request_init(&judged.request, SIZE_MAX);
    const struct mtr_request *request = &judged.request;
    int rc = decode_sent(sender, batch, root, &judged);
    if (!rc) {
        rc = mtr_dry_run_add(sender->dry_run, judged.alone, &judged.request);
        for (uint32_t i = 0; i < request->count; i++)
            take_judged(sender, batch, i, judged.rows[i], &request->events[i], &request->results[i]);
        if (rc && !sender->is_forgetful) {
            progress_clear(&sender->progress);
            fprintf(stderr,
                    "meterd: %s: the dry run remembers no more events than these: ids that come again behind "
                    "them are not told\n",
                    batch->file);
            sender->is_forgetful = true;
        }
        rc = MTR_OK;
    }
    mtr_request_release(&judged.request);
    if (!rc) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: %s: the daemon's answer is not understood: %s\n", batch->file,
            mtr_error_text(rc));
    return MTR_EXIT_FAILED;
}

/* Adds the answer's counts and prints its problems. *again: some were not processed. */
static int take_results(struct event_sender *sender, const struct event_sender_batch *batch,
                        struct mtr_str body, bool *again)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    if (mtr_document_parse(body, &document, &diagnostic)) {
        fprintf(stderr, "meterd: the daemon's answer cannot be read: %s\n", diagnostic.text);
        return MTR_EXIT_FAILED;
    }
    const struct mtr_node *root = mtr_document_root(document);
    int code = MTR_EXIT_OK;
    *again = member_u64(root, mtr_result_name(MTR_RESULT_UNPROCESSED)) > 0;
    if (!*again && sender->is_dry_run) code = take_dry_run(sender, batch, root);
    else if (!*again) take_rows(sender, batch, root);
    mtr_document_close(document);
    return code;
}

static int refuse(struct event_sender *sender, const struct event_sender_batch *batch,
                  const struct mtr_client_answer *answer)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    char detail[MTR_FINDING_TEXT_BYTES] = "", code[64] = "";
    if (mtr_document_parse(answer->body, &document, &diagnostic) == MTR_OK) {
        member_text(mtr_document_root(document), "detail", detail, sizeof(detail));
        if (!detail[0]) member_text(mtr_document_root(document), "title", detail, sizeof(detail));
        member_text(mtr_document_root(document), "code", code, sizeof(code));
        mtr_document_close(document);
    }
    progress_clear(&sender->progress);
    mtr_line_make(detail);
    mtr_line_make(code);
    fprintf(stderr, "meterd: %s: the daemon refused the request (HTTP %d)%s%s%s%s%s\n", batch->file,
            answer->status, detail[0] ? ": " : "", detail, code[0] ? " [" : "", code, code[0] ? "]" : "");
    if (answer->status == 413) fprintf(stderr, "meterd: send smaller requests with --batch\n");
    return MTR_EXIT_FAILED;
}

static bool is_passing(int status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

/* The body as --compress wants it, and its header; NULL for none. */
static int encode(struct event_sender *sender, struct mtr_str *body, const char **header)
{
    struct mtr_coding_writer writer = {.coding = MTR_CODING_IDENTITY};
    mtr_buffer_reset(&sender->packed);
    *header = NULL;
    if (!mtr_coding_from_name(mtr_str_from(sender->compress), &writer.coding) ||
        writer.coding == MTR_CODING_IDENTITY)
        return MTR_OK;
    int rc = mtr_coding_write(&writer, *body, true, &sender->packed);
    if (rc) return rc;
    *header = writer.coding == MTR_CODING_ZSTD ? "content-encoding: zstd" : "content-encoding: gzip";
    *body = mtr_buffer_str(&sender->packed);
    return MTR_OK;
}

int event_sender_send(struct event_sender *sender, const struct event_sender_batch *batch)
{
    char type[96], why[MTR_FINDING_TEXT_BYTES] = "";
    const char *path = sender->is_dry_run ? "/v1/events?dry_run=true" : "/v1/events";
    const char *headers[3] = {type, NULL, NULL};
    struct mtr_str body = batch->body;
    snprintf(type, sizeof(type), "content-type: %s", sender->content_type);
    int rc = encode(sender, &body, &headers[1]);
    if (rc) {
        fprintf(stderr, "meterd: cannot compress the request: %s\n", mtr_error_text(rc));
        return MTR_EXIT_FAILED;
    }
    for (uint64_t attempt = 0; attempt < sender->attempts_max; attempt++) {
        struct mtr_client_answer answer = {.status = 0};
        bool again = true;
        rc = client_call(sender->client, "POST", path, headers, body, &answer);
        if (!rc && answer.status == 200) {
            int code = take_results(sender, batch, answer.body, &again);
            if (code || !again) return code;
            snprintf(why, sizeof(why), "some events were not processed");
        } else if (!rc && !is_passing(answer.status)) {
            return refuse(sender, batch, &answer);
        } else if (rc) {
            snprintf(why, sizeof(why), "%s", client_error(sender->client));
        } else {
            snprintf(why, sizeof(why), "HTTP %d", answer.status);
        }
        if (attempt + 1 == sender->attempts_max) break;
        uint64_t pause = pause_ms(attempt, answer.retry_after_s);
        progress_clear(&sender->progress);
        fprintf(stderr,
                "meterd: %s; trying again in %" PRIu64 ".%" PRIu64 " s (%" PRIu64 " of %" PRIu64 ")\n", why,
                pause / 1000, pause % 1000 / 100, attempt + 2, sender->attempts_max);
        wait_ms(pause);
    }
    fprintf(stderr, "meterd: gave up after %" PRIu64 " %s: %s\n", sender->attempts_max,
            sender->attempts_max == 1 ? "try" : "tries", why);
    return MTR_EXIT_TRY_AGAIN;
}

static void print_json(const struct event_sender *sender, uint64_t total)
{
    struct mtr_buffer text;
    struct mtr_json_writer json;
    mtr_buffer_init(&text, 4096);
    mtr_json_begin(&json, &text);
    mtr_json_map(&json);
    mtr_json_named_u64(&json, "events", total);
    for (unsigned code = 0; code < MTR_RESULT_COUNT; code++) {
        mtr_json_named_u64(&json, mtr_result_name(code), sender->counts[code]);
    }
    if (sender->is_dry_run) mtr_json_named_bool(&json, "dry_run", true);
    mtr_json_named_u64(&json, "problems", sender->problems);
    mtr_json_name(&json, "not_counted");
    mtr_json_map(&json);
    for (uint32_t i = 0; i < sender->not_counted_meters; i++)
        mtr_json_named_u64(&json, sender->not_counted[i].key, sender->not_counted[i].events);
    mtr_json_map_end(&json);
    mtr_json_map_end(&json);
    if (mtr_json_finish(&json) == MTR_OK) printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&text)));
    mtr_buffer_release(&text);
}

int event_sender_finish(struct event_sender *sender, int code)
{
    uint64_t total = 0;
    progress_clear(&sender->progress);
    for (unsigned result = 0; result < MTR_RESULT_COUNT; result++) total += sender->counts[result];
    if (sender->json) {
        print_json(sender, total);
    } else {
        printf("%" PRIu64 " event%s", total, mtr_plural(total));
        for (unsigned result = 0; result < MTR_RESULT_COUNT; result++)
            if (sender->counts[result])
                printf(", %" PRIu64 " %s", sender->counts[result], mtr_result_name(result));
        printf("\n");
        for (uint32_t i = 0; i < sender->not_counted_meters; i++)
            printf("%" PRIu64 " not counted by meter %s, as they lack a property of it\n",
                   sender->not_counted[i].events, sender->not_counted[i].key);
    }
    if (sender->is_dry_run) fprintf(stderr, "meterd: nothing was stored: this is what the run would do\n");
    if (sender->problems > sender->problems_max)
        fprintf(stderr, "meterd: %" PRIu64 " problems, the first %" PRIu64 " shown; more with --errors\n",
                sender->problems, sender->problems_max);
    if (fflush(stdout)) return MTR_EXIT_FAILED;
    return code ? code : sender->problems ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}
