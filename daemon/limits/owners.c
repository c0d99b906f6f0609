/*
 * See owners.h. Rows are of one size and come one by one; a hash of chains finds them, and a list has them in
 * the order of their use.
 */
#include "daemon/limits/owners.h"

#include <stdlib.h>

enum { LOOKS = 8 }; /* how many of the oldest are looked at for one that can be forgotten */

struct row {
    struct limit_owner owner; /* first: what is handed out */
    mtr_owner id;
    struct row *next; /* of the same bucket of the hash */
    struct row *newer, *older;
};

struct limit_owners {
    uint32_t max, count, mask;
    struct row *newest, *oldest;
    struct limit_owner rest; /* of all who found no place */
    struct row *heads[];
};

int limit_owners_open(uint32_t owners_max, struct limit_owners **out)
{
    uint32_t heads = 1;
    while (heads < owners_max) heads *= 2;
    struct limit_owners *owners = calloc(1, sizeof(*owners) + heads * sizeof(owners->heads[0]));
    if (!owners) return MTR_ENOMEM;
    owners->max = owners_max;
    owners->mask = heads - 1;
    *out = owners;
    return MTR_OK;
}

void limit_owners_close(struct limit_owners *owners)
{
    while (owners && owners->oldest) {
        struct row *row = owners->oldest;
        owners->oldest = row->newer;
        free(row);
    }
    free(owners);
}

uint32_t limit_owners_count(const struct limit_owners *owners)
{
    return owners->count;
}

/* Kinds of owners stand in the highest bits, numbers of keys in the lowest. */
static struct row **head_of(struct limit_owners *owners, mtr_owner id)
{
    return &owners->heads[((id ^ id >> 31) * UINT64_C(0x9E3779B97F4A7C15) >> 32) & owners->mask];
}

static void unlink_use(struct limit_owners *owners, struct row *row)
{
    *(row->newer ? &row->newer->older : &owners->newest) = row->older;
    *(row->older ? &row->older->newer : &owners->oldest) = row->newer;
}

static void link_newest(struct limit_owners *owners, struct row *row)
{
    row->newer = NULL;
    row->older = owners->newest;
    *(row->older ? &row->older->newer : &owners->oldest) = row;
    owners->newest = row;
}

static bool is_idle(struct row *row, const struct limit_rates *rates, int64_t now_us)
{
    for (int i = 0; i < LIMIT_KIND_COUNT; i++)
        if (limit_bucket_wait_us(&row->owner.buckets[i], &rates->of[i], 0, now_us)) return false;
    return !row->owner.calls;
}

/* One that can be forgotten, taken out of hash and list; or NULL. */
static struct row *forget(struct limit_owners *owners, const struct limit_rates *rates, int64_t now_us)
{
    struct row *row = owners->oldest;
    for (int i = 0; row && i < LOOKS && !is_idle(row, rates, now_us); i++) row = row->newer;
    if (!row || !is_idle(row, rates, now_us)) return NULL;
    struct row **at = head_of(owners, row->id);
    while (*at != row) at = &(*at)->next;
    *at = row->next;
    unlink_use(owners, row);
    owners->count--;
    return row;
}

struct limit_owner *limit_owners_find(struct limit_owners *owners, mtr_owner owner,
                                      const struct limit_rates *rates, int64_t now_us)
{
    struct row **head = head_of(owners, owner), *row = *head;
    while (row && row->id != owner) row = row->next;
    if (row) {
        unlink_use(owners, row);
        link_newest(owners, row);
        return &row->owner;
    }
    row = owners->count < owners->max ? malloc(sizeof(*row)) : forget(owners, rates, now_us);
    if (!row) return &owners->rest;
    *row = (struct row){.owner = {.calls = 0}, .id = owner, .next = *head};
    *head = row;
    link_newest(owners, row);
    owners->count++;
    return &row->owner;
}
