/*
 * Answers of API handlers: problems, one row, and which type is asked for. Pool threads; everything is in the
 * call.
 */
#include "daemon/api/api.h"

#include <stdio.h>
#include <string.h>

#include "meterd/net/http.h"

struct problem_row {
    const char *type, *title;
    uint64_t status;
    enum mtr_finding_code code;
    const char *detail;
    const struct mtr_diagnostics *findings; /* or NULL */
    bool has_findings, has_lost;
    uint64_t epoch, valid_up_to;
};

static void write_code(struct mtr_json_writer *json, const void *context)
{
    const struct problem_row *row = context;
    mtr_json_cstr(json, mtr_finding_kind(row->code)->code);
}

static void write_findings(struct mtr_json_writer *json, const void *context)
{
    const struct problem_row *row = context;
    mtr_json_findings(json, row->findings);
}

static const struct mtr_json_member problem_members[] = {
    {MTR_MEMBER(problem_row, type), .type = MTR_MEMBER_WORD, .doc = "about:blank: title and status say all"},
    {MTR_MEMBER(problem_row, title), .type = MTR_MEMBER_WORD, .doc = "the reason phrase of the status"},
    {MTR_MEMBER(problem_row, status), .type = MTR_MEMBER_U64, .doc = "of HTTP"},
    {.name = "code",
     .type = MTR_MEMBER_WORD,
     .choice = mtr_finding_code_choice,
     .write = write_code,
     .doc = "what kind of problem it is: it stays when the sentence is worded anew"},
    {MTR_MEMBER(problem_row, detail), .type = MTR_MEMBER_WORD, .doc = "one sentence: what is wrong here"},
    {.name = "findings",
     .type = MTR_MEMBER_LIST,
     .shape = &mtr_finding_shape,
     .presence = MTR_MAY_LACK,
     MTR_PRESENT(problem_row, has_findings),
     .write = write_findings,
     .doc = "of documents, each with its place"},
    {MTR_MEMBER(problem_row, epoch), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     MTR_PRESENT(problem_row, has_lost), .doc = "of request.cursor.lost: the one that began since"},
    {MTR_MEMBER(problem_row, valid_up_to), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     MTR_PRESENT(problem_row, has_lost), .doc = "of request.cursor.lost: number of the last charge that is "
                                                "as it was; those behind it are to be taken back"},
    {0},
};
const struct mtr_shape api_problem_shape = {.name = "Problem", .members = problem_members};

static void write_problem(struct mtr_json_writer *json, const struct problem_row *problem)
{
    struct problem_row row = *problem;
    MTR_ASSERT(row.code != MTR_FINDING_NONE);
    row.type = "about:blank";
    row.title = mtr_http_reason((unsigned)row.status);
    row.has_findings = row.findings != NULL;
    mtr_shape_write(&api_problem_shape, &row, json);
}

void api_write_problem(struct mtr_json_writer *json, unsigned status, enum mtr_finding_code code,
                       const char *detail)
{
    const struct problem_row row = {.status = status, .code = code, .detail = detail};
    write_problem(json, &row);
}

static void answer_problem(struct api_call *call, const struct problem_row *row)
{
    struct mtr_json_writer json;
    call->status = (unsigned)row->status;
    call->answer_type = "application/problem+json";
    call->paged = false;
    api_pack_release(&call->stream.pack);
    mtr_buffer_reset(&call->answer);
    mtr_json_begin(&json, &call->answer);
    write_problem(&json, row);
    if (mtr_json_finish(&json)) mtr_buffer_reset(&call->answer);
}

void api_findings(struct api_call *call, enum mtr_finding_code code, const char *detail,
                  const struct mtr_diagnostics *findings)
{
    char text[MTR_FINDING_TEXT_BYTES];
    struct problem_row row = {.status = 422, .code = code, .detail = detail, .findings = findings};
    if (findings->dropped) {
        snprintf(text, sizeof(text), "%s; %zu of its %zu findings are listed", detail, findings->count,
                 findings->count + findings->dropped);
        row.detail = text;
    }
    answer_problem(call, &row);
}

void api_problem(struct api_call *call, unsigned status, enum mtr_finding_code code, const char *format, ...)
{
    char detail[MTR_FINDING_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    const struct problem_row row = {.status = status, .code = code, .detail = detail};
    answer_problem(call, &row);
}

void api_lost(struct api_call *call, const char *detail, uint64_t epoch, uint64_t valid_up_to)
{
    const struct problem_row row = {.status = 409,
                                    .code = MTR_FINDING_REQUEST_CURSOR_LOST,
                                    .detail = detail,
                                    .has_lost = true,
                                    .epoch = epoch,
                                    .valid_up_to = valid_up_to};
    answer_problem(call, &row);
}

void api_unknown(struct api_call *call, enum mtr_catalog_kind kind, struct mtr_str key)
{
    char meant[MTR_MEANT_BYTES];
    api_problem(call, 404, MTR_FINDING_REQUEST_UNKNOWN, "there is no %s '%.*s%s'%s",
                mtr_catalog_kind_name(kind), MTR_STR_QUOTED(key),
                mtr_catalog_meant(call->catalog, kind, key, call->credential->vendor, meant));
}

void api_error(struct api_call *call, int error, const char *what)
{
    static const struct {
        int error;
        unsigned status;
        enum mtr_finding_code code;
    } rows[] = {
        {MTR_ENOTFOUND, 404, MTR_FINDING_REQUEST_UNKNOWN}, {MTR_EINVALID, 400, MTR_FINDING_REQUEST_BODY},
        {MTR_ELIMIT, 413, MTR_FINDING_QUERY_LIMIT},        {MTR_EFULL, 503, MTR_FINDING_STORE_FULL},
        {MTR_EAGAIN, 503, MTR_FINDING_REQUEST_BUSY},       {MTR_ENOMEM, 503, MTR_FINDING_PROGRAM_MEMORY},
        {MTR_EFILES, 503, MTR_FINDING_PROGRAM_FILES},
    };
    unsigned status = 500;
    enum mtr_finding_code code = MTR_FINDING_STORE_UNREADABLE;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].error == error) {
            status = rows[i].status;
            code = rows[i].code;
        }
    api_problem(call, status, code, "%s: %s", what, mtr_error_text(error));
}

int api_pack_answer(struct api_call *call)
{
    const int rc = api_pack_put(&call->stream.pack, mtr_buffer_str(&call->answer));
    if (!rc) mtr_buffer_reset(&call->answer);
    return rc;
}

static int on_piece(void *context)
{
    return api_pack_answer(context);
}

void api_json(struct api_call *call, struct mtr_json_writer *json)
{
    call->status = 200;
    call->answer_type = "application/json";
    mtr_json_begin(json, &call->answer);
    mtr_json_hand_over(json, API_PIECE_BYTES, on_piece, call);
}

void api_json_end(struct api_call *call, struct mtr_json_writer *json)
{
    int rc = mtr_json_finish(json);
    if (rc) api_error(call, rc, "the answer is too large");
}

void api_answer(struct api_call *call, const void *row)
{
    struct mtr_json_writer json;
    api_json(call, &json);
    mtr_shape_write(call->route->answer, row, &json);
    api_json_end(call, &json);
}

void api_cut(struct api_call *call)
{
    static const struct {
        unsigned status;
        enum mtr_finding_code code;
        const char *detail;
    } rows[] = {
        [MTR_WORK_CALLED_OFF] = {503, MTR_FINDING_QUERY_CALLED_OFF,
                                 "the client closed its side of the connection before this was answered"},
        [MTR_WORK_CPU] = {504, MTR_FINDING_QUERY_CPU,
                          "this query takes more CPU time than one may (query.cpu_max): ask for less"},
        [MTR_WORK_MEMORY] = {413, MTR_FINDING_QUERY_MEMORY,
                             "this query takes more memory than one may (query.memory_max): ask for less"},
        [MTR_WORK_MEMORY_TOTAL] = {503, MTR_FINDING_QUERY_MEMORY_TOTAL,
                                   "the queries at work hold all the memory that they may "
                                   "(query.memory_total_max); try again"},
    };
    const enum mtr_work_end end = call->limit.end;
    MTR_ASSERT(end > MTR_WORK_GOES_ON && end < sizeof(rows) / sizeof(rows[0]));
    api_problem(call, rows[end].status, rows[end].code, "%s", rows[end].detail);
}

void *api_allocate(struct api_call *call, size_t bytes)
{
    void *memory = mtr_arena_calloc(&call->arena, 1, bytes);
    if (!memory) api_error(call, MTR_ENOMEM, "this call");
    return memory;
}

struct mtr_document *api_body(struct api_call *call)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (mtr_document_parse(call->body, &document, &diagnostic) == MTR_OK) return document;
    api_problem(call, 400, diagnostic.code, "line %u, column %u: %s", diagnostic.line, diagnostic.column,
                diagnostic.text);
    return NULL;
}

/* One media range of an Accept header against one type: 2 exact, 1 by wildcard, 0 no. Parameters but q=0
 * are ignored. */
static int match_range(struct mtr_str range, struct mtr_str type)
{
    size_t end = 0;
    while (end < range.size && range.data[end] != ';') end++;
    struct mtr_str parameters = {range.data + end, range.size - end};
    while (end > 0 && range.data[end - 1] == ' ') end--;
    MTR_ASSERT(parameters.data); /* in a header that was sent */
    if (parameters.size >= 4 && memmem(parameters.data, parameters.size, "q=0", 3) &&
        !memmem(parameters.data, parameters.size, "q=0.", 4))
        return 0;
    struct mtr_str name = {range.data, end};
    if (mtr_str_equal_lower(name, type)) return 2;
    if (mtr_str_equal(name, MTR_STR("*/*"))) return 1;
    bool subtype_any = name.size > 2 && memcmp(name.data + name.size - 2, "/*", 2) == 0;
    return subtype_any && type.size > name.size - 1 && memcmp(type.data, name.data, name.size - 1) == 0 ? 1
                                                                                                        : 0;
}

static struct mtr_str next_piece(struct mtr_str *text)
{
    size_t end = 0;
    while (end < text->size && text->data[end] != ',') end++;
    struct mtr_str piece = {text->data, end};
    size_t skip = end < text->size ? end + 1 : end;
    text->data += skip;
    text->size -= skip;
    while (piece.size && piece.data[0] == ' ') piece.data++, piece.size--;
    return piece;
}

const char *api_answer_types(const struct api_route *route)
{
    if (route->answer_types) return route->answer_types;
    return route->list ? API_ROWS : API_JSON;
}

int api_negotiate(struct api_call *call)
{
    if (!call->accept.size) return 0;
    int best = -1, best_match = 0, index = 0;
    struct mtr_str types = mtr_str_from(api_answer_types(call->route));
    for (struct mtr_str type = next_piece(&types); type.size; type = next_piece(&types), index++) {
        struct mtr_str accept = call->accept;
        while (accept.size) {
            int match = match_range(next_piece(&accept), type);
            if (match > best_match) {
                best = index;
                best_match = match;
            }
        }
    }
    if (best < 0)
        api_problem(call, 406, MTR_FINDING_REQUEST_ACCEPT, "this call answers with %s",
                    api_answer_types(call->route));
    return best;
}
