/*
 * The check of a store's file, page by page, before LMDB walks in it. LMDB takes what stands in a page for
 * true: a damaged one ends the process by SIGBUS, SIGSEGV or an assertion, and a page that was lost, swapped
 * or is an older one gives wrong rows. Here the file is read (not mapped), and every page, row and seal of
 * one commit is held against what must stand there:
 *
 *   meta pages    whole, one commit apart, within the file
 *   every page    within the file; bears its own number and the kind that its place wants; used once
 *   nodes         within their page, in the order of keys, between what the pages above say
 *   tables        as many pages, rows and levels as written beside their root
 *   free list     no page that is in use
 *   values        match their seals (sealed_table.h), where the store has them
 *
 * Not seen: bytes that no commit uses. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_PAGE_CHECK_H
#define METERD_LIB_STORE_PAGE_CHECK_H

#include "lib/store/lmdb_env.h"
#include "lib/store/sealed_table.h"
#include "meterd/core/limits.h"

struct page_check_counts {
    uint64_t pages, rows, bytes;
};

/* Before the file is opened by LMDB: is what it would believe of the meta pages possible? MTR_OK, too, where
 * there is no file, or an empty one. MTR_ECORRUPT, with a sentence. */
int page_check_metas(const char *directory, const struct sealed_store *store,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The newest commit, held by a read transaction of `env` while it lasts. *counts may be NULL. */
int page_check(MDB_env *env, const struct sealed_store *store, struct page_check_counts *counts,
               struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* How far a check of a file in slices has come: behind this row. All zeros: at its begin. */
struct page_place {
    char table[64 + 1];
    unsigned char key[MTR_LMDB_KEY_BYTES_MAX];
    size_t key_bytes;
    bool is_begun;
};

/* A slice: what the newest commit has behind the place, until bytes_max were read; less than a page more.
 * What needs all of a file, as the counts of its pages and rows, is not looked at. *place is at the begin
 * again when the end was reached. */
int page_scrub(MDB_env *env, const struct sealed_store *store, uint64_t bytes_max, struct page_place *place,
               struct page_check_counts *counts, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
