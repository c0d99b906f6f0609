/*
 * Rows of a damaged file: each page is read and held to its format alone, wherever it hangs, and of its rows
 * those are taken whose seals match. Pages of earlier commits lie among them. That does not hurt: revisions
 * are never rewritten, and of the rest the greatest counts.
 */
#include "lib/store/salvage/salvage.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { TABLE_HEADS, TABLE_REVISIONS, TABLE_META, TABLES };
static const char *const table_names[TABLES] = {"heads", "revisions", "meta"};

struct scan {
    struct salvaging *salvaging;
    uint64_t salts[TABLES];
    uint64_t page; /* at hand */
    uint64_t chain_end; /* pages up to it go on with a value that began before */
    unsigned char *bytes;
    bool is_damaged;
};

/* A row at hand, without its seal. */
struct found {
    struct mtr_str key, value;
    uint64_t offset, seal;
};

/* Room for one more; NULL: there is no memory, and the rows stay as they are. */
static void *make_room(void *rows, size_t count, size_t *capacity, size_t row_bytes)
{
    if (count < *capacity) return rows;
    const size_t more = *capacity ? *capacity * 2 : 256;
    void *grown = realloc(rows, more * row_bytes);
    if (grown) *capacity = more;
    return grown;
}

/* ---- of which format ---- */

static bool is_meta(const struct salvaging *salvaging, const struct page_header *header,
                    const struct meta *meta, uint32_t number)
{
    return header->number == number && (header->flags & PAGE_KINDS) == PAGE_META &&
           meta->magic == (uint32_t)META_MAGIC && meta->tables[0].pad == salvaging->file.page_bytes;
}

/* One of both meta pages is enough for that. */
static int find_page_size(struct salvaging *salvaging)
{
    struct page_checking *file = &salvaging->file;
    for (file->page_bytes = PAGE_BYTES_MIN; file->page_bytes <= PAGE_BYTES_MAX; file->page_bytes *= 2)
        for (uint32_t number = 0; number < 2; number++) {
            struct page_header header;
            struct meta meta;
            if (!page_read_meta(file, number, &header, &meta) && is_meta(salvaging, &header, &meta, number))
                return MTR_OK;
        }
    mtr_diagnostic_set(salvaging->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                       "both meta pages of the catalog are damaged");
    return MTR_ECORRUPT;
}

/* The page of tables of the newest commit, and what it says of the revisions; both meta pages are whole. */
static void find_count(struct salvaging *salvaging, unsigned char *page)
{
    struct page_checking *file = &salvaging->file;
    struct page_header headers[2], header;
    struct meta metas[2];
    struct page_entry entry;
    for (uint32_t i = 0; i < 2; i++)
        if (page_read_meta(file, i, &headers[i], &metas[i])) return;
    const struct table_root *root = &metas[metas[1].txnid > metas[0].txnid].tables[1];
    if (root->depth != 1) return;
    salvaging->tables_page = root->root;
    if (page_read_at(file, page, file->page_bytes, root->root * file->page_bytes)) return;
    memcpy(&header, page, sizeof(header));
    if (header.number != root->root || (header.flags & PAGE_KINDS) != PAGE_LEAF ||
        !page_is_sound(file, &header))
        return;
    for (unsigned i = 0; i < page_rows(&header); i++) {
        struct table_root table;
        if (!page_read_entry(file, page, &header, i, &entry)) return;
        if (!mtr_str_equal(entry.key, mtr_str_from(table_names[TABLE_REVISIONS])) ||
            entry.node.flags != NODE_TABLE || entry.value_bytes != sizeof(table))
            continue;
        memcpy(&table, entry.data, sizeof(table));
        salvaging->entries = table.entries;
        salvaging->is_counted = true;
    }
}

/* ---- what rows say ---- */

static int take_head(struct salvaging *salvaging, const struct found *found)
{
    struct salvaged_head head = {.number = 0};
    if (found->key.size < 2 || found->value.size != HEAD_BYTES) return MTR_OK;
    head.kind = (uint8_t)found->key.data[0];
    head.number = lmdb_get_u32((const unsigned char *)found->value.data);
    head.revision = lmdb_get_u32((const unsigned char *)found->value.data + 4);
    const struct mtr_str name = {found->key.data + 1, found->key.size - 1};
    struct salvaged_head *heads =
        make_room(salvaging->heads, salvaging->head_count, &salvaging->head_capacity, sizeof(head));
    if (!heads) return MTR_ENOMEM;
    salvaging->heads = heads;
    const int rc = mtr_arena_copy(&salvaging->arena, name, &head.key);
    if (!rc) heads[salvaging->head_count++] = head;
    return rc;
}

static int take_revision(struct salvaging *salvaging, const struct found *found)
{
    const unsigned char *value = (const unsigned char *)found->value.data;
    struct salvaged_row row = {.bytes = (uint32_t)found->value.size,
                               .offset = found->offset,
                               .seal = found->seal};
    if (found->key.size != sizeof(row.key)) return MTR_OK;
    memcpy(row.key, found->key.data, sizeof(row.key));
    const bool is_link = lmdb_get_u32(row.key + 5) == 0;
    if (is_link ? found->value.size != LINK_BYTES : found->value.size < REVISION_HEADER_BYTES) return MTR_OK;
    if (is_link) {
        row.before = lmdb_get_u32(value);
    } else {
        const size_t who_size = (size_t)value[8] << 8 | value[9];
        if (found->value.size - REVISION_HEADER_BYTES < who_size) return MTR_OK;
        row.applied_us = (int64_t)lmdb_get_u64(value);
        row.is_deletion = found->value.size - REVISION_HEADER_BYTES == who_size;
    }
    struct salvaged_row *rows =
        make_room(salvaging->rows, salvaging->row_count, &salvaging->row_capacity, sizeof(row));
    if (!rows) return MTR_ENOMEM;
    salvaging->rows = rows;
    rows[salvaging->row_count++] = row;
    return MTR_OK;
}

static void take_meta(struct salvaging *salvaging, const struct found *found)
{
    const struct mtr_str count = MTR_STR("count");
    uint64_t *greatest = NULL;
    if (found->value.size != sizeof(*greatest)) return;
    const uint64_t number = lmdb_get_u64((const unsigned char *)found->value.data);
    if (mtr_str_equal(found->key, MTR_STR("version"))) greatest = &salvaging->version;
    if (mtr_str_equal(found->key, MTR_STR("format"))) greatest = &salvaging->format;
    if (found->key.size == count.size + 1 && !memcmp(found->key.data, count.data, count.size) &&
        (uint8_t)found->key.data[count.size] < MTR_DOCUMENTS_KINDS_MAX)
        greatest = &salvaging->counts[(uint8_t)found->key.data[count.size]];
    if (greatest && number > *greatest) *greatest = number;
}

/* Lists of free pages have no seals. */
static bool is_free_list(const struct found *found)
{
    uint64_t count;
    if (found->key.size != sizeof(uint64_t) || found->value.size < sizeof(count)) return false;
    memcpy(&count, found->value.data, sizeof(count));
    return count <= found->value.size / sizeof(count) - 1;
}

static int take_row(struct scan *scan, struct found *found)
{
    const struct found bare = *found;
    int table = TABLES;
    if (found->value.size >= SEAL_BYTES) {
        found->value.size -= SEAL_BYTES;
        found->seal = lmdb_get_u64((const unsigned char *)found->value.data + found->value.size);
        for (table = 0; table < TABLES; table++)
            if (found->seal == sealed_seal(scan->salts[table], lmdb_val(found->key.data, found->key.size),
                                           found->value.data, found->value.size))
                break;
    }
    switch (table) {
    case TABLE_HEADS: return take_head(scan->salvaging, found);
    case TABLE_REVISIONS: return take_revision(scan->salvaging, found);
    case TABLE_META: take_meta(scan->salvaging, found); return MTR_OK;
    default: scan->is_damaged |= !is_free_list(&bare); return MTR_OK;
    }
}

/* ---- pages ---- */

/* A value that has pages of its own; one that cannot be read is damage. */
static int read_value(struct scan *scan, const struct page_entry *entry, struct found *found)
{
    struct page_checking *file = &scan->salvaging->file;
    struct page_header header;
    uint64_t number;
    memcpy(&number, entry->data, sizeof(number));
    scan->is_damaged = true; /* until it is read */
    if (number >= file->pages ||
        page_read_at(file, &header, sizeof(header), number * file->page_bytes) || header.number != number ||
        (header.flags & PAGE_KINDS) != PAGE_OVERFLOW || header.pages > file->pages - number ||
        (uint64_t)header.pages * file->page_bytes < HEADER_BYTES + entry->value_bytes)
        return MTR_ENOTFOUND;
    found->offset = number * file->page_bytes + HEADER_BYTES;
    mtr_buffer_reset(&file->value);
    int rc = mtr_buffer_reserve(&file->value, entry->value_bytes);
    if (rc) return rc;
    if (page_read_at(file, file->value.data, entry->value_bytes, found->offset)) return MTR_ENOTFOUND;
    found->value = (struct mtr_str){file->value.data, entry->value_bytes};
    scan->is_damaged = false;
    return MTR_OK;
}

static int take_entry(struct scan *scan, const struct page_entry *entry)
{
    const struct page_checking *file = &scan->salvaging->file;
    struct found found = {.key = entry->key,
                          .value = {(const char *)entry->data, entry->value_bytes},
                          .offset = scan->page * file->page_bytes + (uint64_t)(entry->data - scan->bytes)};
    const bool was_damaged = scan->is_damaged;
    if (entry->node.flags & NODE_TABLE) return MTR_OK;
    int rc = entry->node.flags & NODE_OVERFLOW ? read_value(scan, entry, &found) : MTR_OK;
    if (!rc) rc = take_row(scan, &found);
    scan->is_damaged |= was_damaged;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int scan_page(struct scan *scan)
{
    const struct page_checking *file = &scan->salvaging->file;
    struct page_header header;
    struct page_entry entry;
    int rc = MTR_OK;
    memcpy(&header, scan->bytes, sizeof(header));
    const unsigned kind = header.flags & PAGE_KINDS;
    if (header.number != scan->page) {
        scan->is_damaged = scan->page >= scan->chain_end;
        return MTR_OK;
    }
    if (kind == PAGE_OVERFLOW) {
        if (header.pages > file->pages - scan->page) scan->is_damaged = true;
        else if (scan->page + header.pages > scan->chain_end) scan->chain_end = scan->page + header.pages;
        return MTR_OK;
    }
    scan->is_damaged = (kind != PAGE_LEAF && kind != PAGE_BRANCH) || !page_is_sound(file, &header);
    if (scan->is_damaged) return MTR_OK;
    for (unsigned i = 0; !rc && i < page_rows(&header); i++) {
        if (!page_read_entry(file, scan->bytes, &header, i, &entry)) scan->is_damaged = true;
        else if (kind == PAGE_LEAF) rc = take_entry(scan, &entry);
    }
    return rc;
}

static int scan_pages(struct scan *scan)
{
    struct salvaging *salvaging = scan->salvaging;
    struct page_checking *file = &salvaging->file;
    int rc = MTR_OK;
    for (scan->page = 2; !rc && scan->page < file->pages; scan->page++) {
        scan->is_damaged = true;
        if (!page_read_at(file, scan->bytes, file->page_bytes, scan->page * file->page_bytes)) {
            scan->is_damaged = false;
            rc = scan_page(scan);
        }
        salvaging->damaged_pages += scan->is_damaged && scan->page != salvaging->tables_page;
    }
    return rc;
}

static int compare_rows(const void *a, const void *b)
{
    return memcmp(((const struct salvaged_row *)a)->key, ((const struct salvaged_row *)b)->key,
                  REVISION_KEY_BYTES);
}

/* In their order, each once. Two of one key that differ: of a change that was never committed, and of one
 * that was; which is which is not known. */
static int sort_rows(struct salvaging *salvaging)
{
    struct salvaged_row *rows = salvaging->rows;
    size_t kept = 0;
    if (salvaging->row_count) qsort(rows, salvaging->row_count, sizeof(*rows), compare_rows);
    for (size_t i = 0; i < salvaging->row_count; i++) {
        if (!kept || compare_rows(&rows[kept - 1], &rows[i])) {
            rows[kept++] = rows[i];
            continue;
        }
        if (rows[kept - 1].bytes == rows[i].bytes && rows[kept - 1].seal == rows[i].seal) continue;
        mtr_diagnostic_set(salvaging->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "a revision of the catalog is there twice, and not alike");
        return MTR_ECORRUPT;
    }
    salvaging->row_count = kept;
    return MTR_OK;
}

int salvage_rows(struct salvaging *salvaging)
{
    struct page_checking *file = &salvaging->file;
    struct scan scan = {.salvaging = salvaging};
    struct mtr_diagnostic unheard;
    struct stat status;
    int rc = page_open_file(file, salvaging->task->from);
    if (rc) return rc;
    if (fstat(file->fd, &status)) return mtr_error_from_errno(errno);
    rc = find_page_size(salvaging);
    if (rc) return rc;
    file->pages = (uint64_t)status.st_size / file->page_bytes;
    for (int i = 0; i < TABLES; i++) scan.salts[i] = sealed_salt(table_names[i], strlen(table_names[i]));
    scan.bytes = malloc(file->page_bytes);
    if (!scan.bytes) return MTR_ENOMEM;
    if (!page_check_metas(salvaging->task->from, file->store, &unheard)) find_count(salvaging, scan.bytes);
    rc = scan_pages(&scan);
    if (!rc && salvaging->format > DOCUMENTS_FORMAT) rc = MTR_EVERSION;
    if (!rc) rc = sort_rows(salvaging);
    free(scan.bytes);
    return rc;
}

/* ---- again ---- */

int salvage_read(struct salvaging *salvaging, const struct salvaged_row *row, struct mtr_str *out)
{
    struct mtr_buffer *value = &salvaging->file.value;
    mtr_buffer_reset(value);
    int rc = mtr_buffer_reserve(value, row->bytes + 1);
    if (!rc) rc = page_read_at(&salvaging->file, value->data, row->bytes, row->offset);
    if (rc) return rc;
    const uint64_t salt = sealed_salt(table_names[TABLE_REVISIONS], strlen(table_names[TABLE_REVISIONS]));
    *out = (struct mtr_str){value->data, row->bytes};
    return sealed_seal(salt, lmdb_val(row->key, sizeof(row->key)), value->data, row->bytes) == row->seal
               ? MTR_OK
               : MTR_ECORRUPT; /* it changed meanwhile */
}

struct mtr_stored_document salvage_document(const struct salvaged_row *row, struct mtr_str value)
{
    const size_t who_size = (size_t)(unsigned char)value.data[8] << 8 | (unsigned char)value.data[9];
    const char *who = value.data + REVISION_HEADER_BYTES;
    return (struct mtr_stored_document){
        .kind = row->key[0],
        .number = lmdb_get_u32(row->key + 1),
        .revision = lmdb_get_u32(row->key + 5),
        .applied_us = row->applied_us,
        .who = {who, who_size},
        .json = {who + who_size, value.size - REVISION_HEADER_BYTES - who_size},
    };
}
