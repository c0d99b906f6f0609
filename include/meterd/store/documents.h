/*
 * Versioned documents: every revision of (kind, key), who stored it and when. What a document means is the
 * catalog's business.
 *
 * A key gets a number, from 1 up per kind, and keeps it until it is deleted; a key that comes again gets
 * another one, so that no number is used twice. Revisions of a key count from 1, its deletion is one of them,
 * and all of them stay. All puts and deletions of a change commit together and raise the store's version by
 * one. One writer at a time; readers see whole changes.
 */
#ifndef METERD_STORE_DOCUMENTS_H
#define METERD_STORE_DOCUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_documents;

enum { MTR_DOCUMENTS_KINDS_MAX = 32, MTR_DOCUMENTS_WHO_BYTES_MAX = 256 };

struct mtr_stored_document {
    uint8_t kind;
    struct mtr_str key;
    uint32_t number;
    uint32_t revision;
    int64_t applied_us;
    struct mtr_str who;
    struct mtr_str json; /* empty: this revision is a deletion */
};

/* Creates the directory and the environment unless read_only. */
int mtr_documents_open(const char *directory, bool read_only, struct mtr_documents **out,
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_documents_close(struct mtr_documents *documents);

/* 0 before the first change. */
int mtr_documents_version(struct mtr_documents *documents, uint64_t *out) MTR_MUST_USE;
/* The highest number that a document of the kind ever had. */
int mtr_documents_count(struct mtr_documents *documents, uint8_t kind, uint32_t *out) MTR_MUST_USE;

/* A change: begin (which tells the version it starts from), any number of puts and deletions, then commit or
 * abort on the same thread. Of the document number and revision are not looked at: *number is the number of
 * its key, and the revision the next. What fails leaves only abort. `who` is cut to
 * MTR_DOCUMENTS_WHO_BYTES_MAX.
 * commit tells the new version; MTR_EFULL: nothing was stored; MTR_EIO: the outcome is unknown. */
int mtr_documents_begin(struct mtr_documents *documents, uint64_t *version_before) MTR_MUST_USE;
int mtr_documents_put(struct mtr_documents *documents, const struct mtr_stored_document *document,
                      uint32_t *number) MTR_MUST_USE;
/* Of the document key, kind, who and applied_us are looked at. MTR_ENOTFOUND: there is none, or it was
 * deleted before. */
int mtr_documents_delete(struct mtr_documents *documents,
                         const struct mtr_stored_document *document) MTR_MUST_USE;
int mtr_documents_commit(struct mtr_documents *documents, uint64_t *version) MTR_MUST_USE;
void mtr_documents_abort(struct mtr_documents *documents);

/* Which documents were used in a way that no other store tells: noted by number, once and for ever, on any
 * thread beside a change. Of a kind they are noted from the first call of note_uses on: documents of before
 * that may have been used. */
int mtr_documents_note_uses(struct mtr_documents *documents, uint8_t kind) MTR_MUST_USE;
int mtr_documents_note_use(struct mtr_documents *documents, uint8_t kind, uint32_t number) MTR_MUST_USE;
enum mtr_document_use { MTR_DOCUMENT_UNUSED, MTR_DOCUMENT_USED, MTR_DOCUMENT_MAY_BE_USED };
int mtr_documents_get_use(struct mtr_documents *documents, uint8_t kind, uint32_t number,
                          enum mtr_document_use *out) MTR_MUST_USE;

/* The document is borrowed during the hook only. The hook's error ends the walk and is returned. */
typedef int (*mtr_documents_on_document)(void *context, const struct mtr_stored_document *document);

/* Revision 0 is the newest; of a document that was deleted there is none. MTR_ENOTFOUND. */
int mtr_documents_get(struct mtr_documents *documents, uint8_t kind, struct mtr_str key, uint32_t revision,
                      mtr_documents_on_document on_document, void *context) MTR_MUST_USE;
/* The newest revision of every document of a kind with a key greater than `after` (empty: all), in order of
 * keys, byte by byte. Deleted ones are left out. */
int mtr_documents_walk(struct mtr_documents *documents, uint8_t kind, struct mtr_str after,
                       mtr_documents_on_document on_document, void *context) MTR_MUST_USE;
/* The revisions of one key behind `after` (0: all), oldest first, deletions too. MTR_ENOTFOUND. */
int mtr_documents_walk_revisions(struct mtr_documents *documents, uint8_t kind, struct mtr_str key,
                                 uint32_t after, mtr_documents_on_document on_document,
                                 void *context) MTR_MUST_USE;

#endif
