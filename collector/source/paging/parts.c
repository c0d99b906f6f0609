/*
 * Files that a manifest or a listing names. First the list, page by page where it has some, then each part in
 * turn.
 *
 *   listing ──all listed──▶ reading ──each part──▶ END, when all that were named have come, whole
 *      ▲                       │ a link is too old (paging_expired)
 *      └───────────────────────┘ parts that came stay, if the new list begins with them; else RESTART
 *
 * The list decides what there is, never what a folder happens to hold. A part that is named twice would count
 * twice, and is a loop.
 *
 * A list is the one of before when it says the same version of itself, and of each part the same size and
 * digests: some vendors leave the version as it is when they write a part anew. Links may be others.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

#include "collector/source/link.h"
#include "collector/source/paging/driver.h"
#include "meterd/core/byte_set.h"

enum { WANT_TOKEN, WANT_COUNT, WANT_ETAG, WANT_ROOT, WANT_QUERY, WANTS };

static void add_column(struct paging *paging, unsigned which, struct mtr_str path)
{
    paging->column_of[which] = path.size ? (int32_t)paging->list.column_count : -1;
    if (path.size) paging->list.columns[paging->list.column_count++] = path;
}

static void begin_list(struct paging *paging)
{
    paging->is_listing = true;
    paging->part_count = paging->part_capacity = 0;
    paging->parts = NULL;
    mtr_buffer_reset(&paging->token);
    paging_forget_wants(paging);
    for (unsigned i = 0; i < WANTS; i++) paging_want(paging, MTR_WANT_OF_DOCUMENT, paging->list_paths[i]);
}

/* A job's manifest stands inside the answer that says that the job is done. */
static int path_in_answer(struct paging *paging, struct mtr_str path, struct mtr_str *out)
{
    const struct mtr_source_job *job = paging->source->job;
    const bool is_inside = job && job->result == MTR_JOB_MANIFEST && !paging->is_apart;
    const struct mtr_str outer = is_inside ? job->result_path : MTR_STR("");
    struct mtr_buffer text;
    *out = path;
    if (!path.size || !outer.size) return MTR_OK;
    mtr_buffer_init(&text, PAGING_TOKEN_BYTES_MAX);
    int rc = mtr_buffer_append_str(&text, outer);
    if (!rc && path.data[0] != '[') rc = mtr_buffer_append_char(&text, '.');
    if (!rc) rc = mtr_buffer_append_str(&text, path);
    if (!rc) rc = mtr_arena_copy(&paging->arena, mtr_buffer_str(&text), out);
    mtr_buffer_release(&text);
    return rc;
}

static int find_paths(struct paging *paging)
{
    const struct mtr_paging_parts *parts = paging->source->paging.parts;
    const struct mtr_str paths[WANTS] = {parts->token, parts->count, parts->etag, parts->root,
                                         parts->token_query};
    int rc = MTR_OK;
    for (unsigned i = 0; i < WANTS && !rc; i++) rc = path_in_answer(paging, paths[i], &paging->list_paths[i]);
    if (!rc && !parts->is_s3_list) rc = path_in_answer(paging, parts->list, &paging->list.format.rows);
    return rc;
}

int paging_set_apart(struct paging *paging)
{
    MTR_ASSERT(paging->driver == &paging_parts && paging->is_listing);
    paging->is_apart = true;
    int rc = find_paths(paging);
    if (!rc) begin_list(paging);
    return rc;
}

static int open_parts(struct paging *paging, struct mtr_str resume)
{
    const struct mtr_paging_parts *parts = paging->source->paging.parts;
    paging->list.format = mtr_row_format_default();
    paging->list.format.kind = parts->is_s3_list ? MTR_ROWS_S3_LIST : MTR_ROWS_JSON;
    int rc = find_paths(paging);
    if (rc) return rc;
    add_column(paging, 0, parts->url_is_template ? parts->item : parts->url);
    add_column(paging, 1, parts->is_s3_list && !parts->size.size ? MTR_STR("Size") : parts->size);
    add_column(paging, 2, parts->md5);
    add_column(paging, 3, parts->sha256);
    add_column(paging, 4, parts->is_s3_list ? MTR_STR("ETag") : MTR_STR(""));
    begin_list(paging);
    if (resume.size > PAGING_TOKEN_BYTES_MAX) return MTR_OK;
    return paging_set_text(&paging->resume, resume);
}

static void request_parts(const struct paging *paging, struct paging_request *out)
{
    const struct mtr_paging_parts *parts = paging->source->paging.parts;
    if (paging->is_listing) {
        if (paging->token.size) paging_send(out, parts->send, mtr_buffer_str(&paging->token), false);
        return;
    }
    const struct mtr_str url = paging->parts[paging->part_next].url;
    out->is_part = true;
    if (parts->url_is_template) out->item = url;
    else out->link = url;
}

/* Consoles make objects of no size to show folders. */
static bool is_folder(const struct paging *paging, const struct mtr_str *cells)
{
    const int32_t column = paging->column_of[0];
    const struct mtr_str key = column >= 0 ? cells[column] : (struct mtr_str){NULL, 0};
    return paging->source->paging.parts->is_s3_list && key.size && key.data[key.size - 1] == '/';
}

int paging_add_part(struct paging *paging, const struct mtr_str *cells)
{
    struct paging_part part = {.url = {NULL, 0}};
    struct mtr_str *const texts[] = {&part.url, &part.size, &part.md5, &part.sha256, &part.etag};
    MTR_ASSERT(paging->is_listing);
    void *items = paging->parts;
    if (is_folder(paging, cells)) return MTR_OK;
    int rc = paging->part_count == PAGING_PARTS_MAX ? MTR_ELIMIT : MTR_OK;
    for (uint32_t i = 0; i < PAGING_COLUMNS_MAX && !rc; i++) {
        const int32_t column = paging->column_of[i];
        if (column >= 0 && cells[column].data) rc = mtr_arena_copy(&paging->arena, cells[column], texts[i]);
    }
    if (!rc)
        rc = mtr_arena_make_room(&paging->arena, &items, paging->part_count, &paging->part_capacity,
                                 sizeof(part));
    if (rc) {
        paging->is_overfull = true; /* the arena's bound is ENOMEM */
        return MTR_ELIMIT;
    }
    paging->parts = items;
    paging->parts[paging->part_count++] = part;
    return MTR_OK;
}

/* ---- the whole list ---- */

/* What the manifest says around every link: "https://files/run-7" + "/" + link + "?" + a token. A root or a
 * token that the document names and the manifest lacks is none. */
static int write_link(struct paging *paging, const struct paging_page *page, struct mtr_str url,
                      struct mtr_buffer *out)
{
    const struct mtr_str root = paging_found(paging, page, WANT_ROOT)->text;
    struct mtr_str query = paging_found(paging, page, WANT_QUERY)->text;
    int rc = mtr_buffer_append_str(out, root);
    if (!rc && root.size && root.data[root.size - 1] != '/' && url.data[0] != '/')
        rc = mtr_buffer_append_char(out, '/');
    if (!rc) rc = mtr_buffer_append_str(out, url);
    if (rc || !query.size) return rc;
    if (query.data[0] == '?') query = (struct mtr_str){query.data + 1, query.size - 1};
    rc = mtr_buffer_append_char(out, memchr(url.data, '?', url.size) ? '&' : '?');
    return rc ? rc : mtr_buffer_append_str(out, query);
}

/* Of a template the item; else the link, resolved against the list's own URL. */
static int write_part(struct paging *paging, const struct paging_page *page, struct mtr_str url,
                      struct mtr_buffer *out, const char **fault)
{
    struct mtr_buffer whole;
    *fault = "a part has no link";
    if (!url.size) return MTR_EINVALID;
    if (paging->source->paging.parts->url_is_template) return mtr_buffer_append_str(out, url);
    mtr_buffer_init(&whole, PAGING_TOKEN_BYTES_MAX);
    int rc = write_link(paging, page, url, &whole);
    if (!rc) rc = source_link_resolve(page->call, mtr_buffer_str(&whole), paging->source, out, fault);
    mtr_buffer_release(&whole);
    return rc;
}

/* Each is another one. */
static int check_parts(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    struct mtr_byte_set set = {.arena = &paging->arena};
    struct mtr_buffer url;
    const char *fault = "a part has no link";
    int rc = MTR_OK;
    mtr_buffer_init(&url, PAGING_TOKEN_BYTES_MAX);
    for (uint32_t i = 0; i < paging->part_count && !rc && !end->step; i++) {
        struct paging_part *part = &paging->parts[i];
        bool is_new = true;
        uint32_t number;
        mtr_buffer_reset(&url);
        rc = write_part(paging, page, part->url, &url, &fault);
        if (!rc) rc = mtr_byte_set_add(&set, mtr_buffer_str(&url), &number, &is_new);
        if (!rc) part->url = set.keys[number];
        if (!rc && !is_new) paging_fail(paging, end, PAGING_LOOP, "a part is named twice");
    }
    mtr_buffer_release(&url);
    if (rc == MTR_EINVALID) paging_fail(paging, end, PAGING_LINK, fault);
    else if (rc) paging_fail(paging, end, PAGING_LIMIT, "links of parts are too long, or too many");
    return MTR_OK;
}

/* A link without its query, where a signature stands that is another one each time. */
static struct mtr_str place_of(struct mtr_str url)
{
    const char *mark = url.size ? memchr(url.data, '?', url.size) : NULL;
    return (struct mtr_str){url.data, mark ? (size_t)(mark - url.data) : url.size};
}

static bool is_same_part(const struct paging_part *a, const struct paging_part *b)
{
    return mtr_str_equal(place_of(a->url), place_of(b->url)) && mtr_str_equal(a->size, b->size) &&
           mtr_str_equal(a->md5, b->md5) && mtr_str_equal(a->sha256, b->sha256);
}

static bool begins_as_before(const struct paging *paging)
{
    if (paging->parts_read > paging->part_count) return false;
    for (uint32_t i = 0; i < paging->parts_read; i++)
        if (!is_same_part(&paging->parts[i], &paging->parts_before[i])) return false;
    return true;
}

static uint64_t hash_text(struct mtr_str text, uint64_t seed)
{
    return text.data ? XXH3_64bits_withSeed(text.data, text.size, seed + 1) : seed;
}

/* What the list says of itself and of its parts, in whatever order: "VERSION\n<parts>:<hash>". Empty: it has
 * no version. */
static int write_version(const struct paging *paging, const struct mtr_found *etag, struct mtr_buffer *out)
{
    uint64_t sum = 0;
    mtr_buffer_reset(out);
    if (paging_token_of(etag) != PAGING_TOKEN_GIVEN || etag->is_cut) return MTR_OK;
    for (uint32_t i = 0; i < paging->part_count; i++) {
        const struct paging_part *part = &paging->parts[i];
        sum += hash_text(part->etag, hash_text(part->sha256, hash_text(part->md5, hash_text(part->size, 0))));
    }
    int rc = mtr_buffer_append_str(out, etag->text);
    return rc ? rc : mtr_buffer_printf(out, "\n%" PRIu32 ":%016" PRIx64, paging->part_count, sum);
}

/* Of the list that was read before. Earlier editions kept what it says of itself alone. */
static bool is_that_version(const struct paging *paging, struct mtr_str version)
{
    const struct mtr_str before = mtr_buffer_str(&paging->resume);
    const bool is_bare = before.size && !memchr(before.data, '\n', before.size);
    const char *end = version.size ? memrchr(version.data, '\n', version.size) : NULL;
    if (is_bare && end) version.size = (size_t)(end - version.data);
    return version.size && mtr_str_equal(version, before);
}

/* UNCHANGED, RESTART, or what is wrong with it. */
static int judge_list(struct paging *paging, const struct paging_page *page, struct mtr_str version,
                      struct paging_end *end)
{
    const struct mtr_found *count = paging_found(paging, page, WANT_COUNT);
    const bool is_same = is_that_version(paging, version);
    const bool is_counted = paging->source->paging.parts->count.size > 0;
    uint64_t wanted = 0;
    if (paging->is_overfull)
        paging_fail(paging, end, PAGING_LIMIT, "more parts are named than one reading takes");
    else if (is_counted && (!paging_count_of(count, &wanted) || wanted != paging->part_count))
        paging_fail(paging, end, PAGING_INCOMPLETE, "the list names another number of parts than it says");
    else if (paging->renewals && (version.size && !is_same)) end->step = PAGING_RESTART;
    else if (!paging->renewals && is_same) end->step = PAGING_UNCHANGED;
    int rc = end->step ? MTR_OK : check_parts(paging, page, end);
    if (!rc && !end->step && !begins_as_before(paging)) end->step = PAGING_RESTART;
    const bool is_it = !end->step || end->step == PAGING_UNCHANGED;
    return rc || !is_it ? rc : paging_set_text(&paging->resume, version);
}

static int judge_version(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    struct mtr_buffer version;
    mtr_buffer_init(&version, PAGING_TOKEN_BYTES_MAX);
    int rc = write_version(paging, paging_found(paging, page, WANT_ETAG), &version);
    if (rc == MTR_ELIMIT) mtr_buffer_reset(&version); /* it is read once more each time */
    if (!rc || rc == MTR_ELIMIT) rc = judge_list(paging, page, mtr_buffer_str(&version), end);
    mtr_buffer_release(&version);
    return rc;
}

static int next_list(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    const struct mtr_found *token = paging_found(paging, page, WANT_TOKEN);
    if (paging_token_of(token) == PAGING_TOKEN_WRONG || token->is_cut)
        paging_fail(paging, end, PAGING_INCOMPLETE, "the token of the next list is no text that can be sent");
    if (end->step) return MTR_OK;
    if (paging_token_of(token) == PAGING_TOKEN_GIVEN) return paging_take_token(paging, token->text, end);
    int rc = judge_version(paging, page, end);
    if (rc || end->step) return rc;
    mtr_buffer_reset(&paging->token);
    paging->is_listing = false;
    paging_forget_wants(paging);
    paging->part_next = paging->parts_read;
    end->is_end = paging->part_next == paging->part_count;
    return MTR_OK;
}

/* ---- a part ---- */

static int next_part(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    enum { MD5_BYTES = 16, SHA256_BYTES = 32 };
    const struct paging_part *part = &paging->parts[paging->part_next];
    uint64_t size;
    if (paging_is_another(part, page))
        end->step = PAGING_RESTART;
    else if (part->size.data && (!mtr_str_to_u64(part->size, &size) || size != page->bytes))
        paging_fail(paging, end, PAGING_INCOMPLETE, "a part has another size than the list says");
    else if (part->md5.data && page->md5 && !paging_is_digest(part->md5, page->md5, MD5_BYTES))
        paging_fail(paging, end, PAGING_INCOMPLETE, "a part has another MD5 than the list says");
    else if (part->sha256.data && page->sha256 && !paging_is_digest(part->sha256, page->sha256, SHA256_BYTES))
        paging_fail(paging, end, PAGING_INCOMPLETE, "a part has another SHA-256 than the list says");
    if (end->step) return MTR_OK;
    paging->parts_read = ++paging->part_next;
    end->is_end = paging->part_next == paging->part_count;
    return MTR_OK;
}

static int next_of_parts(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    *end = (struct paging_end){.is_marked = true};
    return paging->is_listing ? next_list(paging, page, end) : next_part(paging, page, end);
}

bool paging_expired(struct paging *paging, unsigned status)
{
    if (paging->driver != &paging_parts || paging->is_listing) return false;
    const struct mtr_paging_parts *parts = paging->source->paging.parts;
    for (uint32_t i = 0; i < parts->expired_count; i++) {
        if (parts->expired[i] != status) continue;
        if (++paging->renewals > PAGING_RENEWALS_MAX) return false;
        paging->parts_before = paging->parts;
        begin_list(paging);
        return true;
    }
    return false;
}

const struct paging_driver paging_parts = {.name = "parts",
                                           .kind = MTR_PAGING_PARTS,
                                           .open = open_parts,
                                           .request = request_parts,
                                           .next = next_of_parts};
