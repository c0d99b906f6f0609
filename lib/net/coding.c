/*
 * Content codings: names, the choice among them, decoding with a cap on the output, encoding piece by piece.
 *
 * Decoded output grows by doubling inside the arena, so a claimed size is never believed.
 */
#include "meterd/net/coding.h"

#define ZLIB_CONST /* next_in points to const */
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/net/coding_reader.h"

enum {
    OUTPUT_FIRST_BYTES = 16 << 10,
    RATIO_GUESS = 8,
    ENCODE_LEVEL = 1, /* of both: the network's wait is worth little of our time */
    GZIP_WINDOW = 15, /* log2; negative: without gzip's frame */
    GZIP_MEMORY = 8,
    GZIP_FRAME_BYTES = 10 + 8,
    FLUSH_BYTES = 16, /* that deflateBound does not count */
    WEIGHT_MAX = 1000 /* thousandths */
};

struct output {
    struct mtr_arena *arena;
    char *data;
    size_t size;
    size_t capacity;
    size_t bytes_max;
};

/* ---- names ---- */

struct named_coding {
    struct mtr_str name;
    enum mtr_coding coding;
};

/* In the order of preference; the first name of a coding is the one that we send. */
static const struct named_coding codings[] = {
    {{"zstd", 4}, MTR_CODING_ZSTD},
    {{"gzip", 4}, MTR_CODING_GZIP},
    {{"x-gzip", 6}, MTR_CODING_GZIP},
    {{"identity", 8}, MTR_CODING_IDENTITY},
};
enum { CODING_NAMES = sizeof(codings) / sizeof(codings[0]) };

static bool is_name(struct mtr_str text, struct mtr_str name)
{
    return text.size == name.size && strncasecmp(text.data, name.data, name.size) == 0;
}

bool mtr_coding_from_name(struct mtr_str name, enum mtr_coding *out)
{
    *out = MTR_CODING_IDENTITY;
    if (!name.size) return true;
    for (size_t i = 0; i < CODING_NAMES; i++) {
        if (!is_name(name, codings[i].name)) continue;
        *out = codings[i].coding;
        return true;
    }
    return false;
}

struct mtr_str mtr_coding_name(enum mtr_coding coding)
{
    size_t i = 0;
    while (codings[i].coding != coding) i++;
    return codings[i].name;
}

/* ---- the choice ---- */

static struct mtr_str trim(struct mtr_str text)
{
    while (text.size && (text.data[0] == ' ' || text.data[0] == '\t')) text.data++, text.size--;
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) text.size--;
    return text;
}

/* What stands before the separator; *text goes on behind it. */
static struct mtr_str cut_at(struct mtr_str *text, char separator)
{
    const char *end = text->size ? memchr(text->data, separator, text->size) : NULL;
    struct mtr_str piece = {text->data, end ? (size_t)(end - text->data) : text->size};
    size_t used = piece.size + (end != NULL);
    *text = (struct mtr_str){text->data + used, text->size - used};
    return trim(piece);
}

/* "q=0.25" in thousandths, 1000 without one; -1: not a weight (RFC 9110, 12.4.2). */
static int read_weight(struct mtr_str parameter)
{
    if (!parameter.size) return WEIGHT_MAX;
    if (parameter.size < 3 || parameter.size > 7 || (parameter.data[0] | 0x20) != 'q' ||
        parameter.data[1] != '=')
        return -1;
    int weight = 0, place = WEIGHT_MAX;
    for (size_t i = 2; i < parameter.size; i++) {
        char c = parameter.data[i];
        if (i == 3 && c == '.') continue;
        if (c < '0' || c > '9' || (i == 3)) return -1;
        weight += (c - '0') * place;
        place /= 10;
    }
    return weight <= WEIGHT_MAX ? weight : -1;
}

/* The weight that the header gives a coding, or -1 when it does not name it. */
static int weight_of(struct mtr_str header, enum mtr_coding coding)
{
    int named = -1, any = -1;
    while (header.size) {
        struct mtr_str element = cut_at(&header, ',');
        struct mtr_str name = cut_at(&element, ';');
        enum mtr_coding other;
        int weight = read_weight(trim(element));
        if (!name.size || weight < 0) continue;
        if (is_name(name, MTR_STR("*"))) any = weight;
        else if (mtr_coding_from_name(name, &other) && other == coding && weight > named) named = weight;
    }
    return named >= 0 ? named : any;
}

bool mtr_coding_choose(struct mtr_str accept_encoding, enum mtr_coding *out)
{
    int best = 0, identity = weight_of(accept_encoding, MTR_CODING_IDENTITY);
    *out = MTR_CODING_IDENTITY;
    for (size_t i = 0; i < CODING_NAMES; i++) {
        int weight = weight_of(accept_encoding, codings[i].coding);
        if (weight <= best) continue;
        best = weight;
        *out = codings[i].coding;
    }
    return best > 0 || identity < 0; /* identity is acceptable unless it is excluded */
}

/* ---- decoding ---- */

static int refuse(struct mtr_diagnostic *diagnostic, const char *coding, size_t offset, const char *what)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_REQUEST_CODING, 0, 0, "", "malformed %s at byte %zu: %s",
                       coding, offset, what);
    diagnostic->offset = offset;
    return MTR_EINVALID;
}

static int too_large(struct mtr_diagnostic *diagnostic, const char *what, uint64_t bytes_max)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_REQUEST_SIZE, 0, 0, "", "the %s is larger than %llu bytes",
                       what, (unsigned long long)bytes_max);
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

static int decode(struct coding_reader *reader, enum mtr_coding coding, struct mtr_str body,
                  struct output *output, struct mtr_diagnostic *diagnostic)
{
    struct mtr_str in = body;
    int rc;
    size_t room, size;
    do {
        rc = grow(output, diagnostic);
        if (rc) return rc;
        room = output->capacity - output->size;
        rc = coding_read(reader, &in, output->data + output->size, room, &size);
        output->size += size;
    } while (!rc && (in.size || size == room));
    if (rc == MTR_ENOMEM) return rc;
    if (rc || !coding_reader_is_whole(reader))
        return refuse(diagnostic, mtr_coding_name(coding).data, body.size - in.size,
                      coding_reader_fault(reader));
    return output->size > output->bytes_max
               ? too_large(diagnostic, "decompressed body", output->bytes_max)
               : MTR_OK;
}

static int copy_plain(struct mtr_str body, uint64_t bytes_max, struct mtr_arena *arena,
                      struct mtr_decoded *out, struct mtr_diagnostic *diagnostic)
{
    if (body.size > bytes_max) return too_large(diagnostic, "body", bytes_max);
    char *copy = mtr_arena_alloc(arena, body.size + 1);
    if (!copy) return MTR_ENOMEM;
    if (body.size) memcpy(copy, body.data, body.size);
    *out = (struct mtr_decoded){copy, body.size};
    return MTR_OK;
}

int mtr_coding_decode(enum mtr_coding coding, struct mtr_str body, uint64_t bytes_max,
                      struct mtr_arena *arena, struct mtr_decoded *out, struct mtr_diagnostic *diagnostic)
{
    struct output output;
    if (coding == MTR_CODING_IDENTITY) return copy_plain(body, bytes_max, arena, out, diagnostic);
    struct coding_reader *reader = NULL;
    int rc = output_init(&output, arena, body.size, bytes_max);
    if (!rc && body.size) rc = coding_reader_open(coding, &reader);
    if (!rc && body.size) rc = decode(reader, coding, body, &output, diagnostic);
    coding_reader_close(reader);
    if (!rc) *out = (struct mtr_decoded){output.data, output.size};
    return rc;
}

/* ---- encoding ---- */

/* A frame of its own. */
static int zstd_piece(struct mtr_str piece, struct mtr_buffer *out)
{
    int rc = mtr_buffer_reserve(out, ZSTD_compressBound(piece.size));
    if (rc) return rc;
    size_t size = ZSTD_compress(out->data + out->size, out->capacity - out->size, piece.data, piece.size,
                                ENCODE_LEVEL);
    if (ZSTD_isError(size)) return MTR_ENOMEM;
    out->size += size;
    return MTR_OK;
}

/* Whole blocks that end at a byte. */
static int deflate_piece(struct mtr_str piece, bool is_last, struct mtr_buffer *out)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, ENCODE_LEVEL, Z_DEFLATED, -GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return MTR_ENOMEM;
    int rc = mtr_buffer_reserve(out, deflateBound(&stream, piece.size) + FLUSH_BYTES);
    if (!rc) {
        size_t room = out->capacity - out->size;
        stream.next_in = (const Bytef *)piece.data;
        stream.avail_in = (uInt)piece.size;
        stream.next_out = (Bytef *)out->data + out->size;
        stream.avail_out = (uInt)(room < UINT32_MAX ? room : UINT32_MAX);
        int status = deflate(&stream, is_last ? Z_FINISH : Z_SYNC_FLUSH);
        bool is_done = is_last ? status == Z_STREAM_END
                               : status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0;
        MTR_ASSERT(is_done); /* deflateBound is a bound */
        out->size += stream.total_out;
    }
    deflateEnd(&stream);
    return rc;
}

static void put_u32(struct mtr_buffer *out, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8) out->data[out->size++] = (char)(value >> shift & 0xFF);
}

static int gzip_piece(struct mtr_coding_writer *writer, struct mtr_str piece, bool is_last,
                      struct mtr_buffer *out)
{
    static const char header[10] = {0x1F, (char)0x8B, 8, 0, 0, 0, 0, 0, 4, 3}; /* deflate, fast, Unix */
    int rc = mtr_buffer_reserve(out, GZIP_FRAME_BYTES);
    if (!rc && !writer->is_begun) rc = mtr_buffer_append(out, header, sizeof(header));
    if (!rc) rc = deflate_piece(piece, is_last, out);
    if (rc) return rc;
    writer->checksum = (uint32_t)crc32(writer->checksum, (const Bytef *)piece.data, (uInt)piece.size);
    writer->plain_bytes += (uint32_t)piece.size;
    if (!is_last) return MTR_OK;
    rc = mtr_buffer_reserve(out, 8);
    if (rc) return rc;
    put_u32(out, writer->checksum);
    put_u32(out, writer->plain_bytes);
    return MTR_OK;
}

int mtr_coding_write(struct mtr_coding_writer *writer, struct mtr_str piece, bool is_last,
                     struct mtr_buffer *out)
{
    int rc = MTR_OK;
    if (!piece.data) piece.data = "";
    if (piece.size > INT32_MAX) return MTR_ELIMIT;
    switch (writer->coding) {
    case MTR_CODING_IDENTITY: rc = mtr_buffer_append_str(out, piece); break;
    case MTR_CODING_ZSTD:
        if (piece.size || (is_last && !writer->is_begun)) rc = zstd_piece(piece, out);
        break;
    case MTR_CODING_GZIP:
        if (piece.size || is_last) rc = gzip_piece(writer, piece, is_last, out);
        break;
    }
    writer->is_begun = writer->is_begun || piece.size > 0;
    return rc;
}
