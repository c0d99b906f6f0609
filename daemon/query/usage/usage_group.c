/*
 * Groups of a usage query: the row that a cell is added to, by window, subscription or customer, meter and
 * dimensions. The order of a group's key is the order of the answer, and so of its steps.
 */
#include <string.h>

#include "daemon/query/usage/usage_run.h"

/* The window of a cell, cut at from and to. */
struct mtr_period usage_window_of(struct mtr_usage_run *run, int64_t start_us)
{
    const struct mtr_usage_query *query = run->query;
    struct mtr_period window = run->window;
    if (start_us >= window.start_us && start_us < window.end_us) return window;
    if (query->window == MTR_WINDOW_TOTAL) {
        return (struct mtr_period){run->from_us, run->to_us};
    } else if (query->window == MTR_WINDOW_HOUR) {
        struct mtr_hour hour = mtr_zone_hour(run->zone, start_us);
        window = (struct mtr_period){hour.start_us, hour.end_us};
    } else {
        struct mtr_period_rule rule = {query->window == MTR_WINDOW_DAY ? MTR_PERIOD_DAY : MTR_PERIOD_MONTH,
                                       INT64_MIN, run->zone};
        window = mtr_period_at(&rule, start_us);
    }
    if (window.start_us < run->from_us) window.start_us = run->from_us;
    if (window.end_us > run->to_us) window.end_us = run->to_us;
    run->window = window;
    return window;
}

struct mtr_str usage_dimension_at(struct mtr_str dimensions, int32_t position)
{
    const char *at = dimensions.data;
    size_t left = dimensions.size;
    for (; position >= 0; position--) {
        const char *end = left ? memchr(at, MTR_USAGE_DIMENSION_END, left) : NULL;
        if (!end) break;
        if (position == 0) return (struct mtr_str){at, (size_t)(end - at)};
        left -= (size_t)(end - at) + 1;
        at = end + 1;
    }
    return (struct mtr_str){NULL, 0};
}

struct key_writer {
    char bytes[MTR_USAGE_KEY_BYTES_MAX];
    size_t size;
};

static void key_u64(struct key_writer *key, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        key->bytes[key->size++] = (char)(value >> shift);
}

static int key_text(struct key_writer *key, struct mtr_str text)
{
    if (key->size + text.size + 1 > sizeof(key->bytes)) return MTR_ELIMIT;
    if (text.size) memcpy(key->bytes + key->size, text.data, text.size);
    key->size += text.size;
    key->bytes[key->size++] = MTR_USAGE_DIMENSION_END;
    return MTR_OK;
}

/* Order of the key is the order of the answer. */
static int write_key(const struct mtr_usage_run *run, const struct mtr_cell_key *cell,
                     struct mtr_period window, struct key_writer *key)
{
    const struct mtr_usage_query *query = run->query;
    int rc = MTR_OK;
    key->size = 0;
    /* A total is one row, also when its dates begin at other instants in other zones; the row shows those
     * of the first. */
    if (query->window == MTR_WINDOW_TOTAL) window = (struct mtr_period){query->from_us, query->to_us};
    key_u64(key, (uint64_t)window.start_us ^ UINT64_C(1) << 63);
    key_u64(key, (uint64_t)window.end_us);
    key_u64(key, query->by_subscription ? run->subscription->number : 0);
    if (query->by_customer && !query->by_subscription) rc = key_text(key, run->subscription->customer);
    key_u64(key, run->meter->number);
    for (uint32_t i = 0; !rc && i < query->dimension_count; i++)
        rc = key_text(key, usage_dimension_at(cell->dimensions, run->positions[i]));
    return rc;
}

static int fill_row(struct mtr_usage_run *run, const struct mtr_cell_key *cell,
                    struct mtr_period window, struct mtr_usage_result_row *row)
{
    const struct mtr_usage_query *query = run->query;
    row->subscription = query->by_subscription ? run->subscription : NULL;
    if (query->by_customer && !query->by_subscription) row->customer = run->subscription->customer;
    if (query->by_subscription)
        row->customer = mtr_subscription_at(run->subscription,
                                            mtr_time_later(window.start_us, run->term.start_us))->customer;
    row->service = run->meter->service;
    row->meter = run->meter;
    row->start_us = window.start_us;
    row->end_us = window.end_us;
    row->offset_s = mtr_zone_at(run->zone, window.start_us).offset_s;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < query->dimension_count; i++) {
        struct mtr_str value = usage_dimension_at(cell->dimensions, run->positions[i]);
        if (value.size) rc = mtr_arena_copy(run->table.arena, value, &row->dimension_values[i]);
    }
    return rc;
}

static bool is_handed_out(const struct mtr_usage_run *run, struct mtr_str key)
{
    const struct mtr_usage_position *position = run->position;
    return position->is_begun &&
           mtr_str_compare(key, (struct mtr_str){position->key, position->key_size}) <= 0;
}

int usage_find_group(struct mtr_usage_run *run, const struct mtr_cell_key *cell, struct usage_group **out,
                     uint32_t *number)
{
    struct usage_table *table = &run->table;
    struct key_writer key;
    bool is_new;
    *out = NULL;
    if (usage_table_is_over(table)) {
        int rc = run->query->in_steps ? usage_table_halve(table) : MTR_EFULL;
        if (rc) return rc;
    }
    struct mtr_period window = usage_window_of(run, cell->start_us);
    int rc = write_key(run, cell, window, &key);
    const struct mtr_str text = {key.bytes, key.size};
    if (rc || is_handed_out(run, text)) return rc;
    rc = usage_table_find(table, text, number, &is_new);
    if (rc || *number == UINT32_MAX) return rc;
    *out = &table->groups[*number];
    return is_new ? fill_row(run, cell, window, &(*out)->row) : MTR_OK;
}

/* When the first window of a key begins. */
static int64_t start_of(const char *key)
{
    uint64_t start = 0;
    for (int i = 0; i < 8; i++)
        start = start << 8 | (unsigned char)key[i];
    return (int64_t)(start ^ UINT64_C(1) << 63);
}

/* A window holds the hours of its cells, and its start begins the key. So nothing before the last row's start
 * is left, and nothing that lies more than a window behind the cut is taken. The first step sees all. */
struct mtr_period usage_range(const struct mtr_usage_run *run)
{
    /* A window, clocks put back. */
    static const int64_t longest_us[] = {2 * MTR_US_PER_HOUR, 26 * MTR_US_PER_HOUR, 32 * MTR_US_PER_DAY, 0};
    const struct mtr_usage_position *position = run->position;
    const struct usage_table *table = &run->table;
    struct mtr_period range = usage_in_term(run);
    if (!position->is_begun || run->query->window == MTR_WINDOW_TOTAL) return range;
    if (start_of(position->key) > range.start_us) range.start_us = start_of(position->key);
    if (!table->has_cut) return range;
    const int64_t end_us = start_of(table->cut) + longest_us[run->query->window];
    if (end_us < range.end_us) range.end_us = end_us;
    return range;
}
