/*
 * `paging`: a driver a table, and where of the request a value goes.
 */
#include "lib/source/document/fields.h"

#include <stdio.h>
#include <string.h>

static const struct mtr_field nothing[] = {{0}};

#define SEND_ROW(holder, member)                                                                             \
    {MTR_ROW(holder, member), .type = MTR_FIELD_TEXT, .max = 256,                                            \
     .doc = "where it goes: query.NAME, header.NAME or body.PATH"}
#define PATH_ROW(holder, member, text)                                                                       \
    {MTR_ROW(holder, member), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX, .doc = text}
#define HAS_MORE(holder) PATH_ROW(holder, has_more, "path of true or false: is there another page?")

/* page and offset */
struct count_fields {
    struct mtr_str send, total, has_more;
    struct {
        struct mtr_str send;
        uint64_t value;
    } limit;
    uint64_t first;
    bool short_page_ends, has_limit;
};
static const struct mtr_field limit_rows[] = {
    {.name = "send", MTR_ROW_AT(count_fields, limit.send), .type = MTR_FIELD_TEXT, .max = 256,
     .doc = "where it goes, as query.limit; empty: it is not sent"},
    {.name = "value", MTR_ROW_AT(count_fields, limit.value), .type = MTR_FIELD_U64, SOURCE_NEEDED,
     .min = 1, .max = 1000000, .doc = "rows in a page"},
    {0},
};
#define COUNT_ROWS(begin)                                                                                    \
    SEND_ROW(count_fields, send),                                                                            \
        {MTR_ROW(count_fields, first), .type = MTR_FIELD_U64, .default_text = begin, .max = 1000000,         \
         .doc = "of the first page"},                                                                        \
        {.name = "limit", .type = MTR_FIELD_MAP, .fields = limit_rows,                                       \
         MTR_ROW_GIVEN(count_fields, has_limit), .doc = "how many rows are asked for"},                      \
        PATH_ROW(count_fields, total, "path of how many rows there are"), HAS_MORE(count_fields),            \
        {MTR_ROW(count_fields, short_page_ends), .type = MTR_FIELD_BOOL, .default_text = "false",            \
         .doc = "a page of fewer rows is the last; else an empty one is"}
static const struct mtr_field page_rows[] = {COUNT_ROWS("1"), {0}};
static const struct mtr_field offset_rows[] = {COUNT_ROWS("0"), {0}};

struct cursor_fields {
    struct mtr_str path, send, has_more;
};
static const struct mtr_field cursor_rows[] = {
    PATH_ROW(cursor_fields, path, "path of the next page's token; absent, null or empty: there is none"),
    SEND_ROW(cursor_fields, send),
    HAS_MORE(cursor_fields),
    {0},
};

struct next_url_fields {
    struct mtr_str path, has_more;
};
static const struct mtr_field next_url_rows[] = {
    PATH_ROW(next_url_fields, path, "path of the next page's URL, as [\"@odata.nextLink\"]"),
    HAS_MORE(next_url_fields),
    {0},
};

struct link_header_fields {
    struct mtr_str rel;
};
static const struct mtr_field link_header_rows[] = {
    {MTR_ROW(link_header_fields, rel), .type = MTR_FIELD_TEXT, .default_text = "next", .min = 1, .max = 64,
     .doc = "which link of the header Link"},
    {0},
};

struct after_id_fields {
    struct mtr_str send, id, has_more, time, since;
    bool newest_first;
};
static const struct mtr_field after_id_rows[] = {
    SEND_ROW(after_id_fields, send),
    PATH_ROW(after_id_fields, id, "path in a row; the last one's is sent"),
    HAS_MORE(after_id_fields),
    {MTR_ROW(after_id_fields, newest_first), .type = MTR_FIELD_BOOL, .default_text = "false",
     .doc = "pages lead back in time, to the id that is known"},
    PATH_ROW(after_id_fields, time, "path of a row's time: by it the last second is asked again"),
    SEND_ROW(after_id_fields, since),
    {0},
};

struct parts_fields {
    struct mtr_paging_parts model;
    struct mtr_str send;
    struct mtr_list expired; /* of struct mtr_str */
};
#define PART_ROW(member, text)                                                                               \
    {.name = #member, MTR_ROW_AT(parts_fields, model.member), .type = MTR_FIELD_TEXT,                        \
     .max = SOURCE_PATH_BYTES_MAX, .doc = text}
static const struct mtr_field parts_rows[] = {
    PART_ROW(list, "path of the parts in a manifest, as blobs[]"),
    {.name = "s3_list", MTR_ROW_AT(parts_fields, model.is_s3_list), .type = MTR_FIELD_BOOL,
     .default_text = "false", .doc = "the parts are a listing of S3"},
    PART_ROW(url, "path of a part's link; or a template of it over {item}, as /bucket/{item}"),
    PART_ROW(item, "path of what {item} is: name unless given, of a listing Key; . is a bare text itself"),
    PART_ROW(root, "path in the manifest of what stands before each link"),
    PART_ROW(token_query, "path in the manifest of a query string that stands behind each link"),
    PART_ROW(size, "path of a part's size"),
    PART_ROW(md5, "path of its MD5, hex or base64"),
    PART_ROW(sha256, "path of its SHA-256"),
    PART_ROW(count, "path of how many parts there are"),
    PART_ROW(etag, "path of the manifest's version: the same one is not read again"),
    PART_ROW(token, "of a listing: path of the token of what follows"),
    SEND_ROW(parts_fields, send),
    {MTR_ROW(parts_fields, expired), .type = MTR_FIELD_TEXTS, .max = 16, .default_text = "[403, 410]",
     .doc = "statuses of a link that is too old: the manifest is asked anew"},
    {0},
};

#define DRIVER(kind, holder, text)                                                                           \
    static const struct mtr_field kind##_row = {.name = #kind,                                               \
                                                .type = MTR_FIELD_MAP,                                       \
                                                .fields = kind##_rows,                                       \
                                                .own_size = sizeof(holder),                                  \
                                                .doc = text}
DRIVER(page, struct count_fields, "numbered pages");
DRIVER(offset, struct count_fields, "moves by the rows that came");
DRIVER(cursor, struct cursor_fields, "a token of the next page");
DRIVER(next_url, struct next_url_fields, "a URL of the next page in the body");
DRIVER(link_header, struct link_header_fields, "a URL of the next page in the header Link");
DRIVER(after_id, struct after_id_fields, "the last row's id");
DRIVER(parts, struct parts_fields, "a manifest or a listing of files");

const char *const source_paging_words[] = {"none", NULL};
#define DRIVER_ROW(kind)                                                                                     \
    {.name = #kind, MTR_ROW_AT(source_paging_fields, kind), .type = MTR_FIELD_ROW, .row = &kind##_row}
const struct mtr_field source_paging_rows[] = {
    {.name = "none", MTR_ROW_AT(source_paging_fields, empty), .type = MTR_FIELD_MAP, .fields = nothing,
     MTR_ROW_GIVEN(source_paging_fields, has_none), .doc = "an answer is whole"},
    DRIVER_ROW(page),
    DRIVER_ROW(offset),
    DRIVER_ROW(cursor),
    DRIVER_ROW(next_url),
    DRIVER_ROW(link_header),
    DRIVER_ROW(after_id),
    DRIVER_ROW(parts),
    {0},
};

static void *room(struct source_reading *reading, size_t size)
{
    void *out = mtr_arena_calloc(reading->arena, 1, size);
    if (!out) reading->error = MTR_ENOMEM;
    return out;
}

static bool cut_place(struct mtr_str text, const char *place, struct mtr_str *name)
{
    const struct mtr_str prefix = mtr_str_from(place);
    if (!mtr_str_starts_with(text, prefix)) return false;
    *name = (struct mtr_str){text.data + prefix.size, text.size - prefix.size};
    return name->size > 0;
}

/* Empty text is NOWHERE; a finding when it is needed. */
static struct mtr_send read_send(struct source_reading *reading, const char *path, struct mtr_str text,
                                 bool is_needed)
{
    struct mtr_send send = {.place = MTR_SEND_NOWHERE};
    if (!text.size) {
        if (is_needed)
            source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, path,
                         "say where it goes, as query.page, header.NAME or body.PATH");
        return send;
    }
    if (cut_place(text, "query.", &send.name)) send.place = MTR_SEND_QUERY;
    else if (cut_place(text, "header.", &send.name)) send.place = MTR_SEND_HEADER;
    else if (cut_place(text, "body.", &send.name)) send.place = MTR_SEND_BODY;
    else
        source_fault(reading, MTR_FINDING_SOURCE_SEND, path,
                     "`%.*s%s` is none of query.NAME, header.NAME and body.PATH", MTR_STR_QUOTED(text));
    if (send.place == MTR_SEND_BODY) source_check_path(reading, path, send.name);
    if (send.place == MTR_SEND_HEADER)
        source_check_header(reading, path, send.name, (struct mtr_str){NULL, 0});
    return send;
}

static void need_path(struct source_reading *reading, const char *path, struct mtr_str text, const char *what)
{
    if (!text.size) source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, path, "name %s", what);
    source_check_path(reading, path, text);
}

static void read_count(struct source_reading *reading, const char *path, const struct count_fields *fields,
                       struct mtr_source_paging *out)
{
    char at[MTR_FINDING_FIELD_BYTES];
    struct mtr_paging_count *count = room(reading, sizeof(*count));
    if (!count) return;
    *count = (struct mtr_paging_count){
        .send = read_send(reading, source_path_join(path, "send", at), fields->send, true),
        .first = fields->first,
        .limit_value = fields->limit.value,
        .total = fields->total,
        .has_more = fields->has_more,
        .short_page_ends = fields->short_page_ends,
    };
    count->limit = read_send(reading, source_path_join(path, "limit.send", at), fields->limit.send, false);
    source_check_path(reading, source_path_join(path, "total", at), fields->total);
    source_check_path(reading, source_path_join(path, "has_more", at), fields->has_more);
    if (fields->short_page_ends && !fields->has_limit)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, source_path_join(path, "short_page_ends", at),
                     "a page is short by `limit: {value: N}`, which is not there");
    out->count = count;
}

static void read_cursor(struct source_reading *reading, const struct cursor_fields *fields,
                        struct mtr_source_paging *out)
{
    struct mtr_paging_cursor *cursor = room(reading, sizeof(*cursor));
    if (!cursor) return;
    need_path(reading, "paging.cursor.path", fields->path, "the path of the token, as meta.next");
    source_check_path(reading, "paging.cursor.has_more", fields->has_more);
    *cursor = (struct mtr_paging_cursor){
        fields->path, read_send(reading, "paging.cursor.send", fields->send, true), fields->has_more};
    out->cursor = cursor;
}

static void read_after_id(struct source_reading *reading, const struct after_id_fields *fields,
                          struct mtr_source_paging *out)
{
    struct mtr_paging_after_id *after_id = room(reading, sizeof(*after_id));
    if (!after_id) return;
    need_path(reading, "paging.after_id.id", fields->id, "the path of a row's id");
    source_check_path(reading, "paging.after_id.has_more", fields->has_more);
    source_check_path(reading, "paging.after_id.time", fields->time);
    if ((fields->time.size > 0) != (fields->since.size > 0))
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "paging.after_id",
                     "time and since go together: by both the last second is asked again");
    *after_id = (struct mtr_paging_after_id){
        .send = read_send(reading, "paging.after_id.send", fields->send, true),
        .id = fields->id,
        .has_more = fields->has_more,
        .newest_first = fields->newest_first,
        .time = fields->time,
        .since = read_send(reading, "paging.after_id.since", fields->since, false),
    };
    out->after_id = after_id;
}

static void read_expired(struct source_reading *reading, struct mtr_list list, struct mtr_paging_parts *parts)
{
    const struct mtr_str *texts = list.items;
    uint16_t *statuses = room(reading, (list.count + 1) * sizeof(*statuses));
    if (!statuses) return;
    for (uint32_t i = 0; i < list.count; i++) {
        uint64_t status;
        if (mtr_str_to_u64(texts[i], &status) && status >= 100 && status <= 599) {
            statuses[i] = (uint16_t)status;
            continue;
        }
        char path[MTR_FINDING_FIELD_BYTES];
        snprintf(path, sizeof(path), "paging.parts.expired[%u]", i);
        source_fault(reading, MTR_FINDING_FIELD_RANGE, path, "a status of HTTP is 100 to 599");
    }
    parts->expired = statuses;
    parts->expired_count = list.count;
}

static void read_parts(struct source_reading *reading, const struct parts_fields *fields,
                       struct mtr_source_paging *out)
{
    static const char *const names[] = {"list", "s3_list", NULL};
    const bool given[] = {fields->model.list.size > 0, fields->model.is_s3_list};
    struct mtr_paging_parts *parts = room(reading, sizeof(*parts));
    if (!parts) return;
    *parts = fields->model;
    (void)source_one_of(reading, "paging.parts", names, given, "");
    source_check_path(reading, "paging.parts.list", parts->list);
    if (!parts->url.size)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "paging.parts.url",
                     "say where a part is: the path of its link, or a template as /bucket/{item}");
    parts->url_is_template =
        parts->url.size && memmem(parts->url.data, parts->url.size, "{item}", strlen("{item}"));
    if (!parts->url_is_template) source_check_path(reading, "paging.parts.url", parts->url);
    if (parts->item.size && !parts->url_is_template)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, "paging.parts.item",
                     "is of a template: `url` says with {item} where it goes");
    if (!parts->item.size) parts->item = parts->is_s3_list ? MTR_STR("Key") : MTR_STR("name");
    source_check_path(reading, "paging.parts.item", parts->item);
    source_check_path(reading, "paging.parts.root", parts->root);
    source_check_path(reading, "paging.parts.token_query", parts->token_query);
    source_check_path(reading, "paging.parts.size", parts->size);
    source_check_path(reading, "paging.parts.md5", parts->md5);
    source_check_path(reading, "paging.parts.sha256", parts->sha256);
    source_check_path(reading, "paging.parts.count", parts->count);
    source_check_path(reading, "paging.parts.etag", parts->etag);
    if (parts->token.size) source_check_path(reading, "paging.parts.token", parts->token);
    else if (parts->is_s3_list) parts->token = MTR_STR("NextContinuationToken");
    parts->send = read_send(reading, "paging.parts.send", fields->send, false);
    if (parts->is_s3_list && !fields->send.size)
        parts->send = (struct mtr_send){MTR_SEND_QUERY, MTR_STR("continuation-token")};
    else if (parts->token.size && !fields->send.size)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "paging.parts.send",
                     "say where the token goes, as query.continuation-token");
    read_expired(reading, fields->expired, parts);
    out->parts = parts;
}

void source_read_paging(struct source_reading *reading, const struct source_paging_fields *fields,
                        struct mtr_source_paging *out)
{
    static const char *const names[] = {"none",        "page",     "offset", "cursor", "next_url",
                                        "link_header", "after_id", "parts",  NULL};
    const bool given[] = {fields->has_none,         fields->page != NULL,     fields->offset != NULL,
                          fields->cursor != NULL,   fields->next_url != NULL, fields->link_header != NULL,
                          fields->after_id != NULL, fields->parts != NULL};
    const struct next_url_fields *next = fields->next_url;
    const struct link_header_fields *link = fields->link_header;
    const int which = source_one_of(reading, "paging", names, given, NULL);
    *out = (struct mtr_source_paging){.kind = which < 0 ? MTR_PAGING_NONE : (enum mtr_paging_kind)which};
    switch (out->kind) {
    case MTR_PAGING_NONE: break;
    case MTR_PAGING_PAGE: read_count(reading, "paging.page", fields->page, out); break;
    case MTR_PAGING_OFFSET: read_count(reading, "paging.offset", fields->offset, out); break;
    case MTR_PAGING_CURSOR: read_cursor(reading, fields->cursor, out); break;
    case MTR_PAGING_NEXT_URL:
        need_path(reading, "paging.next_url.path", next->path, "the path of the URL, as links.next");
        source_check_path(reading, "paging.next_url.has_more", next->has_more);
        out->next_path = next->path;
        out->next_has_more = next->has_more;
        break;
    case MTR_PAGING_LINK_HEADER: out->rel = link->rel; break;
    case MTR_PAGING_AFTER_ID: read_after_id(reading, fields->after_id, out); break;
    case MTR_PAGING_PARTS: read_parts(reading, fields->parts, out); break;
    }
}
