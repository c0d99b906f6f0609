/*
 * GET /v1/sources/{key}: all of one source, its document, how it stands, and its windows in sum.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/api/route/source_row.h"
#include "daemon/api/routes.h"

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/store/ledger.h"

enum { SHOWN_MAX = 20, LATEST_MAX = 5, HASH_TEXT_BYTES = 2 * 32 + 1 };

/* ---- windows ---- */

struct window_row {
    struct mtr_str each;
    int64_t start, noted_at;
    const char *state;
    struct mtr_str problem;
    uint64_t rows, refused;
    bool has_each, has_problem;
};

static const char *window_choice(unsigned index)
{
    return index < MTR_WINDOW_STATE_COUNT ? mtr_window_state_name((enum mtr_window_state)index) : NULL;
}

#define ROW(field) MTR_MEMBER(window_row, field)
static const struct mtr_json_member window_members[] = {
    {ROW(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, has_each),
     .doc = "which of for_each it was asked for"},
    {ROW(start), .type = MTR_MEMBER_TIME, .doc = "of the window"},
    {ROW(noted_at), .type = MTR_MEMBER_TIME, .doc = "when its last reading began that left a receipt"},
    {ROW(state), .type = MTR_MEMBER_WORD, .choice = window_choice, .doc = "what that came to"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, has_problem),
     .doc = "why it is incomplete or suspect"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "that it has"},
    {ROW(refused), .type = MTR_MEMBER_U64, .doc = "of them, in quarantine"},
    {0},
};
#undef ROW
static const struct mtr_shape window_shape = {.name = "SourceReading", .members = window_members};

struct counts_row {
    uint64_t partial, open, incomplete, suspect, complete, settled, rows, refused;
};

#define ROW(field) MTR_MEMBER(counts_row, field)
static const struct mtr_json_member counts_members[] = {
    {ROW(partial), .type = MTR_MEMBER_U64, .doc = "windows of which a reading is in by parts"},
    {ROW(open), .type = MTR_MEMBER_U64, .doc = "read before their end"},
    {ROW(incomplete), .type = MTR_MEMBER_U64, .doc = "read, and not proved whole"},
    {ROW(suspect), .type = MTR_MEMBER_U64, .doc = "waiting to be confirmed, or accepted"},
    {ROW(complete), .type = MTR_MEMBER_U64, .doc = "whole"},
    {ROW(settled), .type = MTR_MEMBER_U64, .doc = "whole, and not read again"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "of all of them"},
    {ROW(refused), .type = MTR_MEMBER_U64, .doc = "of the rows, in quarantine"},
    {0},
};
#undef ROW
static const struct mtr_shape counts_shape = {.name = "SourceWindowCounts", .members = counts_members};

/* ---- its certificate ---- */

struct probe_row {
    struct mtr_str probe, text;
    const char *result;
};

#define ROW(field) MTR_MEMBER(probe_row, field)
static const struct mtr_json_member probe_members[] = {
    {ROW(probe), .type = MTR_MEMBER_TEXT, .doc = "its name"},
    {ROW(result), .type = MTR_MEMBER_WORD, .choice = source_certificate_choice, .doc = "what it came to"},
    {ROW(text), .type = MTR_MEMBER_TEXT, .doc = "what was seen"},
    {0},
};
#undef ROW
static const struct mtr_shape probe_shape = {.name = "CertificateProbe", .members = probe_members};

struct certified_row {
    const char *result;
    struct mtr_str document;
    int64_t made_at;
    uint64_t requests;
    bool is_current, is_making;
    struct mtr_list objections; /* of struct probe_row */
};

#define ROW(field) MTR_MEMBER(certified_row, field)
static const struct mtr_json_member certified_members[] = {
    {ROW(result), .type = MTR_MEMBER_WORD, .choice = source_certificate_choice,
     .doc = "the worst of its probes"},
    {ROW(is_current), .type = MTR_MEMBER_BOOL, .doc = "it is of the document in force"},
    {ROW(is_making), .type = MTR_MEMBER_BOOL, .doc = "another one is on its way"},
    {ROW(document), .type = MTR_MEMBER_TEXT, .doc = "SHA-256 of the document that it is of, hexadecimal"},
    {ROW(made_at), .type = MTR_MEMBER_TIME, .doc = "when it was begun"},
    {ROW(requests), .type = MTR_MEMBER_U64, .doc = "that it took"},
    {ROW(objections), .type = MTR_MEMBER_LIST, .shape = &probe_shape, .item_size = sizeof(struct probe_row),
     .doc = "probes that warn or fail; all of them, with their evidence, are at .../certificate"},
    {0},
};
#undef ROW
static const struct mtr_shape certified_shape = {.name = "SourceCertified", .members = certified_members};

/* ---- the answer ---- */

struct show_row {
    struct source_row now;
    struct counts_row windows;
    struct mtr_list latest, problems; /* of struct window_row */
    struct mtr_str sha256, applied_by, base_url, auth, token_url;
    uint32_t revision;
    bool is_paused, has_token_url, has_certificate;
    struct certified_row certificate;
    int64_t created_at, applied_at, paused_at;
};

static const char *auth_choice(unsigned index)
{
    static const char *const kinds[] = {"none",  "presigned", "basic",     "header",
                                        "oauth2", "login",     "aws_sigv4", "hmac"};
    return index < sizeof(kinds) / sizeof(kinds[0]) ? kinds[index] : NULL;
}

#define ROW(field) MTR_MEMBER(show_row, field)
static const struct mtr_json_member show_members[] = {
    {ROW(now), .type = MTR_MEMBER_MAP, .shape = &source_row_shape, .doc = "as in the list of sources"},
    {ROW(created_at), .type = MTR_MEMBER_TIME, .doc = "when its document was first applied"},
    {ROW(revision), .type = MTR_MEMBER_U32, .doc = "of the document in force"},
    {ROW(applied_at), .type = MTR_MEMBER_TIME, .doc = "when that was applied"},
    {ROW(applied_by), .type = MTR_MEMBER_TEXT, .doc = "by whom"},
    {ROW(sha256), .type = MTR_MEMBER_TEXT, .doc = "of the document's canonical JSON, hexadecimal"},
    {ROW(base_url), .type = MTR_MEMBER_TEXT, .doc = "what is asked; credentials go to its host alone"},
    {ROW(auth), .type = MTR_MEMBER_TEXT, .doc = "how it says who asks"},
    {ROW(token_url), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(show_row, has_token_url),
     .doc = "of oauth2: where tokens are asked for"},
    {ROW(paused_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(show_row, is_paused),
     .doc = "since when an operator lets it rest"},
    {ROW(certificate), .type = MTR_MEMBER_MAP, .shape = &certified_shape, .presence = MTR_MAY_LACK,
     MTR_PRESENT(show_row, has_certificate), .doc = "the last one that was made of it"},
    {ROW(windows), .type = MTR_MEMBER_MAP, .shape = &counts_shape, .doc = "how many by state"},
    {ROW(latest), .type = MTR_MEMBER_LIST, .shape = &window_shape, .item_size = sizeof(struct window_row),
     .doc = "at most five, the one that was read last first"},
    {ROW(problems), .type = MTR_MEMBER_LIST, .shape = &window_shape, .item_size = sizeof(struct window_row),
     .doc = "incomplete and suspect ones, the twenty oldest"},
    {0},
};
#undef ROW
static const struct mtr_shape show_shape = {.name = "SourceDetail", .members = show_members};

/* ---- gathering ---- */

struct gathering {
    struct api_call *call;
    struct show_row row;
    struct window_row latest[LATEST_MAX + 1], problems[SHOWN_MAX];
    char hash[HASH_TEXT_BYTES];
};

static int window_row_of(struct gathering *gathering, struct mtr_str each,
                         const struct mtr_ledger_window *window, struct window_row *out)
{
    struct mtr_arena *arena = &gathering->call->arena;
    *out = (struct window_row){.start = window->start_us,
                               .noted_at = window->noted_us,
                               .state = mtr_window_state_name(window->state),
                               .rows = window->rows,
                               .refused = window->refused,
                               .has_each = each.size > 0,
                               .has_problem = window->problem.size > 0};
    int rc = mtr_arena_copy(arena, each, &out->each);
    return rc ? rc : mtr_arena_copy(arena, window->problem, &out->problem);
}

static uint64_t *count_of(struct counts_row *counts, enum mtr_window_state state)
{
    uint64_t *const of[MTR_WINDOW_STATE_COUNT] = {&counts->partial, &counts->open,     &counts->incomplete,
                                                  &counts->suspect, &counts->complete, &counts->settled};
    return of[state];
}

/* Into its place among the latest. */
static int take_latest(struct gathering *gathering, struct mtr_str each,
                       const struct mtr_ledger_window *window)
{
    uint32_t *count = &gathering->row.latest.count, at = *count;
    while (at && gathering->latest[at - 1].noted_at < window->noted_us) at--;
    if (at == LATEST_MAX) return MTR_OK;
    memmove(gathering->latest + at + 1, gathering->latest + at, (*count - at) * sizeof(*gathering->latest));
    *count += *count < LATEST_MAX;
    return window_row_of(gathering, each, window, &gathering->latest[at]);
}

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct gathering *gathering = context;
    struct show_row *row = &gathering->row;
    const bool is_problem = mtr_window_has_problem(window->state);
    ++*count_of(&row->windows, window->state);
    row->windows.rows += window->rows;
    row->windows.refused += window->refused;
    int rc = take_latest(gathering, each, window);
    if (rc || !is_problem || row->problems.count == SHOWN_MAX) return rc;
    return window_row_of(gathering, each, window, &gathering->problems[row->problems.count++]);
}

static int on_document(void *context, const struct mtr_catalog_document *document)
{
    struct gathering *gathering = context;
    struct show_row *row = &gathering->row;
    uint8_t digest[32];
    int rc = mtr_digest_of(MTR_SHA256, document->json, digest);
    if (rc) return rc;
    for (int i = 0; i < 32; i++) snprintf(gathering->hash + i * 2, 3, "%02x", digest[i]);
    row->sha256 = mtr_str_from(gathering->hash);
    row->revision = document->revision;
    row->applied_at = document->applied_us;
    return mtr_arena_copy(&gathering->call->arena, document->who, &row->applied_by);
}

static int gather(struct gathering *gathering, const struct mtr_source *source)
{
    const struct mtr_api_host *host = gathering->call->host;
    const struct mtr_strand strand = {source->vendor, source->key, {NULL, 0}};
    struct mtr_ledger_source of;
    struct mtr_ledger_txn *txn;
    int rc = mtr_catalog_store_get(host->catalog_store, MTR_KIND_SOURCE, source->key, 0, on_document,
                                   gathering);
    if (!rc) rc = mtr_ledger_begin(host->ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_get_source(txn, &strand, &of);
    if (!rc) rc = mtr_ledger_walk_windows(txn, &strand, INT64_MIN, on_window, gathering);
    mtr_ledger_abort(txn);
    gathering->row.paused_at = of.paused_us;
    gathering->row.is_paused = of.paused_us > 0;
    return rc;
}

static const char *result_of(struct mtr_str text)
{
    const char *result;
    for (unsigned i = 0; (result = source_certificate_choice(i)) != NULL; i++)
        if (mtr_str_equal(text, mtr_str_from(result))) return result;
    return NULL;
}

static int take_objections(struct gathering *gathering, const struct mtr_node *probes)
{
    struct mtr_arena *arena = &gathering->call->arena;
    struct mtr_list *list = &gathering->row.certificate.objections;
    struct probe_row *rows = mtr_arena_calloc(arena, probes->child_count, sizeof(*rows));
    int rc = rows || !probes->child_count ? MTR_OK : MTR_ENOMEM;
    list->items = rows;
    for (uint32_t i = 0; !rc && i < probes->child_count; i++) {
        const struct mtr_node *probe = &probes->children[i];
        const char *result = result_of(mtr_node_text(probe, "result"));
        if (!result || (strcmp(result, "warned") != 0 && strcmp(result, "failed") != 0)) continue;
        struct probe_row *row = &rows[list->count++];
        row->result = result;
        rc = mtr_arena_copy(arena, mtr_node_text(probe, "probe"), &row->probe);
        if (!rc) rc = mtr_arena_copy(arena, mtr_node_text(probe, "text"), &row->text);
    }
    return rc;
}

/* What cannot be read is none: it may be made again. */
static int read_certificate(struct gathering *gathering, struct mtr_str json)
{
    struct certified_row *row = &gathering->row.certificate;
    struct mtr_document *document;
    struct mtr_diagnostic broken;
    if (mtr_document_parse_answer(json, &document, &broken)) return MTR_OK;
    const struct mtr_node *root = mtr_document_root(document), *probes = mtr_node_get(root, "probes");
    row->result = result_of(mtr_node_text(root, "result"));
    const bool is_one = row->result && probes &&
                        !mtr_time_parse(mtr_node_text(root, "made_at"), &row->made_at) &&
                        mtr_str_to_u64(mtr_node_text(root, "requests"), &row->requests);
    int rc = is_one ? take_objections(gathering, probes) : MTR_OK;
    if (is_one && !rc)
        rc = mtr_arena_copy(&gathering->call->arena, mtr_node_text(root, "document"), &row->document);
    gathering->row.has_certificate = is_one && !rc;
    mtr_document_close(document);
    return rc;
}

static int find_certificate(struct gathering *gathering, const struct mtr_source *source)
{
    const struct mtr_api_host *host = gathering->call->host;
    struct certified_row *row = &gathering->row.certificate;
    struct mtr_buffer text;
    if (!host->load_certificate) return MTR_OK;
    mtr_buffer_init(&text, API_CERTIFICATE_BYTES_MAX);
    int rc = host->load_certificate(host->context, source, &text, &row->is_making, &row->is_current);
    if (!rc) rc = read_certificate(gathering, mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static void show(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    struct source_row_room room;
    if (!source) return;
    struct gathering gathering = {.call = call};
    struct show_row *row = &gathering.row;
    row->latest.items = gathering.latest;
    row->problems.items = gathering.problems;
    row->now = source_row_of(call, source, &room);
    row->created_at = source->created_us;
    row->base_url = source->base.url;
    row->auth = mtr_str_from(auth_choice((unsigned)source->auth.kind));
    row->has_token_url = source->auth.kind == MTR_AUTH_OAUTH2;
    if (row->has_token_url) row->token_url = source->auth.oauth2->token_url;
    int rc = gather(&gathering, source);
    if (!rc) rc = find_certificate(&gathering, source);
    if (rc)
        api_error(call, rc, "the source cannot be shown");
    else
        api_answer(call, row);
}

const struct api_route api_show_source = {
    .method = MTR_HTTP_GET,
    .path = "/v1/sources/{key}",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "showSource",
    .summary = "All of one source: its document, how it stands, and its windows in sum",
    .answer = &show_shape,
    .handle = show,
};
