/*
 * A store of documents made of what was salvaged of another.
 */
#include "lib/store/salvage/salvage.h"

#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_BYTES = 65536 };

static int put_rows(struct salvaging *salvaging, struct mtr_documents *documents)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < salvaging->row_count; i++) {
        const struct salvaged_row *row = &salvaging->rows[i];
        struct mtr_str text;
        rc = salvage_read(salvaging, row, &text);
        if (rc) return rc;
        MDB_val value = lmdb_val(text.data, text.size);
        rc = sealed_put(documents->change, &documents->revisions, lmdb_val(row->key, sizeof(row->key)),
                        &value, MDB_APPEND);
    }
    return rc;
}

static int put_heads(struct salvaging *salvaging, struct mtr_documents *documents)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < salvaging->number_count; i++) {
        const struct salvaged_number *number = &salvaging->numbers[i];
        struct head_key key;
        unsigned char bytes[HEAD_BYTES];
        if (number->is_followed) continue;
        rc = documents_head_key(number->kind, number->key, &key) ? MTR_ECORRUPT : MTR_OK;
        lmdb_put_u32(bytes, number->number);
        lmdb_put_u32(bytes + 4, number->revision);
        MDB_val value = lmdb_val(bytes, sizeof(bytes));
        if (!rc)
            rc = sealed_put(documents->change, &documents->heads, lmdb_val(key.bytes, key.size), &value,
                            MDB_NOOVERWRITE);
    }
    return rc == MTR_EEXISTS ? MTR_ECORRUPT : rc;
}

static int put_counts(const struct salvaging *salvaging, struct mtr_documents *documents, uint64_t version)
{
    unsigned char key[] = "count?", bytes[sizeof(uint64_t)];
    int rc = MTR_OK;
    for (int kind = 0; !rc && kind < MTR_DOCUMENTS_KINDS_MAX; kind++) {
        if (!salvaging->counts[kind]) continue;
        key[sizeof(key) - 2] = (unsigned char)kind;
        lmdb_put_u64(bytes, salvaging->counts[kind]);
        MDB_val value = lmdb_val(bytes, sizeof(bytes));
        rc = sealed_put(documents->change, &documents->meta, lmdb_val(key, sizeof(key) - 1), &value, 0);
    }
    lmdb_put_u64(bytes, version);
    MDB_val value = lmdb_val(bytes, sizeof(bytes));
    return rc ? rc : sealed_put(documents->change, &documents->meta, lmdb_val("version", 7), &value, 0);
}

static int make(struct salvaging *salvaging, uint64_t version)
{
    struct mtr_documents *documents = NULL;
    uint64_t before;
    int rc = mtr_documents_open(salvaging->task->to, false, &documents, salvaging->diagnostic);
    if (!rc) rc = mtr_documents_begin(documents, &before);
    if (!rc) {
        rc = put_rows(salvaging, documents);
        if (!rc) rc = put_heads(salvaging, documents);
        if (!rc) rc = put_counts(salvaging, documents, version);
        if (!rc) {
            rc = lmdb_commit(documents->change);
            documents->change = NULL;
        } else {
            mtr_documents_abort(documents);
        }
    }
    mtr_documents_close(documents);
    return rc;
}

int mtr_documents_salvage(const struct mtr_documents_salvage *task, uint64_t *version,
                          struct mtr_diagnostic *diagnostic)
{
    struct salvaging salvaging = {.task = task, .diagnostic = diagnostic};
    salvaging.file = (struct page_checking){
        .store = &documents_store, .diagnostic = &salvaging.unheard, .fd = -1};
    mtr_buffer_init(&salvaging.file.value, SIZE_MAX / 2);
    mtr_arena_init(&salvaging.arena, CHUNK_BYTES, SIZE_MAX / 2);
    int rc = salvage_rows(&salvaging);
    if (!rc) rc = salvage_numbers(&salvaging);
    *version = salvaging.version > task->version_known ? salvaging.version : task->version_known;
    if (salvaging.times > *version) *version = salvaging.times;
    if (!rc && task->to) rc = make(&salvaging, *version);
    if (salvaging.file.fd >= 0) close(salvaging.file.fd);
    mtr_buffer_release(&salvaging.file.value);
    mtr_arena_release(&salvaging.arena);
    free(salvaging.rows);
    free(salvaging.heads);
    free(salvaging.numbers);
    return rc;
}
