/*
 * The HTTP API: a table of routes, and the one way from a request to its answer. Private to daemon/api.
 *
 *   headers ─▶ route (404, 405) ─▶ credential (401) ─▶ scope (403) ─▶ body
 *                                    ┌───────────────────────────────────┘
 *                                    └─▶ made by a worker ─▶ sent by the loop (stream.h)
 *
 * A route is a const struct api_route in the file of its resource (route/), and a row of the table
 * (routes.c). POST /v1/events is the one whose handler stays on the loop: its answer comes from the writer's
 * thread (route/events.c). A handler sees one immutable catalog snapshot, and its own arena and buffers; it
 * must not touch the HTTP request.
 */
#ifndef METERD_DAEMON_API_API_H
#define METERD_DAEMON_API_API_H

#include "daemon/api/host.h"
#include "daemon/api/limiting.h"
#include "daemon/api/security.h"
#include "daemon/api/stream.h"
#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/core/document.h"
#include "meterd/core/shape.h"
#include "meterd/net/http_server.h"
#include "meterd/net/url.h"
#include "meterd/net/workers.h"
#include "meterd/share/work_limit.h"

enum {
    MTR_API_PATH_PARAMETERS_MAX = 2,
    API_PIECE_BYTES = 48 << 10, /* of a long answer, more or less a row: with it 64 KiB of memory */
};

struct mtr_api;
struct api_list;
struct api_route;

struct api_call {
    const struct mtr_api_host *host;
    struct mtr_http_request *http; /* the loop's; handlers keep off */
    const struct api_route *route;
    const struct api_route *const *routes; /* all of them, for the one that describes them */
    struct mtr_str path_parameters[MTR_API_PATH_PARAMETERS_MAX]; /* decoded, in the arena */
    struct mtr_query query;
    struct mtr_str body;
    struct mtr_buffer body_memory; /* what body borrows from */
    struct mtr_str accept;         /* of the request; empty: anything */
    struct mtr_str content_type;
    struct mtr_catalog *catalog; /* acquired for this call */
    const struct mtr_api_key *credential;
    char address[API_SECURITY_ADDRESS_BYTES]; /* where it comes from */
    struct api_allowance allowance;
    struct limit_owner *counted_for; /* among its calls that are under way; NULL: nobody's */
    bool body_is_uncounted;          /* its length is not known before it is here */
    struct mtr_str acted_on, act_detail; /* for the security log; in the arena */
    int64_t now_us;
    struct mtr_work_limit limit; /* under which it is made, where it only reads */
    struct mtr_arena arena;

    /* The answer. */
    unsigned status;         /* 0: the handler forgot; asserted */
    const char *answer_type; /* Content-Type */
    bool paged; /* next_after and has_more go along as headers: formats without an envelope need them */
    uint64_t next_after;
    bool has_more;
    struct mtr_buffer answer;
    void *state;                  /* of a list between its pieces (rows.h); in the arena */
    const struct mtr_str *labels; /* names of the CSV columns that "name.*" stands for */
    uint32_t label_count;
    struct mtr_worker_job job;    /* whose owner is the key, or who asks without one */
    struct api_stream stream;     /* how far it is on its way */
};

enum api_parameter_type {
    API_TEXT,
    API_INTEGER, /* min…max */
    API_TIME,    /* an RFC 3339 time, or a date alone */
    API_BOOLEAN, /* true false 1 0, or no value: true */
    API_CHOICE,
};

/* One query parameter of a route: checked before the handler runs, and described. */
struct api_parameter {
    const char *name;
    enum api_parameter_type type;
    bool repeatable;
    uint64_t min, max;        /* INTEGER */
    const char *choices;      /* CHOICE: "a|b|c" */
    const char *default_text; /* as if it were written; NULL: the sentence tells */
    const char *doc;          /* one sentence */
};

#define API_JSON "application/json"
#define API_ROWS API_JSON ",application/x-ndjson,text/csv"

struct api_route {
    enum mtr_http_method method;
    const char *path; /* "/v1/charges/{id}" */
    unsigned scope;   /* enum mtr_api_scope: the credential must have one of them; 0: open to everybody */
    enum api_security_kind act; /* as which the security log has it; NONE: it changes nothing */
    const char *operation; /* operationId: "listCharges" */
    const char *summary;
    const struct api_parameter *parameters; /* ends with name NULL; NULL: none */
    const struct mtr_shape *request;        /* of the body, or NULL */
    const char *request_types;              /* NULL: JSON */
    bool body_is_large; /* as of events: listen.body_bytes_max is its bound */
    const struct mtr_shape *answer;         /* what api_answer writes; NULL: the list's */
    const char *answer_types;    /* comma separated, first is the default; NULL: JSON, of a list API_ROWS */
    const struct api_list *list; /* rows.h; the handler is then api_answer_rows */
    void (*handle)(struct api_call *call); /* on a worker's thread; NULL: the events route */
};

/* All of them, ending with NULL. */
extern const struct api_route *const api_routes[];

/* Which of the route's answer_types the Accept header asks for (index), the first by default; -1 after
 * answering 406. */
int api_negotiate(struct api_call *call);
const char *api_answer_types(const struct api_route *route);

/* Answers. The first writes a problem document (RFC 9457) as one value. A text of the request that may be of
 * any size is quoted in a sentence by MTR_STR_QUOTED. */
extern const struct mtr_shape api_problem_shape;
void api_write_problem(struct mtr_json_writer *json, unsigned status, enum mtr_finding_code code,
                       const char *detail);
void api_problem(struct api_call *call, unsigned status, enum mtr_finding_code code, const char *format, ...)
    MTR_PRINTF(4, 5);
/* 422 with the findings listed:
 * {"title","status","code","detail","findings":[{code,severity,line,column,field,text}]}. */
void api_findings(struct api_call *call, enum mtr_finding_code code, const char *detail,
                  const struct mtr_diagnostics *findings);
/* In the place of what was made: why the work was ended. */
void api_cut(struct api_call *call);
/* 409: charges behind that number, which the caller may have, are gone since an epoch began. */
void api_lost(struct api_call *call, const char *detail, uint64_t epoch, uint64_t valid_up_to);
/* 404 of a key that nothing of the kind has, with the nearest that this credential may know of. */
void api_unknown(struct api_call *call, enum mtr_catalog_kind kind, struct mtr_str key);
/* What a failed store call means to a client: 404, 503 or 500. */
void api_error(struct api_call *call, int error, const char *what);
/* 200 with one row of the route's answer. */
void api_answer(struct api_call *call, const void *row);
/* Begins the answer as JSON 200; the caller finishes the writer and then calls api_json_end. */
void api_json(struct api_call *call, struct mtr_json_writer *json);
/* Packs what the answer holds so far, which then leaves before what is written next. MTR_EAGAIN: the answers
 * that wait leave no room. */
int api_pack_answer(struct api_call *call) MTR_MUST_USE;
void api_json_end(struct api_call *call, struct mtr_json_writer *json);
/* The handler of every route with a list: begins it (rows.h). */
void api_answer_rows(struct api_call *call);

/* Memory from the call's arena, zeroed; NULL after answering 503. */
void *api_allocate(struct api_call *call, size_t bytes);
/* The body as a document; NULL after answering 400. */
struct mtr_document *api_body(struct api_call *call);

/* Every parameter of the query has a row, and a value that its row allows. False after answering 400: a
 * misspelt filter must not look like none. (parameters.c) */
bool api_check_query(struct api_call *call);
/* Their values, which were checked; the row's default, or nothing, where none is given. Each asks for a
 * parameter that the route has. */
struct mtr_str api_text(const struct api_call *call, const char *name); /* empty when absent */
uint64_t api_u64(const struct api_call *call, const char *name);
int64_t api_time_us(const struct api_call *call, const char *name, int64_t default_us);
bool api_flag(const struct api_call *call, const char *name); /* given, and not "false" or "0" */
/* The customer that a parameter names, empty where it is absent. False after answering 404: no subscription
 * that the caller may see has it. */
bool api_customer(struct api_call *call, const char *name, struct mtr_str *out);
/* The subscription that a parameter names, or NULL where it is absent. False after answering 404. */
bool api_subscription(struct api_call *call, const char *name, const struct mtr_subscription **out);

/* The kind that a path parameter names. False after answering 404. (route/catalog.c) */
bool api_kind(struct api_call *call, struct mtr_str name, enum mtr_catalog_kind *kind);
/* False after answering 400: the name is of several. (route/catalog.c) */
bool api_is_one(struct api_call *call, enum mtr_catalog_kind kind, struct mtr_str name);
/* A kind's document, as components of the OpenAPI document have it. */
struct mtr_shape api_kind_shape(enum mtr_catalog_kind kind);

/* A call's life (call.c). NULL without memory. Prepared it has what the handler needs of the request,
 * copied or taken over, since that runs on another thread. */
struct api_call *api_call_new(const struct mtr_api_host *host, struct mtr_http_request *http,
                              const struct api_route *route);
int api_call_prepare(struct api_call *call) MTR_MUST_USE;
/* All lines of a header as one list, in the call's arena; empty when there is none. The loop's thread. */
int api_call_header_list(struct api_call *call, const char *name, struct mtr_str *out) MTR_MUST_USE;
/* It may be ended at any moment: what it has done so far changed nothing. */
bool api_call_only_reads(const struct api_call *call);
void api_call_free(struct api_call *call);

/* The server side; loop's thread. Host and events are borrowed until close. */
struct mtr_events;
int api_open(const struct mtr_api_host *host, struct mtr_events *events, struct mtr_api **out,
             struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void api_drain(struct mtr_api *api, void (*on_drained)(void *context), void *context);
void api_close(struct mtr_api *api);
uint16_t api_port(const struct mtr_api *api);
struct mtr_http_server *api_server(const struct mtr_api *api);
struct mtr_http_server_stats api_stats(const struct mtr_api *api);

/* The events route (route/events.c). */
int events_open(const struct mtr_api_host *host, struct mtr_events **out) MTR_MUST_USE;
void events_close(struct mtr_events *events);
/* On the loop; the call is the caller's to free. */
void events_handle(struct mtr_events *events, struct api_call *call);
/* The intake's on_answer: called on the writer's thread. */
void events_on_answer(void *events, struct mtr_request *request);

#endif
