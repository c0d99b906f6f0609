/*
 * Windows of a source by the words of its document, for tests that have no document.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_WINDOWS_H
#define METERD_TESTS_SUPPORT_SOURCE_WINDOWS_H

#include <string.h>

#include "meterd/core/time.h"
#include "meterd/source/source_timing.h"

/* "hour", "day", "month", "cursor", "periods" or a duration. False: none of them. */
static inline bool source_window_set_length(struct mtr_source_window *window, const char *text)
{
    static const char *const words[] = {"hour", "day", "month", "cursor", "periods"};
    static const enum mtr_source_length lengths[] = {MTR_LENGTH_HOUR, MTR_LENGTH_DAY, MTR_LENGTH_MONTH, MTR_LENGTH_CURSOR, MTR_LENGTH_PERIODS};
    for (unsigned i = 0; i < 5; i++)
        if (strcmp(text, words[i]) == 0) {
            window->length = lengths[i];
            return true;
        }
    window->length = MTR_LENGTH_DURATION;
    return mtr_duration_parse(mtr_str_from(text), &window->length_us) == MTR_OK && window->length_us >= MTR_US_PER_SECOND;
}

/* "6h", "month_end+6d". */
static inline bool source_window_read_reread(struct mtr_source_reread *reread, const char *text)
{
    const char *const month_end = "month_end+";
    reread->is_of_month = strncmp(text, month_end, strlen(month_end)) == 0;
    if (reread->is_of_month) text += strlen(month_end);
    return mtr_duration_parse(mtr_str_from(text), &reread->after_us) == MTR_OK;
}

#endif
