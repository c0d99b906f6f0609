/*
 * gzip by zlib and zstd by its library, one member or frame after another.
 */
#include "meterd/collector/unpack.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { FIRST_BYTES = 6, TEXT_BYTES = 64 << 10, GZIP_WINDOW = 15 + 16, ZSTD_WINDOW_LOG_MAX = 27 };

enum packing { UNKNOWN, PLAIN, GZIP, ZSTD };

struct mtr_unpack {
    struct mtr_unpack_to to;
    enum packing packing;
    char first[FIRST_BYTES]; /* until the packing is known */
    size_t first_bytes;
    z_stream gzip;
    bool gzip_is_open;
    ZSTD_DStream *zstd;
    bool is_between; /* members or frames */
    bool has_given;  /* text of what was packed */
    char text[TEXT_BYTES];
};

int mtr_unpack_open(const struct mtr_unpack_to *to, struct mtr_unpack **out)
{
    struct mtr_unpack *unpack = calloc(1, sizeof(*unpack));
    if (!unpack) return MTR_ENOMEM;
    unpack->to = *to;
    *out = unpack;
    return MTR_OK;
}

void mtr_unpack_close(struct mtr_unpack *unpack)
{
    if (!unpack) return;
    if (unpack->gzip_is_open) (void)inflateEnd(&unpack->gzip);
    (void)ZSTD_freeDStream(unpack->zstd);
    free(unpack);
}

static int fail(struct mtr_diagnostic *diagnostic, const char *text)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_BYTES, 1, 0, NULL, "%s", text);
    return MTR_ECORRUPT;
}

/* ---- what it is ---- */

struct kind {
    const char *bytes;
    size_t size;
    enum packing packing;
    const char *refusal;
    bool is_text; /* of another encoding */
};

static const struct kind kinds[] = {
    {"\x1f\x8b", 2, GZIP, NULL, false},
    {"\x28\xb5\x2f\xfd", 4, ZSTD, NULL, false},
    {"\xff\xfe\0\0", 4, UNKNOWN, "is UTF-32: save it as UTF-8", true},
    {"\0\0\xfe\xff", 4, UNKNOWN, "is UTF-32: save it as UTF-8", true},
    {"\xff\xfe", 2, UNKNOWN, "is UTF-16: save it as UTF-8 (of a spreadsheet: \"CSV UTF-8\")", true},
    {"\xfe\xff", 2, UNKNOWN, "is UTF-16: save it as UTF-8 (of a spreadsheet: \"CSV UTF-8\")", true},
    {"PK\3\4", 4, UNKNOWN, "is a zip inside of another packing: unpack it first", false},
    {"PK\5\6", 4, UNKNOWN, "is a zip without a file in it", false},
    {"BZh", 3, UNKNOWN, "is packed with bzip2: unpack it (bunzip2), or pack it with gzip or zstd", false},
    {"\xfd" "7zXZ", 5, UNKNOWN, "is packed with xz: unpack it (unxz), or pack it with gzip or zstd", false},
    {"7z\xbc\xaf", 4, UNKNOWN, "is a 7z archive: unpack it first", false},
    {"\x04\x22\x4d\x18", 4, UNKNOWN, "is packed with lz4: unpack it, or pack it with gzip or zstd", false},
    {"\x1f\x9d", 2, UNKNOWN, "is packed with compress: unpack it (uncompress)", false},
    {"PAR1", 4, UNKNOWN, "is Parquet: export it as CSV or NDJSON", false},
    {"Obj\1", 4, UNKNOWN, "is Avro: export it as CSV or NDJSON", false},
    {"ORC", 3, UNKNOWN, "is ORC: export it as CSV or NDJSON", false},
    {"\xd0\xcf\x11\xe0", 4, UNKNOWN, "is an old Office file: save it as CSV UTF-8", false},
    {"%PDF", 4, UNKNOWN, "is a PDF: rows are read from CSV or NDJSON", false},
    {"\x89PNG", 4, UNKNOWN, "is a picture: rows are read from CSV or NDJSON", false},
    {"\x7f" "ELF", 4, UNKNOWN, "is a program: rows are read from CSV or NDJSON", false},
};

bool mtr_unpack_is_zip(struct mtr_str first)
{
    return mtr_str_starts_with(first, (struct mtr_str){"PK\3\4", 4});
}

/* UTF-16 without its mark, as every second byte of Latin text says. */
static bool is_wide(struct mtr_str first)
{
    return first.size >= 4 && (first.data[0] != 0) != (first.data[1] != 0) &&
           (first.data[0] != 0) == (first.data[2] != 0) && (first.data[1] != 0) == (first.data[3] != 0);
}

static const char *refusal_of(const struct mtr_unpack_to *to, struct mtr_str first, enum packing *packing)
{
    *packing = PLAIN;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!mtr_str_starts_with(first, (struct mtr_str){kinds[i].bytes, kinds[i].size})) continue;
        if (kinds[i].is_text && to->has_encoding) return NULL;
        *packing = kinds[i].packing;
        return kinds[i].refusal;
    }
    return is_wide(first) && !to->has_encoding ? "is UTF-16: save it as UTF-8" : NULL;
}

static int open_packing(struct mtr_unpack *unpack, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_str first = {unpack->first, unpack->first_bytes};
    const char *refusal = refusal_of(&unpack->to, first, &unpack->packing);
    if (refusal) return fail(diagnostic, refusal);
    if (unpack->packing == GZIP) {
        if (inflateInit2(&unpack->gzip, GZIP_WINDOW) != Z_OK) return MTR_ENOMEM;
        unpack->gzip_is_open = true;
    }
    if (unpack->packing == ZSTD) {
        unpack->zstd = ZSTD_createDStream();
        if (!unpack->zstd) return MTR_ENOMEM;
        (void)ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    }
    return MTR_OK;
}

/* ---- unpacking ---- */

/* What was packed may be something else again. */
static int give(struct mtr_unpack *unpack, size_t size, struct mtr_diagnostic *diagnostic)
{
    enum packing inner;
    const struct mtr_str text = {unpack->text, size};
    if (!size) return MTR_OK;
    if (!unpack->has_given) {
        const char *refusal = refusal_of(&unpack->to, text, &inner);
        if (refusal || inner != PLAIN)
            return fail(diagnostic, refusal ? refusal : "is packed twice: unpack it once");
    }
    unpack->has_given = true;
    return unpack->to.on_text(unpack->to.context, text);
}

static int read_gzip(struct mtr_unpack *unpack, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    z_stream *gzip = &unpack->gzip;
    gzip->next_in = (const Bytef *)piece.data;
    gzip->avail_in = (uInt)piece.size;
    for (bool is_full = true; gzip->avail_in || is_full;) {
        if (unpack->is_between) {
            if (!gzip->avail_in) return MTR_OK;
            if (*gzip->next_in == 0) { /* padding, as tape drives leave it */
                gzip->next_in++;
                gzip->avail_in--;
                continue;
            }
            if (inflateReset(gzip) != Z_OK) return fail(diagnostic, "is damaged gzip");
            unpack->is_between = false;
        }
        gzip->next_out = (Bytef *)unpack->text;
        gzip->avail_out = TEXT_BYTES;
        const int result = inflate(gzip, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR) return MTR_ENOMEM;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return fail(diagnostic, "is damaged gzip");
        unpack->is_between = result == Z_STREAM_END;
        is_full = gzip->avail_out == 0;
        int rc = give(unpack, TEXT_BYTES - gzip->avail_out, diagnostic);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int read_zstd(struct mtr_unpack *unpack, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    ZSTD_inBuffer in = {piece.data, piece.size, 0};
    for (bool is_full = true; in.pos < in.size || is_full;) {
        ZSTD_outBuffer out = {unpack->text, TEXT_BYTES, 0};
        const size_t left = ZSTD_decompressStream(unpack->zstd, &out, &in);
        if (ZSTD_isError(left))
            return fail(diagnostic, ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge
                                        ? "is zstd with a window of more than 128 MiB: pack it without "
                                          "--ultra or --long"
                                        : "is damaged zstd");
        unpack->is_between = left == 0;
        is_full = out.pos == out.size;
        int rc = give(unpack, out.pos, diagnostic);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int read_known(struct mtr_unpack *unpack, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    if (!piece.size) return MTR_OK;
    if (unpack->packing == GZIP) return read_gzip(unpack, piece, diagnostic);
    if (unpack->packing == ZSTD) return read_zstd(unpack, piece, diagnostic);
    return unpack->to.on_text(unpack->to.context, piece);
}

static int begin(struct mtr_unpack *unpack, struct mtr_diagnostic *diagnostic)
{
    int rc = open_packing(unpack, diagnostic);
    return rc ? rc : read_known(unpack, (struct mtr_str){unpack->first, unpack->first_bytes}, diagnostic);
}

int mtr_unpack_read(struct mtr_unpack *unpack, struct mtr_str piece, struct mtr_diagnostic *diagnostic)
{
    if (unpack->packing == UNKNOWN) {
        const size_t wanted = FIRST_BYTES - unpack->first_bytes,
                     taken = piece.size < wanted ? piece.size : wanted;
        memcpy(unpack->first + unpack->first_bytes, piece.data, taken);
        unpack->first_bytes += taken;
        piece.data += taken;
        piece.size -= taken;
        if (unpack->first_bytes < FIRST_BYTES) return MTR_OK;
        int rc = begin(unpack, diagnostic);
        if (rc) return rc;
    }
    return read_known(unpack, piece, diagnostic);
}

int mtr_unpack_end(struct mtr_unpack *unpack, struct mtr_diagnostic *diagnostic)
{
    int rc = unpack->packing == UNKNOWN ? begin(unpack, diagnostic) : MTR_OK;
    if (rc || unpack->packing == PLAIN || unpack->is_between) return rc;
    return fail(diagnostic, unpack->packing == GZIP ? "ends inside of its gzip: it is not whole"
                                                    : "ends inside of its zstd: it is not whole");
}
