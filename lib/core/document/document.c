/*
 * Documents: the checks that hold for YAML and JSON alike, and the choice between the two readers.
 *
 * Text that starts with { or [ is tried as strict JSON first, then as YAML (whose flow style looks alike).
 * When both refuse, JSON's error is reported, unless JSON failed at the very first word behind the opening
 * brackets: then the text was meant as YAML.
 *
 * A document is one arena; nodes and texts live in it until close. Immutable after parse, so any thread may
 * read it.
 */
#include "meterd/core/document.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/document/document_builder.h"

enum { FIRST_CHUNK_BYTES = 4096 };

struct limits {
    size_t bytes;
    uint32_t nodes;
    bool is_json; /* and nothing else */
};

struct mtr_document {
    struct mtr_arena arena;
    struct mtr_node root;
};

static struct mtr_place place_of_offset(struct mtr_str text, size_t offset)
{
    struct mtr_place place = {1, 1, offset};
    for (size_t i = 0; i < offset; i++) {
        place.column++;
        if (text.data[i] != '\n') continue;
        place.line++;
        place.column = 1;
    }
    return place;
}

static int fail_at(struct mtr_diagnostic *diagnostic, struct mtr_str text, size_t offset,
                   const char *sentence)
{
    struct mtr_place place = place_of_offset(text, offset);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_DOCUMENT_TEXT, place.line, place.column, NULL, "%s", sentence);
    diagnostic->offset = offset;
    return MTR_EINVALID;
}

/* The longest prefix that is UTF-8; only taken on the way to an error. */
static size_t utf8_prefix(struct mtr_str text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t step = 1;
        while (step <= 4 && at + step <= text.size &&
               !mtr_str_is_utf8((struct mtr_str){text.data + at, step}))
            step++;
        if (step > 4 || at + step > text.size) break;
        at += step;
    }
    return at;
}

/* What the text is instead, by how it begins; NULL: text with a byte that is not UTF-8. */
static const char *other_form(struct mtr_str text)
{
    static const struct {
        const char *begin;
        size_t size;
        const char *sentence;
    } forms[] = {
        {"\xFF\xFE", 2, "the text is UTF-16: save it as UTF-8"},
        {"\xFE\xFF", 2, "the text is UTF-16: save it as UTF-8"},
        {"\x1F\x8B", 2, "the text is packed with gzip: unpack it"},
        {"\x28\xB5\x2F\xFD", 4, "the text is packed with zstd: unpack it"},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (text.size >= forms[i].size && memcmp(text.data, forms[i].begin, forms[i].size) == 0)
            return forms[i].sentence;
    return NULL;
}

static int check_bytes(struct mtr_str text, const struct limits *limits, struct mtr_diagnostic *diagnostic)
{
    if (text.size > limits->bytes) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_DOCUMENT_LIMIT, 1, 1, NULL,
                           "the text has %zu bytes, at most %zu are allowed", text.size, limits->bytes);
        return MTR_ELIMIT;
    }
    if (!mtr_str_is_utf8(text)) {
        const char *form = other_form(text);
        return form ? fail_at(diagnostic, text, 0, form)
                    : fail_at(diagnostic, text, utf8_prefix(text), "the text is not UTF-8 here");
    }
    const char *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    return nul ? fail_at(diagnostic, text, (size_t)(nul - text.data), "a NUL character is not allowed")
               : MTR_OK;
}

static size_t skip_all(struct mtr_str text, const char *characters)
{
    size_t at = 0;
    while (at < text.size && strchr(characters, text.data[at])) at++;
    return at;
}

static bool looks_like_json(struct mtr_str text)
{
    size_t at = skip_all(text, " \t\r\n");
    return at < text.size && (text.data[at] == '{' || text.data[at] == '[');
}

typedef int read_text(struct mtr_document_builder *builder, struct mtr_str text);

static int read_with(read_text *read, struct mtr_document *document, struct mtr_str text, uint32_t nodes_max,
                     struct mtr_diagnostic *diagnostic)
{
    struct mtr_document_builder builder;
    mtr_arena_reset(&document->arena);
    document_builder_init(&builder, &document->arena, nodes_max, diagnostic);
    int rc = read(&builder, text);
    if (!rc && builder.pending_count > 0) document->root = builder.pending[0];
    document_builder_release(&builder);
    return rc;
}

static int read_either(struct mtr_document *document, struct mtr_str text, const struct limits *limits,
                       struct mtr_diagnostic *diagnostic)
{
    const uint32_t nodes_max = limits->nodes;
    if (limits->is_json) return read_with(document_read_json, document, text, nodes_max, diagnostic);
    if (!looks_like_json(text)) return read_with(document_read_yaml, document, text, nodes_max, diagnostic);
    struct mtr_diagnostic as_json, as_yaml;
    int json_rc = read_with(document_read_json, document, text, nodes_max, &as_json);
    if (!json_rc) return MTR_OK;
    int yaml_rc = read_with(document_read_yaml, document, text, nodes_max, &as_yaml);
    if (!yaml_rc) return MTR_OK;
    bool meant_as_yaml = as_json.offset == skip_all(text, " \t\r\n[{");
    *diagnostic = meant_as_yaml ? as_yaml : as_json;
    return meant_as_yaml ? yaml_rc : json_rc;
}

static int parse(struct mtr_str text, const struct limits *limits, struct mtr_document **out,
                 struct mtr_diagnostic *diagnostic)
{
    if (mtr_str_starts_with(text, MTR_STR("\xEF\xBB\xBF")))
        text = (struct mtr_str){text.data + 3, text.size - 3};
    int rc = check_bytes(text, limits, diagnostic);
    if (rc) return rc;
    struct mtr_document *document = calloc(1, sizeof(*document));
    if (!document) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 1, 1, NULL, "out of memory");
        return MTR_ENOMEM;
    }
    /* Chunks double, so up to half of what is allocated may lie unused. */
    size_t bytes_max = 2 * (limits->nodes * (sizeof(struct mtr_node) + 32) + limits->bytes);
    mtr_arena_init(&document->arena, FIRST_CHUNK_BYTES, bytes_max);
    document->root = (struct mtr_node){.kind = MTR_NODE_NULL, .line = 1, .column = 1};
    rc = read_either(document, text, limits, diagnostic);
    if (rc) {
        mtr_document_close(document);
        return rc;
    }
    *out = document;
    return MTR_OK;
}

int mtr_document_parse(struct mtr_str text, struct mtr_document **out, struct mtr_diagnostic *diagnostic)
{
    static const struct limits limits = {.bytes = MTR_DOCUMENT_BYTES_MAX, .nodes = MTR_DOCUMENT_NODES_MAX};
    return parse(text, &limits, out, diagnostic);
}

int mtr_document_parse_answer(struct mtr_str text, struct mtr_document **out,
                              struct mtr_diagnostic *diagnostic)
{
    static const struct limits limits = {.bytes = MTR_ANSWER_BYTES_MAX, .nodes = 1U << 28, .is_json = true};
    return parse(text, &limits, out, diagnostic);
}

void mtr_document_close(struct mtr_document *document)
{
    if (!document) return;
    mtr_arena_release(&document->arena);
    free(document);
}

const struct mtr_node *mtr_document_root(const struct mtr_document *document)
{
    return &document->root;
}

const struct mtr_node *mtr_node_get(const struct mtr_node *node, const char *key)
{
    struct mtr_str wanted = mtr_str_from(key);
    if (node->kind != MTR_NODE_MAP) return NULL;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (mtr_str_equal(node->children[i].key, wanted)) return &node->children[i];
    return NULL;
}

struct mtr_str mtr_node_text(const struct mtr_node *node, const char *key)
{
    const struct mtr_node *child = mtr_node_get(node, key);
    const bool is_text = child && child->kind < MTR_NODE_LIST && child->kind != MTR_NODE_NULL;
    return is_text ? child->text : (struct mtr_str){NULL, 0};
}
