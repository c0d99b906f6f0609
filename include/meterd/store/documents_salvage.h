/*
 * A store of documents that cannot be opened any more, made anew of its own history: which document is in
 * force and how many there are, all of that follows from the revisions, which are never rewritten. The file
 * is read page by page without LMDB, which believes what stands in a page, and rows that match their
 * checksums are taken, wherever they lie.
 *
 * What was lost is never made up: of each document all revisions are there, up to its newest, or nothing is
 * made. That they are all there is proved, in one of two ways:
 *
 *   counted   the newest commit says how many rows it has, and so many were found
 *   told      all other pages of the file are whole, what else was written says of each document that its
 *             newest revision is that which was found, and of the newest change that it was in force
 *
 * Which documents were used (meterd/store/documents.h) is not known afterwards.
 */
#ifndef METERD_STORE_DOCUMENTS_SALVAGE_H
#define METERD_STORE_DOCUMENTS_SALVAGE_H

#include "meterd/core/arena.h"
#include "meterd/store/documents.h"

/* A revision that is not there, or not whole. */
struct mtr_documents_loss {
    uint8_t kind;
    struct mtr_str key;        /* empty: not known */
    uint32_t number, revision; /* revision 0: all that the number had */
};

struct mtr_documents_salvage {
    const char *from, *to;  /* directories; to: NULL: it is only looked */
    uint64_t version_known; /* of the store, as others remember it: it is not less afterwards */
    /* The key by which the document was stored, of the first revision of its number. */
    int (*name)(void *context, const struct mtr_stored_document *first, struct mtr_arena *arena,
                struct mtr_str *key);
    void (*lost)(void *context, const struct mtr_documents_loss *loss);
    void *context;
};

/* *version: of the new store, which is complete and synced. MTR_ECORRUPT: it cannot be made, and the
 * diagnostic or calls of `lost` say why. What is in `to` then is for the caller to
 * remove. MTR_EVERSION: a later version wrote it. */
int mtr_documents_salvage(const struct mtr_documents_salvage *task, uint64_t *version,
                          struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
