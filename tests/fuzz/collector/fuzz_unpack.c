/*
 * Any bytes as a file: whatever the pieces that they come in, the same text comes out, or the same refusal;
 * and as a zip, of which one entry is wanted, or all: it is read, or refused with a sentence. What is the only one is the
 * same either way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "meterd/collector/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES_MAX = 16 << 20 };

struct outcome {
    XXH3_state_t *state;
    size_t size;
    int rc;
    struct mtr_diagnostic diagnostic;
};

static int on_text(void *context, struct mtr_str text)
{
    struct outcome *outcome = context;
    outcome->size += text.size;
    MTR_ASSERT(text.size > 0);
    if (outcome->state) XXH3_64bits_update(outcome->state, text.data, text.size);
    return outcome->size > TEXT_BYTES_MAX ? MTR_ELIMIT : MTR_OK; /* a bomb costs time alone */
}

static uint64_t unpack(struct mtr_str bytes, size_t piece, struct outcome *outcome)
{
    struct mtr_unpack *unpack;
    *outcome = (struct outcome){.state = XXH3_createState()};
    MTR_ASSERT(outcome->state);
    XXH3_64bits_reset(outcome->state);
    const struct mtr_unpack_to to = {.on_text = on_text, .context = outcome};
    outcome->rc = mtr_unpack_open(&to, &unpack);
    for (size_t at = 0; !outcome->rc && at < bytes.size; at += piece) {
        const size_t left = bytes.size - at;
        outcome->rc = mtr_unpack_read(unpack, (struct mtr_str){bytes.data + at, left < piece ? left : piece}, &outcome->diagnostic);
    }
    if (!outcome->rc) outcome->rc = mtr_unpack_end(unpack, &outcome->diagnostic);
    mtr_unpack_close(unpack);
    const uint64_t hash = XXH3_64bits_digest(outcome->state);
    XXH3_freeState(outcome->state);
    MTR_ASSERT(outcome->rc != MTR_ECORRUPT || outcome->diagnostic.text[0]);
    return hash;
}

static uint64_t unzip(int fd, const char *entry, bool has_encoding, struct outcome *outcome)
{
    *outcome = (struct outcome){.state = XXH3_createState()};
    MTR_ASSERT(outcome->state);
    XXH3_64bits_reset(outcome->state);
    const struct mtr_unpack_to to = {.on_text = on_text, .context = outcome, .has_encoding = has_encoding};
    outcome->rc = mtr_unpack_zip(fd, entry, &to, &outcome->diagnostic);
    const uint64_t hash = XXH3_64bits_digest(outcome->state);
    XXH3_freeState(outcome->state);
    MTR_ASSERT(outcome->rc != MTR_ECORRUPT || outcome->diagnostic.text[0]);
    return hash;
}

static void unzip_all(struct mtr_str bytes)
{
    struct outcome one, all;
    const bool has_encoding = bytes.size % 3 == 0;
    const int fd = memfd_create("zip", MFD_CLOEXEC);
    MTR_ASSERT(fd >= 0 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
    const uint64_t hash = unzip(fd, NULL, has_encoding, &one), same = unzip(fd, "*", has_encoding, &all);
    MTR_ASSERT(one.rc || (!all.rc && hash == same));
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mtr_str bytes = {(const char *)data, size};
    struct outcome whole, pieces;
    const uint64_t hash = unpack(bytes, size + 1, &whole), same = unpack(bytes, 1 + size % 5, &pieces);
    MTR_ASSERT(whole.rc == pieces.rc);
    MTR_ASSERT(whole.rc || (hash == same && whole.size == pieces.size));
    if (size) unzip_all(bytes);
    return 0;
}
