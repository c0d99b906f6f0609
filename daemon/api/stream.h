/*
 * An answer on its way: made by workers, sent by the loop, a piece after the other as its reader takes them.
 *
 *   start ─▶ MAKING (workers) ─ all of it is short: respond ────────────────▶ freed
 *               ▲    │
 *               │    └─ the head, then piece by piece ─▶ LEAVING (loop) ─ the last: end ─▶ freed
 *               └────────────── the piece has left ◀────────┘
 *
 * While a reader is slow, its answer holds one piece in the connection and, of a list, the key where it goes
 * on: no read transaction, no thread. Of an answer that can only be made in one go the rest waits in a pack
 * (pack.h). Both are counted in the server's total of answers.
 *
 * Each key has its lane with the workers (net/workers.h). What needs much memory while it is made has its
 * turn as well: one call at a time, each owner's in turn (rows.h, api_rows_ask_turn).
 *
 * An error before the first piece has left is a problem document. After it the connection ends without the
 * last chunk, so that the client knows that its answer is cut, and a line is logged.
 */
#ifndef METERD_DAEMON_API_STREAM_H
#define METERD_DAEMON_API_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/api/pack.h"
#include "meterd/core/buffer.h"
#include "meterd/share/lanes.h"
#include "meterd/net/coding.h"
#include "meterd/net/http_server.h"

struct api_call;
struct api_rows;
struct mtr_workers;

/* All answers on their way. The loop's thread. */
struct api_streams;

/* Of a call; stream.c's, but for the writer's coding, which is set before the start, and the pack. */
struct api_stream {
    struct api_streams *streams;
    struct mtr_coding_writer writer;
    struct api_pack pack;    /* made, and not handed over yet */
    struct mtr_buffer coded; /* the piece that leaves next */
    struct api_rows *rows;   /* of a list, while it is being made */
    bool is_opened;          /* making has begun */
    bool is_begun;           /* the head has been handed over */
    bool is_made;            /* what has not left stands in the pack and in call->answer */
    bool is_whole;           /* coded, or call->answer, is all of the body */
    bool is_coded;           /* what leaves stands in coded */
    bool awaits_turn;        /* nothing was made: it asked for its turn */
    bool is_last;            /* coded ends the body */
    bool needs_turn;
    bool waits_for_turn;
    bool has_turn;
    struct mtr_lane_item turn; /* while it waits for it */
    int error;                        /* of making */
    struct api_call *next, *previous; /* among those that wait for their readers */
};

int api_streams_open(struct mtr_workers *workers, struct mtr_http_server *server,
                     struct api_streams **out) MTR_MUST_USE;
/* After the server's close: breaks off what waits for its reader or its turn. What is with the workers ends
 * when it comes back, and the last one frees the streams. NULL is allowed. */
void api_streams_close(struct api_streams *streams);

/* Takes the call over: runs its route's handler or list, sends what comes of it, frees the call. The job's
 * owner is set. MTR_EFULL, MTR_ENOMEM: it has not. */
int api_stream_start(struct api_streams *streams, struct api_call *call) MTR_MUST_USE;
/* Nobody waits for the answer, of which nothing has left. What waits is answered and freed; what is at work
 * ends soon, where it only reads. */
void api_stream_call_off(struct api_call *call);

#endif
