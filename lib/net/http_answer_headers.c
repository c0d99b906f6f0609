/*
 * An answer as the client hands it out: its memory, and its headers as they came, a line each.
 */
#include <string.h>
#include <strings.h>

#include "lib/net/http_exchange.h"

void mtr_http_answer_init(struct mtr_http_answer *answer)
{
    *answer = (struct mtr_http_answer){0};
    mtr_buffer_init(&answer->headers, HTTP_ANSWER_HEADERS_BYTES_MAX);
    mtr_buffer_init(&answer->body, SIZE_MAX); /* each call bounds it */
}

void mtr_http_answer_release(struct mtr_http_answer *answer)
{
    mtr_buffer_release(&answer->headers);
    mtr_buffer_release(&answer->body);
}

static struct mtr_str trimmed(struct mtr_str text)
{
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1])) text.size--;
    while (text.size > 0 && strchr(" \t", text.data[0]))
        text = (struct mtr_str){text.data + 1, text.size - 1};
    return text;
}

bool mtr_http_answer_next_header(const struct mtr_http_answer *answer, const char *name, size_t *position,
                                 struct mtr_str *out)
{
    size_t name_size = strlen(name);
    MTR_ASSERT(*position <= answer->headers.size);
    while (*position < answer->headers.size) {
        const char *at = answer->headers.data + *position;
        size_t left = answer->headers.size - *position;
        const char *newline = memchr(at, '\n', left);
        size_t size = newline ? (size_t)(newline - at) + 1 : left;
        *position += size;
        if (size <= name_size || at[name_size] != ':' || strncasecmp(at, name, name_size) != 0) continue;
        *out = trimmed((struct mtr_str){at + name_size + 1, size - name_size - 1});
        return true;
    }
    return false;
}

bool mtr_http_answer_header(const struct mtr_http_answer *answer, const char *name, struct mtr_str *out)
{
    size_t position = 0;
    return mtr_http_answer_next_header(answer, name, &position, out);
}
