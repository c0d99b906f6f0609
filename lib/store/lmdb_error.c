/*
 * LMDB's codes as errors of meterd.
 */
#include "lib/store/lmdb_env.h"

int lmdb_error(int lmdb_code)
{
    switch (lmdb_code) {
    case MDB_SUCCESS: return MTR_OK;
    case MDB_NOTFOUND: return MTR_ENOTFOUND;
    case MDB_KEYEXIST: return MTR_EEXISTS;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case MDB_DBS_FULL: return MTR_EFULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID: return MTR_ECORRUPT;
    case MDB_VERSION_MISMATCH: return MTR_EVERSION;
    case MDB_PANIC: return MTR_EIO;
    default: break;
    }
    MTR_ASSERT(lmdb_code != MDB_BAD_TXN && lmdb_code != MDB_BAD_DBI && lmdb_code != MDB_BAD_VALSIZE &&
               lmdb_code != MDB_BAD_RSLOT);
    return mtr_error_from_errno(lmdb_code);
}
