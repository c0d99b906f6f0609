/*
 * The mark of a list of files, as the ledger keeps it of a window: what the list says of its own version
 * (`paging.parts.etag`), and a hash of the document, since under another map the same files are other rows.
 *
 *   "0x8DC3F…\n7f6e5d4c3b2a1908"
 *
 * Pure. Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_PAGING_LIST_MARK_H
#define METERD_COLLECTOR_SOURCE_PAGING_LIST_MARK_H

#include "meterd/core/buffer.h"
#include "meterd/core/str.h"
#include "meterd/source/source.h"

/* Writes it; empty where there is no version, or one that is too long: then the list is read once more. */
int list_mark_write(struct mtr_str version, const struct mtr_source *source,
                    struct mtr_buffer *out) MTR_MUST_USE;
/* The version that a mark of this document names; empty: it is of another one, or none. */
struct mtr_str list_mark_version(struct mtr_str mark, const struct mtr_source *source);

#endif
