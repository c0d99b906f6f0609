/*
 * LMDB's pages as they lie in the file: its data format 1 on a 64-bit machine, in the machine's own order of
 * bytes. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_PAGE_FORMAT_H
#define METERD_LIB_STORE_PAGE_FORMAT_H

#include <string.h>

#include "lib/store/page_check.h"
#include "meterd/core/buffer.h"

enum {
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 32768,
    HEADER_BYTES = 16,
    NODE_BYTES = 8,
    DEPTH_MAX = 32,
    META_MAGIC = (int)0xBEEFC0DE,
    META_VERSION = 1,
    TABLE_NAME_BYTES_MAX = sizeof(((struct page_place *)0)->table) - 1,
};
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8, PAGE_KINDS = 0x6F };
enum { NODE_OVERFLOW = 1, NODE_TABLE = 2, NODE_DUPLICATES = 4 };
enum { TABLE_INTEGER_KEYS = 8 };
#define PAGE_NONE UINT64_MAX

struct page_header {
    uint64_t number;
    uint16_t pad, flags;
    union {
        struct {
            uint16_t lower, upper;
        };
        uint32_t pages; /* of a chain of overflow */
    };
};

struct node {
    uint16_t low, high; /* of the value's size, or of the child's number */
    uint16_t flags;     /* or the top of the child's number */
    uint16_t key_bytes;
};

struct table_root {
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
    uint32_t magic, version;
    uint64_t address, map_bytes;
    struct table_root tables[2]; /* the free list, whose pad is the size of a page; the main table */
    uint64_t last_page, txnid;
};

_Static_assert(sizeof(struct page_header) == HEADER_BYTES && sizeof(struct node) == NODE_BYTES &&
                   sizeof(struct table_root) == 48 && sizeof(struct meta) == 136,
               "as LMDB lays them out");

struct page_checking {
    const struct sealed_store *store;
    struct mtr_diagnostic *diagnostic;
    int fd;
    uint32_t page_bytes;
    uint64_t pages; /* of the commit */
    unsigned char *used;
    unsigned char *stack; /* a page for each level, of the main table and of the one in it */
    struct mtr_buffer value;
    struct page_check_counts counts;
    bool is_sealed;
    struct page_place *place; /* of a check in slices; else NULL */
    uint64_t bytes_max;
};

/* ---- what lies in a page, which may be anything ---- */

struct page_entry {
    struct node node;
    struct mtr_str key;
    const unsigned char *data; /* behind the key */
    uint64_t child;            /* of a branch */
    size_t value_bytes;        /* of a leaf */
};

static inline unsigned page_rows(const struct page_header *header)
{
    return (unsigned)(header->lower - HEADER_BYTES) / 2;
}

static inline bool page_is_sound(const struct page_checking *check, const struct page_header *header)
{
    return header->lower >= HEADER_BYTES && header->lower % 2 == 0 && header->lower <= header->upper &&
           header->upper <= check->page_bytes;
}

static inline bool page_read_entry(const struct page_checking *check, const unsigned char *page,
                                   const struct page_header *header, unsigned index, struct page_entry *out)
{
    uint16_t at;
    memcpy(&at, page + HEADER_BYTES + 2 * (size_t)index, sizeof(at));
    if (at < header->upper || at % 2 || at > check->page_bytes - NODE_BYTES) return false;
    memcpy(&out->node, page + at, NODE_BYTES);
    size_t left = check->page_bytes - at - NODE_BYTES;
    if (out->node.key_bytes > left) return false;
    out->key = (struct mtr_str){(const char *)page + at + NODE_BYTES, out->node.key_bytes};
    out->data = page + at + NODE_BYTES + out->node.key_bytes;
    left -= out->node.key_bytes;
    out->child = out->node.low | (uint64_t)out->node.high << 16 | (uint64_t)out->node.flags << 32;
    out->value_bytes = out->node.low | (size_t)out->node.high << 16;
    if (header->flags & PAGE_BRANCH) return true;
    const size_t in_page = out->node.flags & NODE_OVERFLOW ? sizeof(uint64_t) : out->value_bytes;
    return in_page <= left && !(out->node.flags & NODE_DUPLICATES);
}

/* ---- the file ---- */

/* Sets the diagnostic: "the charges are damaged: page 7 … of the table lines: <what to do>". MTR_ECORRUPT. */
int page_damaged(struct page_checking *check, const char *table, const char *format, ...) MTR_PRINTF(3, 4);
/* MTR_ECORRUPT where the file ends before; MTR_EIO. */
int page_read_at(struct page_checking *check, void *out, size_t size, uint64_t offset) MTR_MUST_USE;

/* Opens the file, for the caller to close. */
int page_open_file(struct page_checking *check, const char *directory) MTR_MUST_USE;
int page_read_meta(struct page_checking *check, uint64_t number, struct page_header *header,
                   struct meta *meta) MTR_MUST_USE;

#endif
