/*
 * Sentences that have somebody else's words in them: a vendor's, or those of a file. Whoever reads them reads
 * one line, and no terminal takes any of it for an order. Pure.
 */
#ifndef METERD_CORE_LINE_H
#define METERD_CORE_LINE_H

/* In place: one line of UTF-8. Control characters, those of UTF-8's second page (U+0080 to U+009F) too,
 * become spaces, and bytes that are no UTF-8 '?'. */
void mtr_line_make(char *text);

#endif
