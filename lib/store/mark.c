/*
 * The mark's file: a slot file of five numbers.
 */
#include "meterd/store/mark.h"

#include "lib/store/lmdb_env.h"
#include "lib/store/slot_file.h"

enum { MARK_BYTES = 40 };

static const struct slot_format format = {
    .name = "mark", .magic = {'M', 'T', 'R', 'M', 'A', 'R', 'K', '1'}, .payload_bytes = MARK_BYTES};

const char *const mtr_marked_stores[MTR_MARKED_STORES] = {"log", "rollups", "charges", "catalog"};

int mtr_mark_read(const char *directory, struct mtr_mark *out, struct mtr_diagnostic *diagnostic)
{
    unsigned char bytes[MARK_BYTES];
    const int rc = slot_file_read(&format, directory, bytes);
    if (rc == MTR_ECORRUPT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "%s/mark is damaged: run meterd repair, which writes it as the others say, or "
                           "restore all stores from one backup", directory);
    else if (rc && rc != MTR_ENOTFOUND)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "%s/mark cannot be read: %s", directory, mtr_error_text(rc));
    if (rc) return rc;
    *out = (struct mtr_mark){.log_seq = lmdb_get_u64(bytes),
                             .catalog_version = lmdb_get_u64(bytes + 8),
                             .charge_number = lmdb_get_u64(bytes + 16),
                             .charge_id = {lmdb_get_u64(bytes + 24), lmdb_get_u64(bytes + 32)}};
    return MTR_OK;
}

static void encode(const struct mtr_mark *mark, unsigned char bytes[MARK_BYTES])
{
    lmdb_put_u64(bytes, mark->log_seq);
    lmdb_put_u64(bytes + 8, mark->catalog_version);
    lmdb_put_u64(bytes + 16, mark->charge_number);
    lmdb_put_u64(bytes + 24, mark->charge_id.high);
    lmdb_put_u64(bytes + 32, mark->charge_id.low);
}

int mtr_mark_write(const char *directory, const struct mtr_mark *mark)
{
    unsigned char bytes[MARK_BYTES];
    encode(mark, bytes);
    return slot_file_write(&format, directory, bytes);
}

int mtr_mark_replace(const char *directory, const struct mtr_mark *mark)
{
    unsigned char bytes[MARK_BYTES];
    encode(mark, bytes);
    return slot_file_replace(&format, directory, bytes);
}
