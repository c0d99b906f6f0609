/*
 * The templates of a source: each is parsed once, with the names that are known where it stands. Private to
 * lib/source.
 */
#ifndef METERD_LIB_SOURCE_DOCUMENT_TEMPLATES_H
#define METERD_LIB_SOURCE_DOCUMENT_TEMPLATES_H

#include "lib/source/document/reading.h"

/* Of a source that was read. Also says where a request does not say what it is about: the window, or the one
 * of for_each. Sets tells_end and asks_from. */
void source_check_templates(struct source_reading *reading, struct mtr_source *source);

#endif
