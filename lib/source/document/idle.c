/*
 * Keys that are right by themselves and do nothing beside the others, or hardly what is meant: warnings. And
 * proofs that no answer could give: faults, since every reading would be refused.
 */
#include "lib/source/document/fields.h"

/* Has what its rows stand in values beside them? */
static bool has_document(const struct mtr_source *source)
{
    switch (source->map.format.kind) {
    case MTR_ROWS_JSON:
    case MTR_ROWS_PROMETHEUS:
    case MTR_ROWS_S3_LIST: return true;
    case MTR_ROWS_BY_NAME:
    case MTR_ROWS_CSV:
    case MTR_ROWS_NDJSON: break;
    }
    return false;
}

static void say_idle(struct source_reading *reading, bool is_idle, const char *path, const char *reason)
{
    if (is_idle && source_is_own(reading, path))
        source_fault(reading, MTR_FINDING_SOURCE_KEY_IDLE, path, "changes nothing: %s", reason);
}

#define NO_DOCUMENT                                                                                          \
    "is looked for in a JSON document, and rows of csv and ndjson stand in none: no reading would ever be "  \
    "taken"

static void forbid(struct source_reading *reading, bool is_given, const char *path, const char *reason)
{
    if (is_given) source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, path, "%s", reason);
}

static void check_proofs(struct source_reading *reading, const struct mtr_source *source)
{
    const struct mtr_source_complete *complete = &source->complete;
    const bool has_parts = source->paging.kind == MTR_PAGING_PARTS;
    const char *reason = has_parts ? "is looked for beside rows, and each part has its own: of all of them "
                                     "the manifest speaks (`paging.parts.count`)"
                                   : NO_DOCUMENT;
    if (has_document(source) && !has_parts) return;
    forbid(reading, complete->count.size > 0, "complete.count", reason);
    forbid(reading, complete->sum.size > 0, "complete.sum", reason);
    forbid(reading, complete->flag.size > 0, "complete.flag", reason);
}

static void check_answer(struct source_reading *reading, const struct mtr_source *source)
{
    const struct mtr_source_answer *answer = &source->answer;
    const bool has_list = source->paging.kind == MTR_PAGING_PARTS; /* which is a document */
    const bool is_read = has_document(source) || has_list;
    forbid(reading, !is_read && answer->ok.path.size, "answer.ok", NO_DOCUMENT);
    say_idle(reading, !answer->ok.path.size, "answer.ok", "only a value at its `path` is looked at");
    say_idle(reading, !is_read, "answer.warnings",
             "it is looked for in a JSON document, and rows of csv and ndjson stand in none");
}

/* Nobody is asked, and there is no answer beside the file. */
static void check_by_hand(struct source_reading *reading)
{
    static const char *const keys[] = {"schedule",      "limits",       "expect.freshness",
                                       "answer.ok",     "answer.absent", "answer.limit",
                                       "answer.rows_limit", "answer.warnings", "window.split"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        say_idle(reading, true, keys[i],
                 "nobody is asked, and files come when somebody brings them (`by_hand`)");
}

static void check_window(struct source_reading *reading, const struct mtr_source *source)
{
    const enum mtr_paging_kind paging = source->paging.kind;
    const bool is_cut_by_paging =
        paging != MTR_PAGING_NONE && paging != MTR_PAGING_LINK_HEADER && paging != MTR_PAGING_PARTS;
    const bool has_limit = source->answer.limit_count || source->answer.rows_limit || is_cut_by_paging;
    say_idle(reading, !has_limit, "window.split",
             "no answer meets a limit, as neither `answer.limit` nor `answer.rows_limit` says which one is "
             "cut short");
    say_idle(reading, source->window.length == MTR_LENGTH_CURSOR, "window.vendor_keeps",
             "a cursor has no windows that the vendor forgets");
}

/* A path of an answer that is a map: what pages or proofs look for in it. */
static struct mtr_str member_of_answer(const struct mtr_source *source, const char **key)
{
    const struct mtr_source_paging *paging = &source->paging;
    const bool is_counted = paging->kind == MTR_PAGING_PAGE || paging->kind == MTR_PAGING_OFFSET;
    const bool is_cursor = paging->kind == MTR_PAGING_CURSOR, is_url = paging->kind == MTR_PAGING_NEXT_URL;
    const struct {
        const char *key;
        struct mtr_str path;
    } members[] = {
        {"answer.ok.path", source->answer.ok.path},
        {"answer.warnings.path", source->answer.warnings},
        {"complete.count", source->complete.count},
        {"complete.sum.path", source->complete.sum},
        {"complete.flag", source->complete.flag},
        {"paging.cursor.path", is_cursor ? paging->cursor->path : MTR_STR("")},
        {"paging.next_url.path", is_url ? paging->next_path : MTR_STR("")},
        {"paging.page.total", is_counted ? paging->count->total : MTR_STR("")},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (members[i].path.size && members[i].path.data[0] != '^') {
            *key = members[i].key;
            return members[i].path;
        }
    return MTR_STR("");
}

/* `[]` of a map is each of its values: where one of them is no row, the others hardly are. */
static void check_rows_place(struct source_reading *reading, const struct mtr_source *source)
{
    const struct mtr_row_format *format = &source->map.format;
    const char *key = "";
    const struct mtr_str path = member_of_answer(source, &key);
    if (format->kind != MTR_ROWS_JSON || !mtr_str_equal(format->rows, MTR_STR("[]"))) return;
    if (!path.size || source->paging.kind == MTR_PAGING_PARTS || !source_is_path(reading, path)) return;
    source_fault(reading, MTR_FINDING_SOURCE_ROWS_PLACE, "format",
                 "takes what stands at the top of the answer for rows (`rows: \"[]\"`), where `%s` looks for "
                 "`%.*s%s`: if they stand in a member, name it, as `format: {json: {rows: \"data[]\"}}`",
                 key, MTR_STR_QUOTED(path));
}

void source_check_idle(struct source_reading *reading, const struct mtr_source *source)
{
    const enum mtr_row_format_kind kind = source->map.format.kind;
    const bool is_known = !reading->is_unknown.format;
    if (is_known) check_proofs(reading, source);
    if (is_known) check_rows_place(reading, source);
    if (source->by_hand) check_by_hand(reading);
    else {
        if (is_known) check_answer(reading, source);
        check_window(reading, source);
    }
    say_idle(reading, kind == MTR_ROWS_PROMETHEUS || kind == MTR_ROWS_S3_LIST, "expect.columns",
             "columns are looked at in csv, ndjson and json");
}
