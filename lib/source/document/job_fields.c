/*
 * `job`: a report that the vendor makes while we wait. Its requests are requests as any other.
 */
#include "lib/source/document/fields.h"

#include <string.h>

const struct mtr_field source_place_rows[] = {
    {.name = "header", MTR_ROW_AT(source_place_fields, place.header), .type = MTR_FIELD_TEXT,
     .max = MTR_KEY_BYTES_MAX, MTR_ROW_GIVEN(source_place_fields, has_header), .doc = "name of a header"},
    {.name = "path", MTR_ROW_AT(source_place_fields, place.path), .type = MTR_FIELD_TEXT,
     .max = SOURCE_PATH_BYTES_MAX, MTR_ROW_GIVEN(source_place_fields, has_path),
     .doc = "path in the JSON body"},
    {0},
};

struct poll_fields {
    struct source_request_fields request;
    int64_t every_us;
};

struct list_fields {
    struct source_request_fields request;
    struct mtr_str rows, id;
    struct mtr_list match; /* of struct mtr_label */
};

struct status_fields {
    struct mtr_str path;
    struct mtr_list running, done, empty, failed; /* of struct mtr_str */
};

struct result_fields {
    struct mtr_str rows;
    struct {
        struct mtr_str path;
    } url, manifest;
    bool has_rows, has_url, has_manifest;
};

struct source_job_fields {
    struct source_request_fields submit;
    struct source_place_fields id;
    struct poll_fields poll;
    struct status_fields status;
    struct result_fields result;
    void *remove, *list;
    int64_t timeout_us;
};

static const struct mtr_field poll_rows[] = {
    SOURCE_REQUEST_ROWS,
    {.name = "every", MTR_ROW_AT(poll_fields, every_us), .type = MTR_FIELD_DURATION, .default_text = "30s",
     .min = 1000000, .max = UINT64_C(86400000000), .doc = "unless the vendor says Retry-After"},
    {0},
};

static const struct mtr_field list_rows[] = {
    SOURCE_REQUEST_ROWS,
    {MTR_ROW(list_fields, rows), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX, .default_text = "[]",
     .doc = "path of the jobs in its answer"},
    {MTR_ROW(list_fields, id), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX, .default_text = "id",
     .doc = "path of the id in each"},
    {MTR_ROW(list_fields, match), .type = MTR_FIELD_LABELS, .min = 1, .max = 16,
     .doc = "paths in each, and templates that they must equal"},
    {0},
};

#define WORDS(member, sentence)                                                                              \
    {MTR_ROW(status_fields, member), .type = MTR_FIELD_TEXTS, .single = true, .max = 32, .doc = sentence}
static const struct mtr_field status_rows[] = {
    {MTR_ROW(status_fields, path), .type = MTR_FIELD_TEXT, SOURCE_NEEDED, .max = SOURCE_PATH_BYTES_MAX,
     .doc = "path of the word that says how the job is; a status of HTTP alone says nothing"},
    WORDS(running, "words for: ask again"),
    WORDS(done, "words for: the result is there"),
    WORDS(empty, "words for: there is no usage"),
    WORDS(failed, "words for: submit it again"),
    {0},
};

static const struct mtr_field url_rows[] = {
    {.name = "path", MTR_ROW_AT(result_fields, url.path), .type = MTR_FIELD_TEXT, SOURCE_NEEDED,
     .max = SOURCE_PATH_BYTES_MAX, .doc = "path of the link"},
    {0},
};

static const struct mtr_field manifest_rows[] = {
    {.name = "path", MTR_ROW_AT(result_fields, manifest.path), .type = MTR_FIELD_TEXT, SOURCE_NEEDED,
     .max = SOURCE_PATH_BYTES_MAX, .doc = "path of the manifest, or its link; `paging: {parts: …}` reads it"},
    {0},
};

static const struct mtr_field result_rows[] = {
    {MTR_ROW(result_fields, rows), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX,
     MTR_ROW_GIVEN(result_fields, has_rows), .doc = "path of the rows in the last answer"},
    {.name = "url", .type = MTR_FIELD_MAP, .fields = url_rows, MTR_ROW_GIVEN(result_fields, has_url),
     .doc = "a link to the rows"},
    {.name = "manifest", .type = MTR_FIELD_MAP, .fields = manifest_rows,
     MTR_ROW_GIVEN(result_fields, has_manifest), .doc = "a list of parts, in the answer or behind a link"},
    {0},
};

static const struct mtr_field delete_row = {
    .name = "delete", .type = MTR_FIELD_MAP, .fields = source_request_rows,
    .own_size = sizeof(struct source_request_fields), .doc = "request that removes the job when it was read"};
static const struct mtr_field list_row = {
    .name = "list", .type = MTR_FIELD_MAP, .fields = list_rows, .own_size = sizeof(struct list_fields),
    .doc = "request that finds a job whose answer was lost"};

static const struct mtr_field job_rows[] = {
    {MTR_ROW(source_job_fields, submit), .type = MTR_FIELD_MAP, .fields = source_request_rows,
     SOURCE_NEEDED, .doc = "request that begins it"},
    {MTR_ROW(source_job_fields, id), .type = MTR_FIELD_MAP, .fields = source_place_rows, SOURCE_NEEDED,
     .doc = "of submit's answer: {job.id}"},
    {MTR_ROW(source_job_fields, poll), .type = MTR_FIELD_MAP, .fields = poll_rows, SOURCE_NEEDED,
     .doc = "request that asks how it is"},
    {MTR_ROW(source_job_fields, status), .type = MTR_FIELD_MAP, .fields = status_rows, SOURCE_NEEDED,
     .doc = "what it answers"},
    {MTR_ROW(source_job_fields, result), .type = MTR_FIELD_MAP, .fields = result_rows, SOURCE_NEEDED,
     .doc = "where the rows are"},
    {.name = "delete", MTR_ROW_AT(source_job_fields, remove), .type = MTR_FIELD_ROW, .row = &delete_row},
    {.name = "list", MTR_ROW_AT(source_job_fields, list), .type = MTR_FIELD_ROW, .row = &list_row},
    {.name = "timeout", MTR_ROW_AT(source_job_fields, timeout_us), .type = MTR_FIELD_DURATION,
     .default_text = "2h", .min = 1000000, .max = UINT64_C(86400000000) * 31, .doc = "from submit to done"},
    {0},
};

const struct mtr_field source_job_row = {.name = "job",
                                         .type = MTR_FIELD_MAP,
                                         .fields = job_rows,
                                         .own_size = sizeof(struct source_job_fields),
                                         .doc = "a report that is asked for, and fetched when it is done"};

void source_read_place(struct source_reading *reading, const char *path,
                       const struct source_place_fields *fields, struct mtr_source_place *out)
{
    static const char *const names[] = {"header", "path", NULL};
    const bool given[] = {fields->has_header, fields->has_path};
    char at[MTR_FINDING_FIELD_BYTES];
    (void)source_one_of(reading, path, names, given, "");
    *out = fields->place;
    source_check_path(reading, source_path_join(path, "path", at), fields->place.path);
    if (fields->has_header)
        source_check_header(reading, source_path_join(path, "header", at), fields->place.header,
                            (struct mtr_str){NULL, 0});
}

/* A word stands for one state. */
static void check_words(struct source_reading *reading, const struct status_fields *fields)
{
    static const char *const names[] = {"running", "done", "empty", "failed"};
    const struct mtr_list lists[] = {fields->running, fields->done, fields->empty, fields->failed};
    if (!fields->done.count)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "job.status.done",
                     "no word says that the job is done");
    for (unsigned a = 0; a < 4; a++)
        for (unsigned b = a + 1; b < 4; b++)
            for (uint32_t i = 0; i < lists[a].count; i++)
                for (uint32_t k = 0; k < lists[b].count; k++) {
                    const struct mtr_str word = ((const struct mtr_str *)lists[a].items)[i];
                    char path[MTR_FINDING_FIELD_BYTES];
                    if (!mtr_str_equal(word, ((const struct mtr_str *)lists[b].items)[k])) continue;
                    source_fault(reading, MTR_FINDING_SOURCE_VALUE_REPEATED,
                                 source_path_join("job.status", names[b], path),
                                 "`%.*s%s` is a word for `%s` already", MTR_STR_QUOTED(word), names[a]);
                }
}

static void read_result(struct source_reading *reading, const struct result_fields *fields,
                        struct mtr_source_job *out)
{
    static const char *const names[] = {"rows", "url", "manifest", NULL};
    static const char *const paths[] = {"job.result.rows", "job.result.url.path", "job.result.manifest.path"};
    const bool given[] = {fields->has_rows, fields->has_url, fields->has_manifest};
    const struct mtr_str texts[] = {fields->rows, fields->url.path, fields->manifest.path};
    const int which = source_one_of(reading, "job.result", names, given, "");
    if (which < 0) return;
    out->result = (enum mtr_job_result)which;
    out->result_path = texts[which];
    source_check_path(reading, paths[which], texts[which]);
}

static const struct mtr_source_request *read_further(struct source_reading *reading, const char *path,
                                                     const struct source_request_fields *fields)
{
    struct mtr_source_request *request = mtr_arena_calloc(reading->arena, 1, sizeof(*request));
    if (request) source_read_request(reading, path, fields, request);
    else reading->error = MTR_ENOMEM;
    return request;
}

void source_read_job(struct source_reading *reading, const struct source_job_fields *fields,
                     const struct mtr_source_job **out)
{
    if (!fields) return;
    struct mtr_source_job *job = mtr_arena_calloc(reading->arena, 1, sizeof(*job));
    if (!job) {
        reading->error = MTR_ENOMEM;
        return;
    }
    source_read_request(reading, "job.submit", &fields->submit, &job->submit);
    source_read_place(reading, "job.id", &fields->id, &job->id);
    source_read_request(reading, "job.poll", &fields->poll.request, &job->poll);
    job->poll_every_us = fields->poll.every_us;
    job->status_path = fields->status.path;
    source_check_path(reading, "job.status.path", job->status_path);
    check_words(reading, &fields->status);
    job->running = fields->status.running.items;
    job->running_count = fields->status.running.count;
    job->done = fields->status.done.items;
    job->done_count = fields->status.done.count;
    job->empty = fields->status.empty.items;
    job->empty_count = fields->status.empty.count;
    job->failed = fields->status.failed.items;
    job->failed_count = fields->status.failed.count;
    read_result(reading, &fields->result, job);
    job->timeout_us = fields->timeout_us;
    if (fields->remove) job->remove = read_further(reading, "job.delete", fields->remove);
    if (fields->list) {
        const struct list_fields *list = fields->list;
        job->list = read_further(reading, "job.list", &list->request);
        job->list_rows = list->rows;
        job->list_id = list->id;
        job->list_match = list->match.items;
        job->list_match_count = list->match.count;
        source_check_path(reading, "job.list.rows", list->rows);
        source_check_path(reading, "job.list.id", list->id);
        for (uint32_t i = 0; i < job->list_match_count; i++)
            source_check_path(reading, "job.list.match", job->list_match[i].name);
        if (!list->match.count)
            source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "job.list.match",
                         "name what a job of that window has, as {fromDate: \"{from:%%Y-%%m-%%d}\"}: else "
                         "another job could be taken for it");
    }
    *out = job;
}
