/*
 * Files of pages. A page is written once, from its first byte to its last, and read the same way.
 */
#include "collector/source/reading/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "meterd/core/time.h"
#include "meterd/store/durable.h"

enum { BUFFER_BYTES = 64 << 10, HELD_BYTES = 16 << 10, LEVEL = 1 };

void pages_directory(const char *root, const struct mtr_strand *strand, char out[PAGES_PATH_BYTES])
{
    char text[256];
    const int size = snprintf(text, sizeof(text), "%.*s%c%.*s", MTR_STR_ARGS(strand->vendor), '\0',
                              MTR_STR_ARGS(strand->source));
    const XXH128_hash_t hash = XXH3_128bits(text, (size_t)size);
    const int length = snprintf(out, PAGES_PATH_BYTES, "%s/%016" PRIx64 "%016" PRIx64, root,
                                (uint64_t)hash.high64, (uint64_t)hash.low64);
    MTR_ASSERT(length > 0 && length < PAGES_PATH_BYTES - 64);
}

static int system_error(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return MTR_EFULL;
    case ENOENT: return MTR_ENOTFOUND;
    case ENOMEM: return MTR_ENOMEM;
    case EMFILE:
    case ENFILE: return MTR_EFILES;
    default: return MTR_EIO;
    }
}

static void page_path(const char *directory, uint64_t reading, uint32_t page, char out[PAGES_PATH_BYTES])
{
    const int length =
        snprintf(out, PAGES_PATH_BYTES, "%s/%" PRIu64 "-%" PRIu32 ".zst", directory, reading, page);
    MTR_ASSERT(length > 0 && length < PAGES_PATH_BYTES);
}

/* ---- writing ---- */

struct page_writer {
    ZSTD_CCtx *zstd; /* NULL: there is no file yet, and what came is held */
    XXH3_state_t *hash;
    int fd;
    size_t held_bytes;
    char path[PAGES_PATH_BYTES];
    char held[HELD_BYTES];
    char packed[BUFFER_BYTES];
};

static void free_writer(struct page_writer *writer)
{
    if (writer->fd >= 0) close(writer->fd);
    ZSTD_freeCCtx(writer->zstd);
    XXH3_freeState(writer->hash);
    free(writer);
}

int page_write_open(const char *directory, uint64_t reading, uint32_t page, struct page_writer **out)
{
    struct page_writer *writer = malloc(sizeof(*writer)); /* not cleared: most of it is room */
    if (!writer) return MTR_ENOMEM;
    writer->zstd = NULL;
    writer->fd = -1;
    writer->held_bytes = 0;
    page_path(directory, reading, page, writer->path);
    writer->hash = XXH3_createState();
    if (!writer->hash || XXH3_128bits_reset(writer->hash) != XXH_OK) {
        free_writer(writer);
        return MTR_ENOMEM;
    }
    *out = writer;
    return MTR_OK;
}

/* What stands there is of a reading that a crash ended; the file may be another one's, too (page_link). */
static int open_path(struct page_writer *writer)
{
    (void)unlink(writer->path);
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return writer->fd < 0 ? system_error(errno) : MTR_OK;
}

static int open_file(struct page_writer *writer)
{
    char directory[PAGES_PATH_BYTES];
    int rc = open_path(writer);
    if (rc == MTR_ENOTFOUND) {
        snprintf(directory, sizeof(directory), "%s", writer->path);
        *strrchr(directory, '/') = '\0';
        rc = mtr_durable_path(directory);
        if (!rc) rc = open_path(writer);
    }
    if (rc) return rc;
    writer->zstd = ZSTD_createCCtx();
    if (!writer->zstd) return MTR_ENOMEM;
    const size_t level = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL);
    const size_t checksum = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
    return ZSTD_isError(level) || ZSTD_isError(checksum) ? MTR_ENOMEM : MTR_OK;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        const ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error(errno);
        data += written;
        size -= (size_t)written;
    }
    return MTR_OK;
}

static int compress(struct page_writer *writer, struct mtr_str piece, ZSTD_EndDirective directive)
{
    ZSTD_inBuffer in = {piece.data, piece.size, 0};
    for (;;) {
        ZSTD_outBuffer out = {writer->packed, sizeof(writer->packed), 0};
        const size_t left = ZSTD_compressStream2(writer->zstd, &out, &in, directive);
        if (ZSTD_isError(left)) return MTR_ENOMEM;
        int rc = write_all(writer->fd, writer->packed, out.pos);
        if (rc) return rc;
        if (directive == ZSTD_e_end ? !left : in.pos == in.size) return MTR_OK;
    }
}

/* What is held goes to the file, which there is from now on. */
static int let_go(struct page_writer *writer)
{
    if (writer->zstd) return MTR_OK;
    int rc = open_file(writer);
    return rc ? rc : compress(writer, (struct mtr_str){writer->held, writer->held_bytes}, ZSTD_e_continue);
}

int page_write(struct page_writer *writer, struct mtr_str piece)
{
    (void)XXH3_128bits_update(writer->hash, piece.data, piece.size);
    if (!writer->zstd && piece.size <= sizeof(writer->held) - writer->held_bytes) {
        memcpy(writer->held + writer->held_bytes, piece.data, piece.size);
        writer->held_bytes += piece.size;
        return MTR_OK;
    }
    int rc = let_go(writer);
    return rc ? rc : compress(writer, piece, ZSTD_e_continue);
}

bool page_write_end(struct page_writer *writer, struct mtr_hash128 *hash)
{
    const XXH128_hash_t digest = XXH3_128bits_digest(writer->hash);
    *hash = (struct mtr_hash128){digest.high64, digest.low64};
    return !writer->zstd;
}

int page_write_close(struct page_writer *writer)
{
    int rc = let_go(writer);
    if (!rc) rc = compress(writer, MTR_STR(""), ZSTD_e_end);
    if (rc)
        page_write_abort(writer);
    else
        free_writer(writer);
    return rc;
}

void page_write_abort(struct page_writer *writer)
{
    if (!writer) return;
    if (writer->fd >= 0) (void)unlink(writer->path);
    free_writer(writer);
}

int page_link(const char *directory, uint64_t from, uint64_t to, uint32_t page)
{
    char old[PAGES_PATH_BYTES], new[PAGES_PATH_BYTES];
    page_path(directory, from, page, old);
    page_path(directory, to, page, new);
    (void)unlink(new); /* of a reading that a crash ended, which nobody knows of */
    return link(old, new) ? system_error(errno) : MTR_OK;
}

/* ---- reading ---- */

struct page_reader {
    int fd;
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in;
    size_t left; /* what zstd waits for; 0: the frame has ended */
    char packed[BUFFER_BYTES], text[BUFFER_BYTES];
};

int page_read_open(const char *directory, uint64_t reading, uint32_t page, struct page_reader **out)
{
    char path[PAGES_PATH_BYTES];
    page_path(directory, reading, page, path);
    struct page_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    reader->zstd = ZSTD_createDCtx();
    reader->left = 1;
    reader->fd = reader->zstd ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    int rc = !reader->zstd ? MTR_ENOMEM : reader->fd < 0 ? system_error(errno) : MTR_OK;
    if (rc)
        page_read_close(reader);
    else
        *out = reader;
    return rc;
}

static int fill(struct page_reader *reader)
{
    ssize_t size;
    do
        size = read(reader->fd, reader->packed, sizeof(reader->packed));
    while (size < 0 && errno == EINTR);
    if (size < 0) return system_error(errno);
    reader->in = (ZSTD_inBuffer){reader->packed, (size_t)size, 0};
    return MTR_OK;
}

int page_read(struct page_reader *reader, struct mtr_str *piece)
{
    ZSTD_outBuffer out = {reader->text, sizeof(reader->text), 0};
    while (reader->left) { /* what zstd holds back comes before new input */
        reader->left = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
        if (ZSTD_isError(reader->left)) return MTR_ECORRUPT;
        const bool is_used_up = reader->in.pos == reader->in.size;
        if (!reader->left && !is_used_up) return MTR_ECORRUPT; /* it goes on behind its frame */
        if (out.pos) break;
        int rc = reader->left && is_used_up ? fill(reader) : MTR_OK;
        if (rc) return rc;
        if (reader->left && !reader->in.size) return MTR_ECORRUPT; /* it ends before its frame does */
    }
    *piece = (struct mtr_str){reader->text, out.pos};
    return MTR_OK;
}

void page_read_close(struct page_reader *reader)
{
    if (!reader) return;
    if (reader->fd >= 0) close(reader->fd);
    ZSTD_freeDCtx(reader->zstd);
    free(reader);
}

int pages_sync(const char *directory, uint64_t reading, uint32_t count)
{
    char path[PAGES_PATH_BYTES];
    int rc = MTR_OK;
    for (uint32_t page = 1; !rc && page <= count; page++) {
        page_path(directory, reading, page, path);
        rc = mtr_durable_sync(path);
    }
    if (!rc) rc = mtr_durable_sync(directory);
    /* Who made it may have been killed before its name was synced. */
    return rc ? rc : mtr_durable_sync_parent(directory);
}

void pages_remove(const char *directory, uint64_t reading, uint32_t count)
{
    pages_remove_behind(directory, reading, 0, count);
}

void pages_remove_behind(const char *directory, uint64_t reading, uint32_t first, uint32_t count)
{
    char path[PAGES_PATH_BYTES];
    for (uint32_t page = first + 1; page <= count; page++) {
        page_path(directory, reading, page, path);
        (void)unlink(path);
    }
}

void pages_expire(const char *directory, int64_t before_us)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    if (!entries) return;
    while ((entry = readdir(entries)) != NULL) {
        struct stat status;
        if (entry->d_name[0] == '.' || fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
            continue;
        if ((int64_t)status.st_mtime * MTR_US_PER_SECOND < before_us)
            (void)unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}
