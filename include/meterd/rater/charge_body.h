/*
 * The body of a charge: what is frozen in the charges store, sent to destinations and handed out by the feed
 * (docs/formats.md). Its rows write it and describe it.
 */
#ifndef METERD_RATER_CHARGE_BODY_H
#define METERD_RATER_CHARGE_BODY_H

#include "meterd/core/shape.h"

extern const struct mtr_shape mtr_charge_shape;
/* Of each part of the trace that is kept beside it. */
extern const struct mtr_shape mtr_charge_trace_shape;

/* The dimensions of a line as a map of texts. They are stored as "name=value,name=value", where ',', '=' and
 * '\' in a value have a '\' before them. */
void mtr_charge_write_dimensions(struct mtr_json_writer *json, struct mtr_str dimensions);

#endif
