/*
 * YAML through libyaml's events. libyaml keeps the grammar; what meterd refuses on top of it is refused here.
 *
 * libyaml counts characters, and takes U+0085, U+2028 and U+2029 for line ends; people's editors count bytes
 * or columns of lines that end in LF. So places are recomputed from the character index by one cursor that
 * walks the text once.
 */
#include "lib/core/document/document_builder.h"

#include <string.h>
#include <yaml.h>

struct cursor {
    struct mtr_str text;
    size_t index; /* characters passed */
    struct mtr_place place;
};

struct reader {
    struct mtr_document_builder *builder;
    struct cursor cursor;
    unsigned document_count;
};

static void cursor_step(struct cursor *cursor)
{
    bool newline = cursor->text.data[cursor->place.offset] == '\n';
    do {
        cursor->place.offset++;
        cursor->place.column++;
    } while (cursor->place.offset < cursor->text.size &&
             ((unsigned char)cursor->text.data[cursor->place.offset] & 0xC0) == 0x80);
    if (newline) {
        cursor->place.line++;
        cursor->place.column = 1;
    }
    cursor->index++;
}

/* Events come in the order of the text, so the cursor goes back only for an error. */
static struct mtr_place place_at(struct cursor *cursor, size_t index)
{
    if (index < cursor->index) *cursor = (struct cursor){.text = cursor->text, .place = {1, 1, 0}};
    while (cursor->index < index && cursor->place.offset < cursor->text.size) cursor_step(cursor);
    return cursor->place;
}

static int fail_parser(struct reader *reader, const yaml_parser_t *parser)
{
    struct mtr_document_builder *builder = reader->builder;
    const char *problem = parser->problem ? parser->problem : "unreadable text";
    if (parser->error == YAML_MEMORY_ERROR) {
        (void)!document_builder_fail(builder, MTR_FINDING_PROGRAM_MEMORY, (struct mtr_place){1, 1, 0},
                                     "out of memory");
        return MTR_ENOMEM;
    }
    if (parser->error == YAML_READER_ERROR) {
        struct cursor bytes = reader->cursor;
        size_t offset = parser->problem_offset < bytes.text.size ? parser->problem_offset : bytes.text.size;
        bytes = (struct cursor){.text = bytes.text, .place = {1, 1, 0}};
        while (bytes.place.offset < offset) cursor_step(&bytes);
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_SYNTAX, bytes.place, "%s", problem);
    }
    struct mtr_place place = place_at(&reader->cursor, parser->problem_mark.index);
    const struct mtr_str text = reader->cursor.text;
    if (place.offset < text.size && text.data[place.offset] == '\t')
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_SYNTAX, place,
                                     "a tab cannot stand here: indent with spaces");
    if (!parser->context)
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_SYNTAX, place, "%s", problem);
    struct mtr_place context = place_at(&reader->cursor, parser->context_mark.index);
    if (context.line == place.line)
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_SYNTAX, place, "%s, %s", problem,
                                     parser->context);
    return document_builder_fail(builder, MTR_FINDING_DOCUMENT_SYNTAX, place, "%s, %s on line %u", problem,
                                 parser->context, context.line);
}

static int refuse_decoration(struct mtr_document_builder *builder, struct mtr_place place,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (tag)
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_UNSUPPORTED, place,
                                     "tags (%s) are not allowed", (const char *)tag);
    if (!anchor) return MTR_OK;
    return document_builder_fail(builder, MTR_FINDING_DOCUMENT_UNSUPPORTED, place,
                                 "anchors (&%s) are not allowed: write the value out", (const char *)anchor);
}

static int on_scalar(struct mtr_document_builder *builder, const yaml_event_t *event, struct mtr_place place)
{
    struct mtr_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    int rc = refuse_decoration(builder, place, event->data.scalar.anchor, event->data.scalar.tag);
    if (rc) return rc;
    if (document_builder_wants_key(builder)) return document_builder_key(builder, text, place);
    return document_builder_scalar(builder, text, plain, place);
}

static int on_container(struct mtr_document_builder *builder, enum mtr_node_kind kind, struct mtr_place place,
                        const yaml_char_t *anchor, const yaml_char_t *tag)
{
    int rc = refuse_decoration(builder, place, anchor, tag);
    if (rc) return rc;
    if (!document_builder_wants_key(builder)) return document_builder_open(builder, kind, place);
    return document_builder_fail(builder, MTR_FINDING_DOCUMENT_UNSUPPORTED, place,
                                 "a key must be a plain text, not a list or map");
}

static int on_event(struct reader *reader, const yaml_event_t *event)
{
    struct mtr_document_builder *builder = reader->builder;
    struct mtr_place place = place_at(&reader->cursor, event->start_mark.index);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->document_count++ == 0) return MTR_OK;
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_UNSUPPORTED, place,
                                     "a second document (---) starts here: one text holds one");
    case YAML_ALIAS_EVENT:
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_UNSUPPORTED, place,
                                     "aliases (*%s) are not allowed: write the value out",
                                     (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT: return on_scalar(builder, event, place);
    case YAML_SEQUENCE_START_EVENT:
        return on_container(builder, MTR_NODE_LIST, place, event->data.sequence_start.anchor,
                            event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_container(builder, MTR_NODE_MAP, place, event->data.mapping_start.anchor,
                            event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return document_builder_close(builder);
    default: return MTR_OK;
    }
}

int document_read_yaml(struct mtr_document_builder *builder, struct mtr_str text)
{
    struct reader reader = {.builder = builder, .cursor = {.text = text, .place = {1, 1, 0}}};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        (void)!document_builder_fail(builder, MTR_FINDING_PROGRAM_MEMORY, reader.cursor.place,
                                     "out of memory");
        return MTR_ENOMEM;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.size ? text.data : ""), text.size);
    int rc = MTR_OK;
    bool done = false;
    while (!rc && !done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = fail_parser(&reader, &parser);
            break;
        }
        rc = on_event(&reader, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return rc;
}
