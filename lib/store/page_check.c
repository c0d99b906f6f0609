/*
 * The walk over all pages of a store's newest commit.
 */
#include "lib/store/page_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/store/damage_note.h"
#include "lib/store/page_format.h"

enum { ATTEMPTS = 10 /* beside a process that commits */, STOPPED = 1 /* positive: no error of ours */ };

struct tree;
typedef int (*mtr_check_on_row)(struct page_checking *check, struct tree *tree, struct mtr_str key,
                                struct mtr_str value);

/* The tree that is walked, and what was met of it. */
struct tree {
    const struct table_root *root;
    const char *name;
    uint64_t salt;
    uint64_t branch, leaf, overflow, entries;
    unsigned char *stack;
    bool is_main, is_free;
    struct mtr_str after; /* rows up to this one were checked before */
    mtr_check_on_row on_row;
};

/* ---- pages ---- */

static int use(struct page_checking *check, const char *table, uint64_t number, uint64_t count)
{
    if (number < 2 || number >= check->pages || count > check->pages - number)
        return page_damaged(check, table, "page %" PRIu64 " is behind the last one", number);
    for (uint64_t i = number; i < number + count; i++) {
        if (check->used[i / 8] >> i % 8 & 1)
            return page_damaged(check, table, "page %" PRIu64 " is used twice", i);
        check->used[i / 8] |= (unsigned char)(1U << i % 8);
    }
    return MTR_OK;
}

static int read_page(struct page_checking *check, const char *table, uint64_t number, unsigned char *page,
                     struct page_header *header)
{
    int rc = number < check->pages
                 ? MTR_OK
                 : page_damaged(check, table, "page %" PRIu64 " is behind the last one", number);
    if (!rc) rc = page_read_at(check, page, check->page_bytes, number * check->page_bytes);
    if (rc) return rc;
    memcpy(header, page, sizeof(*header));
    check->counts.pages++;
    check->counts.bytes += check->page_bytes;
    if (header->number != number)
        return page_damaged(check, table, "in the place of page %" PRIu64 " stands page %" PRIu64, number,
                            header->number);
    return MTR_OK;
}

/* ---- rows ---- */

static int compare_keys(const struct tree *tree, struct mtr_str a, struct mtr_str b)
{
    uint64_t x, y;
    if (!(tree->root->flags & TABLE_INTEGER_KEYS)) return mtr_str_compare(a, b);
    if (a.size != sizeof(x) || b.size != sizeof(y)) return 0; /* out of order */
    memcpy(&x, a.data, sizeof(x));
    memcpy(&y, b.data, sizeof(y));
    return (x > y) - (x < y);
}

/* A value that has pages of its own. */
static int read_overflow(struct page_checking *check, struct tree *tree, const struct page_entry *entry)
{
    struct page_header header;
    uint64_t number;
    memcpy(&number, entry->data, sizeof(number));
    if (number >= check->pages)
        return page_damaged(check, tree->name, "page %" PRIu64 " is behind the last one", number);
    int rc = page_read_at(check, &header, sizeof(header), number * check->page_bytes);
    if (rc) return rc;
    if (header.number != number || (header.flags & PAGE_KINDS) != PAGE_OVERFLOW ||
        (uint64_t)header.pages * check->page_bytes < HEADER_BYTES + entry->value_bytes)
        return page_damaged(check, tree->name, "page %" PRIu64 " does not begin the value that it should",
                            number);
    rc = use(check, tree->name, number, header.pages);
    tree->overflow += header.pages;
    check->counts.pages += header.pages;
    check->counts.bytes += HEADER_BYTES + entry->value_bytes;
    mtr_buffer_reset(&check->value);
    if (!rc) rc = mtr_buffer_reserve(&check->value, entry->value_bytes);
    return rc ? rc
              : page_read_at(check, check->value.data, entry->value_bytes,
                             number * check->page_bytes + HEADER_BYTES);
}

static int check_row(struct page_checking *check, struct tree *tree, const struct page_entry *entry)
{
    struct mtr_str value = {(const char *)entry->data, entry->value_bytes};
    const bool is_table = (entry->node.flags & NODE_TABLE) != 0;
    if (is_table != tree->is_main)
        return page_damaged(check, tree->name, "a row is of another kind than it should be");
    int rc = MTR_OK;
    if (entry->node.flags & NODE_OVERFLOW) {
        rc = read_overflow(check, tree, entry);
        value.data = check->value.data;
    }
    tree->entries++;
    if (!tree->is_main && !tree->is_free) check->counts.rows++;
    return rc ? rc : tree->on_row(check, tree, entry->key, value);
}

/* ---- trees ---- */

/* Keys of a page lie from `low` on, and below `high`; no data: there is no such bound. */
struct bounds {
    struct mtr_str low, high;
};

static const struct bounds no_bounds = {{NULL, 0}, {NULL, 0}};

static int check_key(struct page_checking *check, const struct tree *tree, struct mtr_str key,
                     struct mtr_str before, const struct bounds *bounds, uint64_t number)
{
    const bool is_above = !before.data || compare_keys(tree, before, key) < 0;
    const bool is_within = (!bounds->low.data || compare_keys(tree, bounds->low, key) <= 0) &&
                           (!bounds->high.data || compare_keys(tree, key, bounds->high) < 0);
    if (is_above && is_within) return MTR_OK;
    return page_damaged(check, tree->name, "a row on page %" PRIu64 " is out of order", number);
}

static int walk_page(struct page_checking *check, struct tree *tree, uint64_t number, unsigned level,
                     const struct bounds *bounds);

static int walk_leaf(struct page_checking *check, struct tree *tree, uint64_t number,
                     const unsigned char *page, const struct page_header *header, const struct bounds *bounds)
{
    struct mtr_str before = {NULL, 0};
    struct page_entry entry;
    int rc = MTR_OK;
    tree->leaf++;
    for (unsigned i = 0; !rc && i < page_rows(header); i++) {
        if (!page_read_entry(check, page, header, i, &entry))
            return page_damaged(check, tree->name, "a row on page %" PRIu64 " is not within it", number);
        const bool is_bound = i == 0 || i + 1 == page_rows(header); /* those between are between these */
        rc = check_key(check, tree, entry.key, before, is_bound ? bounds : &no_bounds, number);
        const bool is_behind = !tree->after.data || compare_keys(tree, tree->after, entry.key) < 0;
        if (!rc && is_behind) rc = check_row(check, tree, &entry);
        before = entry.key;
    }
    return rc;
}

/* What is below the first child has no bound of its own page: its key there is not looked at by LMDB. */
static int walk_branch(struct page_checking *check, struct tree *tree, uint64_t number, unsigned level,
                       const struct page_header *header, const struct bounds *bounds)
{
    const unsigned char *page = tree->stack + (size_t)(level - 1) * check->page_bytes;
    const unsigned count = page_rows(header);
    struct bounds below = *bounds;
    struct page_entry entry, next = {0};
    int rc = MTR_OK;
    tree->branch++;
    if (count < 2) return page_damaged(check, tree->name, "page %" PRIu64 " has too few below it", number);
    if (!page_read_entry(check, page, header, 0, &entry))
        return page_damaged(check, tree->name, "a row on page %" PRIu64 " is not within it", number);
    for (unsigned i = 0; !rc && i < count; i++) {
        below.high = bounds->high;
        if (i + 1 < count) {
            if (!page_read_entry(check, page, header, i + 1, &next))
                return page_damaged(check, tree->name, "a row on page %" PRIu64 " is not within it", number);
            rc = check_key(check, tree, next.key, i ? entry.key : (struct mtr_str){NULL, 0}, bounds, number);
            below.high = next.key;
        }
        const bool is_behind =
            i + 1 == count || !tree->after.data || compare_keys(tree, tree->after, next.key) < 0;
        if (!rc && is_behind) rc = walk_page(check, tree, entry.child, level + 1, &below);
        below.low = next.key;
        entry = next;
    }
    return rc;
}

static int walk_page(struct page_checking *check, struct tree *tree, uint64_t number, unsigned level,
                     const struct bounds *bounds)
{
    unsigned char *page = tree->stack + (size_t)(level - 1) * check->page_bytes;
    const bool is_leaf = level == tree->root->depth;
    struct page_header header;
    int rc = use(check, tree->name, number, 1);
    if (!rc) rc = read_page(check, tree->name, number, page, &header);
    if (rc) return rc;
    if ((header.flags & PAGE_KINDS) != (is_leaf ? PAGE_LEAF : PAGE_BRANCH) || !page_is_sound(check, &header))
        return page_damaged(check, tree->name, "page %" PRIu64 " is not of the kind that its place wants",
                            number);
    return is_leaf ? walk_leaf(check, tree, number, page, &header, bounds)
                   : walk_branch(check, tree, number, level, &header, bounds);
}

static int walk_tree(struct page_checking *check, struct tree *tree)
{
    const struct table_root *root = tree->root;
    int rc = MTR_OK;
    if ((root->root == PAGE_NONE) != !root->depth || root->depth > DEPTH_MAX)
        return page_damaged(check, tree->name, "the root has no page");
    if (root->depth) rc = walk_page(check, tree, root->root, 1, &no_bounds);
    if (rc || check->place) return rc;
    if (tree->branch != root->branch_pages || tree->leaf != root->leaf_pages ||
        tree->overflow != root->overflow_pages)
        return page_damaged(check, tree->name, "there are not as many pages as there should be");
    if (tree->entries != root->entries)
        return page_damaged(check, tree->name, "there are %" PRIu64 " rows and should be %" PRIu64,
                            tree->entries, root->entries);
    return MTR_OK;
}

/* ---- what rows hold ---- */

static int on_free(struct page_checking *check, struct tree *tree, struct mtr_str key, struct mtr_str value)
{
    uint64_t count, number, last = UINT64_MAX;
    (void)key;
    if (value.size < sizeof(count))
        return page_damaged(check, tree->name, "a list of free pages is cut short");
    memcpy(&count, value.data, sizeof(count));
    if (count > value.size / sizeof(count) - 1)
        return page_damaged(check, tree->name, "a list of free pages is cut short");
    for (uint64_t i = 1; i <= count; i++) {
        memcpy(&number, value.data + i * sizeof(number), sizeof(number));
        if (number >= last) return page_damaged(check, tree->name, "free pages are out of order");
        last = number;
        const int rc = use(check, tree->name, number, 1);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int on_table_row(struct page_checking *check, struct tree *tree, struct mtr_str key,
                        struct mtr_str value)
{
    if (!check->is_sealed) return MTR_OK;
    const size_t size = value.size - SEAL_BYTES;
    if (value.size >= SEAL_BYTES &&
        lmdb_get_u64((const unsigned char *)value.data + size) ==
            sealed_seal(tree->salt, lmdb_val(key.data, key.size), value.data, size))
        return MTR_OK;
    char text[MTR_DAMAGE_TEXT_BYTES];
    damage_sentence(text, check->store, tree->name, key, "does not match its checksum");
    mtr_diagnostic_set(check->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL, "%s", text);
    return MTR_ECORRUPT;
}

static int walk_table(struct page_checking *check, const struct tree *main, struct mtr_str key,
                      struct mtr_str value, struct mtr_str after, mtr_check_on_row on_row)
{
    struct table_root root;
    char name[TABLE_NAME_BYTES_MAX + 1];
    if (value.size != sizeof(root) || key.size > TABLE_NAME_BYTES_MAX)
        return page_damaged(check, NULL, "a table has no root");
    memcpy(&root, value.data, sizeof(root));
    memcpy(name, key.data, key.size);
    name[key.size] = '\0';
    struct tree table = {.root = &root,
                         .name = name,
                         .salt = sealed_salt(name, key.size),
                         .stack = main->stack + (size_t)DEPTH_MAX * check->page_bytes,
                         .after = after,
                         .on_row = on_row};
    return walk_tree(check, &table);
}

static int on_table(struct page_checking *check, struct tree *tree, struct mtr_str key, struct mtr_str value)
{
    return walk_table(check, tree, key, value, (struct mtr_str){NULL, 0}, on_table_row);
}

/* ---- in slices ---- */

static int on_scrubbed_row(struct page_checking *check, struct tree *tree, struct mtr_str key,
                           struct mtr_str value)
{
    struct page_place *place = check->place;
    const int rc = on_table_row(check, tree, key, value);
    if (rc || check->counts.bytes < check->bytes_max || key.size > sizeof(place->key)) return rc;
    snprintf(place->table, sizeof(place->table), "%s", tree->name);
    memcpy(place->key, key.data, key.size);
    place->key_bytes = key.size;
    place->is_begun = true;
    return STOPPED;
}

static int on_scrubbed_table(struct page_checking *check, struct tree *tree, struct mtr_str key,
                             struct mtr_str value)
{
    const struct page_place *place = check->place;
    const int order = place->is_begun ? mtr_str_compare(key, mtr_str_from(place->table)) : 1;
    const struct mtr_str none = {NULL, 0}, after = {(const char *)place->key, place->key_bytes};
    if (order < 0) return MTR_OK;
    return walk_table(check, tree, key, value, order ? none : after, on_scrubbed_row);
}

/* ---- all of it ---- */

/* Is the row that says of which format the store is sealed? */
static int on_format_row(struct page_checking *check, struct tree *tree, struct mtr_str key,
                         struct mtr_str value)
{
    (void)tree;
    if (mtr_str_equal(key, mtr_str_from(check->store->format_key)))
        check->is_sealed = value.size == check->store->format_bytes + SEAL_BYTES;
    return MTR_OK;
}

static int on_table_of_format(struct page_checking *check, struct tree *tree, struct mtr_str key,
                              struct mtr_str value)
{
    if (!mtr_str_equal(key, MTR_STR("meta"))) return MTR_OK;
    return walk_table(check, tree, key, value, (struct mtr_str){NULL, 0}, on_format_row);
}

static int walk_main(struct page_checking *check, const struct meta *meta, mtr_check_on_row on_row)
{
    struct tree main = {.root = &meta->tables[1], .stack = check->stack, .is_main = true, .on_row = on_row};
    memset(check->used, 0, (size_t)(check->pages + 7) / 8);
    check->counts = (struct page_check_counts){0};
    return walk_tree(check, &main);
}

static int walk_all(struct page_checking *check, const struct meta *meta)
{
    struct tree free_list = {.root = &meta->tables[0],
                             .name = "free pages",
                             .is_free = true,
                             .on_row = on_free};
    check->pages = meta->last_page + 1;
    check->used = calloc((size_t)(check->pages + 7) / 8, 1);
    check->stack = malloc((size_t)2 * DEPTH_MAX * check->page_bytes);
    if (!check->used || !check->stack) return MTR_ENOMEM;
    free_list.stack = check->stack;
    int rc = walk_main(check, meta, on_table_of_format);
    if (!rc) rc = walk_main(check, meta, check->place ? on_scrubbed_table : on_table);
    return rc || check->place ? rc : walk_tree(check, &free_list);
}

/* A read transaction, and the meta page that is its: another process may commit meanwhile, which writes it.
 */
static int begin(struct page_checking *check, MDB_env *env, MDB_txn **txn, struct meta *meta)
{
    struct page_header header;
    const char *directory;
    MDB_stat stat;
    int rc = lmdb_error(mdb_env_get_path(env, &directory));
    if (!rc) rc = page_open_file(check, directory);
    if (!rc) rc = lmdb_error(mdb_env_stat(env, &stat));
    if (rc) return rc;
    check->page_bytes = stat.ms_psize;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        rc = lmdb_error(mdb_txn_begin(env, NULL, MDB_RDONLY, txn));
        if (rc) return rc;
        const uint64_t id = mdb_txn_id(*txn);
        rc = page_read_meta(check, id & 1, &header, meta);
        if (!rc && meta->txnid == id) return MTR_OK;
        mdb_txn_abort(*txn);
        *txn = NULL;
        if (rc) return rc;
    }
    return MTR_EAGAIN;
}

static int run(struct page_checking *check, MDB_env *env)
{
    struct meta meta;
    MDB_txn *txn = NULL;
    mtr_buffer_init(&check->value, SIZE_MAX / 2);
    int rc = begin(check, env, &txn, &meta);
    if (!rc) rc = walk_all(check, &meta);
    if (txn) mdb_txn_abort(txn);
    if (check->fd >= 0) close(check->fd);
    mtr_buffer_release(&check->value);
    free(check->used);
    free(check->stack);
    return rc;
}

int page_check(MDB_env *env, const struct sealed_store *store, struct page_check_counts *counts,
               struct mtr_diagnostic *diagnostic)
{
    struct page_checking check = {.store = store, .diagnostic = diagnostic, .fd = -1};
    const int rc = run(&check, env);
    if (!rc && counts) *counts = check.counts;
    return rc;
}

int page_scrub(MDB_env *env, const struct sealed_store *store, uint64_t bytes_max, struct page_place *place,
               struct page_check_counts *counts, struct mtr_diagnostic *diagnostic)
{
    struct page_checking check = {
        .store = store, .diagnostic = diagnostic, .fd = -1, .place = place, .bytes_max = bytes_max};
    const int rc = run(&check, env);
    *counts = check.counts;
    if (!rc) *place = (struct page_place){.is_begun = false}; /* the end */
    return rc == STOPPED ? MTR_OK : rc;
}
