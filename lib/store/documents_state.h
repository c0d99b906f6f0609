/*
 * Inside of the store of documents. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DOCUMENTS_STATE_H
#define METERD_LIB_STORE_DOCUMENTS_STATE_H

#include "lib/store/sealed_table.h"
#include "meterd/core/limits.h"
#include "meterd/store/documents.h"

enum { DOCUMENTS_FORMAT = 3 };
/* The sizes of rows, as documents.c has them. */
enum { HEAD_BYTES = 8, REVISION_KEY_BYTES = 9, REVISION_HEADER_BYTES = 10, LINK_BYTES = 4 };

extern const struct sealed_store documents_store;

struct mtr_documents {
    MDB_env *env;
    struct sealed_table heads, revisions, meta;
    MDB_txn *change; /* between begin and commit or abort */
};

struct head_key {
    unsigned char bytes[1 + MTR_NAME_BYTES_MAX];
    size_t size;
};

/* MTR_EINVALID: it is too short or too long. */
int documents_head_key(uint8_t kind, struct mtr_str key, struct head_key *out) MTR_MUST_USE;

#endif
