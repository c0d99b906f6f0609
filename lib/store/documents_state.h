/*
 * Inside of the store of documents. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DOCUMENTS_STATE_H
#define METERD_LIB_STORE_DOCUMENTS_STATE_H

#include "lib/store/lmdb_env.h"
#include "meterd/store/documents.h"

struct mtr_documents {
    MDB_env *env;
    MDB_dbi heads, revisions, meta;
    MDB_txn *change; /* between begin and commit or abort */
};

#endif
