/*
 * A zip, by libzip: its entries are named in it and are never files of this system.
 */
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "meterd/collector/unpack.h"

enum { ENTRIES_MAX = 10000, PIECE_BYTES = 64 << 10 };

static int fail(struct mtr_diagnostic *diagnostic, const char *text)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_BYTES, 1, 0, NULL, "%s", text);
    return MTR_ECORRUPT;
}

static bool is_wanted(const char *name, const char *entry)
{
    const size_t size = strlen(name);
    const bool is_data = size && name[size - 1] != '/' && strncmp(name, "__MACOSX/", 9) != 0;
    return is_data && (!entry || fnmatch(entry, name, 0) == 0);
}

static int fail_entry(zip_file_t *file, struct mtr_diagnostic *diagnostic)
{
    const int code = zip_error_code_zip(zip_file_get_error(file));
    return fail(diagnostic, code == ZIP_ER_CRC ? "is a zip with an entry that is damaged"
                                               : "is a zip with an entry that cannot be unpacked");
}

static int read_entry(zip_t *zip, zip_uint64_t index, struct mtr_unpack *unpack,
                      struct mtr_diagnostic *diagnostic)
{
    char piece[PIECE_BYTES];
    zip_file_t *file = zip_fopen_index(zip, index, 0);
    zip_int64_t size = 0;
    int rc = MTR_OK;
    if (!file) {
        const int code = zip_error_code_zip(zip_get_error(zip));
        return fail(diagnostic,
                    code == ZIP_ER_NOPASSWD      ? "is a zip with a password: unpack it first"
                    : code == ZIP_ER_COMPNOTSUPP ? "is a zip with an entry in an unknown packing: unpack it"
                                                 : "is a zip with an entry that cannot be read");
    }
    while (!rc && (size = zip_fread(file, piece, sizeof(piece))) > 0)
        rc = mtr_unpack_read(unpack, (struct mtr_str){piece, (size_t)size}, diagnostic);
    if (!rc && size < 0) rc = fail_entry(file, diagnostic);
    (void)zip_fclose(file);
    return rc;
}

/* Text of several entries as one. */
struct joined {
    const struct mtr_unpack_to *to;
    char last; /* of the entry so far; 0: nothing */
};

static int on_joined(void *context, struct mtr_str text)
{
    struct joined *joined = context;
    if (text.size) joined->last = text.data[text.size - 1];
    return joined->to->on_text(joined->to->context, text);
}

static int end_line(struct joined *joined)
{
    const bool is_open = joined->last && joined->last != '\n' && joined->last != '\r';
    joined->last = 0;
    return is_open && !joined->to->has_encoding ? joined->to->on_text(joined->to->context, MTR_STR("\n"))
                                                : MTR_OK;
}

/* An entry is what another file would be: gzip in it is unpacked as well. */
static int unpack_entry(zip_t *zip, zip_uint64_t index, const struct mtr_unpack_to *to,
                        struct mtr_diagnostic *diagnostic)
{
    struct mtr_unpack *unpack = NULL;
    int rc = to->on_entry ? to->on_entry(to->context, zip_get_name(zip, index, 0)) : MTR_OK;
    if (!rc) rc = mtr_unpack_open(to, &unpack);
    if (!rc) rc = read_entry(zip, index, unpack, diagnostic);
    if (!rc) rc = mtr_unpack_end(unpack, diagnostic);
    mtr_unpack_close(unpack);
    return rc;
}

/* NULL, or why none of them is read. */
static const char *count_entries(zip_t *zip, const char *entry)
{
    const zip_int64_t count = zip_get_num_entries(zip, 0);
    zip_int64_t wanted = 0;
    if (count > ENTRIES_MAX) return "is a zip of more than 10000 entries";
    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        if (name && strcmp(name, "[Content_Types].xml") == 0)
            return "is an Office file: save it as CSV UTF-8";
        wanted += name && is_wanted(name, entry);
    }
    if (!wanted) return entry ? "is a zip without an entry that the mapping's `entry` matches"
                              : "is a zip without a file in it";
    return wanted > 1 && !entry ? "is a zip of several files: name one with `entry` in the mapping's format"
                                : NULL;
}

int mtr_unpack_zip(int fd, const char *entry, const struct mtr_unpack_to *to,
                   struct mtr_diagnostic *diagnostic)
{
    int error, own = dup(fd), rc = MTR_OK;
    zip_t *zip = own < 0 ? NULL : zip_fdopen(own, 0, &error);
    if (!zip) {
        if (own >= 0) (void)close(own);
        return fail(diagnostic, "is a damaged zip");
    }
    const char *refusal = count_entries(zip, entry);
    struct joined joined = {to, 0};
    const struct mtr_unpack_to apart = {on_joined, &joined, to->has_encoding, NULL};
    if (refusal) rc = fail(diagnostic, refusal);
    for (zip_int64_t i = 0; !rc && i < zip_get_num_entries(zip, 0); i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        if (!name || !is_wanted(name, entry)) continue;
        rc = end_line(&joined);
        if (!rc) rc = unpack_entry(zip, (zip_uint64_t)i, to->on_entry ? to : &apart, diagnostic);
    }
    (void)zip_discard(zip);
    return rc;
}
