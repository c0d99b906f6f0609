/*
 * Text that waits, compressed: a long answer that was made in one go and leaves piece by piece.
 *
 * Answers repeat themselves: a trace of 70 MB waits in 3. What a pack holds counts in the server's total of
 * answers (mtr_http_answers_hold); where that is full, putting fails, and the answer with it. One thread at a
 * time; the memory is the pack's until release.
 */
#ifndef METERD_DAEMON_API_PACK_H
#define METERD_DAEMON_API_PACK_H

#include <stdbool.h>

#include "meterd/net/coding.h"
#include "meterd/net/http_server.h"

struct packed;

struct api_pack {
    struct mtr_http_server *server; /* borrowed; whose total it counts in */
    mtr_owner owner;                /* … and for whom */
    struct packed *first, *last;
};

void api_pack_init(struct api_pack *pack, struct mtr_http_server *server, mtr_owner owner);
void api_pack_release(struct api_pack *pack); /* empties it; it may be used again */
bool api_pack_is_empty(const struct api_pack *pack);

/* Adds the next piece of the text, of some 64 KiB. MTR_EAGAIN: no room in the total. MTR_ENOMEM. */
int api_pack_put(struct api_pack *pack, struct mtr_str text) MTR_MUST_USE;
/* Takes the first piece out, through the writer, to out's end. is_last: nothing of the body comes after this
 * pack; counts for its last piece. MTR_ENOMEM, MTR_ELIMIT. */
int api_pack_take(struct api_pack *pack, bool is_last, struct mtr_coding_writer *writer,
                  struct mtr_buffer *out) MTR_MUST_USE;

#endif
