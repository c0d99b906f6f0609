/*
 * Scrubbing of the environments that this process writes to, in slices of their pages.
 */
#include "meterd/store/scrub.h"

#include <stdlib.h>

#include "lib/store/page_check.h"
#include "lib/store/written.h"
#include "meterd/store/damage.h"

struct mtr_scrub {
    uint64_t number;         /* of the environment at hand, or of the one before the next */
    struct page_place place; /* in it */
};

int mtr_scrub_open(struct mtr_scrub **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? MTR_OK : MTR_ENOMEM;
}

void mtr_scrub_close(struct mtr_scrub *scrub) { free(scrub); }

/* One that was closed meanwhile is another now: its place is not the one at hand. */
static MDB_env *take(struct mtr_scrub *scrub, const struct sealed_store **store)
{
    const uint64_t before = scrub->number;
    if (scrub->place.is_begun) scrub->number--;
    MDB_env *env = written_take(&scrub->number, store);
    if (scrub->place.is_begun && scrub->number != before)
        scrub->place = (struct page_place){.is_begun = false};
    return env;
}

int mtr_scrub_step(struct mtr_scrub *scrub, uint64_t bytes_max, struct mtr_scrub_slice *out,
                   struct mtr_diagnostic *diagnostic)
{
    const struct sealed_store *store = NULL;
    struct page_check_counts counts = {0};
    *out = (struct mtr_scrub_slice){.bytes = 0};
    MDB_env *env = take(scrub, &store);
    if (!env) {
        out->is_round = scrub->number > 0;
        *scrub = (struct mtr_scrub){.number = 0};
        return MTR_OK;
    }
    int rc = page_scrub(env, store, bytes_max, &scrub->place, &counts, diagnostic);
    written_give(env);
    out->bytes = counts.bytes;
    if (!rc) return MTR_OK;
    scrub->place = (struct page_place){.is_begun = false}; /* on with the next store */
    if (rc == MTR_ECORRUPT) mtr_store_note_damage(diagnostic->text);
    return rc;
}
