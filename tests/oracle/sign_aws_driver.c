/*
 * Signs one request a line: fields in tabs, each with what is not plain escaped as %XX.
 *
 *   now_s access_key secret token region service method host path query body {name value}…
 *
 * Writes the path, the query and the headers of the signature, in tabs, or the name of an error: the C half of
 * test_sign_aws_oracle.py.
 */
#include "meterd/net/sign_aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"

enum { LINE_BYTES_MAX = 1 << 20, FIELDS_MAX = 128, FIELDS_FIXED = 11 };

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* In its own place: a field never grows. */
static struct mtr_str unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        *to++ = (char)(digit(from[1]) << 4 | digit(from[2]));
        from += 2;
    }
    return (struct mtr_str){text, (size_t)(to - text)};
}

static void sign(char *line, struct mtr_arena *arena)
{
    struct mtr_str field[FIELDS_MAX];
    struct mtr_http_header headers[FIELDS_MAX / 2];
    struct mtr_aws_signed out;
    uint32_t count = 0;
    int64_t now_s = strtoll(line, NULL, 10);
    for (char *at = line, *next; at && count < FIELDS_MAX; at = next) {
        next = strchr(at, '\t');
        if (next) *next++ = '\0';
        field[count++] = unescape(at);
    }
    MTR_ASSERT(count >= FIELDS_FIXED);
    const uint32_t header_count = (count - FIELDS_FIXED) / 2;
    for (uint32_t i = 0; i < header_count; i++)
        headers[i] = (struct mtr_http_header){field[FIELDS_FIXED + 2 * i], field[FIELDS_FIXED + 2 * i + 1]};
    struct mtr_aws_identity identity = {field[1], field[2], field[3], field[4], field[5]};
    struct mtr_aws_request request = {field[6], field[7], field[8], field[9], headers, header_count, field[10]};
    int rc = mtr_aws_sign(&identity, &request, now_s * MTR_US_PER_SECOND, arena, &out);
    if (rc) {
        printf("%s\n", mtr_error_name(rc));
        return;
    }
    printf("%.*s\t%.*s", MTR_STR_ARGS(out.path), MTR_STR_ARGS(out.query));
    for (uint32_t i = 0; i < out.header_count; i++)
        printf("\t%.*s\t%.*s", MTR_STR_ARGS(out.headers[i].name), MTR_STR_ARGS(out.headers[i].value));
    printf("\n");
}

int main(void)
{
    static char line[LINE_BYTES_MAX];
    struct mtr_arena arena;
    mtr_arena_init(&arena, 64 << 10, 16 << 20);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        sign(line, &arena);
        mtr_arena_reset(&arena);
    }
    mtr_arena_release(&arena);
    return 0;
}
