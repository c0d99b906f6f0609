/*
 * Paths of JSON records; see row_path.h.
 */
#include "meterd/source/row_path.h"

#include <string.h>

struct reader {
    const char *at, *end;
    struct mtr_arena *arena;
};

enum { IS_NO_PATH = 1 };

static int add_step(struct mtr_row_path *path, struct mtr_row_path_step step)
{
    if (path->step_count == MTR_ROW_PATH_STEPS_MAX) return IS_NO_PATH;
    path->steps[path->step_count++] = step;
    return MTR_OK;
}

static int take_name(struct reader *reader, struct mtr_row_path *path)
{
    const char *from = reader->at;
    while (reader->at < reader->end && *reader->at != '.' && *reader->at != '[') reader->at++;
    if (reader->at == from) return IS_NO_PATH;
    return add_step(path, (struct mtr_row_path_step){.name = {from, (size_t)(reader->at - from)}});
}

/* Behind ["; up to "]. */
static int take_quoted(struct reader *reader, struct mtr_row_path *path)
{
    char *name = mtr_arena_alloc(reader->arena, (size_t)(reader->end - reader->at) + 1);
    size_t size = 0;
    if (!name) return MTR_ENOMEM;
    for (; reader->at < reader->end && *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\' && reader->at + 1 < reader->end) reader->at++;
        name[size++] = *reader->at;
    }
    if (reader->end - reader->at < 2 || reader->at[1] != ']') return IS_NO_PATH;
    reader->at += 2;
    return add_step(path, (struct mtr_row_path_step){.name = {name, size}});
}

/* Behind [. */
static int take_place(struct reader *reader, struct mtr_row_path *path)
{
    const char *end = memchr(reader->at, ']', (size_t)(reader->end - reader->at));
    uint64_t place;
    if (!end || !mtr_str_to_u64((struct mtr_str){reader->at, (size_t)(end - reader->at)}, &place) ||
        place > UINT32_MAX)
        return IS_NO_PATH;
    reader->at = end + 1;
    return add_step(path, (struct mtr_row_path_step){.place = (uint32_t)place});
}

static int take_step(struct reader *reader, struct mtr_row_path *path)
{
    if (*reader->at != '[') {
        if (path->step_count && *reader->at++ != '.') return IS_NO_PATH;
        return take_name(reader, path);
    }
    if (++reader->at == reader->end) return IS_NO_PATH;
    if (*reader->at != '"') return take_place(reader, path);
    reader->at++;
    return take_quoted(reader, path);
}

int mtr_row_path_parse(struct mtr_str text, struct mtr_arena *arena, struct mtr_row_path *out)
{
    struct reader reader = {text.data, text.data + text.size, arena};
    int rc = MTR_OK;
    *out = (struct mtr_row_path){.text = text};
    while (!rc && reader.at < reader.end) rc = take_step(&reader, out);
    if (rc) out->step_count = 0;
    return rc == IS_NO_PATH ? MTR_OK : rc;
}

static const struct mtr_node *find_member(const struct mtr_node *map, struct mtr_str name)
{
    for (uint32_t i = 0; map->kind == MTR_NODE_MAP && i < map->child_count; i++)
        if (mtr_str_equal(map->children[i].key, name)) return &map->children[i];
    return NULL;
}

const struct mtr_node *mtr_row_path_find(const struct mtr_row_path *path, const struct mtr_node *record)
{
    const struct mtr_node *node = find_member(record, path->text);
    if (node || !path->step_count) return node;
    node = record;
    for (uint32_t i = 0; node && i < path->step_count; i++) {
        const struct mtr_row_path_step *step = &path->steps[i];
        if (step->name.data) {
            if (node->kind == MTR_NODE_LIST) return node;
            node = find_member(node, step->name);
        } else {
            const bool is_there = node->kind == MTR_NODE_LIST && step->place < node->child_count;
            node = is_there ? &node->children[step->place] : NULL;
        }
    }
    return node;
}
