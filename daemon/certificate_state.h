/*
 * What the files of a certificate share. Private to daemon/certificate*.c.
 */
#ifndef METERD_DAEMON_CERTIFICATE_STATE_H
#define METERD_DAEMON_CERTIFICATE_STATE_H

#include "daemon/certificate.h"

enum { PROBE_ROWS_MAX = 1 << 20 };

struct probe_row {
    struct mtr_event_identity key;
    uint64_t digest;
    int64_t time_us;
    bool is_outside;
};

/* What a reading came to. Rows are sorted by key, one of each. */
struct probe_reading {
    struct mtr_trial_report report;
    struct mtr_window window;
    char url[CERTIFICATE_URL_BYTES];
    struct mtr_hash128 asked; /* of the first request: method, URL, body */
    struct probe_row *rows;
    uint64_t row_count, row_capacity;
    uint64_t outside, negative;
    unsigned digits_max;         /* after the point */
    struct mtr_decimal quantity; /* sum of the numbers of data, where it fits */
    uint32_t busy, busy_said;    /* answers 429; those with a Retry-After */
    uint32_t answers;
};

struct probing {
    const struct certificate_options *options;
    struct trying *trying;
    struct certificate *out;
    struct mtr_window window;
    struct probe_reading whole; /* of the window, by the document as it is */
    struct probe_reading *at;   /* the reading at work */
    uint32_t busy, busy_said;
};

/* certificate_readings.c: of the source (NULL: as it is) by the trying. MTR_ENOMEM; what is wrong with the
 * vendor is in the report. The caller releases *out. */
int probe_read(struct probing *probing, struct trying *trying, const struct mtr_trial_ask *ask,
               struct probe_reading *out) MTR_MUST_USE;
void probe_release(struct probe_reading *reading);
int probe_open(struct probing *probing, enum mtr_trial_secret secret, struct trying **out,
               struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* Whose readings are held against what was read before. */
int probe_open_beside(struct probing *probing, struct trying **out,
                      struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
bool probe_is_whole(const struct probe_reading *reading); /* its pages came to an end */
/* Rows that are only in one of both; those that are in both and differ. */
struct probe_difference {
    uint64_t lacking, more, other;
};
struct probe_difference probe_compare(const struct probe_reading *wanted, const struct probe_reading *got);
/* Both: *wanted gets the rows of more that it lacks; returns how many it had already. MTR_ENOMEM: false. */
bool probe_unite(struct probe_reading *into, const struct probe_reading *more, uint64_t *common);
const struct probe_row *probe_find(const struct probe_reading *reading, const struct probe_row *row);

/* Says what a probe came to. */
void probe_say(struct probing *probing, enum certificate_probe probe, enum certificate_result result,
               const char *format, ...) MTR_PRINTF(4, 5);
void probe_show(struct probing *probing, enum certificate_probe probe, const struct probe_reading *reading);

const char *probe_reason(const struct probe_reading *reading); /* why it came to nothing */

/* certificate_whole.c: what the reading of the window shows by itself; what all of them did. */
void probe_say_whole(struct probing *probing);
void probe_say_rate(struct probing *probing);
bool probe_has_secret(const struct mtr_source *source);

/* certificate_restated.c: windows that were read, and what the vendor says of them now. */
int probe_restated(struct probing *probing) MTR_MUST_USE;

/* certificate_probes.c: all that need readings of their own. MTR_ENOMEM. */
int probe_all(struct probing *probing) MTR_MUST_USE;

#endif
