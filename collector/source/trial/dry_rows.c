/*
 * Rows of a dry run; see meterd/collector/dry_rows.h. Requests are kept as they are: each owns its memory.
 */
#include "meterd/collector/dry_rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "collector/source/reading/receipt.h"

struct mtr_dry_rows {
    atomic_uint holders;
    struct mtr_request *first, **last;
    size_t bytes;
    uint32_t windows;
    bool is_cut;
    pthread_mutex_t mutex; /* of what is made of them */
    void *made;
    void (*free_made)(void *made);
};

int mtr_dry_rows_open(struct mtr_dry_rows **out)
{
    struct mtr_dry_rows *rows = calloc(1, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    atomic_init(&rows->holders, 1);
    rows->last = &rows->first;
    pthread_mutex_init(&rows->mutex, NULL);
    *out = rows;
    return MTR_OK;
}

struct mtr_dry_rows *mtr_dry_rows_hold(struct mtr_dry_rows *rows)
{
    if (rows) atomic_fetch_add(&rows->holders, 1);
    return rows;
}

static void drop_made(struct mtr_dry_rows *rows)
{
    if (rows->made) rows->free_made(rows->made);
    rows->made = NULL;
}

static void drop(struct mtr_request *request)
{
    mtr_request_release(request);
    free(request);
}

void mtr_dry_rows_release(struct mtr_dry_rows *rows)
{
    if (!rows || atomic_fetch_sub(&rows->holders, 1) > 1) return;
    while (rows->first) {
        struct mtr_request *request = rows->first;
        rows->first = request->next;
        drop(request);
    }
    drop_made(rows);
    pthread_mutex_destroy(&rows->mutex);
    free(rows);
}

void mtr_dry_rows_add(struct mtr_dry_rows *rows, struct mtr_request *request, size_t *room)
{
    const size_t bytes = request->arena.bytes_total;
    drop_made(rows);
    if (bytes > *room) {
        rows->is_cut = true;
        drop(request);
        return;
    }
    *room -= bytes;
    rows->bytes += bytes;
    request->next = NULL;
    *rows->last = request;
    rows->last = &request->next;
}

void mtr_dry_rows_join(struct mtr_dry_rows *rows, struct mtr_dry_rows *more)
{
    drop_made(rows);
    rows->is_cut = rows->is_cut || more->is_cut;
    rows->windows++;
    rows->bytes += more->bytes;
    if (more->first) {
        *rows->last = more->first;
        rows->last = more->last;
    }
    more->first = NULL;
    more->last = &more->first;
    more->bytes = 0;
}

size_t mtr_dry_rows_bytes(const struct mtr_dry_rows *rows) { return rows->bytes; }

bool mtr_dry_rows_is_whole(const struct mtr_dry_rows *rows) { return !rows->is_cut; }

bool mtr_dry_rows_are_shared(const struct mtr_dry_rows *rows) { return atomic_load(&rows->holders) > 1; }

uint32_t mtr_dry_rows_windows(const struct mtr_dry_rows *rows) { return rows->windows; }

/* ---- what is made of them ---- */

bool mtr_dry_rows_look(struct mtr_dry_rows *rows, bool (*look)(void *context, const void *kept),
                       void *context)
{
    pthread_mutex_lock(&rows->mutex);
    const bool is_of_use = rows->made && look(context, rows->made);
    pthread_mutex_unlock(&rows->mutex);
    return is_of_use;
}

void mtr_dry_rows_keep(struct mtr_dry_rows *rows, void *made, void (*free_made)(void *made))
{
    pthread_mutex_lock(&rows->mutex);
    drop_made(rows);
    rows->made = made;
    rows->free_made = free_made;
    pthread_mutex_unlock(&rows->mutex);
}

/* ---- as the log would have them ---- */

struct listed {
    const struct mtr_event *event;
    struct mtr_str own_id; /* of a row, without its revision; of a void empty */
    uint32_t place;
    bool is_append; /* an id has no revision: of two that are equal the intake keeps the first */
};

static bool would_be_stored(const struct mtr_event *event, enum mtr_result_code code)
{
    const bool is_usage = event->disposition == MTR_DISPOSITION_NORMAL;
    const bool is_kept =
        code == MTR_RESULT_ACCEPTED || code == MTR_RESULT_LATE || code == MTR_RESULT_HELD;
    return (is_usage && is_kept) ||
           (event->disposition == MTR_DISPOSITION_VOID && code == MTR_RESULT_VOIDED);
}

/* By the row's own id; of each the one first that stands. */
static int compare_rows(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    const int order = mtr_str_compare(x->own_id, y->own_id);
    const int places = (x->place > y->place) - (x->place < y->place);
    return order ? order : x->is_append ? places : -places;
}

static int compare_places(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static uint32_t keep_standing(struct listed *rows, uint32_t count)
{
    uint32_t kept = 0;
    if (count > 1) qsort(rows, count, sizeof(*rows), compare_rows);
    for (uint32_t i = 0; i < count; i++)
        if (!i || !rows[i].own_id.size || mtr_str_compare(rows[i].own_id, rows[i - 1].own_id) != 0)
            rows[kept++] = rows[i];
    if (kept > 1) qsort(rows, kept, sizeof(*rows), compare_places);
    return kept;
}

static uint32_t count_all(const struct mtr_dry_rows *rows)
{
    uint32_t count = 0;
    for (const struct mtr_request *request = rows->first; request; request = request->next)
        count += request->count;
    return count;
}

int mtr_dry_rows_list(const struct mtr_dry_rows *rows, struct mtr_arena *arena,
                      const struct mtr_event *const **events, uint32_t *count)
{
    const size_t most = (size_t)count_all(rows) + 1;
    struct listed *listed = mtr_arena_calloc(arena, most, sizeof(*listed));
    const struct mtr_event **list = mtr_arena_calloc(arena, most, sizeof(*list));
    uint32_t found = 0;
    if (!listed || !list) return MTR_ENOMEM;
    for (const struct mtr_request *request = rows->first; request; request = request->next)
        for (uint32_t i = 0; i < request->count; i++) {
            const struct mtr_event *event = &request->events[i];
            if (!would_be_stored(event, request->results[i].code)) continue;
            struct listed *row = &listed[found];
            *row = (struct listed){.event = event, .place = found++};
            if (event->disposition == MTR_DISPOSITION_VOID) continue;
            row->is_append = !read_row_own_id(event->id, &row->own_id);
            if (row->is_append) row->own_id = event->id;
        }
    *count = keep_standing(listed, found);
    for (uint32_t i = 0; i < *count; i++) list[i] = listed[i].event;
    *events = list;
    return MTR_OK;
}
