/*
 * The catalog's store: every version of every document, who applied it and when; and the snapshot of what is
 * in force.
 *
 *   text ─▶ documents ─▶ each by its rows ─▶ all of them together ─┬─▶ stored, and a new snapshot in force
 *          (YAML, JSON)   (what it may say)   (what it refers to)   └─▶ findings: nothing is stored
 *
 *   struct mtr_catalog_edit edit = {.text = text, .who = MTR_STR("ops"), .now_us = now_us};
 *   int rc = mtr_catalog_store_apply(store, &edit, &change, &findings);
 *   struct mtr_catalog *catalog = mtr_catalog_store_snapshot(store);   // … mtr_catalog_release(catalog)
 *
 * Nothing is rewritten: a document's revisions count from 1, and no number is given twice. Times are µs since
 * 1970 UTC.
 *
 * Threads: any. Changes wait for one another; a snapshot is used without locks. One process writes (the
 * daemon, or a command while no daemon runs), others open the store read-only. One LMDB environment under
 * <data>/catalog/, whose tables docs/formats.md describes.
 *
 * Errors besides those named: MTR_ECORRUPT, MTR_EFULL, MTR_EIO, MTR_ENOMEM.
 */
#ifndef METERD_CATALOG_STORE_H
#define METERD_CATALOG_STORE_H

#include "meterd/catalog/catalog.h"

struct mtr_catalog_store;

int mtr_catalog_store_open(const char *directory, bool read_only, struct mtr_catalog_store **out,
                           struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_catalog_store_close(struct mtr_catalog_store *store);

/* The snapshot in force; the caller gets a reference of its own. Any thread. */
struct mtr_catalog *mtr_catalog_store_snapshot(struct mtr_catalog_store *store);

/* A text of documents, YAML or JSON, and who wants it in force. Borrowed during the call. */
struct mtr_catalog_edit {
    struct mtr_str text;
    const enum mtr_catalog_kind *kind; /* one document, the map itself, of this kind and key; NULL: a bundle
                                          of many, vendors: [...] services: [...] …, each item with a key */
    struct mtr_str key;                /* of a meter or tariff also SERVICE/KEY */
    struct mtr_str who;                /* kept with every revision; cut to 256 bytes */
    int64_t now_us;
    bool dry_run;                      /* nothing is stored, findings are the same */
    /* Looks at what would be in force before it is; NULL: nobody does. Its findings are the edit's, and an
     * error refuses it; a result other than MTR_OK is returned. Other edits wait meanwhile. */
    int (*review)(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                  struct mtr_diagnostics *findings);
    void *review_context;
};

/* A field of a document of a catalog. */
struct mtr_catalog_place {
    enum mtr_catalog_kind kind;
    uint32_t number;
    const char *field;
};

/* For a review: a finding about a field of a document of the draft, at its place in the text. */
void mtr_catalog_fail(const struct mtr_catalog *draft, enum mtr_finding_code code,
                      const struct mtr_catalog_place *place, struct mtr_diagnostics *findings,
                      const char *format, ...) MTR_PRINTF(5, 6);

enum { MTR_CATALOG_NAMES_BYTES = 240 };

struct mtr_catalog_change {
    uint32_t created;
    uint32_t updated;
    uint32_t unchanged;
    uint32_t deleted;
    uint64_t version; /* of the catalog after the change */
    /* What was created, updated and deleted, API keys first: "api_key/ops, tariff/compute/standard", and
     * "and 12 more" where there is no room. */
    char names[MTR_CATALOG_NAMES_BYTES];
};
/* Applies an edit as one change: all or nothing. Documents equal to the stored version change nothing. Every
 * finding (errors and warnings, the tariff linter's included) is reported, with its place in the text.
 * MTR_EINVALID when one is an error; MTR_EDENIED on a store opened read-only; MTR_EAGAIN when another process
 * changed the store; and what `review` returns. */
int mtr_catalog_store_apply(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                            struct mtr_catalog_change *change, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Deletes one document, a meter, service, tariff or API key, of the edit's kind and key. What refers to it,
 * may have charged with it, or sent events with it, is a finding; whether usage was folded with a meter is
 * for `review` to say. Its revisions stay, and the key may come again, under another number. MTR_ENOTFOUND,
 * and errors as of apply. */
int mtr_catalog_store_delete(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                             struct mtr_catalog_change *change,
                             struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Notes, before its first events are stored, that an API key (by number) sends: it is not deleted any more,
 * and events do not say with which key they were sent. Any thread, beside other changes. */
int mtr_catalog_store_note_use(struct mtr_catalog_store *store, uint32_t api_key) MTR_MUST_USE;

/* The snapshot that applying the text would put in force: *out is the caller's reference. Nothing is
 * stored, so a read-only store will do; of the edit, text, kind and key are looked at, and now_us as the
 * time from which a source is there, though nothing is too early. What the draft leaves
 * as it is shares its records with the snapshot in force: equal pointers, equal documents. */
int mtr_catalog_store_draft(struct mtr_catalog_store *store, const struct mtr_catalog_edit *edit,
                            struct mtr_catalog **out, struct mtr_diagnostics *findings) MTR_MUST_USE;

struct mtr_catalog_document {
    enum mtr_catalog_kind kind;
    struct mtr_str key;
    struct mtr_str name; /* that no other one of its kind has; of meters and tariffs it may be SERVICE/KEY */
    uint32_t revision;   /* of this document, from 1 */
    int64_t applied_us;
    struct mtr_str who;
    struct mtr_str json; /* the document, canonical JSON; empty: this revision deleted it */
};
/* One document (revision 0: the newest); borrowed only during the hook. MTR_ENOTFOUND. */
typedef int (*mtr_catalog_on_document)(void *context, const struct mtr_catalog_document *document);
int mtr_catalog_store_get(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str name,
                          uint32_t revision, mtr_catalog_on_document on_document, void *context) MTR_MUST_USE;
/* The newest revision of every document of a kind with a name greater than `after` (empty: all), by name; and
 * the revisions of one behind `after` (0: all), oldest first. */
int mtr_catalog_store_walk(struct mtr_catalog_store *store, enum mtr_catalog_kind kind, struct mtr_str after,
                           mtr_catalog_on_document on_document, void *context) MTR_MUST_USE;
int mtr_catalog_store_walk_revisions(struct mtr_catalog_store *store, enum mtr_catalog_kind kind,
                                     struct mtr_str name, uint32_t after, mtr_catalog_on_document on_document,
                                     void *context) MTR_MUST_USE;

#endif
