/*
 * What is asked: `request`, `for_each` and `job` of a source.
 *
 *   for_each: {subscription: {service: compute}}        # {each.subject}, {each.key}, {each.customer}
 *   for_each: {values: [eu, us]}                        # {each.value}
 *   for_each: {rows: {of: other-source, as: account}}   # {each.account}: subjects of the other's rows
 *   request: {method: GET, path: /usage, query: {from: "{from:%Y-%m-%d}"}, headers: {Accept: text/csv},
 *             body: {json: {metric: [cpu]}}, unit: 1d, timeout: 60s}
 *   job: {submit: {…request}, id: {header: Operation-Location}, poll: {url: "{job.id}", every: 5s},
 *         status: {path: status, running: [running], done: [succeeded], empty: [noData], failed: [failed]},
 *         result: {manifest: {path: resourceLocation}}, delete: {…request}, list: {…request, …}, timeout: 2h}
 *
 * Values of path, url, query, headers and body are templates. What they stand for is escaped for where it
 * stands: path, query, header, JSON, form.
 */
#ifndef METERD_SOURCE_SOURCE_REQUEST_H
#define METERD_SOURCE_SOURCE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/document.h"
#include "meterd/core/schema.h"
#include "meterd/core/str.h"

enum mtr_source_body {
    MTR_BODY_NONE,
    MTR_BODY_JSON, /* json: every text in it is a template */
    MTR_BODY_FORM, /* application/x-www-form-urlencoded: form */
    MTR_BODY_TEXT  /* text, with the type that headers say */
};

struct mtr_source_request {
    struct mtr_str method; /* GET, POST, PUT, DELETE */
    struct mtr_str path;   /* template, behind base_url's path; begins with a slash, or is empty */
    struct mtr_str url;    /* template of a whole URL, in the place of path; empty: path is used */
    const struct mtr_label *query; /* names and templates, in the order written */
    uint32_t query_count;
    const struct mtr_label *headers; /* names and templates; neither has CR or LF */
    uint32_t header_count;
    enum mtr_source_body body;
    const struct mtr_node *json;
    const struct mtr_label *form;
    uint32_t form_count;
    struct mtr_str text;
    int64_t timeout_us;
    int64_t unit_us; /* the vendor's smallest step: {last} is {to} less this */
};

enum mtr_each_kind {
    MTR_EACH_NONE,         /* one request for a window */
    MTR_EACH_SUBSCRIPTION, /* one for each of a service */
    MTR_EACH_VALUE,
    MTR_EACH_ROW /* one for each distinct value that the rows of another source have */
};

struct mtr_source_each {
    enum mtr_each_kind kind;
    struct mtr_str service;       /* of SUBSCRIPTION: its key */
    const struct mtr_str *values; /* of VALUE: distinct */
    uint32_t value_count;
    struct mtr_str source; /* of ROW: key of the other source */
    struct mtr_str name;   /* of ROW: {each.NAME} */
    struct mtr_str take;   /* of ROW: "subject", or "data.NAME" of its events */
};

/* Where a text of an answer stands: one of both. */
struct mtr_source_place {
    struct mtr_str header; /* name */
    struct mtr_str path;   /* row_path.h, of the JSON body */
};

enum mtr_job_result {
    MTR_JOB_ROWS,     /* the last poll's own answer, at result_path */
    MTR_JOB_URL,      /* a link at result_path to the rows */
    MTR_JOB_MANIFEST  /* a manifest at result_path, read by `paging: {parts: …}` */
};

struct mtr_source_job {
    struct mtr_source_request submit;
    struct mtr_source_place id;     /* of submit's answer: {job.id} */
    struct mtr_source_request poll;
    int64_t poll_every_us;          /* unless the vendor says Retry-After */
    struct mtr_str status_path;
    const struct mtr_str *running, *done, *empty, *failed; /* values of it; another one is an error */
    uint32_t running_count, done_count, empty_count, failed_count;
    enum mtr_job_result result;
    struct mtr_str result_path;
    const struct mtr_source_request *remove; /* `delete`; NULL: jobs are left to the vendor */
    const struct mtr_source_request *list;   /* to find a job whose answer was lost; NULL: it is submitted
                                                again */
    struct mtr_str list_rows, list_id;       /* paths: the jobs in its answer; the id in each of them */
    const struct mtr_label *list_match;      /* paths in each and templates: all must be equal */
    uint32_t list_match_count;
    int64_t timeout_us; /* from submit to done */
};

#endif
