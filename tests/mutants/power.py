"""What is synced, and in which order. Rows as __main__.py says."""
STORE = "lib/store/"

MUTANTS = {
    "commits are not synced": (
        STORE + "lmdb_env.c", "mdb_env_open(env, directory, MDB_NOTLS | (", "mdb_env_open(env, directory, MDB_NOTLS | MDB_NOSYNC * !options->read_only | (", "test_power$"),
    "the ends of commits are not synced": (
        STORE + "lmdb_env.c", "mdb_env_open(env, directory, MDB_NOTLS | (", "mdb_env_open(env, directory, MDB_NOTLS | MDB_NOMETASYNC * !options->read_only | (", "test_power$"),
    "a file has its name before it is synced": (
        STORE + "durable.c", "    return fsync(fd) ? last_error() : MTR_OK;", "    return fd < 0 ? last_error() : MTR_OK;", "test_power$"),
    "no directory is synced behind a name": (
        STORE + "durable.c", "return fsync(directory) ? last_error() : MTR_OK;", "return directory < 0 ? MTR_EIO : MTR_OK;", "test_power$"),
    "a new store has its name before it is synced": (
        STORE + "lmdb_env.c", "    if (!rc) rc = mtr_durable_sync(fresh);", "", "test_power$"),
    "what a killed process has committed is told before it is synced": (
        STORE + "lmdb_env.c", "    int rc = lmdb_error(mdb_env_sync(env, 1));", "    int rc = env ? MTR_OK : MTR_EIO;", "test_power$"),
    "a directory that is made is not synced where it stands": (
        STORE + "durable.c", "    if (!mkdir(path, 0700)) return mtr_durable_sync_parent(path);", "    if (!mkdir(path, 0700)) return MTR_OK;", "test_power_polled"),
}
