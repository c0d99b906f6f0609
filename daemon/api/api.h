/*
 * The HTTP API: a table of routes, and the one way from a request to its answer. Private to daemon/api.
 *
 *   headers ─▶ route (404, 405) ─▶ credential (401) ─▶ scope (403) ─▶ body ─▶ made on a pool thread ─▶ sent by the loop
 *                                                                               (stream.h)
 *
 * POST /v1/events is the one route whose handler stays on the loop: its answer comes from the writer's thread
 * (route/events.c). A handler sees one immutable catalog snapshot, and its own arena and buffers; it must not
 * touch the HTTP request.
 */
#ifndef METERD_DAEMON_API_API_H
#define METERD_DAEMON_API_API_H

#include "daemon/api/host.h"
#include "daemon/api/stream.h"
#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/core/json_writer.h"
#include "meterd/net/http_server.h"
#include "meterd/net/url.h"

enum {
    MTR_API_PATH_PARAMETERS_MAX = 2,
    API_PIECE_BYTES = 48 << 10, /* of a long answer, more or less a row: with it 64 KiB of memory */
};

struct mtr_api;
struct api_list;
struct api_route;

struct api_call {
    const struct mtr_api_host *host;
    struct mtr_http_request *http;      /* the loop's; handlers keep off */
    const struct api_route *route;
    struct mtr_str path_parameters[MTR_API_PATH_PARAMETERS_MAX]; /* decoded, in the arena */
    struct mtr_query query;
    struct mtr_str body;
    struct mtr_buffer body_memory;      /* what body borrows from */
    struct mtr_str accept;              /* of the request; empty: anything */
    struct mtr_str content_type;
    struct mtr_catalog *catalog;        /* acquired for this call */
    const struct mtr_api_key *credential;
    int64_t now_us;
    struct mtr_arena arena;

    /* The answer. */
    unsigned status;                    /* 0: the handler forgot; asserted */
    const char *answer_type;            /* Content-Type */
    bool paged; /* next_after and has_more go along as headers: formats without an envelope need them */
    uint64_t next_after;
    bool has_more;
    struct mtr_buffer answer;
    void *state;                        /* of a list between its pieces (rows.h); in the arena */
    const struct mtr_str *labels;       /* names of the CSV columns that "name.*" stands for */
    uint32_t label_count;
    struct api_stream stream;           /* how far it is on its way */
};

/* One query parameter of a route, for checking and for the OpenAPI document. */
struct api_parameter {
    const char *name;
    const char *type; /* JSON Schema type and format: "string", "integer", "date-time", "boolean", or choices
                         "a|b|c" */
    bool required;
    bool repeatable;
    const char *doc;
};

struct api_route {
    enum mtr_http_method method;
    const char *path;                   /* "/v1/charges/{id}" */
    unsigned scope; /* enum mtr_api_scope: the credential must have it; 0: open to everybody */
    const char *operation;              /* operationId: "listCharges" */
    const char *summary;
    const struct api_parameter *parameters; /* ends with name NULL; NULL: none */
    const char *request_schema;         /* name in components/schemas, or NULL */
    const char *answer_schema;
    const char *answer_types;                  /* comma separated, first is the default:
                                                  "application/json,application/x-ndjson,text/csv" */
    void (*handle)(struct api_call *call); /* on a pool thread; NULL: the events route */
    const struct api_list *list;           /* rows.h; its handler is api_answer_rows */
};

/* The table, ending with path NULL. */
extern const struct api_route api_routes[];

/* Which of the route's answer_types the Accept header asks for (index), the first by default; -1 after
 * answering 406. */
int api_negotiate(struct api_call *call);

/* Answers. The first begins a problem document (a map that the caller ends). */
void api_write_problem(struct mtr_json_writer *json, unsigned status, const char *detail);
void api_problem(struct api_call *call, unsigned status, const char *format, ...) MTR_PRINTF(3, 4);
/* 400 (or 422 of documents) with the findings listed:
 * {"title","status","detail","findings":[{severity,line,column,field,text}]}. */
void api_findings(struct api_call *call, unsigned status, const char *detail,
                      const struct mtr_diagnostics *findings);
/* What a failed store call means to a client: 404, 503 or 500. */
void api_error(struct api_call *call, int error, const char *what);
/* Begins the answer as JSON 200; the caller finishes the writer and then calls api_json_end. */
void api_json(struct api_call *call, struct mtr_json_writer *json);
/* Packs what the answer holds so far, which then leaves before what is written next. MTR_EAGAIN: the answers
 * that wait leave no room. */
int api_pack_answer(struct api_call *call) MTR_MUST_USE;
void api_json_end(struct api_call *call, struct mtr_json_writer *json);

/* Every parameter of the query has a row, and a value that its row allows. False after answering 400: a
 * misspelt filter must not look like none. */
bool api_check_query(struct api_call *call);
/* Query parameters with defaults. False after answering 400 with the name at fault. */
bool api_time(struct api_call *call, const char *name, int64_t *out_us);
bool api_u64(struct api_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *out);
struct mtr_str api_text(struct api_call *call, const char *name); /* empty when absent */
bool api_flag(struct api_call *call, const char *name); /* present and not "false" or "0" */

/* The server side; loop's thread. Host and events are borrowed until close. */
struct mtr_events;
int api_open(const struct mtr_api_host *host, struct mtr_events *events, struct mtr_api **out,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void api_drain(struct mtr_api *api, void (*on_drained)(void *context), void *context);
void api_close(struct mtr_api *api);
void api_call_free(struct api_call *call);
uint16_t api_port(const struct mtr_api *api);
struct mtr_http_server_stats api_stats(const struct mtr_api *api);

/* The events route (route/events.c). */
int events_open(const struct mtr_api_host *host, struct mtr_events **out) MTR_MUST_USE;
void events_close(struct mtr_events *events);
void events_handle(struct mtr_events *events, struct mtr_http_request *http, struct mtr_str vendor);
/* The intake's on_answer: called on the writer's thread. */
void events_on_answer(void *events, struct mtr_request *request);

/* Lists and handlers, by file. */
extern const struct api_list api_charges_list; /* route/charges.c */
extern const struct api_list api_margins_list; /* route/margins.c */
extern const struct api_list api_usage_list;   /* route/usage.c */
void api_answer_rows(struct api_call *call);    /* rows.c */
void api_list_events(struct api_call *call);        /* route/stored_events.c */
/* route/charges.c */
void api_ack_charges(struct api_call *call);
void api_get_charge(struct api_call *call);
void api_list_outbox(struct api_call *call);
void api_settle_outbox(struct api_call *call);
void api_list_credits(struct api_call *call);       /* route/credits.c */
void api_post_price(struct api_call *call);         /* route/price.c */
void api_list_documents(struct api_call *call);     /* route/catalog.c */
void api_get_document(struct api_call *call);
void api_put_document(struct api_call *call);
void api_put_catalog(struct api_call *call);
void api_list_quarantine(struct api_call *call);    /* route/status.c */
void api_list_held(struct api_call *call);
void api_get_status(struct api_call *call);
void api_get_openapi(struct api_call *call);        /* route/openapi.c */

#endif
