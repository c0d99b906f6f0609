/*
 * Text escaped for where a template stands (meterd/source/template.h says how). Private to lib/source.
 */
#ifndef METERD_LIB_SOURCE_ESCAPE_H
#define METERD_LIB_SOURCE_ESCAPE_H

#include "meterd/core/buffer.h"
#include "meterd/source/template.h"

/* What the author wrote. MTR_EINVALID: it cannot stand there; *fault is a sentence (static). MTR_ELIMIT,
 * MTR_ENOMEM. */
int escape_literal(enum mtr_template_place place, struct mtr_str text, struct mtr_buffer *out,
                   const char **fault) MTR_MUST_USE;
/* What a stranger wrote, perhaps; the same errors. Of a path `keeps_slashes`: the value is a path itself. */
int escape_value(enum mtr_template_place place, struct mtr_str text, bool keeps_slashes,
                 struct mtr_buffer *out, const char **fault) MTR_MUST_USE;
/* Has the path, up to its query, a segment `.` or `..`? */
bool escape_has_dots(struct mtr_str path);

#endif
