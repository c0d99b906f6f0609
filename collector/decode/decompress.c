/*
 * Decompression with a cap on the output: the memory a sender can make us take is bytes_max (twice that while
 * growing), whatever its body claims. zstd windows are capped at 8 MiB. Output grows by doubling inside the
 * arena, so a claimed size is never believed.
 */
#include "collector/decode/decompress.h"

#define ZLIB_CONST /* next_in points to const */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { OUTPUT_FIRST_BYTES = 16 << 10, RATIO_GUESS = 8, WINDOW_LOG_MAX = 23, INPUT_STEP_MAX = 1 << 30 };

struct output {
    struct mtr_arena *arena;
    char *data;
    size_t size;
    size_t capacity;
    size_t bytes_max;
};

static int refuse(struct mtr_diagnostic *diagnostic, const char *coding, size_t offset, const char *what)
{
    mtr_diagnostic_set(diagnostic, 0, 0, "", "malformed %s at byte %zu: %s", coding, offset, what);
    diagnostic->offset = offset;
    return MTR_EINVALID;
}

static int too_large(struct mtr_diagnostic *diagnostic, const char *what, uint64_t bytes_max)
{
    mtr_diagnostic_set(diagnostic, 0, 0, "", "the %s is larger than %llu bytes", what,
                       (unsigned long long)bytes_max);
    return MTR_ELIMIT;
}

/* Room for at least one byte. One byte over the maximum is allowed for, to tell "exactly full" from "more
 * to come". */
static int grow(struct output *output, struct mtr_diagnostic *diagnostic)
{
    if (output->size < output->capacity) return MTR_OK;
    if (output->size > output->bytes_max)
        return too_large(diagnostic, "decompressed body", output->bytes_max);
    size_t capacity = output->capacity * 2;
    if (capacity > output->bytes_max + 1) capacity = output->bytes_max + 1;
    char *data = mtr_arena_alloc(output->arena, capacity);
    if (!data) return MTR_ENOMEM;
    memcpy(data, output->data, output->size);
    output->data = data;
    output->capacity = capacity;
    return MTR_OK;
}

static int output_init(struct output *output, struct mtr_arena *arena, size_t body_bytes, uint64_t bytes_max)
{
    size_t capacity = body_bytes < SIZE_MAX / RATIO_GUESS ? body_bytes * RATIO_GUESS : body_bytes;
    if (bytes_max > SIZE_MAX / 2) bytes_max = SIZE_MAX / 2;
    if (capacity < OUTPUT_FIRST_BYTES) capacity = OUTPUT_FIRST_BYTES;
    if (capacity > bytes_max + 1) capacity = (size_t)bytes_max + 1;
    *output = (struct output){.arena = arena, .capacity = capacity, .bytes_max = (size_t)bytes_max};
    output->data = mtr_arena_alloc(arena, capacity);
    return output->data ? MTR_OK : MTR_ENOMEM;
}

static int unzstd(struct mtr_str body, struct output *output, struct mtr_diagnostic *diagnostic)
{
    ZSTD_inBuffer in = {body.data, body.size, 0};
    size_t left = 0;
    int rc = MTR_OK;
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context) return MTR_ENOMEM;
    if (ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        rc = MTR_ENOMEM;
        goto out;
    }
    while (!rc && (in.pos < in.size || left != 0)) {
        rc = grow(output, diagnostic);
        if (rc) break;
        ZSTD_outBuffer out = {output->data, output->capacity, output->size};
        size_t before = in.pos;
        left = ZSTD_decompressStream(context, &out, &in);
        bool stuck = out.pos == output->size && in.pos == before;
        output->size = out.pos;
        if (ZSTD_isError(left)) {
            rc = refuse(diagnostic, "zstd", in.pos, ZSTD_getErrorName(left));
        } else if (left != 0 && in.pos == in.size && stuck) {
            rc = refuse(diagnostic, "zstd", in.pos, "the frame ends too early");
        }
    }
    if (!rc && output->size > output->bytes_max)
        rc = too_large(diagnostic, "decompressed body", output->bytes_max);
out:
    ZSTD_freeDCtx(context);
    return rc;
}

/* Feeds zlib whatever is left; its counters are 32 bits. */
static void feed(z_stream *stream, struct mtr_str body, size_t used, const struct output *output)
{
    size_t in = body.size - used, room = output->capacity - output->size;
    stream->next_in = (const Bytef *)body.data + used;
    stream->avail_in = (uInt)(in < INPUT_STEP_MAX ? in : INPUT_STEP_MAX);
    stream->next_out = (Bytef *)output->data + output->size;
    stream->avail_out = (uInt)(room < INPUT_STEP_MAX ? room : INPUT_STEP_MAX);
}

static int gunzip(struct mtr_str body, struct output *output, struct mtr_diagnostic *diagnostic)
{
    z_stream stream = {0};
    size_t used = 0;
    int rc = MTR_OK, status = Z_OK;
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return MTR_ENOMEM;
    while (!rc && (used < body.size || status != Z_STREAM_END)) {
        if (status == Z_STREAM_END && inflateReset(&stream) != Z_OK) rc = MTR_ENOMEM;
        if (!rc) rc = grow(output, diagnostic);
        if (rc) break;
        feed(&stream, body, used, output);
        const Bytef *in = stream.next_in, *out = stream.next_out;
        status = inflate(&stream, Z_NO_FLUSH);
        size_t read = (size_t)(stream.next_in - in), written = (size_t)(stream.next_out - out);
        used += read;
        output->size += written;
        if (status == Z_MEM_ERROR) {
            rc = MTR_ENOMEM;
        } else if (status == Z_BUF_ERROR || (status == Z_OK && used == body.size && !written && !read)) {
            rc = refuse(diagnostic, "gzip", used, "the member ends too early");
        } else if (status != Z_OK && status != Z_STREAM_END) {
            rc = refuse(diagnostic, "gzip", used, stream.msg ? stream.msg : "not gzip");
        }
    }
    if (!rc && output->size > output->bytes_max)
        rc = too_large(diagnostic, "decompressed body", output->bytes_max);
    inflateEnd(&stream);
    return rc;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_encoding(struct mtr_str encoding, const char *name)
{
    size_t size = strlen(name);
    if (encoding.size != size) return false;
    for (size_t i = 0; i < size; i++)
        if (lower(encoding.data[i]) != name[i]) return false;
    return true;
}

static int copy_plain(struct mtr_str body, uint64_t bytes_max, struct mtr_arena *arena, char **text,
                      size_t *size, struct mtr_diagnostic *diagnostic)
{
    if (body.size > bytes_max) return too_large(diagnostic, "body", bytes_max);
    char *copy = mtr_arena_alloc(arena, body.size + 1);
    if (!copy) return MTR_ENOMEM;
    if (body.size) memcpy(copy, body.data, body.size);
    *text = copy;
    *size = body.size;
    return MTR_OK;
}

int decode_decompress(struct mtr_str encoding, struct mtr_str body, uint64_t bytes_max, struct mtr_arena *arena,
                   char **text, size_t *size, struct mtr_diagnostic *diagnostic)
{
    bool is_zstd = is_encoding(encoding, "zstd");
    struct output output;
    if (encoding.size == 0 || is_encoding(encoding, "identity"))
        return copy_plain(body, bytes_max, arena, text, size, diagnostic);
    if (!is_zstd && !is_encoding(encoding, "gzip") && !is_encoding(encoding, "x-gzip")) {
        mtr_diagnostic_set(diagnostic, 0, 0, "",
                           "content encoding '%.*s' is not understood: send identity, gzip or zstd",
                           encoding.size < 40 ? (int)encoding.size : 40, encoding.data);
        return MTR_ENOTFOUND;
    }
    int rc = output_init(&output, arena, body.size, bytes_max);
    if (!rc && body.size)
        rc = is_zstd ? unzstd(body, &output, diagnostic) : gunzip(body, &output, diagnostic);
    if (rc) return rc;
    *text = output.data;
    *size = output.size;
    return MTR_OK;
}
