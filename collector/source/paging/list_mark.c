/*
 * Marks, made and read.
 */
#include "collector/source/paging/list_mark.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/store/ledger.h"

enum { EDITION_DIGITS = 16, TAIL_BYTES = 1 + EDITION_DIGITS };

static struct mtr_str tail_of(const struct mtr_source *source, char text[TAIL_BYTES + 1])
{
    snprintf(text, TAIL_BYTES + 1, "\n%016" PRIx64, source->edition);
    return mtr_str_from(text);
}

int list_mark_write(struct mtr_str version, const struct mtr_source *source, struct mtr_buffer *out)
{
    char text[TAIL_BYTES + 1];
    mtr_buffer_reset(out);
    if (!version.size || version.size > MTR_LEDGER_CURSOR_BYTES_MAX - TAIL_BYTES) return MTR_OK;
    int rc = mtr_buffer_append_str(out, version);
    return rc ? rc : mtr_buffer_append_str(out, tail_of(source, text));
}

struct mtr_str list_mark_version(struct mtr_str mark, const struct mtr_source *source)
{
    const struct mtr_str none = {NULL, 0};
    char text[TAIL_BYTES + 1];
    if (mark.size <= TAIL_BYTES) return none;
    const struct mtr_str end = {mark.data + mark.size - TAIL_BYTES, TAIL_BYTES};
    const bool is_same = mtr_str_equal(end, tail_of(source, text));
    return is_same ? (struct mtr_str){mark.data, mark.size - TAIL_BYTES} : none;
}
