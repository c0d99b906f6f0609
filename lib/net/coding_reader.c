/*
 * gzip by zlib, zstd by its library. One step is one call of theirs; their counters of 32 bits are why a step
 * takes no more than a gibibyte.
 */
#include "lib/net/coding_reader.h"

#define ZLIB_CONST /* next_in points to const */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

enum { GZIP_WINDOW = 15 + 16, ZSTD_WINDOW_LOG_MAX = 23, STEP_BYTES_MAX = 1 << 30 };

struct coding_reader {
    enum mtr_coding coding;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    bool is_whole;
    const char *fault;
};

int coding_reader_open(enum mtr_coding coding, struct coding_reader **out)
{
    MTR_ASSERT(coding != MTR_CODING_IDENTITY);
    struct coding_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    reader->coding = coding;
    bool is_open;
    if (coding == MTR_CODING_GZIP) {
        is_open = inflateInit2(&reader->gzip, GZIP_WINDOW) == Z_OK;
    } else {
        reader->zstd = ZSTD_createDCtx();
        is_open = reader->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax,
                                                                       ZSTD_WINDOW_LOG_MAX));
    }
    if (!is_open) {
        coding_reader_close(reader);
        return MTR_ENOMEM;
    }
    *out = reader;
    return MTR_OK;
}

void coding_reader_close(struct coding_reader *reader)
{
    if (!reader) return;
    if (reader->coding == MTR_CODING_GZIP) (void)inflateEnd(&reader->gzip);
    (void)ZSTD_freeDCtx(reader->zstd);
    free(reader);
}

static int refuse(struct coding_reader *reader, const char *fault)
{
    reader->fault = fault;
    return MTR_ECORRUPT;
}

static int read_gzip(struct coding_reader *reader, struct mtr_str *in, char *out, size_t room, size_t *size)
{
    z_stream *gzip = &reader->gzip;
    if (reader->is_whole && in->size) {
        if (inflateReset(gzip) != Z_OK) return MTR_ENOMEM;
        reader->is_whole = false;
    }
    gzip->next_in = (const Bytef *)in->data;
    gzip->avail_in = (uInt)in->size;
    gzip->next_out = (Bytef *)out;
    gzip->avail_out = (uInt)room;
    int status = reader->is_whole ? Z_OK : inflate(gzip, Z_NO_FLUSH);
    *in = (struct mtr_str){in->data + (in->size - gzip->avail_in), gzip->avail_in};
    *size = room - gzip->avail_out;
    if (status == Z_STREAM_END) reader->is_whole = true;
    if (status == Z_MEM_ERROR) return MTR_ENOMEM;
    if (status == Z_OK || status == Z_STREAM_END || (status == Z_BUF_ERROR && !in->size)) return MTR_OK;
    return refuse(reader, gzip->msg ? gzip->msg : "not gzip");
}

static int read_zstd(struct coding_reader *reader, struct mtr_str *in, char *out, size_t room, size_t *size)
{
    ZSTD_inBuffer from = {in->data, in->size, 0};
    ZSTD_outBuffer to = {out, room, 0};
    const size_t left = reader->is_whole && !in->size ? 0 : ZSTD_decompressStream(reader->zstd, &to, &from);
    *in = (struct mtr_str){in->data + from.pos, in->size - from.pos};
    *size = to.pos;
    if (ZSTD_isError(left)) return refuse(reader, ZSTD_getErrorName(left));
    reader->is_whole = left == 0;
    return MTR_OK;
}

int coding_read(struct coding_reader *reader, struct mtr_str *in, char *out, size_t room, size_t *size)
{
    MTR_ASSERT(room > 0);
    *size = 0;
    if (!in->data) in->data = ""; /* libraries of C do arithmetic with it */
    if (room > STEP_BYTES_MAX) room = STEP_BYTES_MAX;
    const size_t later = in->size > STEP_BYTES_MAX ? in->size - STEP_BYTES_MAX : 0;
    in->size -= later;
    int rc = reader->coding == MTR_CODING_GZIP ? read_gzip(reader, in, out, room, size)
                                               : read_zstd(reader, in, out, room, size);
    in->size += later;
    return rc;
}

bool coding_reader_is_whole(const struct coding_reader *reader)
{
    return reader->is_whole;
}

const char *coding_reader_fault(const struct coding_reader *reader)
{
    if (reader->fault) return reader->fault;
    return reader->coding == MTR_CODING_GZIP ? "the member ends too early" : "the frame ends too early";
}
