/*
 * The guard: what a reading would take away from what counts, here and in other windows, and what is far more
 * than is usual. Checks of a verdict; private to verdict/.
 *
 * A row that would not count lends a reading nothing: neither itself nor its quantity.
 *
 * Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_VERDICT_GUARD_H
#define METERD_COLLECTOR_SOURCE_VERDICT_GUARD_H

#include "collector/source/verdict/verdict.h"

/* Each: true when it objects. */
bool guard_check_others(const struct reading_facts *facts, struct verdict *out);
bool guard_check_left(const struct reading_facts *facts, struct verdict *out);
bool guard_check_mute(const struct reading_facts *facts, struct verdict *out);
bool guard_check_size(const struct reading_facts *facts, struct verdict *out);

#endif
