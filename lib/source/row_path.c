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
    return add_step(path, (struct mtr_row_path_step){.kind = MTR_ROW_STEP_NAME,
                                                     .name = {from, (size_t)(reader->at - from)}});
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
    return add_step(path, (struct mtr_row_path_step){.kind = MTR_ROW_STEP_NAME, .name = {name, size}});
}

/* Behind [. */
static int take_place(struct reader *reader, struct mtr_row_path *path)
{
    const char *end = memchr(reader->at, ']', (size_t)(reader->end - reader->at));
    uint64_t place;
    if (end == reader->at) {
        reader->at++;
        path->has_each = true;
        return add_step(path, (struct mtr_row_path_step){.kind = MTR_ROW_STEP_EACH});
    }
    if (!end || !mtr_str_to_u64((struct mtr_str){reader->at, (size_t)(end - reader->at)}, &place) ||
        place > UINT32_MAX)
        return IS_NO_PATH;
    reader->at = end + 1;
    return add_step(path, (struct mtr_row_path_step){.kind = MTR_ROW_STEP_PLACE, .place = (uint32_t)place});
}

static int take_step(struct reader *reader, struct mtr_row_path *path)
{
    if (*reader->at != '[') {
        if ((path->step_count || path->climbs) && *reader->at++ != '.') return IS_NO_PATH;
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
    *out = (struct mtr_row_path){.text = text, .is_record = mtr_str_equal(text, MTR_STR("."))};
    if (out->is_record) return MTR_OK;
    for (; reader.at < reader.end && *reader.at == '^'; reader.at++) out->climbs++;
    while (!rc && reader.at < reader.end) rc = take_step(&reader, out);
    if (rc) out->step_count = 0;
    if (!out->step_count) out->climbs = 0;
    return rc == IS_NO_PATH ? MTR_OK : rc;
}

/* A point at the end may be a name's own: `Inv. No.` is a column. */
bool mtr_row_path_has_gap(const struct mtr_row_path *path)
{
    const struct mtr_str text = path->text;
    if (path->step_count || path->is_record || !text.size) return false;
    return text.data[0] == '.' || memmem(text.data, text.size, "..", 2);
}
