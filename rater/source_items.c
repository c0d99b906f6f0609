/*
 * Items to sets. What was counted of a window stays so while the list and the number of its windows are the
 * same; readings of a feed only get newer.
 */
#include "rater/source_items.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/core/hash_sort.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { STOP = 1, PROOFS = 1024, ITEMS_MIN = 256 };

struct item {
    struct mtr_hash128 strand;
    int64_t until_us; /* windows that begin before are needed */
};

/* By until_us: the sum of the strands from here to the end. */
struct rest {
    int64_t until_us;
    struct mtr_hash128 strands;
};

struct proof {
    int64_t at_us; /* of a window its begin; of feeds the instant that is asked for */
    uint64_t seen; /* so many windows there were; so many feeds are good */
    bool is_there, is_set;
};

struct source_items {
    struct source_items *next;
    struct mtr_strand strand; /* vendor and key, copied */
    struct mtr_str list, take;
    char texts[3 * MTR_KEY_BYTES_MAX + MTR_LEDGER_EACH_BYTES_MAX];
    uint64_t version; /* of the list */
    int64_t from_us;
    bool is_made, is_overfull;
    struct item *items; /* by strand */
    struct rest *rests;
    uint32_t count, capacity;
    struct proof proofs[PROOFS];
};

/* ---- which ones ---- */

static struct mtr_str copy_text(struct source_items *items, size_t *used, struct mtr_str text)
{
    char *copy = items->texts + *used;
    MTR_ASSERT(*used + text.size <= sizeof(items->texts));
    if (text.size) memcpy(copy, text.data, text.size);
    *used += text.size;
    return (struct mtr_str){copy, text.size};
}

static bool is_of(const struct source_items *items, const struct mtr_source *source)
{
    return mtr_str_equal(items->strand.vendor, source->vendor) &&
           mtr_str_equal(items->strand.source, source->key) &&
           mtr_str_equal(items->list, source->each.source) && mtr_str_equal(items->take, source->each.take);
}

static int add_source(struct source_items **all, const struct mtr_source *source, struct source_items **out)
{
    struct source_items *items = calloc(1, sizeof(*items));
    size_t used = 0;
    if (!items) return MTR_ENOMEM;
    items->strand.vendor = copy_text(items, &used, source->vendor);
    items->strand.source = copy_text(items, &used, source->key);
    items->list = copy_text(items, &used, source->each.source);
    items->take = copy_text(items, &used, source->each.take);
    items->next = *all;
    *all = *out = items;
    return MTR_OK;
}

static void drop_first(struct source_items **items)
{
    struct source_items *first = *items;
    *items = first->next;
    free(first->items);
    free(first->rests);
    free(first);
}

void source_items_sweep(struct source_items **items, const struct mtr_catalog *catalog)
{
    while (*items) {
        const struct mtr_source *source = mtr_catalog_find_source(catalog, (*items)->strand.source);
        if (source && source->each.kind == MTR_EACH_ROW && is_of(*items, source)) items = &(*items)->next;
        else drop_first(items);
    }
}

void source_items_free(struct source_items **items)
{
    while (*items)
        drop_first(items);
}

/* ---- making them ---- */

struct making {
    struct source_items *items;
    uint32_t looked_at;
};

static int grow(struct source_items *items)
{
    const uint32_t capacity = items->capacity ? 2 * items->capacity : ITEMS_MIN;
    struct item *grown = realloc(items->items, capacity * sizeof(*grown));
    if (!grown) return MTR_ENOMEM;
    items->items = grown;
    items->capacity = capacity;
    return MTR_OK;
}

static int on_item(void *context, const struct mtr_ledger_item *item)
{
    struct making *making = context;
    struct source_items *items = making->items;
    const struct mtr_str value = mtr_ledger_item_take(item, items->take);
    const int64_t until_us = item->gone_us ? item->gone_us : INT64_MAX;
    making->looked_at++;
    if (!value.size || value.size > MTR_LEDGER_EACH_BYTES_MAX || until_us <= items->from_us) return MTR_OK;
    items->is_overfull = items->count == SOURCE_ITEMS_MAX;
    if (items->is_overfull) return STOP;
    int rc = items->count == items->capacity ? grow(items) : MTR_OK;
    if (rc) return rc;
    const struct mtr_strand strand = {items->strand.vendor, items->strand.source, value};
    items->items[items->count++] = (struct item){mtr_ledger_strand_id(&strand), until_us};
    return MTR_OK;
}

static int compare_strands(const struct mtr_hash128 *a, const struct mtr_hash128 *b)
{
    if (a->high != b->high) return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

/* The strand's first: mtr_hash_sort. */
static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return compare_strands(&x->strand, &y->strand);
}

static int compare_rests(const void *a, const void *b)
{
    const struct rest *x = a, *y = b;
    return (x->until_us > y->until_us) - (x->until_us < y->until_us);
}

/* Of items of one value the one that stays longest. */
static void sort_items(struct source_items *items)
{
    uint32_t count = 0;
    mtr_hash_sort(items->items, items->count, sizeof(*items->items), compare_items);
    for (uint32_t i = 0; i < items->count; i++) {
        const struct item *item = &items->items[i];
        struct item *last = count ? &items->items[count - 1] : NULL;
        if (!last || compare_items(last, item)) items->items[count++] = *item;
        else if (item->until_us > last->until_us) last->until_us = item->until_us;
    }
    items->count = count;
}

static int add_up(struct source_items *items)
{
    struct mtr_hash128 sum = {0, 0};
    free(items->rests);
    items->rests = calloc((size_t)items->count + 1, sizeof(*items->rests));
    if (!items->rests) return MTR_ENOMEM;
    for (uint32_t i = 0; i < items->count; i++)
        items->rests[i] = (struct rest){items->items[i].until_us, items->items[i].strand};
    if (items->count > 1) qsort(items->rests, items->count, sizeof(*items->rests), compare_rests);
    for (uint32_t i = items->count; i-- > 0;) {
        mtr_ledger_add_strand(&sum, items->rests[i].strands);
        items->rests[i].strands = sum;
    }
    return MTR_OK;
}

static int make(struct source_items *items, struct mtr_ledger_txn *txn, uint32_t *looked_at)
{
    struct making making = {items, 0};
    const struct mtr_strand list = {items->strand.vendor, items->list, MTR_STR("")};
    items->count = 0;
    items->is_made = items->is_overfull = false;
    memset(items->proofs, 0, sizeof(items->proofs));
    int rc = mtr_ledger_walk_items(txn, &list, NULL, on_item, &making);
    *looked_at += making.looked_at;
    if (rc && rc != STOP) return rc;
    sort_items(items);
    rc = add_up(items);
    items->is_made = !rc;
    return rc;
}

int source_items_find(struct source_items **all, struct mtr_ledger_txn *txn, const struct mtr_source *source,
                      int64_t from_us, struct source_items **out, uint32_t *looked_at)
{
    struct source_items *items = *all;
    const struct mtr_strand list = {source->vendor, source->each.source, MTR_STR("")};
    uint64_t version;
    int rc = mtr_ledger_items_version(txn, &list, &version);
    while (items && !is_of(items, source)) items = items->next;
    if (!rc && !items) rc = add_source(all, source, &items);
    if (rc) return rc;
    *out = items;
    if (items->is_made && items->version == version && items->from_us <= from_us) return MTR_OK;
    const bool is_same = items->is_made && items->version == version;
    items->from_us = is_same && items->from_us < from_us ? items->from_us : from_us;
    items->version = version;
    return make(items, txn, looked_at);
}

/* ---- what windows need ---- */

/* The first whose value needs the window. */
static uint32_t find_rest(const struct source_items *items, int64_t window_from_us)
{
    uint32_t low = 0, high = items->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (items->rests[middle].until_us <= window_from_us) low = middle + 1;
        else high = middle;
    }
    return low;
}

uint64_t source_items_count(const struct source_items *items, int64_t window_from_us)
{
    return items->count - find_rest(items, window_from_us);
}

static struct proof *proof_of(struct source_items *items, int64_t at_us)
{
    struct proof *proof = &items->proofs[XXH3_64bits(&at_us, sizeof(at_us)) % PROOFS];
    if (!proof->is_set || proof->at_us != at_us) *proof = (struct proof){.at_us = at_us, .is_set = true};
    return proof;
}

struct counting {
    const struct source_items *items;
    const struct mtr_window *window;
    uint64_t found;
    uint32_t looked_at;
};

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct counting *counting = context;
    const struct source_items *items = counting->items;
    if (window->start_us != counting->window->from_us) return STOP;
    counting->looked_at++;
    const struct mtr_strand strand = {items->strand.vendor, items->strand.source, each};
    const struct item wanted = {.strand = mtr_ledger_strand_id(&strand)};
    const struct item *item = items->count ? bsearch(&wanted, items->items, items->count,
                                                     sizeof(*items->items), compare_items)
                                           : NULL;
    counting->found += item && item->until_us > window->start_us && window->end_us == counting->window->to_us;
    return MTR_OK;
}

/* Of the windows that are there, those that somebody needs. */
static int count_windows(const struct source_items *items, struct mtr_ledger_txn *txn,
                         const struct mtr_window *window, uint64_t *out, uint32_t *looked_at)
{
    struct counting counting = {.items = items, .window = window};
    int rc = mtr_ledger_walk_windows(txn, &items->strand, window->from_us, on_window, &counting);
    *looked_at += counting.looked_at;
    *out = counting.found;
    return rc == STOP ? MTR_OK : rc;
}

int source_items_are_there(struct source_items *items, struct mtr_ledger_txn *txn,
                           const struct mtr_window *window, const struct mtr_ledger_total *total, bool *out,
                           uint32_t *looked_at)
{
    const uint32_t first = find_rest(items, window->from_us);
    const uint64_t needed = items->count - first;
    const struct mtr_hash128 sum = needed ? items->rests[first].strands : (struct mtr_hash128){0, 0};
    uint64_t found;
    *out = false;
    if (items->is_overfull || total->windows < needed) return MTR_OK;
    *out = !compare_strands(&total->strands, &sum) || !needed;
    if (*out || total->windows == needed) return MTR_OK;
    struct proof *proof = proof_of(items, window->from_us);
    if (proof->seen != total->windows) {
        int rc = count_windows(items, txn, window, &found, looked_at);
        if (rc) return rc;
        proof->seen = total->windows;
        proof->is_there = found == needed;
    }
    *out = proof->is_there;
    return MTR_OK;
}

int source_items_are_read(struct source_items *items, struct mtr_ledger_txn *txn, int64_t read_us, bool *out,
                          uint32_t *looked_at)
{
    struct proof *proof = proof_of(items, read_us);
    *out = false;
    if (items->is_overfull) return MTR_OK;
    for (; proof->seen < items->count; proof->seen++) {
        int64_t last_us;
        int rc = mtr_ledger_feed_read_us(txn, items->items[proof->seen].strand, &last_us);
        if (rc) return rc;
        ++*looked_at;
        if (last_us < mtr_time_sooner(read_us, items->items[proof->seen].until_us)) return MTR_OK;
    }
    *out = true;
    return MTR_OK;
}
