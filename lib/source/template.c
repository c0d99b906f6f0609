/*
 * Templates: one pass from text to pieces, one from pieces to text.
 *
 * Invariants: 1 literals of a parsed template are escaped for its place; 2 every piece has a literal or is a
 * use of an allowed name; 3 an expansion that fails leaves the buffer as it was.
 */
#include "meterd/source/template.h"

#include <stdio.h>
#include <string.h>

#include "lib/source/escape.h"

static const char *const names[] = {
#define ROW(name, text) text,
    MTR_TEMPLATE_NAMES(ROW)
#undef ROW
};

static const char *const missing[] = {
#define ROW(name, text) "`{" text "}` has no value here",
    MTR_TEMPLATE_NAMES(ROW)
#undef ROW
};

_Static_assert(MTR_TEMPLATE_NAME_COUNT <= 32, "a set of names is 32 bits");

const char *mtr_template_name(enum mtr_template_name name)
{
    MTR_ASSERT(name < MTR_TEMPLATE_NAME_COUNT);
    return names[name];
}

static bool is_time(enum mtr_template_name name)
{
    return name == MTR_TEMPLATE_FROM || name == MTR_TEMPLATE_TO || name == MTR_TEMPLATE_LAST ||
           name == MTR_TEMPLATE_TIME;
}

/* ---- from text to pieces ---- */

struct parser {
    struct mtr_str text;
    const struct mtr_template_rules *rules;
    struct mtr_arena *arena;
    struct mtr_template *template;
    uint32_t capacity;
    struct mtr_buffer literal, escaped;
    size_t literal_at; /* where the literal began, for findings */
    struct mtr_diagnostic *diagnostic;
};

static int say(struct parser *parser, size_t at, const char *format, ...) MTR_PRINTF(3, 4);
static int say(struct parser *parser, size_t at, const char *format, ...)
{
    const struct mtr_template_rules *rules = parser->rules;
    char sentence[MTR_FINDING_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    mtr_diagnostic_set(parser->diagnostic, MTR_FINDING_SOURCE_TEMPLATE, rules->line,
                       rules->line ? rules->column + (uint32_t)at : 0, "", "%s", sentence);
    parser->diagnostic->offset = at;
    return MTR_EINVALID;
}

static int add_piece(struct parser *parser, const struct mtr_template_piece *piece)
{
    struct mtr_template *template = parser->template;
    if (template->piece_count == MTR_TEMPLATE_PIECES_MAX)
        return say(parser, 0, "a template has at most %d uses of names", (int)MTR_TEMPLATE_PIECES_MAX / 2);
    void *items = template->pieces;
    int rc = mtr_arena_make_room(parser->arena, &items, template->piece_count, &parser->capacity,
                                 sizeof(*piece));
    if (rc) return MTR_ENOMEM;
    template->pieces = items;
    template->pieces[template->piece_count++] = *piece;
    return MTR_OK;
}

static int flush_literal(struct parser *parser)
{
    struct mtr_template_piece piece = {.literal = {NULL, 0}};
    const char *fault = NULL;
    if (!parser->literal.size) return MTR_OK;
    mtr_buffer_reset(&parser->escaped);
    int rc = escape_literal(parser->rules->place, mtr_buffer_str(&parser->literal), &parser->escaped, &fault);
    if (rc == MTR_EINVALID) return say(parser, parser->literal_at, "%s", fault);
    if (!rc) rc = mtr_arena_copy(parser->arena, mtr_buffer_str(&parser->escaped), &piece.literal);
    if (!rc) rc = add_piece(parser, &piece);
    mtr_buffer_reset(&parser->literal);
    return rc;
}

static struct mtr_str allowed_at(const void *context, unsigned i)
{
    const struct mtr_template_rules *rules = context;
    if (i >= MTR_TEMPLATE_NAME_COUNT) return (struct mtr_str){NULL, 0};
    return rules->allowed & MTR_TEMPLATE_BIT(i) ? mtr_str_from(names[i]) : MTR_STR("");
}

/* "from, to, last": what may stand there. */
static void list_allowed(uint32_t allowed, char out[MTR_FINDING_TEXT_BYTES / 2])
{
    size_t size = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < MTR_TEMPLATE_NAME_COUNT; i++)
        if (allowed & MTR_TEMPLATE_BIT(i))
            size += (size_t)snprintf(out + size, MTR_FINDING_TEXT_BYTES / 2 - size, "%s%s", size ? ", " : "",
                                     names[i]);
}

static int say_unknown(struct parser *parser, size_t at, struct mtr_str word)
{
    char meant[MTR_MEANT_BYTES], list[MTR_FINDING_TEXT_BYTES / 2];
    for (unsigned i = 0; i < MTR_TEMPLATE_NAME_COUNT; i++)
        if (mtr_str_equal(word, mtr_str_from(names[i]))) {
            list_allowed(parser->rules->allowed, list);
            return say(parser, at, "`{%s}` has no value here; these have: %s", names[i], list);
        }
    list_allowed(parser->rules->allowed, list);
    mtr_str_meant(word, allowed_at, parser->rules, meant);
    if (meant[0]) return say(parser, at, "`{%.*s%s}` is no name%s", MTR_STR_QUOTED(word), meant);
    return say(parser, at, "`{%.*s%s}` is no name; these are: %s; `{{` is a brace", MTR_STR_QUOTED(word),
               list);
}

static int find_name(struct parser *parser, size_t at, struct mtr_str word, struct mtr_template_piece *piece)
{
    const struct mtr_str each = MTR_STR("each.");
    const bool has_member = mtr_str_starts_with(word, each) && word.size > each.size;
    const struct mtr_str name = has_member ? MTR_STR("each") : word;
    for (unsigned i = 0; i < MTR_TEMPLATE_NAME_COUNT; i++) {
        if (!mtr_str_equal(name, mtr_str_from(names[i]))) continue;
        if (!(parser->rules->allowed & MTR_TEMPLATE_BIT(i))) break;
        piece->name = (enum mtr_template_name)i;
        if (!has_member) return MTR_OK;
        const struct mtr_str member = {word.data + each.size, word.size - each.size};
        return mtr_arena_copy(parser->arena, member, &piece->member);
    }
    return say_unknown(parser, at, word);
}

static int find_zone(struct parser *parser, size_t at, struct mtr_str option, const struct mtr_zone **zone)
{
    char meant[MTR_MEANT_BYTES];
    const struct mtr_str key = MTR_STR("zone=");
    const struct mtr_template_rules *rules = parser->rules;
    if (!mtr_str_starts_with(option, key))
        return say(parser, at, "behind `|` a zone is expected: `|zone=Europe/Moscow`");
    const struct mtr_str name = {option.data + key.size, option.size - key.size};
    if (!rules->find_zone) return say(parser, at, "there is no zone to choose here");
    int rc = rules->find_zone(rules->zone_context, name, zone);
    if (rc == MTR_ENOMEM) return rc;
    return rc ? say(parser, at, "there is no time zone `%.*s%s`%s", MTR_STR_QUOTED(name),
                    mtr_zone_meant(name, meant))
              : MTR_OK;
}

/* What stands behind the name: `:FORMAT|zone=ZONE`, `:FORMAT`, `|zone=ZONE` or nothing. */
static int read_style(struct parser *parser, size_t at, struct mtr_str rest, struct mtr_template_piece *piece)
{
    char fault[MTR_TIME_STYLE_FAULT_BYTES];
    const struct mtr_zone *zone = parser->rules->zone;
    const char *bar = rest.size ? memchr(rest.data, '|', rest.size) : NULL;
    struct mtr_str format = {rest.data, bar ? (size_t)(bar - rest.data) : rest.size};
    if (!is_time(piece->name))
        return rest.size
                   ? say(parser, at, "`{%s}` is no time: it takes no format and no zone", names[piece->name])
                   : MTR_OK;
    if (bar) {
        const struct mtr_str option = {bar + 1, rest.size - format.size - 1};
        int rc = find_zone(parser, at + format.size + 1, option, &zone);
        if (rc) return rc;
    }
    if (format.size == 1) return say(parser, at, "a format is expected behind `:`, as `%%Y-%%m-%%d`");
    if (format.size) format = (struct mtr_str){format.data + 1, format.size - 1};
    if (mtr_time_style_make(format, zone, &piece->style, fault)) return say(parser, at + 1, "%s", fault);
    return MTR_OK;
}

/* The use that begins behind the brace at `open`; *end is behind its closing one. */
static int read_use(struct parser *parser, size_t open, size_t *end)
{
    struct mtr_template_piece piece = {.literal = {NULL, 0}};
    const char *inside = parser->text.data + open + 1;
    const size_t left = parser->text.size - open - 1;
    const char *close = left ? memchr(inside, '}', left) : NULL;
    if (!close)
        return say(parser, open, "`{` is not closed: write `{{` for a brace, or close the name with `}`");
    const size_t size = (size_t)(close - inside);
    size_t word = 0;
    while (word < size && inside[word] != ':' && inside[word] != '|') word++;
    int rc = find_name(parser, open + 1, (struct mtr_str){inside, word}, &piece);
    if (!rc) rc = read_style(parser, open + 1 + word, (struct mtr_str){inside + word, size - word}, &piece);
    if (!rc) rc = add_piece(parser, &piece);
    if (!rc) parser->template->uses |= MTR_TEMPLATE_BIT(piece.name);
    *end = open + 1 + size + 1;
    return rc;
}

static int read_pieces(struct parser *parser)
{
    const struct mtr_str text = parser->text;
    int rc = MTR_OK;
    for (size_t at = 0; at < text.size && !rc;) {
        const bool is_brace = text.data[at] == '{' && at + 1 < text.size && text.data[at + 1] == '{';
        if (!parser->literal.size) parser->literal_at = at;
        if (text.data[at] != '{' || is_brace) {
            rc = mtr_buffer_append_char(&parser->literal, text.data[at]);
            at += is_brace ? 2 : 1;
            continue;
        }
        rc = flush_literal(parser);
        if (!rc) rc = read_use(parser, at, &at);
    }
    return rc ? rc : flush_literal(parser);
}

/* Segments that no value is in. */
static int check_dots(struct parser *parser)
{
    const enum mtr_template_place place = parser->rules->place;
    const struct mtr_template *template = parser->template;
    if ((place != MTR_TEMPLATE_IN_PATH && place != MTR_TEMPLATE_IN_URL) || template->piece_count != 1)
        return MTR_OK;
    if (!escape_has_dots(template->pieces[0].literal)) return MTR_OK;
    return say(parser, 0, "a path has no segments `.` and `..`");
}

int mtr_template_parse(struct mtr_str text, const struct mtr_template_rules *rules, struct mtr_arena *arena,
                       struct mtr_template *out, struct mtr_diagnostic *diagnostic)
{
    struct parser parser = {
        .text = text, .rules = rules, .arena = arena, .template = out, .diagnostic = diagnostic};
    *out = (struct mtr_template){.place = rules->place};
    if (text.size > MTR_TEMPLATE_BYTES_MAX)
        return say(&parser, 0, "a template has at most %d bytes", (int)MTR_TEMPLATE_BYTES_MAX);
    mtr_buffer_init(&parser.literal, MTR_TEMPLATE_BYTES_MAX);
    mtr_buffer_init(&parser.escaped, 6 * (size_t)MTR_TEMPLATE_BYTES_MAX + 16);
    int rc = read_pieces(&parser);
    if (!rc) rc = check_dots(&parser);
    mtr_buffer_release(&parser.literal);
    mtr_buffer_release(&parser.escaped);
    return rc == MTR_ELIMIT ? MTR_ENOMEM : rc;
}

/* ---- from pieces to text ---- */

static int64_t time_of(const struct mtr_template_values *values, enum mtr_template_name name)
{
    switch (name) {
    case MTR_TEMPLATE_FROM: return values->from_us;
    case MTR_TEMPLATE_TO: return values->to_us;
    case MTR_TEMPLATE_LAST: return values->last_us;
    default: return values->time_us;
    }
}

/* A job's id, or an item, that is the whole URL. */
static bool is_whole_url(const struct mtr_template *template)
{
    return template->place == MTR_TEMPLATE_IN_URL && template->piece_count == 1 && template->uses;
}

static int write_time(const struct mtr_template *template, const struct mtr_template_piece *piece,
                      const struct mtr_template_values *values, struct mtr_buffer *out, const char **fault)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, 8 * MTR_TIME_STYLE_BYTES_MAX);
    int rc = mtr_time_style_write(&piece->style, time_of(values, piece->name), &text);
    if (!rc) rc = escape_value(template->place, mtr_buffer_str(&text), false, out, fault);
    mtr_buffer_release(&text);
    if (rc == MTR_EOVERFLOW) *fault = "a time is outside of 1970 to 2199";
    return rc == MTR_EOVERFLOW ? MTR_EINVALID : rc;
}

static int write_text(const struct mtr_template *template, const struct mtr_template_piece *piece,
                      const struct mtr_template_values *values, struct mtr_buffer *out, const char **fault)
{
    const bool is_each = piece->name == MTR_TEMPLATE_EACH && values->each;
    const struct mtr_str text =
        is_each ? values->each(values->each_context, piece->member) : values->texts[piece->name];
    *fault = missing[piece->name];
    if (!text.data) return MTR_EMISSING;
    const enum mtr_template_place place = is_whole_url(template) ? MTR_TEMPLATE_IN_HEADER : template->place;
    return escape_value(place, text, piece->name == MTR_TEMPLATE_ITEM, out, fault);
}

int mtr_template_expand(const struct mtr_template *template, const struct mtr_template_values *values,
                        struct mtr_buffer *out, const char **fault)
{
    const size_t before = out->size;
    const char *said = NULL;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < template->piece_count && !rc; i++) {
        const struct mtr_template_piece *piece = &template->pieces[i];
        if (piece->literal.data) rc = mtr_buffer_append_str(out, piece->literal);
        else if (is_time(piece->name)) rc = write_time(template, piece, values, out, &said);
        else rc = write_text(template, piece, values, out, &said);
    }
    const bool is_path = template->place == MTR_TEMPLATE_IN_PATH ||
                         (template->place == MTR_TEMPLATE_IN_URL && !is_whole_url(template));
    if (!rc && is_path && escape_has_dots((struct mtr_str){out->data + before, out->size - before})) {
        said = "a value makes a segment `.` or `..` of the path";
        rc = MTR_EINVALID;
    }
    if (rc) out->size = before;
    if (fault && (rc == MTR_EINVALID || rc == MTR_EMISSING)) *fault = said;
    return rc;
}
