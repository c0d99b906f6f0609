/*
 * Retention: whole segments go, oldest first. The manifest forgets a segment before its files are unlinked,
 * so a crash in between leaves files that recovery removes, and never a manifest that names what is gone.
 */
#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"
#include "meterd/store/log_carried.h"

static bool may_go(const struct mtr_log_entry *entry, int64_t before_us, uint64_t consumed_seq)
{
    const struct mtr_segment_record *record = &entry->record;
    return record->sealed && entry->uses == 0 && record->last_received_us < before_us &&
           record->last_seq <= consumed_seq;
}

/* Takes the segments that may go out of the set, and tells their numbers and where the log begins now. */
static uint32_t take_out(struct mtr_log *log, int64_t before_us, uint64_t consumed_seq,
                         uint32_t *first_number)
{
    struct mtr_log_set *set = &log->set;
    uint32_t count = 0;
    pthread_mutex_lock(&set->mutex);
    while (count + 1 < set->count && may_go(set->entries[count], before_us, consumed_seq)) count++;
    if (count) {
        const struct mtr_segment_record *newest = &set->entries[count - 1]->record;
        *first_number = set->entries[0]->record.number;
        set->base = (struct mtr_log_base){newest->last_seq, newest->last_received_us, newest->last_hash};
        log_set_remove_first(set, count);
    }
    pthread_mutex_unlock(&set->mutex);
    return count;
}

uint64_t mtr_log_retirable(struct mtr_log *log, int64_t before_us)
{
    struct mtr_log_set *set = &log->set;
    uint64_t last_seq = 0;
    pthread_mutex_lock(&set->mutex);
    for (uint32_t i = 0; i + 1 < set->count; i++) {
        const struct mtr_segment_record *record = &set->entries[i]->record;
        if (!record->sealed || record->last_received_us >= before_us) break;
        last_seq = record->last_seq;
    }
    pthread_mutex_unlock(&set->mutex);
    return last_seq;
}

int mtr_log_retain(struct mtr_log *log, int64_t before_us, uint64_t consumed_seq, uint32_t *removed)
{
    uint32_t first_number = 0;
    uint32_t count = take_out(log, before_us, consumed_seq, &first_number);
    int rc = count ? log_write_manifest(log) : MTR_OK;
    /* When the manifest could not be written the old one still names the segments: their files must stay.
     * The set has forgotten them, which a restart undoes; the next manifest that is written says the same
     * as the set, and recovery then removes the files. */
    for (uint32_t i = 0; i < count && !rc; i++) rc = segment_remove(log->set.directory, first_number + i);
    if (rc) return rc;
    *removed = count;
    return MTR_OK;
}
