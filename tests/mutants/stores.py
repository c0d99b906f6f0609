"""What checks stored bytes. Rows as __main__.py says."""
STORE = "lib/store/"

MUTANTS = {
    "a row's checksum is not looked at": (
        STORE + "sealed_table.c", "if (seal != sealed_seal(table->salt, key, value->mv_data, size))", "if (seal == 1)", "test_sealed_table|test_damage"),
    "a value counts under any key": (
        STORE + "sealed_table.c", "XXH3_64bits_withSeed(key.mv_data, key.mv_size, salt)", "key.mv_size ? salt : 0", "test_sealed_table"),
    "that a row is not there is not proved": (
        STORE + "sealed_table.c", "    if (before && !is_first) return before;", "", "test_sealed_table"),
    "a page stands in the place of another": (
        STORE + "page_check.c", "if (header->number != number)", "if (check->pages == 0)", "test_page_check"),
    "rows are not counted": (
        STORE + "page_check.c", "if (tree->entries != root->entries)", "if (check->pages == 0)", "test_page_check"),
    "a commit that is lost is not missed": (
        STORE + "page_metas.c", "(a > b ? a - b : b - a) > 1", "(a > b ? a - b : b - a) > 1000000", "test_page_check"),
    "what a catalog is made of need not be all": (
        STORE + "salvage/salvage_numbers.c", "salvaging->entries == salvaging->row_count", "salvaging->row_count > 0", "test_documents_salvage"),
    "an old page says which revision is the newest": (
        STORE + "salvage/salvage_numbers.c", "if (is_told(salvaging)) return", "if (is_told(salvaging) || !salvaging->damaged_pages) return", "test_documents_salvage"),
    "chunks of identities that are gone are not missed": (
        STORE + "log/log_scrub.c", "if (place->count == record->identity_count && place->folded.low == record->identities_hash.low &&\n        place->folded.high == record->identities_hash.high)",
        "if (place->count <= record->identity_count)", "test_log_scrub"),
    "identities behind unsealed ones stay sealed": (
        STORE + "log/log_unseal.c", "rc = *count ? MTR_ECORRUPT : verify(", "rc = *count > 1000 ? MTR_ECORRUPT : verify(", "test_log_unseal"),
    "a damaged message is tried again for ever": (
        "rater/emitter/outbox.c", "return is_damaged ? MTR_ECORRUPT : MTR_OK;", "(void)is_damaged; return MTR_OK;", "test_damage"),
    "what a killed writer committed is not told": (
        STORE + "lmdb_env.c", "if (!rc && !options->read_only) rc = tell_last_commit(env);", "if (!rc && options->databases_max > 1u << 30) rc = tell_last_commit(env);", "test_dead_writer"),
    "a new file is written where a link of its name leads": (
        "lib/store/durable.c", "    if (unlink(path) && errno != ENOENT) return last_error();\n    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL |", "    *fd = open(path, O_WRONLY | O_CREAT |",
        "test_durable|test_mark"),
    "everybody reads the stores of a backup": (
        "lib/store/backup.c", "if (!rc && chmod(path, 0600))", "if (!rc && !path[0])", "test_log_copy"),
    "everybody may write in the data directory": (
        "daemon/admin_key.c", "if (!rc && others_write(&status)) {", "if (!rc && others_write(&status) && !directory) {", "test_hardening"),
    "the key of identities is that of a link": (
        "daemon/admin_key.c", "O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK", "O_RDONLY | O_CLOEXEC | O_NONBLOCK", "test_hardening"),
}
