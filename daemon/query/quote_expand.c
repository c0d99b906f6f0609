/*
 * Rows of use that name no component: a row is of every component that prices its meter, as an event is;
 * without a meter either, of all components where the tariffs price one meter only. What is left to name is
 * left as it is, for query/quote_usage.c to ask for.
 */
#include "daemon/query/quote_usage.h"

enum { KEYS_MAX = 64, ROWS_MAX = 1000000 };

struct expanding {
    struct mtr_str meter; /* of the row, or the only one that is priced */
    struct mtr_str keys[KEYS_MAX];
    uint32_t count;
    bool is_ambiguous; /* no meter was named, and there are several */
};

static void add_key(struct expanding *expanding, struct mtr_str key)
{
    for (uint32_t i = 0; i < expanding->count; i++)
        if (mtr_str_equal(expanding->keys[i], key)) return;
    if (expanding->count == KEYS_MAX) expanding->is_ambiguous = true;
    else expanding->keys[expanding->count++] = key;
}

static void add_component(struct expanding *expanding, const struct mtr_component *component, bool any_meter)
{
    if (any_meter && component->input_count && !expanding->meter.size)
        expanding->meter = component->inputs[0];
    bool prices = false;
    for (uint32_t i = 0; i < component->input_count; i++) {
        const bool is_it = mtr_str_equal(component->inputs[i], expanding->meter);
        prices = prices || is_it;
        if (any_meter && !is_it) expanding->is_ambiguous = true;
    }
    if (prices) add_key(expanding, component->key);
}

static void add_tariff(struct expanding *expanding, const struct mtr_tariff_document *tariff, bool any_meter)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++)
        for (uint32_t j = 0; j < tariff->versions[i].component_count; j++)
            add_component(expanding, &tariff->versions[i].components[j], any_meter);
}

/* The components of a row that names none; one stands for "as it is". */
static void find_keys(const struct mtr_tariff_document *charged, const struct mtr_tariff_document *cost,
                      const struct mtr_price_usage *row, struct expanding *out)
{
    *out = (struct expanding){.meter = row->meter};
    if (row->component.size) return;
    add_tariff(out, charged, !row->meter.size);
    add_tariff(out, cost, !row->meter.size);
    if (out->is_ambiguous) out->count = 0;
}

int quote_usage_expand(const struct mtr_tariff_document *charged, const struct mtr_tariff_document *cost,
                           struct mtr_list *rows, struct mtr_arena *arena, struct mtr_diagnostics *findings)
{
    const struct mtr_price_usage *given = rows->items;
    struct expanding found;
    size_t total = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        find_keys(charged, cost, &given[i], &found);
        total += found.count > 1 ? found.count : 1;
    }
    if (total == rows->count) return MTR_OK;
    if (total > ROWS_MAX)
        return quote_fail(findings, NULL, "usage",
                              "has too many rows for all components of their meters: name the component",
                              (struct mtr_str){NULL, 0});
    struct mtr_price_usage *all = mtr_arena_calloc(arena, total, sizeof(*all));
    if (!all) return MTR_ENOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        find_keys(charged, cost, &given[i], &found);
        for (uint32_t j = 0; j < found.count && found.count > 1; j++) {
            all[count] = given[i];
            all[count].component = found.keys[j];
            all[count].meter = found.meter;
            all[count++].of_meter = true;
        }
        if (found.count <= 1) all[count++] = given[i];
    }
    rows->items = all;
    rows->count = count;
    return MTR_OK;
}
