/*
 * The file of a store, and its two meta pages: what LMDB believes before it has read anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/page_format.h"

enum { ATTEMPTS = 10 /* beside a process that commits */ };

int page_damaged(struct page_checking *check, const char *table, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    mtr_diagnostic_set(check->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                       "the %s are damaged: %s%s%s: %s", check->store->name, what,
                       table ? " of the table " : "", table ? table : "", check->store->remedy);
    return MTR_ECORRUPT;
}

int page_read_at(struct page_checking *check, void *out, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = pread(check->fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return errno == EIO ? page_damaged(check, NULL, "the disk does not give page %" PRIu64,
                                               check->page_bytes ? offset / check->page_bytes : 0)
                                : mtr_error_from_errno(errno);
        if (!got)
            return page_damaged(check, NULL, "page %" PRIu64 " is behind the end of the file",
                                check->page_bytes ? offset / check->page_bytes : 0);
        done += (size_t)got;
    }
    return MTR_OK;
}

static bool is_root_possible(const struct table_root *root, uint64_t last_page)
{
    return root->root == PAGE_NONE ? !root->depth : root->root <= last_page && root->depth <= DEPTH_MAX;
}

/* The last page that was ever given out may be behind the file's end: one that was given back in the same
 * transaction is never written. */
static bool is_meta_possible(const struct page_checking *check, const struct page_header *header,
                             uint64_t number, const struct meta *meta)
{
    return header->number == number && (header->flags & PAGE_KINDS) == PAGE_META &&
           meta->magic == (uint32_t)META_MAGIC && meta->version == META_VERSION &&
           meta->tables[0].pad == check->page_bytes && (meta->txnid & 1) == (meta->txnid ? number : 0) &&
           meta->last_page < meta->map_bytes / check->page_bytes &&
           is_root_possible(&meta->tables[0], meta->last_page) &&
           is_root_possible(&meta->tables[1], meta->last_page);
}

int page_read_meta(struct page_checking *check, uint64_t number, struct page_header *header,
                   struct meta *meta)
{
    unsigned char bytes[HEADER_BYTES + sizeof(struct meta)];
    int rc = page_read_at(check, bytes, sizeof(bytes), number * check->page_bytes);
    if (rc) return rc;
    memcpy(header, bytes, sizeof(*header));
    memcpy(meta, bytes + HEADER_BYTES, sizeof(*meta));
    return MTR_OK;
}

/* Both meta pages; they are one commit apart, but for the first ones. */
static int check_metas(struct page_checking *check)
{
    struct meta metas[2];
    struct page_header headers[2];
    check->page_bytes = 0;
    int rc = page_read_meta(check, 0, &headers[0], &metas[0]);
    if (rc) return rc;
    const uint32_t size = metas[0].tables[0].pad;
    if (size < PAGE_BYTES_MIN || size > PAGE_BYTES_MAX || (size & (size - 1)))
        return page_damaged(check, NULL, "meta page 0 does not match");
    check->page_bytes = size;
    rc = page_read_meta(check, 1, &headers[1], &metas[1]);
    for (unsigned i = 0; !rc && i < 2; i++)
        if (!is_meta_possible(check, &headers[i], i, &metas[i]))
            rc = page_damaged(check, NULL, "meta page %u does not match", i);
    const uint64_t a = metas[0].txnid, b = metas[1].txnid;
    if (!rc && (a > b ? a - b : b - a) > 1)
        rc = page_damaged(check, NULL, "the meta pages are not of one history");
    return rc;
}

int page_open_file(struct page_checking *check, const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/data.mdb", directory) >= (int)sizeof(path)) return MTR_EINVALID;
    check->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (check->fd < 0) return mtr_error_from_errno(errno);
    return MTR_OK;
}

int page_check_metas(const char *directory, const struct sealed_store *store,
                     struct mtr_diagnostic *diagnostic)
{
    struct page_checking check = {.store = store, .diagnostic = diagnostic, .fd = -1};
    struct stat status;
    int rc = page_open_file(&check, directory);
    if (!rc && fstat(check.fd, &status)) rc = mtr_error_from_errno(errno);
    bool again = !rc && status.st_size > 0;
    for (int attempt = 0; again && attempt < ATTEMPTS; attempt++) {
        rc = check_metas(&check);
        again = rc == MTR_ECORRUPT;
    }
    if (check.fd >= 0) close(check.fd);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
