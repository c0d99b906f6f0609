/*
 * Places and sentences of findings, and the small checks that several keys share.
 */
#include "lib/source/document/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/source/row_path.h"

/* The child that the first name or [index] of *path leads to; *path moves behind it. */
static const struct mtr_node *step_into(const struct mtr_node *node, const char **path)
{
    const char *at = *path;
    if (*at == '.') at++;
    if (*at == '[') {
        const unsigned long index = strtoul(at + 1, NULL, 10);
        const char *end = strchr(at, ']');
        *path = end ? end + 1 : at + strlen(at);
        return node->kind == MTR_NODE_LIST && index < node->child_count ? &node->children[index] : NULL;
    }
    const size_t size = strcspn(at, ".[");
    const struct mtr_str name = {at, size};
    *path = at + size;
    for (uint32_t i = 0; node->kind == MTR_NODE_MAP && i < node->child_count; i++)
        if (mtr_str_equal(node->children[i].key, name)) return &node->children[i];
    return NULL;
}

const struct mtr_node *source_node_at(const struct source_reading *reading, const char *path)
{
    const struct mtr_node *node = reading->root;
    while (node && *path) node = step_into(node, &path);
    return node;
}

bool source_is_own(const struct source_reading *reading, const char *path)
{
    const struct mtr_node *node = source_node_at(reading, path), *preset = source_node_at(reading, "preset");
    return node && (!preset || node->line != preset->line || node->column != preset->column);
}

static const struct mtr_node *deepest_at(const struct source_reading *reading, const char *path)
{
    const struct mtr_node *node = reading->root;
    while (*path) {
        const struct mtr_node *next = step_into(node, &path);
        if (!next) break;
        node = next;
    }
    return node;
}

/* Who reads the finding has not written it. */
static bool is_of_preset(const struct source_reading *reading, const char *path)
{
    const struct mtr_node *node = source_node_at(reading, path);
    return node && node->kind != MTR_NODE_MAP && !source_is_own(reading, path) &&
           node != source_node_at(reading, "preset");
}

/* `path` stands in `inner`, or is the same. */
static bool is_inside(const char *inner, const char *path)
{
    const size_t size = strlen(path);
    return !strncmp(inner, path, size) && strchr(".[", inner[size]); /* the end of the text, too */
}

bool source_is_told(const struct source_reading *reading, const char *path)
{
    const struct mtr_diagnostics *findings = reading->findings;
    for (size_t i = reading->findings_before; i < findings->count; i++) {
        const struct mtr_diagnostic *told = &findings->items[i];
        const bool has_keys =
            told->code == MTR_FINDING_FIELD_MISSING || told->code == MTR_FINDING_FIELD_UNKNOWN;
        if (is_inside(told->field, path) || (!has_keys && is_inside(path, told->field))) return true;
    }
    return false;
}

static bool is_of_missing(enum mtr_finding_code code)
{
    return code == MTR_FINDING_FIELD_MISSING || code == MTR_FINDING_SOURCE_KEY_MISSING ||
           code == MTR_FINDING_SOURCE_SECRET_MISSING;
}

void source_fault(struct source_reading *reading, enum mtr_finding_code code, const char *path,
                  const char *format, ...)
{
    char text[MTR_FINDING_TEXT_BYTES];
    const struct mtr_node *node = deepest_at(reading, path);
    va_list args;
    if (reading->only_missing && (!is_of_missing(code) || source_is_told(reading, path))) return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    mtr_diagnostics_addf(reading->findings, code, node->line, node->column, path, "%s%s", text,
                         is_of_preset(reading, path)
                             ? " (the value is the preset's: write one of your own, or null)"
                             : "");
}

const char *source_path_join(const char *path, const char *name, char out[MTR_FINDING_FIELD_BYTES])
{
    snprintf(out, MTR_FINDING_FIELD_BYTES, "%s%s%s", path, *path && *name && *name != '[' ? "." : "", name);
    return out;
}

int source_one_of(struct source_reading *reading, const char *path, const char *const *names,
                  const bool *given, const char *or_else)
{
    char list[256] = "";
    int found = -1, count = 0;
    size_t used = 0;
    for (int i = 0; names[i]; i++) {
        if (used < sizeof(list))
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
        if (!given[i]) continue;
        found = i;
        count++;
    }
    if (count > 1)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_SEVERAL, path, "write one of %s, not several", list);
    if (count == 0 && or_else)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, path, "write one of %s%s", list, or_else);
    return count == 1 ? found : -1;
}

/* Depth is bounded as the document's is. */
static bool copy_into(struct mtr_arena *arena, const struct mtr_node *from, struct mtr_node *to)
{
    *to = *from;
    if (mtr_arena_copy(arena, from->key, &to->key) || mtr_arena_copy(arena, from->text, &to->text))
        return false;
    if (!from->child_count) return true;
    struct mtr_node *children = mtr_arena_calloc(arena, from->child_count, sizeof(*children));
    to->children = children;
    bool is_whole = children != NULL;
    for (uint32_t i = 0; is_whole && i < from->child_count; i++)
        is_whole = copy_into(arena, &from->children[i], &children[i]);
    return is_whole;
}

const struct mtr_node *source_copy_tree(struct source_reading *reading, const struct mtr_node *node)
{
    struct mtr_node *copy = mtr_arena_calloc(reading->arena, 1, sizeof(*copy));
    if (copy && copy_into(reading->arena, node, copy)) return copy;
    reading->error = MTR_ENOMEM;
    return NULL;
}

const struct mtr_zone *source_zone(struct source_reading *reading, const char *path, struct mtr_str name)
{
    struct mtr_zone *zone = NULL;
    if (!name.size || mtr_str_equal(name, MTR_STR("UTC"))) return NULL;
    const int rc = reading->zones->get(reading->zones->context, name, &zone);
    if (!rc) return zone;
    char meant[MTR_MEANT_BYTES];
    if (rc == MTR_ENOMEM) reading->error = rc;
    else
        source_fault(reading, MTR_FINDING_CATALOG_ZONE_UNKNOWN, path,
                     "`%.*s%s` is no time zone of this system%s", MTR_STR_QUOTED(name),
                     mtr_zone_meant(name, meant));
    return NULL;
}

static bool holds_any(struct mtr_str text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++)
        if (!text.data[i] || strchr(characters, text.data[i])) return true;
    return false;
}

bool source_check_url(struct source_reading *reading, const char *path, struct mtr_str url)
{
    const struct mtr_str http = MTR_STR("http://"), https = MTR_STR("https://");
    const bool is_http = mtr_str_starts_with(url, http), is_https = mtr_str_starts_with(url, https);
    const size_t scheme = is_https ? https.size : http.size;
    if (!is_http && !is_https) {
        source_fault(reading, MTR_FINDING_SOURCE_URL, path,
                     "a URL that starts with https:// (or http://) is needed");
        return false;
    }
    size_t end = scheme;
    while (end < url.size && !memchr("/?#", url.data[end], 3)) end++;
    const struct mtr_str authority = {url.data + scheme, end - scheme};
    const char *fault = NULL;
    if (!authority.size || authority.data[0] == ':') fault = "the URL names no host";
    else if (holds_any(authority, "@"))
        fault = "name and password do not stand in a URL: `auth` sends them, from a file";
    else if (holds_any(url, " \t\r\n#\"<>\\")) fault = "a URL has no blanks, quotes and no #";
    if (fault) source_fault(reading, MTR_FINDING_SOURCE_URL, path, "%s", fault);
    return !fault;
}

/* Also without memory, which is noted. */
static bool parse_path(struct source_reading *reading, struct mtr_str text, struct mtr_row_path *parsed)
{
    if (!mtr_row_path_parse(text, reading->scratch, parsed)) return parsed->step_count || parsed->is_record;
    reading->error = MTR_ENOMEM;
    return true;
}

bool source_is_path(struct source_reading *reading, struct mtr_str text)
{
    struct mtr_row_path parsed;
    return parse_path(reading, text, &parsed);
}

void source_check_path(struct source_reading *reading, const char *path, struct mtr_str text)
{
    struct mtr_row_path parsed;
    if (!text.size || parse_path(reading, text, &parsed)) return;
    const bool has_gap = mtr_row_path_has_gap(&parsed) || text.data[text.size - 1] == '.';
    if (has_gap)
        source_fault(reading, MTR_FINDING_SOURCE_PATH, path,
                     "`%.*s%s` has an empty step: write names with one dot between them, as meta.next; a "
                     "name that has dots of its own is [\"a.b\"]",
                     MTR_STR_QUOTED(text));
    else if (holds_any(text, "[].\""))
        source_fault(reading, MTR_FINDING_SOURCE_PATH, path,
                     "`%.*s%s` is no path: write names and places of lists, as data.items[0] or "
                     "[\"@odata.nextLink\"]",
                     MTR_STR_QUOTED(text));
}

void source_check_file(struct source_reading *reading, const char *path, struct mtr_str file,
                       const char *what)
{
    if (!file.size)
        source_fault(reading, MTR_FINDING_SOURCE_SECRET_MISSING, path,
                     "is missing: name the file that holds %s: it never stands in the document", what);
    else if (holds_any(file, "\r\n"))
        source_fault(reading, MTR_FINDING_SOURCE_SECRET_MISSING, path,
                     "this is a text of several lines: name the file that holds the secret");
}

void source_check_header(struct source_reading *reading, const char *path, struct mtr_str name,
                         struct mtr_str value)
{
    bool is_token = name.size > 0;
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        is_token = is_token && c > ' ' && c < 127 && !strchr("\"(),/:;<=>?@[\\]{}", c);
    }
    if (!is_token)
        source_fault(reading, MTR_FINDING_SOURCE_HEADER, path, "`%.*s%s` is no name of a header",
                     MTR_STR_QUOTED(name));
    if (holds_any(value, "\r\n"))
        source_fault(reading, MTR_FINDING_SOURCE_HEADER, path, "a header is one line: no CR, LF, NUL in it");
}
