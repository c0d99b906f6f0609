/*
 * Names of text encodings, as iconv(3) takes them: what a mapping may say under `encoding`. Any thread.
 */
#ifndef METERD_SOURCE_ENCODING_H
#define METERD_SOURCE_ENCODING_H

#include <stdbool.h>

/* Is it the name of an encoding, as windows-1251 or ISO-8859-15? */
bool mtr_encoding_is_known(const char *encoding);

#endif
