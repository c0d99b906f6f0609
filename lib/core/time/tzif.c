/*
 * TZif files: untrusted bytes in, transitions and footer out. Every read is checked against the end of the
 * bytes.
 *
 * Designations, isdst, standard/wall and UT/local indicators are skipped: meterd needs offsets only.
 */
#include "lib/core/time/tzif.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 44, TYPE_BYTES = 6, TYPES_MAX = 256, TRANSITIONS_MAX = 20000 };
enum { OFFSET_MIN_S = -89999, OFFSET_MAX_S = 93599 }; /* RFC 8536 §3.2 */

struct header {
    char version; /* '\0' for 1, '2', '3', '4' */
    uint32_t ut_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t transition_count;
    uint32_t type_count;
    uint32_t name_bytes;
};

static uint64_t big_endian(const unsigned char *p, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | p[i];
    return value;
}

static int read_header(struct mtr_str bytes, struct header *out)
{
    if (bytes.size < HEADER_BYTES || memcmp(bytes.data, "TZif", 4) != 0) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)bytes.data;
    if (p[4] != '\0' && (p[4] < '2' || p[4] > '4')) return MTR_ECORRUPT;
    *out = (struct header){
        .version = (char)p[4],
        .ut_count = (uint32_t)big_endian(p + 20, 4),
        .standard_count = (uint32_t)big_endian(p + 24, 4),
        .leap_count = (uint32_t)big_endian(p + 28, 4),
        .transition_count = (uint32_t)big_endian(p + 32, 4),
        .type_count = (uint32_t)big_endian(p + 36, 4),
        .name_bytes = (uint32_t)big_endian(p + 40, 4),
    };
    return MTR_OK;
}

/* Bytes of the data block after a header; time_size is 4 in version 1's block, 8 after it. */
static uint64_t block_bytes(const struct header *header, unsigned time_size)
{
    return (uint64_t)header->transition_count * (time_size + 1) + (uint64_t)header->type_count * TYPE_BYTES +
           header->name_bytes + (uint64_t)header->leap_count * (time_size + 4) + header->standard_count +
           header->ut_count;
}

static int64_t read_time(const unsigned char *p, unsigned time_size)
{
    return time_size == 8 ? (int64_t)big_endian(p, 8) : (int32_t)big_endian(p, 4);
}

static int read_offset(const unsigned char *types, uint32_t index, uint32_t type_count, int32_t *out)
{
    if (index >= type_count) return MTR_ECORRUPT;
    int32_t offset_s = (int32_t)big_endian(types + (size_t)index * TYPE_BYTES, 4);
    if (offset_s < OFFSET_MIN_S || offset_s > OFFSET_MAX_S) return MTR_ECORRUPT;
    *out = offset_s;
    return MTR_OK;
}

/* The data block at p, of which block_bytes are there. */
static int read_block(const unsigned char *p, const struct header *header, unsigned time_size,
                      struct mtr_tz_data *out)
{
    if (header->type_count == 0 || header->type_count > TYPES_MAX ||
        header->transition_count > TRANSITIONS_MAX)
        return MTR_ECORRUPT;
    if (header->leap_count > 0) return MTR_EINVALID;
    const unsigned char *indexes = p + (size_t)header->transition_count * time_size;
    const unsigned char *types = indexes + header->transition_count;
    int rc = read_offset(types, 0, header->type_count, &out->first_offset_s);
    if (rc) return rc;
    out->transitions = calloc(header->transition_count + 1u, sizeof(*out->transitions));
    if (!out->transitions) return MTR_ENOMEM;
    int32_t offset_s = out->first_offset_s;
    out->rule_from_s = INT64_MIN;
    for (uint32_t i = 0; i < header->transition_count; i++) {
        struct mtr_tz_transition next = {.time_s = read_time(p + (size_t)i * time_size, time_size)};
        if (i > 0 && next.time_s <= out->rule_from_s) return MTR_ECORRUPT;
        rc = read_offset(types, indexes[i], header->type_count, &next.offset_s);
        if (rc) return rc;
        out->rule_from_s = next.time_s;
        if (next.offset_s == offset_s) continue;
        offset_s = next.offset_s;
        out->transitions[out->count++] = next;
    }
    return MTR_OK;
}

static int read_footer(struct mtr_str rest, struct mtr_tz_data *out)
{
    if (rest.size < 2 || rest.data[0] != '\n') return MTR_ECORRUPT;
    const char *end = memchr(rest.data + 1, '\n', rest.size - 1);
    if (!end) return MTR_ECORRUPT;
    struct mtr_str text = {rest.data + 1, (size_t)(end - rest.data - 1)};
    out->has_rule = text.size > 0;
    return text.size == 0 || tz_rule_parse(text, &out->rule) == MTR_OK ? MTR_OK : MTR_ECORRUPT;
}

int tzif_parse(struct mtr_str bytes, struct mtr_tz_data *out)
{
    struct mtr_tz_data data = {0};
    struct header header;
    unsigned time_size = 4;
    if (bytes.size > MTR_TZIF_BYTES_MAX) return MTR_ECORRUPT;
    int rc = read_header(bytes, &header);
    if (rc) return rc;
    if (block_bytes(&header, time_size) > bytes.size - HEADER_BYTES) return MTR_ECORRUPT;
    if (header.version != '\0') { /* the first block repeats the second's in 32 bits */
        size_t skip = HEADER_BYTES + (size_t)block_bytes(&header, time_size);
        bytes = (struct mtr_str){bytes.data + skip, bytes.size - skip};
        time_size = 8;
        rc = read_header(bytes, &header);
        if (!rc && (header.version == '\0' || block_bytes(&header, time_size) > bytes.size - HEADER_BYTES))
            rc = MTR_ECORRUPT;
        if (rc) return rc;
    }
    rc = read_block((const unsigned char *)bytes.data + HEADER_BYTES, &header, time_size, &data);
    if (!rc && header.version != '\0') {
        size_t skip = HEADER_BYTES + (size_t)block_bytes(&header, time_size);
        rc = read_footer((struct mtr_str){bytes.data + skip, bytes.size - skip}, &data);
    }
    if (rc) {
        tzif_release(&data);
        return rc;
    }
    *out = data;
    return MTR_OK;
}

void tzif_release(struct mtr_tz_data *data)
{
    free(data->transitions);
    *data = (struct mtr_tz_data){0};
}
