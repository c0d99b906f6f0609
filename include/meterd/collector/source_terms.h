/*
 * When a source with `for_each: subscription` is asked for a subject: in the terms of all its subscriptions
 * of the service, and for a while behind each end, so that usage which no subscription has any more is seen.
 *
 *   subscriptions   [───── sub-1 ─────)                [── sub-2 …
 *   asked for       [──────────────────── rereads ─)   [──────────
 *                     complete, settled ▲ open           ▲
 *                                       └── not whole: complete
 *
 * A window that lies in no term is read as one that is not over is: as a draft, which proves nothing and
 * holds nothing. One that lies in terms in part is never settled. So where a term comes to have all of it, it
 * is read again, whenever that is; what was refused of it counts then.
 */
#ifndef METERD_COLLECTOR_SOURCE_TERMS_H
#define METERD_COLLECTOR_SOURCE_TERMS_H

#include "meterd/catalog/catalog.h"
#include "meterd/source/schedule.h"

enum { MTR_SOURCE_TERMS_MAX = 64 }; /* of more the last one has all that is between, too */

/* Of a subject, by any of its subscriptions: how many, ascending; each so much longer. Pure. */
uint32_t mtr_source_terms(const struct mtr_subscription *subscription, int64_t behind_us,
                          struct mtr_plan_term terms[MTR_SOURCE_TERMS_MAX]);

enum mtr_source_part { MTR_SOURCE_PART_NONE, MTR_SOURCE_PART_SOME, MTR_SOURCE_PART_ALL };
/* How much of the window lies in the terms. */
enum mtr_source_part mtr_source_part_of(const struct mtr_subscription *subscription,
                                        const struct mtr_window *window);
/* The subscription that a window's request names, in the phase in which the window begins: the last that
 * begins before the window's end, or else the first. */
const struct mtr_subscription *mtr_source_subscription_at(const struct mtr_subscription *subscription,
                                                          const struct mtr_window *window);

#endif
