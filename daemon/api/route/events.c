/*
 * POST /v1/events: from a body to the intake and back.
 *
 *   loop: small bodies are decoded here, large ones by workers ─▶ submit ─▶ writer's thread: judged,
 * committed ─▶ loop: answered
 *
 * Before the first events of an API key are submitted the catalog's store notes, by a worker, that it sends.
 *
 * A struct ingest owns the request's memory on the whole way. Answers come back on the writer's thread; they
 * are chained under a mutex and a wakeup brings them to the loop in one go. Ingests are kept in a free list;
 * their arenas are not, since what they hold is counted for its owner.
 */
#include "daemon/api/api.h"
#include "daemon/api/ingest_words.h"
#include "daemon/api/routes.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/api/metrics.h"
#include "meterd/catalog/store.h"
#include "meterd/collector/decode.h"

enum {
    DECODE_ON_LOOP_BYTES_MAX = 64 << 10, /* larger bodies would hold up the loop for long */
    FINISH_ON_LOOP_EVENTS_MAX = 2000,    /* and so would more answers */
    FREE_MAX = 256,
    SENDERS_MAX = 1 << 20, /* API keys that are remembered to have sent; others are looked up each time */
    CE_HEADERS_MAX = MTR_HTTP_HEADERS_MAX,
    MEMORY_PER_BODY_BYTE = 24, /* events, properties and text of the densest body, per byte of it */
    MEMORY_BYTES_MIN = 4 << 20,
};

struct ingest {
    struct mtr_request request; /* first: the intake hands back its address */
    struct mtr_worker_job job;
    struct mtr_work_limit memory; /* of the request's arena */
    struct ingest *next;        /* of the free list */
    struct mtr_events *events;
    struct mtr_http_request *http;
    struct mtr_buffer body;
    struct mtr_str content_type;
    struct mtr_str content_encoding;
    struct mtr_decode_header headers[CE_HEADERS_MAX];
    uint32_t header_count;
    int64_t received_us;
    struct api_allowance allowance;
    uint32_t sender; /* API key's number, to be noted before it is submitted; 0: it is noted */
    int note_error, decode_error, submit_error;
    bool is_answered; /* before it was submitted */
    struct mtr_diagnostic diagnostic;
};

_Static_assert((int)MTR_RESULT_COUNT <= (int)MTR_METRIC_CHOICES_MAX, "one cell of the metric per result");

/* Choices in the order of enum mtr_result_code. */
struct mtr_metric metric_events = {
    .name = "meterd_events_total",
    .type = MTR_COUNTER,
    .label = "result",
    .choices =
        "accepted|duplicate|held|late|voided|conflict|expired|future|invalid|not_active|not_authorized|"
        "unprocessed",
    .doc = "Events answered, by result.",
};

struct mtr_metric metric_events_not_counted = {
    .name = "meterd_events_not_counted_total",
    .type = MTR_COUNTER,
    .doc = "Accepted events that some meter of their type passes over, as they lack a property of it.",
};

struct mtr_events {
    const struct mtr_api_host *host;
    struct mtr_wakeup *answered;
    struct ingest *free;
    uint32_t free_count;
    unsigned char senders[SENDERS_MAX / 8]; /* a bit for each API key that is noted */
    pthread_mutex_t mutex; /* of what follows */
    struct mtr_request *first, **last;
};

static size_t arena_bytes_max(const struct mtr_events *events)
{
    size_t bytes = events->host->limits.decoded_bytes_max * MEMORY_PER_BODY_BYTE;
    return bytes < MEMORY_BYTES_MIN ? MEMORY_BYTES_MIN : bytes;
}

static struct ingest *ingest_new(struct mtr_events *events)
{
    struct ingest *ingest = events->free;
    if (ingest) {
        events->free = ingest->next;
        events->free_count--;
        return ingest;
    }
    ingest = calloc(1, sizeof(*ingest));
    if (!ingest) return NULL;
    ingest->events = events;
    mtr_request_init(&ingest->request, arena_bytes_max(events));
    mtr_buffer_init(&ingest->body, SIZE_MAX);
    return ingest;
}

/* Its memory is the owner's. */
static struct ingest *ingest_take(struct mtr_events *events, mtr_owner owner)
{
    struct ingest *ingest = ingest_new(events);
    if (!ingest) return NULL;
    struct mtr_shares *memory = events->host->decode_memory;
    mtr_work_limit_init(&ingest->memory, 0, memory ? memory->bytes_max / 4 * 3 : UINT64_MAX, memory);
    mtr_work_limit_set_owner(&ingest->memory, owner);
    ingest->request.arena.limit = &ingest->memory;
    ingest->request.owner = owner;
    return ingest;
}

static void ingest_put(struct ingest *ingest)
{
    struct mtr_events *events = ingest->events;
    mtr_buffer_release(&ingest->body);
    mtr_arena_release(&ingest->request.arena); /* counted for its owner */
    mtr_work_limit_release(&ingest->memory);
    if (events->free_count == FREE_MAX) {
        mtr_request_release(&ingest->request);
        free(ingest);
        return;
    }
    mtr_request_reset(&ingest->request);
    ingest->next = events->free;
    events->free = ingest;
    events->free_count++;
}

/* No cache on the way keeps what was said of events. */
static void respond(struct mtr_http_request *http, unsigned status, const char *type,
                    struct mtr_buffer *answer)
{
    const struct mtr_http_header headers[] = {{MTR_STR("content-type"), mtr_str_from(type)},
                                              {MTR_STR("cache-control"), MTR_STR("no-store")}};
    mtr_http_respond(http, status, headers, 2, answer);
}

static void answer(struct mtr_request *request);

/* What the intake does not take does not count. */
static void submit(struct ingest *ingest)
{
    const struct mtr_api_host *host = ingest->events->host;
    const uint64_t count = ingest->request.count;
    ingest->submit_error = MTR_OK;
    ingest->is_answered = !api_limit_events(host, ingest->http, &ingest->allowance, count);
    if (ingest->is_answered) {
        answer(&ingest->request);
        return;
    }
    ingest->submit_error = host->submit(host->context, &ingest->request);
    if (!ingest->submit_error) return;
    api_limit_give_events(host, &ingest->allowance, count);
    answer(&ingest->request);
}

static bool is_noted(const struct mtr_events *events, uint32_t sender)
{
    return sender < SENDERS_MAX && events->senders[sender / 8] >> sender % 8 & 1;
}

/* Back on the loop. */
static void remember_sender(struct mtr_events *events, uint32_t sender)
{
    if (sender && sender < SENDERS_MAX) events->senders[sender / 8] |= (unsigned char)(1 << sender % 8);
}

static void decode(void *context)
{
    struct ingest *ingest = context;
    const struct mtr_api_limits *limits = &ingest->events->host->limits;
    struct mtr_decode_input input = {
        .body = mtr_buffer_str(&ingest->body),
        .content_type = ingest->content_type,
        .content_encoding = ingest->content_encoding,
        .headers = ingest->headers,
        .header_count = ingest->header_count,
        .body_bytes_max = limits->decoded_bytes_max,
        .events_max = limits->request_events_max,
        .received_us = ingest->received_us,
    };
    struct mtr_catalog_store *catalog = ingest->events->host->catalog_store;
    ingest->note_error = ingest->sender ? mtr_catalog_store_note_use(catalog, ingest->sender) : MTR_OK;
    ingest->decode_error = mtr_decode(&input, &ingest->request, &ingest->diagnostic);
    ingest->memory.only_counts = true; /* what is decoded is judged */
    mtr_buffer_release(&ingest->body); /* events borrow from the arena only */
    if (ingest->decode_error) mtr_arena_release(&ingest->request.arena);
}

static void on_decoded(void *context)
{
    struct ingest *ingest = context;
    if (!ingest->note_error) remember_sender(ingest->events, ingest->sender);
    if (!ingest->note_error && !ingest->decode_error) {
        submit(ingest);
        return;
    }
    if (ingest->note_error) ingest_say_unnoted(ingest->http, ingest->note_error);
    else
        ingest_say_unreadable(ingest->http, ingest->decode_error, ingest->memory.end,
                              &ingest->diagnostic);
    ingest_put(ingest);
}

/* Headers must outlive the HTTP request's buffers while a worker decodes: copied into the arena. */
static int copy_headers(struct ingest *ingest)
{
    struct mtr_http_request *http = ingest->http;
    struct mtr_arena *arena = &ingest->request.arena;
    struct mtr_str value;
    int rc = MTR_OK;
    ingest->content_type = ingest->content_encoding = (struct mtr_str){NULL, 0};
    ingest->header_count = 0;
    if (mtr_http_request_header(http, "content-type", &value))
        rc = mtr_arena_copy(arena, value, &ingest->content_type);
    if (!rc && mtr_http_request_header(http, "content-encoding", &value))
        rc = mtr_arena_copy(arena, value, &ingest->content_encoding);
    for (uint32_t i = 0; !rc && i < mtr_http_request_header_count(http); i++) {
        struct mtr_http_header header = mtr_http_request_header_at(http, i);
        if (!mtr_str_starts_with(header.name, MTR_STR("ce-"))) continue;
        struct mtr_decode_header *copy = &ingest->headers[ingest->header_count++];
        rc = mtr_arena_copy(arena, (struct mtr_str){header.name.data + 3, header.name.size - 3}, &copy->name);
        if (!rc) rc = mtr_arena_copy(arena, header.value, &copy->value);
    }
    return rc;
}

/* False after answering 400: a misspelt dry run must not be a real one. */
static bool read_query(struct api_call *call, bool *is_dry_run)
{
    const struct mtr_str text = mtr_http_request_query(call->http);
    *is_dry_run = false;
    if (!text.size) return true;
    int rc = mtr_query_parse(text, &call->arena, &call->query);
    if (rc == MTR_ENOMEM) {
        mtr_http_problem(call->http, 503, MTR_FINDING_PROGRAM_MEMORY, MTR_STR("out of memory"));
        return false;
    }
    if (rc) {
        mtr_http_problem(call->http, 400, MTR_FINDING_REQUEST_HTTP,
                         MTR_STR("the query string has a broken escape or too many parameters"));
        return false;
    }
    if (!api_check_query(call)) {
        respond(call->http, call->status, call->answer_type, &call->answer);
        return false;
    }
    *is_dry_run = api_flag(call, "dry_run");
    return true;
}

void events_handle(struct mtr_events *events, struct api_call *call)
{
    struct mtr_http_request *http = call->http;
    const struct mtr_api_key *credential = call->credential;
    bool is_dry_run;
    if (!read_query(call, &is_dry_run)) return;
    if (!credential->vendor) {
        api_security_unauthorized(call, "the key has no vendor");
        mtr_http_problem(http, 403, MTR_FINDING_REQUEST_FORBIDDEN,
                         MTR_STR("this API key is bound to no vendor; make one with: meterd key NAME "
                                 "--vendor V --scope ingest"));
        return;
    }
    struct ingest *ingest = ingest_take(events, mtr_owner_of_key(credential->number));
    if (!ingest) {
        mtr_http_problem(http, 503, MTR_FINDING_PROGRAM_MEMORY, MTR_STR("out of memory"));
        return;
    }
    ingest->http = http;
    ingest->received_us = call->now_us;
    ingest->request.context = ingest;
    ingest->request.is_dry_run = is_dry_run;
    ingest->allowance = call->allowance;
    ingest->sender = is_dry_run || is_noted(events, credential->number) ? 0 : credential->number;
    int rc = mtr_arena_copy(&ingest->request.arena, credential->vendor->key, &ingest->request.vendor);
    if (!rc) rc = copy_headers(ingest);
    mtr_http_request_take_body(http, &ingest->body);
    bool is_small = ingest->body.size <= DECODE_ON_LOOP_BYTES_MAX && !ingest->sender &&
                    !ingest->content_encoding.size; /* compressed it may be of any size */
    if (!rc && is_small) {
        decode(ingest);
        on_decoded(ingest);
        return;
    }
    ingest->job = (struct mtr_worker_job){
        .owner = ingest->request.owner, .work = decode, .on_done = on_decoded, .context = ingest};
    if (!rc) rc = mtr_workers_start(events->host->decoders, &ingest->job);
    if (!rc) return;
    if (rc == MTR_EFULL)
        mtr_http_problem(http, 503, MTR_FINDING_REQUEST_BUSY,
                         MTR_STR("too many requests of this key wait to be decoded; send the same batch "
                                 "again"));
    else mtr_http_problem(http, 503, MTR_FINDING_PROGRAM_MEMORY, MTR_STR("out of memory"));
    ingest_put(ingest);
}

/* Writer's thread. */
void events_on_answer(void *context, struct mtr_request *request)
{
    struct mtr_events *events = context;
    pthread_mutex_lock(&events->mutex);
    bool was_empty = !events->first;
    request->next = NULL;
    *events->last = request;
    events->last = &request->next;
    pthread_mutex_unlock(&events->mutex);
    if (was_empty) mtr_wakeup_send(events->answered);
}

static void count_results(const struct mtr_request *request)
{
    for (unsigned code = 0; code < MTR_RESULT_COUNT; code++)
        if (request->counts[code]) mtr_metric_add_choice(&metric_events, code, request->counts[code]);
    mtr_metric_add(&metric_events_not_counted, request->not_counted);
}

/* The results in words; then nothing is looked at any more that the arena holds. */
static void write_answer(const struct ingest *ingest, struct mtr_request *request)
{
    if (request->error || ingest->submit_error || ingest->is_answered) return;
    const int rc = mtr_request_write_json(request, &request->answer);
    MTR_ASSERT(rc == MTR_OK); /* the intake has made room for it */
}

static void send_answer(struct ingest *ingest)
{
    struct mtr_request *request = &ingest->request;
    if (ingest->submit_error) ingest_say_not_taken(ingest->http, ingest->submit_error);
    else if (request->error) ingest_say_not_stored(ingest->http, request);
    else if (!ingest->is_answered) respond(ingest->http, 200, API_JSON, &request->answer);
    ingest_put(ingest);
}

/* To write 100,000 rows takes tens of milliseconds, and so does giving back what held the events. */
static void finish(void *context)
{
    struct ingest *ingest = context;
    write_answer(ingest, &ingest->request);
    mtr_arena_release(&ingest->request.arena);
}

static void on_finished(void *context)
{
    send_answer(context);
}

static void answer(struct mtr_request *request)
{
    struct ingest *ingest = request->context;
    if (!request->is_dry_run && !ingest->submit_error && !ingest->is_answered) count_results(request);
    ingest->job = (struct mtr_worker_job){
        .owner = request->owner, .work = finish, .on_done = on_finished, .context = ingest};
    if (request->count > FINISH_ON_LOOP_EVENTS_MAX &&
        !mtr_workers_go_on(ingest->events->host->decoders, &ingest->job))
        return;
    write_answer(ingest, request);
    send_answer(ingest);
}

static void on_answered(void *context)
{
    struct mtr_events *events = context;
    pthread_mutex_lock(&events->mutex);
    struct mtr_request *request = events->first;
    events->first = NULL;
    events->last = &events->first;
    pthread_mutex_unlock(&events->mutex);
    while (request) {
        struct mtr_request *next = request->next;
        answer(request);
        request = next;
    }
}

int events_open(const struct mtr_api_host *host, struct mtr_events **out)
{
    struct mtr_events *events = calloc(1, sizeof(*events));
    if (!events) return MTR_ENOMEM;
    events->host = host;
    events->last = &events->first;
    pthread_mutex_init(&events->mutex, NULL);
    int rc = mtr_wakeup_open(host->loop, true, on_answered, events, &events->answered);
    if (rc) {
        events_close(events);
        return rc;
    }
    *out = events;
    return MTR_OK;
}

void events_close(struct mtr_events *events)
{
    if (!events) return;
    on_answered(events); /* what the writer finished last */
    if (events->host->decoders) mtr_workers_finish(events->host->decoders);
    mtr_wakeup_close(events->answered);
    while (events->free) {
        struct ingest *ingest = events->free;
        events->free = ingest->next;
        mtr_request_release(&ingest->request);
        free(ingest);
    }
    pthread_mutex_destroy(&events->mutex);
    free(events);
}

/* ---- the row ---- */

/* What the decoders read (collector/decode), in any of the types below. */
static const struct mtr_shape data_shape = {.schema =
                                                "{\"type\":\"object\",\"additionalProperties\":"
                                                "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}}"};

static const char *version_choice(unsigned index)
{
    return index == 0 ? "1.0" : NULL;
}

static const struct mtr_json_member event_members[] = {
    {.name = "specversion",
     .type = MTR_MEMBER_WORD,
     .choice = version_choice,
     .presence = MTR_MAY_LACK,
     .doc = "of CloudEvents"},
    {.name = "id", .type = MTR_MEMBER_TEXT, .doc = "unique for its source: the same event again counts once"},
    {.name = "source",
     .type = MTR_MEMBER_TEXT,
     .presence = MTR_MAY_LACK,
     .doc = "who saw it; default: the vendor"},
    {.name = "type", .type = MTR_MEMBER_TEXT, .doc = "what happened: meters count the events of a type"},
    {.name = "subject", .type = MTR_MEMBER_TEXT, .doc = "whose use it is: the subject of a subscription"},
    {.name = "time",
     .type = MTR_MEMBER_TIME,
     .presence = MTR_MAY_LACK,
     .doc = "when it happened; default: when it arrives"},
    {.name = "data",
     .type = MTR_MEMBER_MAP,
     .shape = &data_shape,
     .presence = MTR_MAY_LACK,
     .doc = "properties: quantities and dimensions"},
    {0},
};
static const struct mtr_shape event_shape = {.name = "Event", .members = event_members};
static const struct mtr_shape events_shape = {.name = "Events", .one_or_many = &event_shape};

static const struct api_parameter event_parameters[] = {
    {"dry_run", API_BOOLEAN, .doc = "judge the events and answer as if they were sent; store nothing"},
    {0},
};

const struct api_route api_send_events = {
    .method = MTR_HTTP_POST,
    .path = "/v1/events",
    .scope = MTR_SCOPE_INGEST,
    .operation = "sendEvents",
    .summary = "Send usage events; one result per event that is not plainly accepted",
    .parameters = event_parameters,
    .request = &events_shape,
    .request_types = "application/json,application/cloudevents+json,application/cloudevents-batch+json,"
                     "application/x-ndjson,application/msgpack",
    .answer = &mtr_request_shape,
};
