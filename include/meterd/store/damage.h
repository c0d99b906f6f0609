/*
 * Damage: stored bytes that are not what was written. Who reads them gets MTR_ECORRUPT; where they stand, and
 * what to do, is told here, for the one who has a diagnostic or a log to tell it in.
 */
#ifndef METERD_STORE_DAMAGE_H
#define METERD_STORE_DAMAGE_H

#include <stdint.h>

enum { MTR_DAMAGE_TEXT_BYTES = 320 };

struct mtr_damage {
    uint64_t count;                   /* how often damage was met since the process began; 0: never */
    char text[MTR_DAMAGE_TEXT_BYTES]; /* of the first place that was met: a sentence; else empty */
};

/* Any thread. */
void mtr_store_damage(struct mtr_damage *out);
/* What somebody else has met, as the reader of a log: a sentence. */
void mtr_store_note_damage(const char *text);

#endif
