/*
 * The body of a charge: what is frozen in the charges store, sent to destinations and handed out by the feed.
 *
 *   {"number":17,"id":"9f…","status":"draft","subscription":"s-1","component":"vcpu","kind":"usage",
 *    "dimensions":{"region":"eu"},"period_start":"2026-03-01T00:00:00+01:00", …,"quantity":"100",
 *    "quantity_delta":"10","amount":"1.20","amount_total":"12.00","currency":"EUR", …}
 *
 * The rater writes it once, in the transaction that appends the charge; from then on it is passed through,
 * byte by byte. So whoever reads it has it as it was charged, and a body that was sent is the body that is
 * stored. A new member may be added; none is renamed, moved or left out where it was always there
 * (docs/formats.md).
 *
 * Each shape has the rows that write the body and the schema that describes it: one cannot differ from the
 * other. Money and quantities are texts, exact; times carry the offset of the subscription's zone, ends are
 * exclusive. Shapes are constant: any thread.
 */
#ifndef METERD_RATER_CHARGE_BODY_H
#define METERD_RATER_CHARGE_BODY_H

#include "meterd/core/shape.h"

extern const struct mtr_shape mtr_charge_shape;
/* Of each part of the trace that is kept beside it: from, to, tariff, version and its whole price. */
extern const struct mtr_shape mtr_charge_trace_shape;

#endif
