/*
 * Pieces of text as a chain of zstd frames, first in, first out. To a reader of zstd they leave as they are.
 *
 * Invariant: what the chain holds, heads included, is held in the server's total.
 */
#include "daemon/api/pack.h"

#include <stdlib.h>
#include <string.h>

struct packed {
    struct packed *next;
    size_t plain_bytes;
    size_t size;
    char frame[];
};

enum { SCRATCH_CHUNK_BYTES = 4 << 10 };

void api_pack_init(struct api_pack *pack, struct mtr_http_server *server, mtr_owner owner)
{
    *pack = (struct api_pack){.server = server, .owner = owner};
}

bool api_pack_is_empty(const struct api_pack *pack)
{
    return !pack->first;
}

static void drop_first(struct api_pack *pack)
{
    struct packed *first = pack->first;
    pack->first = first->next;
    if (!pack->first) pack->last = NULL;
    mtr_http_answers_let_go(pack->server, pack->owner, sizeof(*first) + first->size);
    free(first);
}

void api_pack_release(struct api_pack *pack)
{
    while (pack->first) drop_first(pack);
}

static int add(struct api_pack *pack, struct mtr_str frame, size_t plain_bytes)
{
    const size_t bytes = sizeof(struct packed) + frame.size;
    if (!mtr_http_answers_hold(pack->server, pack->owner, bytes)) return MTR_EAGAIN;
    struct packed *packed = malloc(bytes);
    if (!packed) {
        mtr_http_answers_let_go(pack->server, pack->owner, bytes);
        return MTR_ENOMEM;
    }
    *packed = (struct packed){.plain_bytes = plain_bytes, .size = frame.size};
    memcpy(packed->frame, frame.data, frame.size);
    if (pack->last) pack->last->next = packed;
    else pack->first = packed;
    pack->last = packed;
    return MTR_OK;
}

int api_pack_put(struct api_pack *pack, struct mtr_str text)
{
    struct mtr_coding_writer writer = {.coding = MTR_CODING_ZSTD};
    struct mtr_buffer frame;
    if (!text.size) return MTR_OK;
    mtr_buffer_init(&frame, SIZE_MAX);
    int rc = mtr_coding_write(&writer, text, true, &frame);
    if (!rc) rc = add(pack, mtr_buffer_str(&frame), text.size);
    mtr_buffer_release(&frame);
    return rc;
}

static int recode(const struct packed *packed, bool is_last, struct mtr_coding_writer *writer,
                  struct mtr_buffer *out)
{
    struct mtr_arena scratch;
    struct mtr_decoded plain;
    struct mtr_diagnostic diagnostic;
    mtr_arena_init(&scratch, SCRATCH_CHUNK_BYTES, SIZE_MAX);
    int rc = mtr_coding_decode(MTR_CODING_ZSTD, (struct mtr_str){packed->frame, packed->size},
                               packed->plain_bytes, &scratch, &plain, &diagnostic);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ENOMEM); /* we wrote it */
    if (!rc) rc = mtr_coding_write(writer, (struct mtr_str){plain.text, plain.size}, is_last, out);
    mtr_arena_release(&scratch);
    return rc;
}

int api_pack_take(struct api_pack *pack, bool is_last, struct mtr_coding_writer *writer,
                  struct mtr_buffer *out)
{
    const struct packed *first = pack->first;
    MTR_ASSERT(first != NULL);
    is_last = is_last && !first->next;
    int rc = MTR_OK;
    if (writer->coding == MTR_CODING_ZSTD) {
        rc = mtr_buffer_append(out, first->frame, first->size);
        writer->is_begun = true;
    } else {
        rc = recode(first, is_last, writer, out);
    }
    if (!rc) drop_first(pack);
    return rc;
}
