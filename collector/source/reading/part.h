/*
 * A part of a reading under construction: voids, rows and, behind them, the receipt, as one request of the
 * intake, so that they are one block of the log or nothing.
 *
 *   part_begin ─▶ part_add_void … part_add_row … while not full ─▶ part_finish ─▶ mtr_intake_submit
 *
 * The request owns copies of all that is added; texts that every row has are there once. One thread at a
 * time.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_PART_H
#define METERD_COLLECTOR_SOURCE_READING_PART_H

#include "collector/source/note.h"
#include "collector/source/reading/merge.h"
#include "collector/source/reading/receipt.h"
#include "meterd/collector/request.h"
#include "meterd/core/limits.h"

/* More changes of a reading go into a further part. */
enum { PART_EVENTS_MAX = MTR_REQUEST_EVENTS_MAX - 1, PART_BYTES_MAX = 12 << 20 };

struct part {
    struct mtr_request *request; /* NULL: none is begun */
    uint32_t capacity;
    size_t bytes; /* in use */
    struct mtr_strand strand;
    struct mtr_str source; /* "meterd:KEY" */
    uint64_t reading;
    /* As the row before had them. */
    struct mtr_str type, subject, names[MTR_EVENT_PROPERTIES_MAX];
};

/* What a part begins with. */
struct part_room {
    uint32_t events;            /* so many are expected, the receipt not among them; it takes more, too */
    struct mtr_request *memory; /* of a part before, the part's from now on; NULL: there is none */
};

/* strand: borrowed until part_finish. MTR_ENOMEM. */
int part_begin(struct part *part, const struct mtr_strand *strand, uint64_t reading,
               struct part_room room) MTR_MUST_USE;
void part_release(struct part *part); /* a request that was not finished */
bool part_is_full(const struct part *part);
bool part_is_empty(const struct part *part);

int part_add_void(struct part *part, const struct merge_void *gone) MTR_MUST_USE;
/* row->id is the row's own. retried_seq: it is in quarantine there; 0: it is not. is_append: the id stays as
 * it is. MTR_ENOMEM. */
struct part_row {
    const struct mtr_event *event;
    uint64_t retried_seq;
    bool is_append;
};
int part_add_row(struct part *part, const struct part_row *row) MTR_MUST_USE;

/* The request, with the receipt as its last event; it is the caller's, by mtr_request_release and free. */
int part_finish(struct part *part, const struct receipt *receipt, struct mtr_request **out) MTR_MUST_USE;
/* The same with another note, which lives in the request's arena. */
int part_finish_with(struct part *part, const struct mtr_event *note,
                     struct mtr_request **out) MTR_MUST_USE;

#endif
