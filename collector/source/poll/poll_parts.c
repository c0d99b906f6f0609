/*
 * Answers that are no page of rows but a list of files, and the files: `paging.parts` of a document.
 *
 *   list ─▶ poll_list_begin ─▶ poll_list_feed … ─▶ poll_list_end         each record is a part that paging gets
 *   file ─▶ rows as any page's, and the digests that the list names
 *
 * On the pool, as all that is fed.
 */
#include <stdio.h>
#include <string.h>

#include "collector/source/paging/list_mark.h"
#include "collector/source/poll/poll_state.h"

const char *poll_page_fault(const struct mtr_poll *poll)
{
    return poll->page_fault[0] ? poll->page_fault : reading_fault(poll->reading);
}

bool poll_has_parts(const struct mtr_poll *poll)
{
    return poll->task.source->paging.kind == MTR_PAGING_PARTS;
}

bool poll_reads_files(const struct mtr_poll *poll)
{
    const struct mtr_source *source = poll->task.source;
    const bool is_one_file = source->job && source->job->result == MTR_JOB_URL;
    return poll_has_parts(poll) || (is_one_file && source->paging.kind == MTR_PAGING_NONE);
}

int poll_set_manifest_apart(struct mtr_poll *poll)
{
    int rc = paging_set_apart(poll->paging);
    return rc ? rc : poll_collect_wants(poll);
}

void poll_choose_page(struct mtr_poll *poll, const struct paging_request *request)
{
    poll->page_fault[0] = '\0';
    poll->page = paging_list(poll->paging) ? POLL_PAGE_LIST
                 : request->is_part        ? POLL_PAGE_FILE
                                           : POLL_PAGE_ROWS;
}

/* ---- lists ---- */

static int on_part(void *context, const struct mtr_str *cells, const struct mtr_record_place *place)
{
    struct mtr_poll *poll = context;
    (void)place;
    int rc = paging_add_part(poll->paging, cells);
    return rc == MTR_ELIMIT ? MTR_OK : rc; /* paging says so itself */
}

/* A list of which a record cannot be read is none: a part would be missed. */
static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    struct mtr_poll *poll = context;
    (void)place;
    snprintf(poll->page_fault, sizeof(poll->page_fault), "the list of parts, line %u: %.300s",
             (unsigned)problem->line, problem->text);
    return MTR_EINVALID;
}

static int begin_list(struct mtr_poll *poll)
{
    const struct paging_list *list = paging_list(poll->paging);
    const struct mtr_record_hooks hooks = {on_part, on_problem, poll};
    const struct mtr_record_spec spec = {.format = &list->format,
                                         .columns = list->columns,
                                         .column_count = list->column_count,
                                         .wants = poll->wants,
                                         .want_count = poll->want_count};
    const char *fault = "";
    poll_close_list(poll);
    int rc = mtr_record_reader_open(&spec, &hooks, &poll->list, &fault);
    if (rc) snprintf(poll->page_fault, sizeof(poll->page_fault), "the list of parts: %s", fault);
    return rc;
}

void poll_close_list(struct mtr_poll *poll)
{
    mtr_record_reader_close(poll->list);
    poll->list = NULL;
}

static int feed_list(struct mtr_poll *poll)
{
    int rc = poll->has_begun_page ? MTR_OK : begin_list(poll);
    poll->has_begun_page = true;
    return rc ? rc : mtr_record_reader_read(poll->list, mtr_buffer_str(&poll->feeding));
}

/* Pieces have lists of their own. */
struct mtr_str poll_cursor(struct mtr_poll *poll)
{
    if (poll->task.replay.reading) return (struct mtr_str){NULL, 0};
    const struct mtr_str version = paging_resume(poll->paging);
    const bool has_one_list = poll_has_parts(poll) && !poll->task.piece_us && !poll->report.piece_us;
    if (!poll->task.window.to_us) return version;
    if (!has_one_list || list_mark_write(version, poll->task.source, &poll->mark))
        return (struct mtr_str){NULL, 0};
    return mtr_buffer_str(&poll->mark);
}

/* ---- files ---- */

static int open_digests(struct mtr_poll *poll)
{
    const struct mtr_paging_parts *parts = poll->task.source->paging.parts;
    if (!poll_has_parts(poll)) return MTR_OK;
    const struct mtr_str paths[POLL_DIGESTS] = {parts->md5, parts->sha256};
    int rc = MTR_OK;
    for (int i = 0; !rc && i < POLL_DIGESTS; i++) {
        if (!paths[i].size) continue;
        rc = poll->digests[i].hasher
                 ? mtr_hasher_begin(poll->digests[i].hasher)
                 : mtr_hasher_open(i ? MTR_HASHER_SHA256 : MTR_HASHER_MD5, &poll->digests[i].hasher);
    }
    return rc;
}

static int add_digests(struct mtr_poll *poll)
{
    int rc = poll->has_begun_page ? MTR_OK : open_digests(poll);
    for (int i = 0; !rc && i < POLL_DIGESTS; i++)
        if (poll->digests[i].hasher)
            rc = mtr_hasher_add(poll->digests[i].hasher, mtr_buffer_str(&poll->feeding));
    return rc;
}

static int end_digests(struct mtr_poll *poll)
{
    int rc = MTR_OK;
    for (int i = 0; !rc && i < POLL_DIGESTS; i++)
        if (poll->digests[i].hasher) rc = mtr_hasher_end(poll->digests[i].hasher, poll->digests[i].bytes);
    return rc;
}

const uint8_t *poll_digest(const struct mtr_poll *poll, enum poll_digest which)
{
    const bool is_made = poll->page == POLL_PAGE_FILE && poll->digests[which].hasher;
    return is_made ? poll->digests[which].bytes : NULL;
}

void poll_close_digests(struct mtr_poll *poll)
{
    for (int i = 0; i < POLL_DIGESTS; i++)
        mtr_hasher_close(poll->digests[i].hasher);
}

/* ---- whatever came ---- */

static int feed_rows(struct mtr_poll *poll)
{
    int rc = poll->has_begun_page ? MTR_OK : reading_begin_page(poll->reading);
    poll->has_begun_page = true;
    return rc ? rc : reading_feed(poll->reading, mtr_buffer_str(&poll->feeding));
}

int poll_feed_page(struct mtr_poll *poll)
{
    int rc = MTR_OK;
    switch (poll->page) {
    case POLL_PAGE_JOB: rc = vendor_job_feed(poll); break;
    case POLL_PAGE_LIST: rc = feed_list(poll); break;
    case POLL_PAGE_FILE:
        rc = add_digests(poll);
        if (!rc) rc = feed_rows(poll);
        break;
    case POLL_PAGE_ROWS: rc = feed_rows(poll); break;
    }
    return rc;
}

int poll_end_page(struct mtr_poll *poll)
{
    int rc = poll_feed_page(poll);
    if (rc) return rc;
    if (poll->page == POLL_PAGE_JOB) return vendor_job_read(poll);
    if (poll->page == POLL_PAGE_LIST) return mtr_record_reader_end(poll->list);
    if (poll->page == POLL_PAGE_FILE) rc = end_digests(poll);
    return rc ? rc : reading_end_page(poll->reading);
}

struct mtr_found poll_found(const struct mtr_poll *poll, uint32_t index)
{
    if (poll->page == POLL_PAGE_LIST) return mtr_record_reader_found(poll->list, index);
    if (poll_reads_files(poll)) return (struct mtr_found){.kind = MTR_FOUND_NOTHING};
    return reading_found(poll->reading, index);
}
