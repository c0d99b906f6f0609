/*
 * Sentences that have somebody else's words in them.
 */
#include "meterd/core/line.h"

#include "meterd/core/str.h"

void mtr_line_make(char *text)
{
    size_t step;
    for (struct mtr_str rest = mtr_str_from(text); rest.size; rest.data += step, rest.size -= step) {
        char *at = text + (rest.data - text);
        const unsigned char first = (unsigned char)at[0];
        step = mtr_str_utf8_step(rest);
        if (!step) *at = '?';
        if (first < ' ' || first == 0x7f) *at = ' ';
        if (step == 2 && first == 0xc2 && (unsigned char)at[1] < 0xa0) at[0] = at[1] = ' ';
        step += !step;
    }
}
