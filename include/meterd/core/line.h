/*
 * Sentences that have somebody else's words in them: a vendor's, or those of a file. Whoever reads them reads
 * one line, and no terminal takes any of it for an order. Pure.
 */
#ifndef METERD_CORE_LINE_H
#define METERD_CORE_LINE_H

#include "meterd/core/buffer.h"

/* In place: one line of UTF-8. Control characters, those of UTF-8's second page (U+0080 to U+009F) too, and
 * those that end lines or turn their direction (U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069)
 * become spaces, and bytes that are no UTF-8 '?'. */
void mtr_line_make(char *text);

/* Text of a program for people, as JSON or CSV: these characters, but for TAB, LF and CR, become escapes of
 * JSON, and bytes that are no UTF-8 U+FFFD. JSON, where they stand in texts alone, means what it meant. */
int mtr_line_escape(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;

#endif
