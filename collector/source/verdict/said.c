/*
 * What checks share; see said.h.
 */
#include "collector/source/verdict/said.h"

#include <stdarg.h>
#include <stdio.h>

#include "meterd/core/line.h"

bool verdict_object(struct verdict *out, enum mtr_window_state state, enum mtr_alarm alarm,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(out->problem, sizeof(out->problem), format, args);
    va_end(args);
    MTR_ASSERT(size > 0 && (size_t)size < sizeof(out->problem));
    mtr_line_make(out->problem); /* there may be words of the vendor in it */
    out->state = state;
    out->alarm = alarm;
    return true;
}

bool verdict_is_same_content(const struct reading_facts *facts)
{
    return facts->before && facts->before->content.high == facts->content.high &&
           facts->before->content.low == facts->content.low;
}

uint32_t verdict_count_said(const struct reading_facts *facts, bool is_same, int64_t from_us, bool *is_news)
{
    const struct mtr_ledger_window *before = facts->before;
    *is_news = true;
    if (!before || !before->agreed || !is_same) return 1;
    if (before->agreed >= VERDICT_ACCEPTED) return VERDICT_ACCEPTED;
    const int64_t again_us = before->noted_us + facts->source->guard.every_us;
    *is_news = facts->began_us >= (from_us > again_us ? from_us : again_us);
    return before->agreed + (*is_news ? 1 : 0);
}

void verdict_note_agreed(struct verdict *out)
{
    if (out->agreed < VERDICT_ACCEPTED) out->proofs |= MTR_PROOF_AGREE;
    out->agreed = 0;
}

bool verdict_is_filling(const struct reading_facts *facts)
{
    return facts->is_draft && !facts->is_given && !facts->is_list;
}
