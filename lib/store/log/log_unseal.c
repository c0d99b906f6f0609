/*
 * Identities that rotted: their segment counts as one that was rolled and not sealed yet, and whoever opens
 * the index of duplicates seals it again, of its blocks. Segments are sealed one behind the other, so those
 * after it count as such, too.
 */
#include "meterd/store/log.h"

#include <unistd.h>

#include "lib/store/log/log_carried.h"
#include "lib/store/log/log_internal.h"

/* One segment alone, behind that before it. */
static int verify(const char *directory, const struct mtr_manifest *manifest, uint32_t index,
                  bool with_identities, struct mtr_diagnostic *diagnostic)
{
    struct mtr_segment_record record = manifest->records[index];
    struct mtr_manifest one = {.base = manifest->base, .records = &record, .count = 1};
    if (index) {
        const struct mtr_segment_record *before = &manifest->records[index - 1];
        one.base = (struct mtr_log_base){before->last_seq, before->last_received_us, before->last_hash};
    }
    record.sealed &= with_identities;
    *diagnostic = (struct mtr_diagnostic){0};
    return log_verify_manifest(directory, &one, true, false, diagnostic);
}

static int unseal(const char *directory, struct mtr_manifest *manifest, uint32_t *count,
                  struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < manifest->count; i++) {
        struct mtr_segment_record *record = &manifest->records[i];
        rc = *count ? MTR_ECORRUPT : verify(directory, manifest, i, true, diagnostic);
        if (rc != MTR_ECORRUPT || (!record->sealed && !*count)) continue;
        rc = verify(directory, manifest, i, false, diagnostic);
        if (rc || !record->sealed) continue;
        record->sealed = false;
        record->identity_count = 0;
        record->identities_hash = (struct mtr_hash128){0};
        ++*count;
    }
    return rc;
}

int mtr_log_unseal_damaged(const char *directory, bool is_dry_run, uint32_t *count,
                           struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest manifest = {.count = 0};
    int lock = -1;
    *count = 0;
    int rc = is_dry_run ? MTR_OK : log_take_lock(directory, &lock, diagnostic);
    if (!rc) rc = log_carried_verify(directory, diagnostic); /* of which nothing makes another */
    if (!rc) rc = manifest_read(directory, &manifest, diagnostic);
    if (!rc) {
        rc = unseal(directory, &manifest, count, diagnostic);
        if (!rc && *count && !is_dry_run) rc = manifest_write(directory, &manifest);
        manifest_release(&manifest);
    }
    if (lock >= 0) close(lock);
    return rc;
}
