/*
 * Keys of a source as the schema decodes them, before they become the model. Private to lib/source.
 *
 * A part of the model that rows can fill stands in its struct as it is (`model`), beside what has to be read
 * once more: words, lists, texts with a grammar of their own. Where one of several is written, each has a
 * pointer: NULL is not written.
 */
#ifndef METERD_LIB_SOURCE_DOCUMENT_FIELDS_H
#define METERD_LIB_SOURCE_DOCUMENT_FIELDS_H

#include "lib/source/document/reading.h"
#include "meterd/core/schema.h"

/* Of a row: a preset may have it in the document's place. */
#define SOURCE_NEEDED .required = true, .fillable = true

enum { SOURCE_PATH_BYTES_MAX = 1024, SOURCE_FILE_BYTES_MAX = 1024 };

/* ---- request_fields.c ---- */

struct source_body_fields {
    const struct mtr_node *json; /* of the document being read */
    bool has_json, has_form, has_text;
    struct mtr_list form; /* of struct mtr_label */
    struct mtr_str text;
};

struct source_request_fields {
    int method;
    struct mtr_str path, url;
    struct mtr_list query, headers; /* of struct mtr_label */
    struct source_body_fields body;
    int64_t timeout_us, unit_us;
    bool has_path, has_url, unit_given;
};

#define SOURCE_METHODS                                                                                       \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        "GET", "POST", "PUT", "DELETE", NULL                                                                 \
    }
extern const struct mtr_field source_body_rows[];
/* Of a struct that begins with struct source_request_fields. */
#define SOURCE_REQUEST_ROWS                                                                                  \
    {MTR_ROW(source_request_fields, method), .type = MTR_FIELD_ENUM, .choices = SOURCE_METHODS,              \
     .default_text = "GET", .doc = "of HTTP"},                                                               \
        {MTR_ROW(source_request_fields, path), .type = MTR_FIELD_TEXT, .max = MTR_SOURCE_TEXT_BYTES_MAX,     \
         MTR_ROW_GIVEN(source_request_fields, has_path),                                                     \
         .doc = "template, behind base_url's path: begins with a slash"},                                    \
        {MTR_ROW(source_request_fields, url), .type = MTR_FIELD_TEXT, .max = MTR_SOURCE_TEXT_BYTES_MAX,      \
         MTR_ROW_GIVEN(source_request_fields, has_url),                                                      \
         .doc = "template of a whole URL, in the place of path"},                                            \
        {MTR_ROW(source_request_fields, query), .type = MTR_FIELD_LABELS, .max = 64, .fillable = true,       \
         .doc = "names and templates: {from}, {to}, {last}, {each.…}"},                                      \
        {MTR_ROW(source_request_fields, headers), .type = MTR_FIELD_LABELS, .max = 64, .fillable = true,     \
         .doc = "names and templates"},                                                                      \
        {MTR_ROW(source_request_fields, body), .type = MTR_FIELD_MAP, .fields = source_body_rows,            \
         .doc = "what is sent"},                                                                             \
        {.name = "timeout", MTR_ROW_AT(source_request_fields, timeout_us), .type = MTR_FIELD_DURATION,       \
         .default_text = "60s", .min = 1000000, .max = UINT64_C(3600000000),                                 \
         .doc = "from its begin to the answer's end"},                                                       \
        {.name = "unit", MTR_ROW_AT(source_request_fields, unit_us), .type = MTR_FIELD_DURATION,             \
         .default_text = "1s", .min = 1, .max = UINT64_C(86400000000) * 31,                                  \
         MTR_ROW_GIVEN(source_request_fields, unit_given),                                                   \
         .doc = "the vendor's smallest step: {last} is {to} less one of them"}
extern const struct mtr_field source_request_rows[];

struct source_each_fields {
    struct {
        struct mtr_str service;
    } subscription;
    struct mtr_list values; /* of struct mtr_str */
    struct {
        struct mtr_str of, as, take;
    } rows;
    bool has_subscription, has_values, has_rows;
};

extern const struct mtr_field source_each_rows[];

/* `path` is where the request stands in the document. */
void source_read_request(struct source_reading *reading, const char *path,
                         const struct source_request_fields *fields, struct mtr_source_request *out);
void source_read_each(struct source_reading *reading, const struct source_each_fields *fields,
                      struct mtr_source_each *out);

/* ---- job_fields.c ---- */

struct source_place_fields {
    struct mtr_source_place place;
    bool has_header, has_path;
};

extern const struct mtr_field source_place_rows[];
void source_read_place(struct source_reading *reading, const char *path,
                       const struct source_place_fields *fields, struct mtr_source_place *out);

extern const struct mtr_field source_job_row; /* `job`: a pointer to what it decodes, or NULL */
struct source_job_fields;
void source_read_job(struct source_reading *reading, const struct source_job_fields *fields,
                     const struct mtr_source_job **out);

/* ---- auth_fields.c ---- */

struct source_auth_fields {
    bool has_none, has_presigned;
    void *basic, *header, *query, *oauth2, *login, *aws_sigv4, *hmac, *mtls;
    char empty; /* what `none` decodes into */
};

extern const struct mtr_field source_auth_rows[];
extern const char *const source_auth_words[];
void source_read_auth(struct source_reading *reading, const struct source_auth_fields *fields,
                      struct mtr_source_auth *out);

/* ---- paging_fields.c ---- */

struct source_paging_fields {
    bool has_none;
    void *page, *offset, *cursor, *next_url, *link_header, *after_id, *parts;
    char empty;
};

extern const struct mtr_field source_paging_rows[];
extern const char *const source_paging_words[];
void source_read_paging(struct source_reading *reading, const struct source_paging_fields *fields,
                        struct mtr_source_paging *out);

/* ---- timing_fields.c ---- */

struct source_schedule_fields {
    int64_t every_us, jitter_us;
    struct mtr_str at, zone;
};

struct source_window_fields {
    struct mtr_str length, zone, start;
    struct mtr_list periods, rereads; /* of struct mtr_str */
    int64_t lateness_us, overlap_us, open_us, split_us, vendor_keeps_us;
    bool has_length, has_periods, has_lateness;
};

extern const struct mtr_field source_schedule_rows[], source_window_rows[];
void source_read_schedule(struct source_reading *reading, const struct source_schedule_fields *fields,
                          struct mtr_source_schedule *out);
/* True: nothing is wrong with the limits of its windows, whatever is with the rest. */
bool source_read_window(struct source_reading *reading, const struct source_window_fields *fields,
                        struct mtr_source_window *out);

/* ---- answer_fields.c ---- */

struct source_condition_fields {
    uint64_t status;
    struct mtr_answer_condition model;
};

struct source_warnings_fields {
    struct mtr_str path;
    int then; /* 0 incomplete, 1 log */
};

struct source_answer_fields {
    void *ok;                     /* struct source_condition_fields */
    struct mtr_list absent, limit; /* of struct source_condition_fields */
    uint64_t rows_limit, bytes_max;
    struct source_warnings_fields warnings;
    struct mtr_list retry_after; /* of struct mtr_str */
};

struct source_complete_fields {
    struct mtr_str count, flag;
    struct {
        struct mtr_str path, of;
    } sum;
    uint64_t agree;
};

extern const struct mtr_field source_answer_rows[], source_complete_rows[];
void source_read_answer(struct source_reading *reading, const struct source_answer_fields *fields,
                        struct mtr_source_answer *out);
void source_read_complete(struct source_reading *reading, const struct source_complete_fields *fields,
                          struct mtr_source_complete *out);

/* ---- idle.c ---- */

/* Of a source that was read, its map too. */
void source_check_idle(struct source_reading *reading, const struct mtr_source *source);

/* ---- fields.c ---- */

struct source_limits_fields {
    struct mtr_str key, rate;
    uint64_t daily, concurrency;
};

struct source_guard_fields {
    struct mtr_str shrink;
    uint64_t jump, rows_max, agree;
    int64_t every_us;
};

struct source_expect_fields {
    int columns;
    int64_t freshness_us;
    uint64_t rows_min;
};

struct source_identity_fields {
    struct mtr_str id;
    struct mtr_list hash; /* of struct mtr_str */
    bool has_id, has_hash, multiset;
};

struct source_holds_fields {
    int64_t at_most_us;
};

struct source_fields {
    struct mtr_str key, vendor, preset, base_url;
    struct mtr_list hosts; /* of struct mtr_str */
    bool disabled, by_hand, has_delivery;
    struct source_schedule_fields schedule;
    struct source_window_fields window;
    int delivery;
    struct source_each_fields each;
    struct source_request_fields request;
    struct source_auth_fields auth;
    struct source_paging_fields paging;
    void *job;
    struct source_answer_fields answer;
    const struct mtr_node *format, *map; /* of the document being read */
    struct source_complete_fields complete;
    struct source_identity_fields identity;
    struct source_limits_fields limits;
    struct source_guard_fields guard;
    struct source_expect_fields expect;
    void *holds_close; /* struct source_holds_fields */
    struct {
        int64_t keep_us;
    } pages;
};

/* ---- map_fields.c ---- */

/* Also looks at what was read of `complete`. */
void source_read_map(struct source_reading *reading, const struct source_fields *fields,
                     struct mtr_source *out);

#endif
