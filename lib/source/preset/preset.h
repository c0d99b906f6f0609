/*
 * Presets: what is the same of all sources of one API, as a document without key and vendor. A file each;
 * adding one is a file, its row in preset.c and an example in config/sources/. Private to lib/source.
 *
 * A preset says what the API's own pages say, and asks for what belongs to whoever uses it: paths, files of
 * secrets, columns.
 */
#ifndef METERD_LIB_SOURCE_PRESET_PRESET_H
#define METERD_LIB_SOURCE_PRESET_PRESET_H

#include "meterd/source/source_read.h"

extern const struct mtr_source_preset source_preset_activeplatform, source_preset_cloudevents,
    source_preset_focus, source_preset_gnocchi, source_preset_partner_center, source_preset_prometheus,
    source_preset_rest, source_preset_stripe_list;

#endif
