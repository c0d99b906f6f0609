/*
 * The pages of readings: the vendor's text as it came, unpacked and in UTF-8, each page a file (zstd), so
 * that rows can be gone through again without asking the vendor, and a charge can be explained down to the
 * bytes of a page.
 *
 *   <data>/pages/<hash of vendor and source>/<reading>-<page>.zst
 *
 * Names are numbers and hashes: nothing that a vendor says becomes a path. One thread for each writer or
 * reader.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_PAGES_H
#define METERD_COLLECTOR_SOURCE_READING_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/hash.h"
#include "meterd/store/ledger.h"

enum { PAGES_PATH_BYTES = 512 };

/* The directory of a source's pages below `root` (<data>/pages). It is made with the first file. */
void pages_directory(const char *root, const struct mtr_strand *strand, char out[PAGES_PATH_BYTES]);

/*
 *   page_write_open ─▶ page_write … ─▶ page_write_end ─▶ page_write_close, or page_write_abort
 *
 * A short page is held in memory until it is closed: mostly it says what the vendor said before, and then
 * there is no use for it.
 */
struct page_writer;

/* MTR_EFULL, MTR_EIO, MTR_ENOMEM, as the two below. */
int page_write_open(const char *directory, uint64_t reading, uint32_t page,
                    struct page_writer **out) MTR_MUST_USE;
int page_write(struct page_writer *writer, struct mtr_str piece) MTR_MUST_USE;
/* Nothing comes any more; *hash is that of the bytes that came. True: the page is held, and has no file. */
bool page_write_end(struct page_writer *writer, struct mtr_hash128 *hash);
int page_write_close(struct page_writer *writer) MTR_MUST_USE; /* it is in its file; frees the writer */
void page_write_abort(struct page_writer *writer); /* removes what file there is; NULL is allowed */

/* The page is one of another reading, too: it is as old as it was. MTR_ENOTFOUND: there is no such page (any
 * more). */
int page_link(const char *directory, uint64_t from, uint64_t to, uint32_t page) MTR_MUST_USE;

struct page_reader;

/* MTR_ENOTFOUND: there is no such page (any more). */
int page_read_open(const char *directory, uint64_t reading, uint32_t page,
                   struct page_reader **out) MTR_MUST_USE;
/* The next piece, at most 64 KiB, borrowed until the next call; empty at the end. MTR_ECORRUPT, MTR_EIO. */
int page_read(struct page_reader *reader, struct mtr_str *piece) MTR_MUST_USE;
void page_read_close(struct page_reader *reader); /* NULL is allowed */

/* The pages of a reading, from page 1 on, are durable. MTR_ENOTFOUND, MTR_EIO, MTR_EFULL. */
int pages_sync(const char *directory, uint64_t reading, uint32_t count) MTR_MUST_USE;
/* Removes them. */
void pages_remove(const char *directory, uint64_t reading, uint32_t count);
/* The same of those behind page `first`, up to `count`. */
void pages_remove_behind(const char *directory, uint64_t reading, uint32_t first, uint32_t count);
/* Removes those that were written before then. What cannot be removed stays: it is tried again. */
void pages_expire(const char *directory, int64_t before_us);

#endif
