/*
 * See trail_files.h. A line is taken apart by its bytes and by no parser of JSON: it is ours, or none.
 */
#include "lib/store/trail/trail_files.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/slot_file.h"

static const struct slot_format head_format = {.name = "head",
                                               .magic = {'M', 'T', 'R', 'T', 'R', 'L', 'H', '1'},
                                               .payload_bytes = 8 + MTR_TRAIL_HASH_BYTES};

/* ---- files ---- */

/* "00000001.ndjson", and nothing else. */
static bool is_name(const char *name, uint32_t *number)
{
    enum { DIGITS = 8 };
    *number = 0;
    for (int i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        *number = *number * 10 + (uint32_t)(name[i] - '0');
    }
    return strcmp(name + DIGITS, ".ndjson") == 0 && *number > 0;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int trail_list(const char *directory, struct trail_files *out)
{
    out->count = 0;
    DIR *opened = opendir(directory);
    if (!opened) return mtr_error_from_errno(errno);
    uint32_t number;
    for (const struct dirent *entry; (entry = readdir(opened));) {
        if (!is_name(entry->d_name, &number)) continue;
        if (out->count == TRAIL_FILES_MAX) {
            closedir(opened);
            return MTR_ELIMIT;
        }
        out->numbers[out->count++] = number;
    }
    closedir(opened);
    qsort(out->numbers, out->count, sizeof(*out->numbers), by_number);
    return MTR_OK;
}

int trail_path(const char *directory, uint32_t number, char path[PATH_MAX])
{
    const int size = snprintf(path, PATH_MAX, "%s/%08u.ndjson", directory, number);
    return size > 0 && size < PATH_MAX ? MTR_OK : MTR_EINVALID;
}

int trail_read_all(int fd, struct mtr_buffer *out)
{
    char piece[16 << 10];
    for (;;) {
        const ssize_t size = read(fd, piece, sizeof(piece));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return mtr_error_from_errno(errno);
        if (size == 0) return MTR_OK;
        const int rc = mtr_buffer_append(out, piece, (size_t)size);
        if (rc) return rc;
    }
}

/* ---- the head ---- */

int trail_read_head(const char *directory, struct mtr_trail_head *out)
{
    unsigned char bytes[8 + MTR_TRAIL_HASH_BYTES];
    *out = (struct mtr_trail_head){.sequence = 0};
    const int rc = slot_file_read(&head_format, directory, bytes);
    if (rc) return rc;
    out->sequence = lmdb_get_u64(bytes);
    memcpy(out->hash, bytes + 8, sizeof(out->hash));
    return MTR_OK;
}

int trail_write_head(const char *directory, const struct mtr_trail_head *head)
{
    unsigned char bytes[8 + MTR_TRAIL_HASH_BYTES];
    lmdb_put_u64(bytes, head->sequence);
    memcpy(bytes + 8, head->hash, sizeof(head->hash));
    const int rc = slot_file_write(&head_format, directory, bytes);
    return rc != MTR_ECORRUPT ? rc : slot_file_replace(&head_format, directory, bytes);
}

void mtr_trail_head_format(const struct mtr_trail_head *head, char text[MTR_TRAIL_HEAD_TEXT_BYTES])
{
    const int size = snprintf(text, MTR_TRAIL_HEAD_TEXT_BYTES, "%llu:", (unsigned long long)head->sequence);
    sodium_bin2hex(text + size, MTR_TRAIL_HEAD_TEXT_BYTES - (size_t)size, head->hash, sizeof(head->hash));
}

static bool parse_hash(struct mtr_str hex, uint8_t hash[MTR_TRAIL_HASH_BYTES])
{
    size_t size = 0;
    return hex.size == 2 * MTR_TRAIL_HASH_BYTES &&
           sodium_hex2bin(hash, MTR_TRAIL_HASH_BYTES, hex.data, hex.size, NULL, &size, NULL) == 0 &&
           size == MTR_TRAIL_HASH_BYTES;
}

bool mtr_trail_head_parse(struct mtr_str text, struct mtr_trail_head *out)
{
    const char *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
    if (!colon) return false;
    const size_t digits = (size_t)(colon - text.data);
    const struct mtr_str hex = {colon + 1, text.size - digits - 1};
    return mtr_str_to_u64((struct mtr_str){text.data, digits}, &out->sequence) && parse_hash(hex, out->hash);
}

/* ---- lines ---- */

void trail_hash(struct mtr_str text, uint8_t hash[MTR_TRAIL_HASH_BYTES])
{
    crypto_generichash(hash, MTR_TRAIL_HASH_BYTES, (const unsigned char *)text.data, text.size, NULL, 0);
}

static bool skip(struct mtr_str *rest, const char *expected)
{
    const struct mtr_str begin = mtr_str_from(expected);
    if (!mtr_str_starts_with(*rest, begin)) return false;
    *rest = (struct mtr_str){rest->data + begin.size, rest->size - begin.size};
    return true;
}

/* Up to the character, which is left out. */
static bool take(struct mtr_str *rest, char end, struct mtr_str *out)
{
    const char *at = rest->size ? memchr(rest->data, end, rest->size) : NULL;
    if (!at) return false;
    *out = (struct mtr_str){rest->data, (size_t)(at - rest->data)};
    *rest = (struct mtr_str){at + 1, rest->size - out->size - 1};
    return true;
}

bool trail_parse(struct mtr_str text, struct trail_parts *out)
{
    static const char before[] = ",\"previous\":\"", after[] = "\"}";
    enum { TAIL = sizeof(before) - 1 + 2 * MTR_TRAIL_HASH_BYTES + sizeof(after) - 1 };
    struct mtr_str rest = text, sequence;
    struct mtr_trail_line *line = &out->line;
    if (text.size <= TAIL) return false;
    struct mtr_str tail = {text.data + text.size - TAIL, TAIL};
    if (!skip(&tail, before)) return false;
    if (!parse_hash((struct mtr_str){tail.data, 2 * MTR_TRAIL_HASH_BYTES}, out->previous)) return false;
    if (memcmp(tail.data + 2 * MTR_TRAIL_HASH_BYTES, after, sizeof(after) - 1) != 0) return false;
    rest.size -= TAIL;
    line->text = text;
    if (!skip(&rest, "{\"sequence\":") || !take(&rest, ',', &sequence) ||
        !mtr_str_to_u64(sequence, &line->sequence) || line->sequence == 0)
        return false;
    if (!skip(&rest, "\"time\":\"") || !take(&rest, '"', &line->time)) return false;
    if (!skip(&rest, ",\"kind\":\"") || !take(&rest, '"', &line->kind)) return false;
    out->members = rest;
    return true;
}

bool trail_follows(const struct mtr_trail_head *before, struct mtr_str text)
{
    struct trail_parts parts;
    if (!trail_parse(text, &parts)) return false;
    if (!before->sequence) return true;
    return parts.line.sequence == before->sequence + 1 &&
           memcmp(parts.previous, before->hash, sizeof(before->hash)) == 0;
}
