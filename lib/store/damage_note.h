/*
 * Keeps where damage was met (meterd/store/damage.h). Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DAMAGE_NOTE_H
#define METERD_LIB_STORE_DAMAGE_NOTE_H

#include "lib/store/sealed_table.h"
#include "meterd/store/damage.h"

/* "the charges are damaged: the row 0000000000000002 of the table bodies <what>: <what to do>" */
void damage_sentence(char text[MTR_DAMAGE_TEXT_BYTES], const struct sealed_store *store, const char *table,
                     struct mtr_str key, const char *what);
void damage_note(const struct sealed_store *store, const char *table, struct mtr_str key, const char *what);

#endif
