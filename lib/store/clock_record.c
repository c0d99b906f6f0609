/*
 * The file of trusted time: a slot file.
 */
#include "meterd/store/clock_record.h"

#include <string.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/slot_file.h"

enum { TIMES = 7, BOOT_AT = TIMES * 8, UNSEEN_AT = BOOT_AT + MTR_BOOT_BYTES, RECORD_BYTES = UNSEEN_AT + 8 };

static const struct slot_format format = {
    .name = "clock", .magic = {'M', 'T', 'R', 'C', 'L', 'O', 'C', '1'}, .payload_bytes = RECORD_BYTES};

int mtr_clock_record_read(const char *data_directory, struct mtr_trusted_record *out)
{
    unsigned char bytes[RECORD_BYTES];
    int64_t times[TIMES];
    *out = (struct mtr_trusted_record){0};
    const int rc = slot_file_read(&format, data_directory, bytes);
    if (rc) return rc;
    for (size_t i = 0; i < TIMES; i++) times[i] = (int64_t)lmdb_get_u64(bytes + i * 8);
    *out = (struct mtr_trusted_record){.now_us = times[0],
                                       .seen_us = times[1],
                                       .anchor_us = times[2],
                                       .low_us = times[3],
                                       .high_us = times[4],
                                       .accepted_us = times[5],
                                       .before_us = times[6],
                                       .was_unseen = lmdb_get_u64(bytes + UNSEEN_AT) != 0};
    memcpy(out->boot, bytes + BOOT_AT, MTR_BOOT_BYTES);
    return MTR_OK;
}

int mtr_clock_record_write(const char *data_directory, const struct mtr_trusted_record *record)
{
    const int64_t times[TIMES] = {record->now_us,  record->seen_us,     record->anchor_us, record->low_us,
                                  record->high_us, record->accepted_us, record->before_us};
    unsigned char bytes[RECORD_BYTES];
    for (size_t i = 0; i < TIMES; i++) lmdb_put_u64(bytes + i * 8, (uint64_t)times[i]);
    memcpy(bytes + BOOT_AT, record->boot, MTR_BOOT_BYTES);
    lmdb_put_u64(bytes + UNSEEN_AT, record->was_unseen);
    const int rc = slot_file_write(&format, data_directory, bytes);
    return rc != MTR_ECORRUPT ? rc : slot_file_replace(&format, data_directory, bytes);
}
