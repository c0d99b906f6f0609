/*
 * Answers of S3's ListObjectsV2, and of what speaks it: a record for each object.
 *
 *   <ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>
 *     <Contents><Key>usage/2026-03.csv.gz</Key><Size>4711</Size><ETag>"9a…"</ETag> …</Contents> …
 *   </ListBucketResult>
 *
 * Columns are the elements of Contents, what stands in one of them with a dot: Owner.ID. A want of the
 * document is an element of the root. Texts are as the answer has them: an ETag keeps its quotes, and keys
 * are decoded by who asked for them encoded.
 *
 * By expat, which expands no entity here: a DOCTYPE ends the reading, and so do an element of another root,
 * more depth than a list has, and a token or text that is longer than what is kept.
 */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/rows/record_format.h"

enum { GATHER_BYTES = 16 << 10, TOKEN_BYTES_MAX = 64 << 10, NAME_BYTES_MAX = 128, DEPTH_MAX = 8 };
enum { ROOT_DEPTH = 1, OBJECT_DEPTH, CELL_DEPTH, INNER_DEPTH };

struct s3_list {
    struct record_out *out;
    XML_Parser parser;
    struct mtr_buffer gathered;
    uint64_t fed, seen; /* bytes; up to where the parser has told of something */
    uint32_t depth;
    bool has_root, is_error, in_object;
    struct mtr_record_place place;       /* of the object */
    char name[NAME_BYTES_MAX];           /* of the element at CELL_DEPTH, or below it with a dot */
    size_t outer_bytes;                  /* of the name: of the element at CELL_DEPTH */
    struct mtr_buffer text;              /* of the innermost element */
    struct mtr_buffer cells;             /* texts of the object */
    size_t cell_at[MTR_RECORD_COLUMNS_MAX], cell_bytes[MTR_RECORD_COLUMNS_MAX];
    bool is_set[MTR_RECORD_COLUMNS_MAX], is_found[MTR_RECORD_WANTS_MAX];
    bool is_twice;
    char error[300];                     /* Code and Message of an error */
    int rc;                              /* what ended the reading from inside of the parser */
};

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static struct mtr_record_place here(const struct s3_list *list)
{
    return (struct mtr_record_place){.line = XML_GetCurrentLineNumber(list->parser),
                                     .column = XML_GetCurrentColumnNumber(list->parser) + 1,
                                     .offset = (uint64_t)XML_GetCurrentByteIndex(list->parser)};
}

static void end_with(struct s3_list *list, int rc)
{
    if (!rc || list->rc) return;
    list->rc = rc;
    (void)XML_StopParser(list->parser, XML_FALSE);
}

static void stop(struct s3_list *list, enum mtr_finding_code code, const char *text)
{
    struct mtr_record_place place = here(list);
    if (!list->rc) end_with(list, record_stop(list->out, code, &place, text));
}

/* ---- objects ---- */

static void begin_object(struct s3_list *list)
{
    list->in_object = true;
    list->is_twice = false;
    list->place = here(list);
    memset(list->is_set, 0, sizeof(list->is_set));
    mtr_buffer_reset(&list->cells);
}

static void end_object(struct s3_list *list)
{
    struct record_out *out = list->out;
    const uint64_t end = here(list).offset + (uint64_t)XML_GetCurrentByteCount(list->parser);
    list->in_object = false;
    list->place.size = end - list->place.offset;
    for (uint32_t i = 0; i < out->column_count; i++)
        out->cells[i] = list->is_set[i]
                            ? (struct mtr_str){list->cells.data + list->cell_at[i], list->cell_bytes[i]}
                            : (struct mtr_str){NULL, 0};
    end_with(list, list->is_twice
                       ? record_refuse(out, MTR_FINDING_IMPORT_LINE, &list->place,
                                       "an element that is mapped stands twice in the object")
                       : record_give(out, out->cells, &list->place));
}

static void set_cell(struct s3_list *list)
{
    const struct mtr_str name = mtr_str_from(list->name), text = mtr_buffer_str(&list->text);
    for (uint32_t i = 0; i < list->out->column_count; i++) {
        if (!mtr_str_equal(list->out->columns[i], name)) continue;
        list->is_twice = list->is_twice || list->is_set[i];
        list->is_set[i] = true;
        list->cell_at[i] = list->cells.size;
        list->cell_bytes[i] = text.size;
        int rc = mtr_buffer_append_str(&list->cells, text);
        if (rc == MTR_ELIMIT) stop(list, MTR_FINDING_DOCUMENT_LIMIT, "the object is longer than 1 MiB");
        else end_with(list, rc);
    }
}

/* ---- what stands beside them ---- */

static void set_want(struct s3_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->out->want_count; i++) {
        const struct mtr_record_want *want = &list->out->wants[i];
        if (want->of != MTR_WANT_OF_DOCUMENT || !mtr_str_equal(want->path, mtr_str_from(name))) continue;
        if (list->is_found[i]) stop(list, MTR_FINDING_IMPORT_LINE, "a value that is asked for stands twice");
        list->is_found[i] = true;
        end_with(list,
                 record_keep_found(list->out, i, MTR_FOUND_TEXT, mtr_buffer_str(&list->text), 0));
    }
}

static void set_error(struct s3_list *list, const char *name)
{
    const struct mtr_str text = mtr_buffer_str(&list->text);
    const size_t used = strlen(list->error);
    if (strcmp(name, "Code") != 0 && strcmp(name, "Message") != 0) return;
    snprintf(list->error + used, sizeof(list->error) - used, "%s%.*s%s", used ? ": " : "",
             MTR_STR_QUOTED(text));
}

/* ---- elements ---- */

static void begin_root(struct s3_list *list, const char *name)
{
    char text[120];
    list->has_root = true;
    list->is_error = strcmp(name, "Error") == 0;
    if (list->is_error || strcmp(name, "ListBucketResult") == 0) return;
    snprintf(text, sizeof(text), "is no list of S3: its root is %.40s, and not ListBucketResult", name);
    stop(list, MTR_FINDING_IMPORT_LINE, text);
}

static void enter_cell(struct s3_list *list, const char *name)
{
    const size_t from = list->depth == CELL_DEPTH ? 0 : list->outer_bytes;
    snprintf(list->name + from, sizeof(list->name) - from, "%s%s", from ? "." : "", name);
    if (list->depth == CELL_DEPTH) list->outer_bytes = strlen(list->name);
}

static void XMLCALL on_begin(void *context, const char *element, const char **attributes)
{
    struct s3_list *list = context;
    const char *name = local_name(element);
    (void)attributes;
    if (list->rc) return;
    list->seen = here(list).offset;
    mtr_buffer_reset(&list->text);
    if (++list->depth > DEPTH_MAX) stop(list, MTR_FINDING_DOCUMENT_LIMIT, "nested deeper than 8 levels");
    if (list->depth == ROOT_DEPTH) begin_root(list, name);
    if (list->depth == OBJECT_DEPTH && !list->is_error && strcmp(name, "Contents") == 0) begin_object(list);
    if (list->depth == CELL_DEPTH || list->depth == INNER_DEPTH) enter_cell(list, name);
}

static void XMLCALL on_end(void *context, const char *element)
{
    struct s3_list *list = context;
    const char *name = local_name(element);
    if (list->rc) return;
    list->seen = here(list).offset;
    if (list->depth == INNER_DEPTH || list->depth == CELL_DEPTH) {
        if (list->in_object) set_cell(list);
        list->name[list->outer_bytes] = '\0';
    }
    if (list->depth == OBJECT_DEPTH && list->is_error) set_error(list, name);
    else if (list->depth == OBJECT_DEPTH && list->in_object) end_object(list);
    else if (list->depth == OBJECT_DEPTH) set_want(list, name);
    mtr_buffer_reset(&list->text);
    list->depth--;
}

static void XMLCALL on_text(void *context, const char *text, int size)
{
    struct s3_list *list = context;
    if (list->rc) return;
    list->seen = here(list).offset;
    int rc = mtr_buffer_append(&list->text, text, (size_t)size);
    if (rc == MTR_ELIMIT) stop(list, MTR_FINDING_DOCUMENT_LIMIT, "a text is longer than 64 KiB");
    else end_with(list, rc);
}

static void XMLCALL on_doctype(void *context, const char *name, const char *system, const char *public_id,
                               int has_subset)
{
    (void)name;
    (void)system;
    (void)public_id;
    (void)has_subset;
    stop(context, MTR_FINDING_IMPORT_LINE, "has a DOCTYPE, which a list of S3 does not have");
}

static void XMLCALL on_comment(void *context, const char *text)
{
    struct s3_list *list = context;
    (void)text;
    list->seen = here(list).offset;
}

static void XMLCALL on_instruction(void *context, const char *target, const char *text)
{
    (void)target;
    on_comment(context, text);
}

/* ---- the driver ---- */

static void s3_list_close(void *state)
{
    struct s3_list *list = state;
    if (!list) return;
    if (list->parser) XML_ParserFree(list->parser);
    mtr_buffer_release(&list->gathered);
    mtr_buffer_release(&list->text);
    mtr_buffer_release(&list->cells);
    free(list);
}

static int s3_list_open(struct record_out *out, void **state, const char **fault)
{
    struct s3_list *list = calloc(1, sizeof(*list));
    (void)fault;
    if (!list) return MTR_ENOMEM;
    *state = list;
    list->out = out;
    list->parser = XML_ParserCreate(NULL);
    if (!list->parser) return MTR_ENOMEM;
    mtr_buffer_init(&list->gathered, 2 * GATHER_BYTES);
    mtr_buffer_init(&list->text, TOKEN_BYTES_MAX);
    mtr_buffer_init(&list->cells, MTR_RECORD_BYTES_MAX);
    XML_SetUserData(list->parser, list);
    XML_SetElementHandler(list->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(list->parser, on_text);
    XML_SetStartDoctypeDeclHandler(list->parser, on_doctype);
    XML_SetCommentHandler(list->parser, on_comment);
    XML_SetProcessingInstructionHandler(list->parser, on_instruction);
    return MTR_OK;
}

static int stop_malformed(struct s3_list *list)
{
    char text[120];
    const enum XML_Error error = XML_GetErrorCode(list->parser);
    if (error == XML_ERROR_NO_MEMORY) return MTR_ENOMEM;
    snprintf(text, sizeof(text), "is no XML: %s", XML_ErrorString(error));
    stop(list, MTR_FINDING_IMPORT_LINE, text);
    return list->rc;
}

/* What is gathered. A token whose end does not come is kept by the parser, so its size is watched. */
static int feed(struct s3_list *list, bool is_last)
{
    const struct mtr_str text = mtr_buffer_str(&list->gathered);
    list->fed += text.size;
    const enum XML_Status status =
        XML_Parse(list->parser, text.data ? text.data : "", (int)text.size, is_last);
    mtr_buffer_reset(&list->gathered);
    if (list->rc) return list->rc;
    if (status != XML_STATUS_OK) return stop_malformed(list);
    if (list->fed - list->seen > TOKEN_BYTES_MAX + GATHER_BYTES)
        stop(list, MTR_FINDING_DOCUMENT_LIMIT, "an element or comment is longer than 64 KiB");
    return list->rc;
}

static int s3_list_read(void *state, struct mtr_str piece)
{
    struct s3_list *list = state;
    const size_t gather = list->out->gather_bytes && list->out->gather_bytes < GATHER_BYTES
                              ? list->out->gather_bytes
                              : GATHER_BYTES;
    int rc = list->rc;
    while (!rc && piece.size) {
        const size_t taken = piece.size < GATHER_BYTES ? piece.size : GATHER_BYTES;
        rc = mtr_buffer_append(&list->gathered, piece.data, taken);
        piece.data += taken;
        piece.size -= taken;
        if (!rc && list->gathered.size >= gather) rc = feed(list, false);
    }
    return rc;
}

static int s3_list_end(void *state)
{
    struct s3_list *list = state;
    char text[400];
    int rc = list->rc ? list->rc : feed(list, true);
    if (rc || !list->is_error) return rc;
    snprintf(text, sizeof(text), "the answer is an error: %s", list->error);
    stop(list, MTR_FINDING_IMPORT_ANSWER, text);
    return list->rc;
}

const struct record_format record_format_s3_list = {s3_list_open, s3_list_close, s3_list_read, s3_list_end};
