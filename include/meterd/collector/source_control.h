/*
 * What an operator tells a source: to rest, to go on, or that what a window's last reading said is right.
 *
 *   pause    nothing more is asked of the vendor, over restarts, until it is resumed; readings under way end
 *   resume   windows that came due meanwhile are read as after down time
 *   accept   a window that waits for further readings to say the same (suspect, or incomplete and to be said
 *            again) is taken at its next reading, which begins at once, where that has the content that was
 *            seen. Another content is judged as always
 *
 * Each is an event of the log, as receipts are (docs/formats.md), and the ledger of windows is folded of it:
 * so it is durable when it is answered, comes back with a backup, and says who did it and when. Saying the
 * same twice is the same.
 */
#ifndef METERD_COLLECTOR_SOURCE_CONTROL_H
#define METERD_COLLECTOR_SOURCE_CONTROL_H

#include <stdint.h>

#include "meterd/core/hash.h"
#include "meterd/core/str.h"

enum mtr_source_action { MTR_SOURCE_PAUSE, MTR_SOURCE_RESUME, MTR_SOURCE_ACCEPT, MTR_SOURCE_ACTION_COUNT };
const char *mtr_source_action_name(enum mtr_source_action action); /* pause resume accept */

/* A window and what was seen of it. */
struct mtr_source_seen {
    struct mtr_str each;
    int64_t start_us;
    struct mtr_hash128 content; /* of the ledger's row */
};
enum { MTR_SOURCE_SEEN_MAX = 1000 };

/* Borrowed during the call. */
struct mtr_source_control {
    enum mtr_source_action action;
    struct mtr_str vendor, source;      /* keys */
    struct mtr_str who;                 /* of the credential; at most 256 bytes are kept */
    const struct mtr_source_seen *seen; /* ACCEPT: 1 to MTR_SOURCE_SEEN_MAX */
    uint32_t seen_count;
};

#endif
