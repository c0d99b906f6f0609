/*
 * Text of another encoding as UTF-8, piece by piece, by iconv(3). One thread.
 */
#ifndef METERD_COLLECTOR_TRANSCODE_H
#define METERD_COLLECTOR_TRANSCODE_H

#include <stdbool.h>

#include "meterd/collector/unpack.h"

struct mtr_transcode;

/* An encoding that is known (meterd/source/encoding.h). MTR_ENOMEM. */
int mtr_transcode_open(const char *encoding, mtr_on_text on_text, void *context,
                       struct mtr_transcode **out) MTR_MUST_USE;
void mtr_transcode_close(struct mtr_transcode *transcode);
/* MTR_ECORRUPT: a byte that the encoding does not have, by its place in *diagnostic. */
int mtr_transcode_read(struct mtr_transcode *transcode, struct mtr_str piece,
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* MTR_ECORRUPT: the text ends inside of a character. */
int mtr_transcode_end(struct mtr_transcode *transcode, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
