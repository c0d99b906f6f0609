/*
 * Documents on LMDB: three tables in one environment.
 *
 *   heads      kind u8, key bytes               → number u32, newest revision u32
 *   revisions  kind u8, number u32, revision u32 → applied_us u64, who size u16, who, json; empty: deleted
 *              kind u8, number u32, 0            → u32: the number that the key had before it was deleted
 *   meta       "format" → u64; "version" → u64; "count", kind u8 → u64
 *              and what document_uses.c writes
 *
 * Invariants: numbers of a kind are 1…count, each given once; revisions of a key are 1…newest, over all its
 * numbers; revisions are never rewritten. Integers are big-endian, so that the order of bytes is the order of
 * numbers. Format 1 had no deletions; rows are sealed (sealed_table.h) from format 3 on, which a store
 * becomes when it is opened for writing.
 */
#include "lib/store/documents_state.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/limits.h"

enum { FORMAT_OLDEST = 1, FORMAT_SEALED = 3, FORMAT_VERSION = DOCUMENTS_FORMAT };
#define MAP_BYTES                                                                                            \
    ((size_t)16                                                                                              \
     << 30) /* address space; a catalog of a million documents of 1 KiB with ten revisions each fits */

struct head {
    uint32_t number;
    uint32_t revision;
};

int documents_head_key(uint8_t kind, struct mtr_str key, struct head_key *out)
{
    if (key.size == 0 || key.size > MTR_NAME_BYTES_MAX) return MTR_EINVALID;
    out->bytes[0] = kind;
    memcpy(out->bytes + 1, key.data, key.size);
    out->size = 1 + key.size;
    return MTR_OK;
}

static void make_revision_key(uint8_t kind, struct head head, unsigned char out[REVISION_KEY_BYTES])
{
    out[0] = kind;
    lmdb_put_u32(out + 1, head.number);
    lmdb_put_u32(out + 5, head.revision);
}

const struct sealed_store documents_store = {
    .name = "documents of the catalog",
    .remedy = "keep a copy of the directory for a look, and restore all stores from one backup",
    .format_key = "format",
    .format_bytes = sizeof(uint64_t)};

static int get(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value)
{
    int rc = sealed_get(txn, table, key, value);
    if (rc != MTR_ENOTFOUND) return rc;
    const int bad = sealed_prove_absence(txn, table, key); /* or its key would be a new one */
    return bad ? bad : rc;
}

static int put(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val value)
{
    return sealed_put(txn, table, key, &value, 0);
}

static int get_meta_u64(MDB_txn *txn, const struct sealed_table *meta, MDB_val key, uint64_t *out)
{
    MDB_val value;
    int rc = get(txn, meta, key, &value);
    if (rc == MTR_ENOTFOUND) {
        *out = 0;
        return MTR_OK;
    }
    if (!rc && value.mv_size != 8) rc = MTR_ECORRUPT;
    if (!rc) *out = lmdb_get_u64(value.mv_data);
    return rc;
}

static int put_meta_u64(MDB_txn *txn, const struct sealed_table *meta, MDB_val key, uint64_t number)
{
    unsigned char bytes[8];
    lmdb_put_u64(bytes, number);
    return put(txn, meta, key, lmdb_val(bytes, sizeof(bytes)));
}

#define META_KEY(literal) lmdb_val("" literal, sizeof(literal) - 1)

static int check_format(struct mtr_documents *documents, MDB_txn *txn, bool read_only)
{
    struct sealed_table *const tables[] = {&documents->heads, &documents->revisions, &documents->meta};
    uint64_t format = 0;
    bool is_sealed = false;
    int rc = sealed_format(txn, &documents->meta, MTR_STR("format"), sizeof(format), &format, &is_sealed);
    if (rc == MTR_ENOTFOUND)
        return read_only ? MTR_OK : put_meta_u64(txn, &documents->meta, META_KEY("format"), FORMAT_VERSION);
    if (rc) return rc;
    if (format > FORMAT_VERSION) return MTR_EVERSION;
    if (format < FORMAT_OLDEST || is_sealed != (format >= FORMAT_SEALED)) return MTR_ECORRUPT;
    if (is_sealed) return MTR_OK;
    for (int i = 0; !rc && i < 3; i++) {
        tables[i]->is_bare = read_only;
        if (!read_only) rc = sealed_upgrade(txn, tables[i], 1);
    }
    return rc || read_only ? rc : put_meta_u64(txn, &documents->meta, META_KEY("format"), FORMAT_VERSION);
}

static int open_tables(struct mtr_documents *documents, bool read_only)
{
    MDB_txn *txn = NULL;
    int rc = lmdb_error(mdb_txn_begin(documents->env, NULL, read_only ? MDB_RDONLY : 0, &txn));
    if (rc) return rc;
    rc = sealed_table_open(txn, &documents_store, "heads", !read_only, &documents->heads);
    if (!rc) rc = sealed_table_open(txn, &documents_store, "revisions", !read_only, &documents->revisions);
    if (!rc) rc = sealed_table_open(txn, &documents_store, "meta", !read_only, &documents->meta);
    if (!rc) rc = check_format(documents, txn, read_only);
    if (!rc) return lmdb_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

int mtr_documents_open(const char *directory, bool read_only, struct mtr_documents **out,
                       struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = MAP_BYTES,
        .databases_max = 4,
        .read_only = read_only,
        .store = &documents_store,
    };
    struct mtr_documents *documents = calloc(1, sizeof(*documents));
    if (!documents) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, NULL, "out of memory");
        return MTR_ENOMEM;
    }
    int rc = lmdb_open(directory, &options, &documents->env, diagnostic);
    if (!rc) {
        rc = open_tables(documents, read_only);
        if (rc)
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                               "cannot read the store %s: %s", directory, mtr_error_text(rc));
    }
    if (rc) {
        mtr_documents_close(documents);
        return rc;
    }
    *out = documents;
    return MTR_OK;
}

void mtr_documents_close(struct mtr_documents *documents)
{
    if (!documents) return;
    MTR_ASSERT(!documents->change);
    if (documents->env) lmdb_close(documents->env);
    free(documents);
}

static int begin_read(struct mtr_documents *documents, MDB_txn **txn)
{
    return lmdb_error(mdb_txn_begin(documents->env, NULL, MDB_RDONLY, txn));
}

int mtr_documents_version(struct mtr_documents *documents, uint64_t *out)
{
    MDB_txn *txn = NULL;
    int rc = begin_read(documents, &txn);
    if (rc) return rc;
    rc = get_meta_u64(txn, &documents->meta, META_KEY("version"), out);
    mdb_txn_abort(txn);
    return rc;
}

struct count_key {
    unsigned char bytes[6];
};

static struct count_key count_key_of(uint8_t kind)
{
    return (struct count_key){{'c', 'o', 'u', 'n', 't', kind}};
}

int mtr_documents_count(struct mtr_documents *documents, uint8_t kind, uint32_t *out)
{
    struct count_key key = count_key_of(kind);
    MDB_txn *txn = NULL;
    uint64_t count = 0;
    int rc = begin_read(documents, &txn);
    if (rc) return rc;
    rc = get_meta_u64(txn, &documents->meta, lmdb_val(key.bytes, sizeof(key.bytes)), &count);
    mdb_txn_abort(txn);
    if (!rc && count >= UINT32_MAX) rc = MTR_ECORRUPT;
    if (!rc) *out = (uint32_t)count;
    return rc;
}

int mtr_documents_begin(struct mtr_documents *documents, uint64_t *version_before)
{
    MTR_ASSERT(!documents->change);
    int rc = lmdb_error(mdb_txn_begin(documents->env, NULL, 0, &documents->change));
    if (rc) return rc;
    rc = get_meta_u64(documents->change, &documents->meta, META_KEY("version"), version_before);
    if (rc) mtr_documents_abort(documents);
    return rc;
}

static int read_head(struct mtr_documents *documents, MDB_txn *txn, MDB_val key, struct head *out)
{
    MDB_val value;
    int rc = get(txn, &documents->heads, key, &value);
    if (rc) return rc;
    if (value.mv_size != HEAD_BYTES) return MTR_ECORRUPT;
    *out = (struct head){lmdb_get_u32(value.mv_data), lmdb_get_u32((const unsigned char *)value.mv_data + 4)};
    return MTR_OK;
}

/* Parts of a stored revision; text is borrowed from the transaction. */
static int read_revision(const struct mtr_documents *documents, MDB_txn *txn, uint8_t kind, struct head head,
                         struct mtr_stored_document *out)
{
    unsigned char bytes[REVISION_KEY_BYTES];
    MDB_val value;
    make_revision_key(kind, head, bytes);
    int rc = get(txn, &documents->revisions, lmdb_val(bytes, sizeof(bytes)), &value);
    if (rc) return rc;
    const unsigned char *p = value.mv_data;
    if (value.mv_size < REVISION_HEADER_BYTES) return MTR_ECORRUPT;
    size_t who_size = (size_t)p[8] << 8 | p[9];
    if (value.mv_size - REVISION_HEADER_BYTES < who_size) return MTR_ECORRUPT;
    const char *text = (const char *)p + REVISION_HEADER_BYTES;
    *out = (struct mtr_stored_document){
        .kind = kind,
        .number = head.number,
        .revision = head.revision,
        .applied_us = (int64_t)lmdb_get_u64(p),
        .who = {text, who_size},
        .json = {text + who_size, value.mv_size - REVISION_HEADER_BYTES - who_size},
    };
    return MTR_OK;
}

/* The number that a key had before it was deleted. MTR_ENOTFOUND: it had none. */
static int read_link(const struct mtr_documents *documents, MDB_txn *txn, uint8_t kind, uint32_t *number)
{
    unsigned char bytes[REVISION_KEY_BYTES];
    MDB_val value;
    make_revision_key(kind, (struct head){*number, 0}, bytes);
    int rc = get(txn, &documents->revisions, lmdb_val(bytes, sizeof(bytes)), &value);
    if (rc) return rc;
    if (value.mv_size != LINK_BYTES || lmdb_get_u32(value.mv_data) >= *number) return MTR_ECORRUPT;
    *number = lmdb_get_u32(value.mv_data);
    return MTR_OK;
}

static int put_link(struct mtr_documents *documents, uint8_t kind, uint32_t number, uint32_t before)
{
    unsigned char key[REVISION_KEY_BYTES], bytes[LINK_BYTES];
    make_revision_key(kind, (struct head){number, 0}, key);
    lmdb_put_u32(bytes, before);
    return put(documents->change, &documents->revisions, lmdb_val(key, sizeof(key)),
               lmdb_val(bytes, sizeof(bytes)));
}

static int next_number(struct mtr_documents *documents, uint8_t kind, uint32_t *out)
{
    struct count_key key = count_key_of(kind);
    const MDB_val slot = lmdb_val(key.bytes, sizeof(key.bytes));
    uint64_t count = 0;
    int rc = get_meta_u64(documents->change, &documents->meta, slot, &count);
    if (rc) return rc;
    if (count >= UINT32_MAX - 1) return MTR_EFULL;
    *out = (uint32_t)count + 1;
    return put_meta_u64(documents->change, &documents->meta, slot, count + 1);
}

/* The head of a key after this put: the next revision; of a key that is new, or was deleted, under the kind's
 * next number. */
static int next_head(struct mtr_documents *documents, uint8_t kind, const struct head_key *key,
                     struct head *out)
{
    struct mtr_stored_document newest;
    *out = (struct head){0, 0};
    int rc = read_head(documents, documents->change, lmdb_val(key->bytes, key->size), out);
    if (!rc) rc = read_revision(documents, documents->change, kind, *out, &newest);
    if (rc && (rc != MTR_ENOTFOUND || out->number)) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    const uint32_t before = out->number;
    out->revision++;
    if (!rc && newest.json.size) return MTR_OK;
    rc = next_number(documents, kind, &out->number);
    return rc || !before ? rc : put_link(documents, kind, out->number, before);
}

static int put_revision(struct mtr_documents *documents, struct head head,
                        const struct mtr_stored_document *document)
{
    const struct mtr_str json = document->json;
    struct mtr_str who = document->who;
    if (who.size > MTR_DOCUMENTS_WHO_BYTES_MAX) who.size = MTR_DOCUMENTS_WHO_BYTES_MAX;
    unsigned char key[REVISION_KEY_BYTES];
    make_revision_key(document->kind, head, key);
    const MDB_val slot = lmdb_val(key, sizeof(key));
    MDB_val value = {REVISION_HEADER_BYTES + who.size + json.size, NULL};
    int rc = sealed_reserve(documents->change, &documents->revisions, slot, &value, MDB_NOOVERWRITE);
    if (rc) return rc == MTR_EEXISTS ? MTR_ECORRUPT : rc;
    unsigned char *p = value.mv_data;
    lmdb_put_u64(p, (uint64_t)document->applied_us);
    p[8] = (unsigned char)(who.size >> 8);
    p[9] = (unsigned char)who.size;
    if (who.size) memcpy(p + REVISION_HEADER_BYTES, who.data, who.size);
    if (json.size) memcpy(p + REVISION_HEADER_BYTES + who.size, json.data, json.size);
    sealed_finish(&documents->revisions, slot, value);
    return MTR_OK;
}

static int put_head(struct mtr_documents *documents, struct head_key *key, struct head head,
                    const struct mtr_stored_document *document)
{
    unsigned char bytes[HEAD_BYTES];
    lmdb_put_u32(bytes, head.number);
    lmdb_put_u32(bytes + 4, head.revision);
    int rc = put(documents->change, &documents->heads, lmdb_val(key->bytes, key->size),
                 lmdb_val(bytes, sizeof(bytes)));
    return rc ? rc : put_revision(documents, head, document);
}

int mtr_documents_put(struct mtr_documents *documents, const struct mtr_stored_document *document,
                      uint32_t *number)
{
    MTR_ASSERT(documents->change && document->kind < MTR_DOCUMENTS_KINDS_MAX);
    MTR_ASSERT(document->json.size > 0); /* nothing is a deletion */
    struct head_key key;
    struct head head;
    int rc = documents_head_key(document->kind, document->key, &key);
    if (!rc) rc = next_head(documents, document->kind, &key, &head);
    if (!rc) rc = put_head(documents, &key, head, document);
    if (!rc) *number = head.number;
    return rc;
}

int mtr_documents_delete(struct mtr_documents *documents, const struct mtr_stored_document *document)
{
    MTR_ASSERT(documents->change && document->kind < MTR_DOCUMENTS_KINDS_MAX);
    struct mtr_stored_document newest, deletion = *document;
    struct head_key key;
    struct head head;
    if (documents_head_key(document->kind, document->key, &key)) return MTR_ENOTFOUND;
    int rc = read_head(documents, documents->change, lmdb_val(key.bytes, key.size), &head);
    if (!rc) rc = read_revision(documents, documents->change, document->kind, head, &newest);
    if (!rc && !newest.json.size) rc = MTR_ENOTFOUND;
    if (rc) return rc;
    head.revision++;
    deletion.json = (struct mtr_str){NULL, 0};
    return put_head(documents, &key, head, &deletion);
}

int mtr_documents_commit(struct mtr_documents *documents, uint64_t *version)
{
    MTR_ASSERT(documents->change);
    uint64_t next = 0;
    int rc = get_meta_u64(documents->change, &documents->meta, META_KEY("version"), &next);
    if (!rc) rc = put_meta_u64(documents->change, &documents->meta, META_KEY("version"), ++next);
    if (rc) {
        mtr_documents_abort(documents);
        return rc;
    }
    rc = lmdb_commit(documents->change);
    documents->change = NULL;
    if (!rc) *version = next;
    return rc;
}

void mtr_documents_abort(struct mtr_documents *documents)
{
    if (documents->change) mdb_txn_abort(documents->change);
    documents->change = NULL;
}

/* A reading: the documents of one kind in one transaction, and who gets them. */
struct reading {
    const struct mtr_documents *documents;
    MDB_txn *txn;
    uint8_t kind;
    mtr_documents_on_document on_document;
    void *context;
    bool deletions; /* are handed out, too */
    bool found;     /* something was handed out */
};

/* A revision of a key whose newest is the head: it may be of a number that the key had before. */
static int hand_out(struct reading *reading, struct mtr_str key, struct head head)
{
    struct mtr_stored_document document;
    int rc = read_revision(reading->documents, reading->txn, reading->kind, head, &document);
    while (rc == MTR_ENOTFOUND) {
        rc = read_link(reading->documents, reading->txn, reading->kind, &head.number);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
        rc = read_revision(reading->documents, reading->txn, reading->kind, head, &document);
    }
    if (rc) return rc;
    document.key = key;
    if (!document.json.size && !reading->deletions) return MTR_OK;
    reading->found = true;
    return reading->on_document(reading->context, &document);
}

int mtr_documents_get(struct mtr_documents *documents, uint8_t kind, struct mtr_str key, uint32_t revision,
                      mtr_documents_on_document on_document, void *context)
{
    struct head_key head_key;
    struct head head;
    MDB_txn *txn = NULL;
    if (documents_head_key(kind, key, &head_key)) return MTR_ENOTFOUND;
    int rc = begin_read(documents, &txn);
    if (rc) return rc;
    struct reading reading = {documents, txn, kind, on_document, context, revision > 0, false};
    rc = read_head(documents, txn, lmdb_val(head_key.bytes, head_key.size), &head);
    if (!rc && revision > head.revision) rc = MTR_ENOTFOUND;
    if (!rc && revision > 0) head.revision = revision;
    if (!rc) rc = hand_out(&reading, key, head);
    if (!rc && !reading.found) rc = MTR_ENOTFOUND;
    mdb_txn_abort(txn);
    return rc;
}

int mtr_documents_walk(struct mtr_documents *documents, uint8_t kind, struct mtr_str after,
                       mtr_documents_on_document on_document, void *context)
{
    struct head_key first = {.bytes = {kind}, .size = 1};
    const struct sealed_table *heads = &documents->heads;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    if (after.size && documents_head_key(kind, after, &first)) return MTR_EINVALID;
    int rc = begin_read(documents, &txn);
    if (rc) return rc;
    struct reading reading = {documents, txn, kind, on_document, context, false, false};
    rc = lmdb_error(mdb_cursor_open(txn, heads->dbi, &cursor));
    if (rc) goto out;
    MDB_val key = lmdb_val(first.bytes, first.size), value;
    int next = sealed_cursor_get(cursor, heads, &key, &value, MDB_SET_RANGE);
    if (!next && after.size && key.mv_size == first.size && memcmp(key.mv_data, first.bytes, first.size) == 0)
        next = sealed_cursor_get(cursor, heads, &key, &value, MDB_NEXT);
    while (!rc && !next && *(const uint8_t *)key.mv_data == kind) {
        struct head head;
        struct mtr_str name = {(const char *)key.mv_data + 1, key.mv_size - 1};
        rc = read_head(documents, txn, key, &head);
        if (!rc) rc = hand_out(&reading, name, head);
        next = sealed_cursor_get(cursor, heads, &key, &value, MDB_NEXT);
    }
    if (!rc && next != MTR_ENOTFOUND) rc = next;
out:
    if (cursor) mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return rc;
}

int mtr_documents_walk_revisions(struct mtr_documents *documents, uint8_t kind, struct mtr_str key,
                                 uint32_t after, mtr_documents_on_document on_document, void *context)
{
    struct head_key head_key;
    struct head newest;
    MDB_txn *txn = NULL;
    if (documents_head_key(kind, key, &head_key)) return MTR_ENOTFOUND;
    int rc = begin_read(documents, &txn);
    if (rc) return rc;
    struct reading reading = {documents, txn, kind, on_document, context, true, false};
    rc = read_head(documents, txn, lmdb_val(head_key.bytes, head_key.size), &newest);
    for (uint32_t revision = after + 1; !rc && revision <= newest.revision; revision++)
        rc = hand_out(&reading, key, (struct head){newest.number, revision});
    mdb_txn_abort(txn);
    return rc;
}
