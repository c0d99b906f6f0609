/*
 * A file as the answer of a source: usage of a vendor without an API, or whose API is down, by hand. It is a
 * reading like any other: its rows are held against what the log has of the window, and the difference is
 * taken.
 *
 *   mtr_given_span ─▶ which window? ─▶ mtr_poller_give ─▶ … ─▶ on_done
 *
 * Or a replay: the pages that were kept of what the window has, mapped once more, by the document and the
 * catalog of now. The vendor is not asked, and nothing newer is overwritten: it is refused where the pages
 * are not what the window has.
 */
#ifndef METERD_COLLECTOR_GIVEN_FILE_H
#define METERD_COLLECTOR_GIVEN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/collector/reading_counts.h"
#include "meterd/collector/source_alarm.h"
#include "meterd/source/source.h"
#include "meterd/source/window.h"

enum { MTR_GIVEN_TEXT_BYTES = 400 };

/* Of a file's rows, skipped ones and those with a problem left out: where their times lie. */
struct mtr_given_span {
    uint64_t rows, inside; /* inside: in the window that was asked about, or without a time */
    uint64_t untimed;
    int64_t first_us, last_us; /* of those with a time, as far as there are any */
};

/* Goes through the file once. window NULL: no row is inside. Any thread. MTR_EINVALID, MTR_ECORRUPT,
 * MTR_ELIMIT: it cannot be read, `fault` says why; MTR_ENOMEM, MTR_EIO. The source has no for_each. */
int mtr_given_span(const struct mtr_source *source, struct mtr_str bytes, const struct mtr_window *window,
                   struct mtr_given_span *out, char fault[MTR_GIVEN_TEXT_BYTES]) MTR_MUST_USE;

struct mtr_dry_rows;

enum mtr_given_result {
    MTR_GIVEN_TAKEN,     /* the log has it; of a trial: it would */
    MTR_GIVEN_NOT_TAKEN, /* it was read, and does not count: `alarm` and `text` say why */
    MTR_GIVEN_REFUSED,   /* the source takes none: `text` says why */
    MTR_GIVEN_FAILED,    /* it came to nothing, and may be given again */
};

/* The caller's, with all that it points to, until on_done; on_done comes on the poller's thread, once. */
struct mtr_given_file {
    struct mtr_str vendor, source, bytes; /* packed or not, as the source's format says */
    struct mtr_window window;             /* one of the source's */
    bool is_replay;                       /* there are no bytes; the window is one of the ledger's */
    struct mtr_str each;                  /* of a replay: which of for_each */
    bool is_trial;                        /* nothing is stored */
    bool is_accepted;                     /* what would be suspect is meant */
    bool goes_on; /* of a trial: its rows come behind those of the one before it */
    void (*on_done)(struct mtr_given_file *file);
    void *context;

    enum mtr_given_result result;
    enum mtr_alarm alarm;
    char text[MTR_GIVEN_TEXT_BYTES];
    bool is_acceptable; /* NOT_TAKEN: were it accepted, it would be */
    /* Of a trial that would be taken, behind those that it goes on with: the caller releases them. */
    struct mtr_dry_rows *dry_rows;
    bool is_draft;    /* the window is not over yet */
    uint64_t reading; /* its number; 0: of a trial */
    uint64_t replays; /* the reading whose pages were gone through; 0: none */
    struct mtr_reading_counts counts;
};

#endif
