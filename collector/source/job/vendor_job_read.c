/*
 * What answers about a report say: its id, how it is, where its result is, which ones there are. Answers are
 * small documents of JSON; one with the rows, or the manifest, in it is read as a page right away.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/poll/poll_state.h"
#include "collector/source/request/request_text.h"

enum { ARENA_BYTES_MAX = 1 << 20, HASH_DIGITS = 16, MATCHES_MAX = 16 };

int vendor_job_feed(struct mtr_poll *poll)
{
    struct vendor_job *job = &poll->vendor_job;
    const struct mtr_str piece = mtr_buffer_str(&poll->feeding);
    if (!poll->has_begun_page) {
        mtr_buffer_reset(&job->body);
        job->is_large = false;
    }
    poll->has_begun_page = true;
    job->is_large = job->is_large || job->body.size + piece.size > POLL_BUFFER_BYTES;
    return job->is_large ? MTR_OK : mtr_buffer_append_str(&job->body, piece);
}

/* ---- values ---- */

/* *is_there is false where it is no scalar. */
static int text_at(struct mtr_poll *poll, struct mtr_str path, struct mtr_buffer *out, bool *is_there)
{
    struct mtr_arena arena;
    struct mtr_str text = {NULL, 0};
    mtr_arena_init(&arena, 4 << 10, ARENA_BYTES_MAX);
    int rc = condition_body_text(mtr_buffer_str(&poll->vendor_job.body), path, &arena, &text);
    *is_there = !rc;
    if (rc == MTR_ENOTFOUND) rc = MTR_OK;
    mtr_buffer_reset(out);
    if (!rc) rc = mtr_buffer_append_str(out, text);
    mtr_arena_release(&arena);
    return rc;
}

static bool is_word(struct mtr_str text, const struct mtr_str *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (mtr_str_equal(text, words[i])) return true;
    return false;
}

static enum vendor_job_word word_of(const struct mtr_source_job *document, struct mtr_str text)
{
    if (is_word(text, document->running, document->running_count)) return VENDOR_JOB_RUNNING;
    if (is_word(text, document->done, document->done_count)) return VENDOR_JOB_DONE;
    if (is_word(text, document->empty, document->empty_count)) return VENDOR_JOB_EMPTY;
    if (is_word(text, document->failed, document->failed_count)) return VENDOR_JOB_FAILED;
    return VENDOR_JOB_UNKNOWN;
}

bool vendor_job_is_done(const struct mtr_poll *poll, struct mtr_found status)
{
    return word_of(poll->task.source->job, status.text) == VENDOR_JOB_DONE;
}

/* Where vendors say why, most of them. */
static int read_failure(struct mtr_poll *poll)
{
    static const char *const paths[] = {"error.message", "error.code", "message", "error", "reason"};
    struct vendor_job *job = &poll->vendor_job;
    int rc = MTR_OK;
    bool is_there = false;
    for (size_t i = 0; !rc && !is_there && i < sizeof(paths) / sizeof(paths[0]); i++)
        rc = text_at(poll, mtr_str_from(paths[i]), &job->found, &is_there);
    if (!rc && is_there) mtr_buffer_reset(&job->said);
    if (!rc && is_there) rc = mtr_buffer_append_str(&job->said, mtr_buffer_str(&job->found));
    mtr_buffer_reset(&job->found);
    return rc;
}

/* ---- how it is ---- */

/* The answer is the page. */
static int read_page(struct mtr_poll *poll, enum poll_page page)
{
    poll->page = page;
    poll->has_begun_page = false;
    poll->vendor_job.step = VENDOR_JOB_FETCH;
    mtr_buffer_reset(&poll->feeding);
    int rc = mtr_buffer_append_str(&poll->feeding, mtr_buffer_str(&poll->vendor_job.body));
    return rc ? rc : poll_end_page(poll);
}

/* What OData does not put into the answer it links, by the same name and an ending. */
static int odata_link_at(struct mtr_poll *poll, struct mtr_str path, bool *is_there)
{
    struct mtr_buffer name;
    mtr_buffer_init(&name, PAGING_TOKEN_BYTES_MAX);
    int rc = mtr_buffer_append_str(&name, path);
    if (!rc) rc = mtr_buffer_append_str(&name, MTR_STR("@odata.navigationLink"));
    if (!rc) rc = text_at(poll, mtr_buffer_str(&name), &poll->vendor_job.found, is_there);
    mtr_buffer_release(&name);
    return rc;
}

static int read_done(struct mtr_poll *poll)
{
    const struct mtr_source_job *document = poll->task.source->job;
    struct vendor_job *job = &poll->vendor_job;
    bool is_there = false;
    if (document->result == MTR_JOB_ROWS) return read_page(poll, POLL_PAGE_ROWS);
    int rc = text_at(poll, document->result_path, &job->found, &is_there);
    if (!rc && !is_there) rc = odata_link_at(poll, document->result_path, &is_there);
    return rc || is_there || document->result == MTR_JOB_URL ? rc : read_page(poll, POLL_PAGE_LIST);
}

static int read_status(struct mtr_poll *poll)
{
    struct vendor_job *job = &poll->vendor_job;
    const struct mtr_source_job *document = poll->task.source->job;
    bool is_there;
    job->word = VENDOR_JOB_DONE; /* one that runs says less than this */
    mtr_buffer_reset(&job->found);
    if (job->is_large) return MTR_OK;
    int rc = text_at(poll, document->status_path, &job->said, &is_there);
    if (rc) return rc;
    job->word = is_there ? word_of(document, mtr_buffer_str(&job->said)) : VENDOR_JOB_UNKNOWN;
    if (job->word == VENDOR_JOB_FAILED) return read_failure(poll);
    return job->word == VENDOR_JOB_DONE ? read_done(poll) : MTR_OK;
}

/* ---- which ones there are ---- */

struct listing {
    struct mtr_poll *poll;
    struct mtr_str wanted[MATCHES_MAX]; /* in the arena */
    uint32_t count;
    struct mtr_arena arena;
    bool is_too_many;
};

static struct mtr_str hash_of(struct mtr_str id, char out[HASH_DIGITS + 1])
{
    snprintf(out, HASH_DIGITS + 1, "%016" PRIx64, (uint64_t)XXH3_64bits(id.data, id.size));
    return mtr_str_from(out);
}

/* "*": they were too many to be told apart. */
static bool is_known(struct mtr_str known, struct mtr_str hash)
{
    if (mtr_str_equal(known, MTR_STR("*"))) return true;
    for (size_t at = 0; at + HASH_DIGITS <= known.size; at += HASH_DIGITS)
        if (!memcmp(known.data + at, hash.data, HASH_DIGITS)) return true;
    return false;
}

static int on_job(void *context, const struct mtr_str *cells, const struct mtr_record_place *place)
{
    struct listing *listing = context;
    struct vendor_job *job = &listing->poll->vendor_job;
    char text[HASH_DIGITS + 1];
    (void)place;
    if (!cells[0].size) return MTR_OK;
    for (uint32_t i = 0; i < listing->count; i++)
        if (!cells[i + 1].data || !mtr_str_equal(cells[i + 1], listing->wanted[i])) return MTR_OK;
    const struct mtr_str hash = hash_of(cells[0], text);
    if (job->step == VENDOR_JOB_FIND) {
        if (job->found.size || is_known(job->known, hash)) return MTR_OK;
        return mtr_buffer_append_str(&job->found, cells[0]);
    }
    listing->is_too_many = job->found.size + HASH_DIGITS > MTR_LEDGER_JOB_KNOWN_BYTES_MAX;
    return listing->is_too_many ? MTR_OK : mtr_buffer_append_str(&job->found, hash);
}

static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    struct listing *listing = context;
    if (place && place->number) return MTR_OK; /* a report that cannot be read is none of ours */
    snprintf(listing->poll->page_fault, sizeof(listing->poll->page_fault),
             "the answer to `job.list`, line %u: %.300s", (unsigned)problem->line, problem->text);
    return MTR_EINVALID;
}

/* What the templates say, as of when the report was asked for. */
static int expand(struct listing *listing)
{
    struct mtr_poll *poll = listing->poll;
    const struct mtr_source_job *document = poll->task.source->job;
    const struct request_ask ask = {.source = poll->task.source,
                                    .request = document->list,
                                    .strand = &poll->task.strand,
                                    .subscription = poll->task.subscription,
                                    .window = poll->task.window,
                                    .since_us = poll->task.since_us,
                                    .now_us = poll->vendor_job.began_us};
    struct request_text text;
    struct mtr_buffer value;
    int rc = MTR_OK;
    mtr_buffer_init(&value, PAGING_TOKEN_BYTES_MAX);
    request_text_begin(&text, &ask, &listing->arena);
    for (uint32_t i = 0; !rc && i < document->list_match_count; i++) {
        bool is_there;
        mtr_buffer_reset(&value);
        rc = request_text_append(&text, document->list_match[i].value, MTR_TEMPLATE_IN_TEXT, &value,
                                 &is_there);
        if (!rc)
            rc = mtr_arena_copy(&listing->arena, mtr_buffer_str(&value), &listing->wanted[listing->count++]);
    }
    if (rc) snprintf(poll->page_fault, sizeof(poll->page_fault), "`job.list.match`: %s", text.fault);
    request_text_end(&text);
    mtr_buffer_release(&value);
    return rc == MTR_ENOMEM || !rc ? rc : MTR_EINVALID;
}

static int read_jobs(struct listing *listing)
{
    struct mtr_poll *poll = listing->poll;
    const struct mtr_source_job *document = poll->task.source->job;
    const struct mtr_record_hooks hooks = {on_job, on_problem, listing};
    struct mtr_row_format format = mtr_row_format_default();
    struct mtr_str columns[MATCHES_MAX + 1] = {document->list_id};
    struct mtr_record_reader *reader;
    const char *fault = "";
    format.kind = MTR_ROWS_JSON;
    format.rows = document->list_rows;
    for (uint32_t i = 0; i < listing->count; i++) columns[i + 1] = document->list_match[i].name;
    const struct mtr_record_spec spec = {
        .format = &format, .columns = columns, .column_count = listing->count + 1};
    int rc = mtr_record_reader_open(&spec, &hooks, &reader, &fault);
    if (rc) {
        snprintf(poll->page_fault, sizeof(poll->page_fault), "`job.list`: %s", fault);
        return rc;
    }
    rc = mtr_record_reader_read(reader, mtr_buffer_str(&poll->vendor_job.body));
    if (!rc) rc = mtr_record_reader_end(reader);
    mtr_record_reader_close(reader);
    return rc;
}

static int read_list(struct mtr_poll *poll)
{
    struct vendor_job *job = &poll->vendor_job;
    struct listing listing = {.poll = poll};
    MTR_ASSERT(poll->task.source->job->list_match_count <= MATCHES_MAX);
    mtr_buffer_reset(&job->found);
    mtr_arena_init(&listing.arena, 4 << 10, ARENA_BYTES_MAX);
    int rc = expand(&listing);
    if (!rc) rc = read_jobs(&listing);
    mtr_arena_release(&listing.arena);
    if (rc || !listing.is_too_many) return rc;
    mtr_buffer_reset(&job->found);
    return mtr_buffer_append_str(&job->found, MTR_STR("*"));
}

int vendor_job_read(struct mtr_poll *poll)
{
    struct vendor_job *job = &poll->vendor_job;
    const struct mtr_source_job *document = poll->task.source->job;
    bool is_there;
    if (job->step == VENDOR_JOB_ASK) return read_status(poll);
    mtr_buffer_reset(&job->found);
    if (job->step == VENDOR_JOB_REMOVE) return MTR_OK;
    if (job->is_large) {
        snprintf(poll->page_fault, sizeof(poll->page_fault), "an answer about reports of more than 1 MiB");
        return MTR_ELIMIT;
    }
    if (job->step != VENDOR_JOB_SUBMIT) return read_list(poll);
    return document->id.path.size ? text_at(poll, document->id.path, &job->found, &is_there) : MTR_OK;
}
