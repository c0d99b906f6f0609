/*
 * What the checks of a verdict share: how they object, and what counts as said again. Private to verdict/.
 *
 * Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_VERDICT_SAID_H
#define METERD_COLLECTOR_SOURCE_VERDICT_SAID_H

#include "collector/source/verdict/verdict.h"

/* True: it is not taken, and that is why. */
bool verdict_object(struct verdict *out, enum mtr_window_state state, enum mtr_alarm alarm,
                    const char *format, ...) MTR_PRINTF(4, 5);

bool verdict_is_same_content(const struct reading_facts *facts);
/* How often `is_same` was said in a row, this time included; *is_news: this time counts. */
uint32_t verdict_count_said(const struct reading_facts *facts, bool is_same, int64_t from_us, bool *is_news);
/* It is taken for what was said; by an operator that is no proof. */
void verdict_note_agreed(struct verdict *out);
/* A draft of usage: the vendor is still adding to it. */
bool verdict_is_filling(const struct reading_facts *facts);

#endif
