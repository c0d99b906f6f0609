/*
 * Names as they come, and what they are compared by; see columns.h.
 */
#include "collector/rows/columns/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/error.h"

void columns_release(struct columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++) free(columns->items[i].name);
    *columns = (struct columns){.count = 0};
}

void columns_begin_row(struct columns *columns)
{
    if (!columns) return;
    columns->rows++;
    columns->next = 0;
}

static bool is_named(const struct column *column, struct mtr_str name)
{
    return column->size == name.size && !memcmp(column->name, name.data, name.size);
}

static void add(struct columns *columns, struct mtr_str name)
{
    char *copy = name.size && name.size <= COLUMN_NAME_BYTES_MAX && !memchr(name.data, '\n', name.size)
                     ? malloc(name.size)
                     : NULL;
    if (!copy || columns->count == COLUMNS_MAX) {
        columns->is_beyond = true;
        free(copy);
        return;
    }
    memcpy(copy, name.data, name.size);
    columns->items[columns->count++] = (struct column){copy, (uint32_t)name.size, 1};
    columns->next = columns->count;
}

void columns_note(struct columns *columns, struct mtr_str name)
{
    if (!columns) return;
    for (uint32_t i = 0; i < columns->count; i++) {
        const uint32_t at = (columns->next + i) % columns->count;
        if (!is_named(&columns->items[at], name)) continue;
        columns->items[at].rows++;
        columns->next = at + 1;
        return;
    }
    add(columns, name);
}

static int compare_columns(const void *a, const void *b)
{
    const struct column *x = *(const struct column *const *)a, *y = *(const struct column *const *)b;
    const int order = memcmp(x->name, y->name, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

int columns_write(const struct columns *columns, struct mtr_buffer *out)
{
    const struct column *sorted[COLUMNS_MAX];
    if (columns->is_beyond || !columns->rows) return MTR_ENOTFOUND;
    for (uint32_t i = 0; i < columns->count; i++) sorted[i] = &columns->items[i];
    qsort(sorted, columns->count, sizeof(sorted[0]), compare_columns);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < columns->count; i++)
        rc = mtr_buffer_printf(out, "%c%.*s\n", sorted[i]->rows >= columns->rows ? '=' : '?',
                               (int)sorted[i]->size, sorted[i]->name);
    return !rc && out->size > COLUMNS_TEXT_BYTES_MAX ? MTR_ENOTFOUND : rc;
}

/* ---- two texts ---- */

struct line {
    char flag; /* 0: there is none */
    struct mtr_str name;
};

static struct line take_line(struct mtr_str *text)
{
    const char *end = text->size ? memchr(text->data, '\n', text->size) : NULL;
    if (!end || end == text->data) return (struct line){0, {NULL, 0}};
    const struct line line = {text->data[0], {text->data + 1, (size_t)(end - text->data) - 1}};
    *text = (struct mtr_str){end + 1, text->size - (size_t)(end - text->data) - 1};
    return line;
}

static int order_of(const struct line *a, const struct line *b)
{
    if (!a->flag || !b->flag) return a->flag ? -1 : b->flag ? 1 : 0;
    const size_t size = a->name.size < b->name.size ? a->name.size : b->name.size;
    const int order = memcmp(a->name.data, b->name.data, size);
    return order ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

/* The lines of both side by side; one that is not there has no flag. Its result, when not 0, ends it. */
typedef int (*on_pair)(void *context, const struct line *before, const struct line *now);
static int walk(struct mtr_str before, struct mtr_str now, on_pair pair, void *context)
{
    const struct line none = {0, {NULL, 0}};
    struct line a = take_line(&before), b = take_line(&now);
    int rc = MTR_OK;
    while (!rc && (a.flag || b.flag)) {
        const int order = order_of(&a, &b);
        rc = pair(context, order > 0 ? &none : &a, order < 0 ? &none : &b);
        if (order <= 0) a = take_line(&before);
        if (order >= 0) b = take_line(&now);
    }
    return rc;
}

static int compare_pair(void *context, const struct line *before, const struct line *now)
{
    struct columns_change *change = context;
    if (before->flag == '=' && !now->flag && !change->gone++)
        snprintf(change->gone_name, sizeof(change->gone_name), "%.*s",
                 MTR_STR_ARGS(mtr_str_quoted(before->name, 60)));
    if (!before->flag && !change->added++)
        snprintf(change->added_name, sizeof(change->added_name), "%.*s",
                 MTR_STR_ARGS(mtr_str_quoted(now->name, 60)));
    return MTR_OK;
}

struct columns_change columns_compare(struct mtr_str before, struct mtr_str now)
{
    struct columns_change change = {.gone = 0};
    (void)!walk(before, now, compare_pair, &change);
    return change;
}

static char flag_of(struct mtr_str text, struct mtr_str name)
{
    for (struct line line = take_line(&text); line.flag; line = take_line(&text))
        if (mtr_str_equal(line.name, name)) return line.flag;
    return 0;
}

bool columns_lack(struct mtr_str before, struct mtr_str now, struct mtr_str name)
{
    return flag_of(before, name) == '=' && !flag_of(now, name);
}

static int merge_pair(void *context, const struct line *before, const struct line *now)
{
    const struct line *known = before->flag ? before : now;
    const bool is_sparse = before->flag != '=' || now->flag == '?'; /* rows of before have no new one */
    return mtr_buffer_printf(context, "%c%.*s\n", is_sparse ? '?' : '=', MTR_STR_ARGS(known->name));
}

int columns_merge(struct mtr_str before, struct mtr_str now, struct mtr_buffer *out)
{
    return walk(before, now, merge_pair, out);
}
