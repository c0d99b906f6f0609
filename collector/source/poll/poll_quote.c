/*
 * What a vendor says beside a status that is no good one, or in the place of his rows, for people: its
 * beginning in one line, without the credentials that were sent; of a page in HTML its title.
 */
#include <string.h>
#include <strings.h>

#include "collector/source/poll/poll_state.h"

enum { SHOWN_BYTES = 160 };

/* ---- what is never shown ---- */

/* A header's whole value, and what stands behind its scheme. */
static int mask_value(struct source_mask *mask, struct mtr_str value)
{
    const char *space = value.size ? memrchr(value.data, ' ', value.size) : NULL;
    int rc = source_mask_add(mask, value);
    if (rc || !space) return rc;
    const size_t before = (size_t)(space - value.data) + 1;
    return source_mask_add(mask, (struct mtr_str){value.data + before, value.size - before});
}

static int open_mask(struct mtr_poll *poll, struct source_mask **mask)
{
    int rc = source_mask_open(mask);
    for (uint32_t i = poll->plain_header_count; !rc && i < poll->call.header_count; i++)
        rc = mask_value(*mask, poll->call.headers[i].value);
    return rc ? rc : auth_mask(poll->task.auth, *mask);
}

struct mtr_str poll_words(struct mtr_poll *poll, struct mtr_str text)
{
    struct source_mask *mask = NULL;
    struct mtr_buffer masked;
    struct mtr_str words = MTR_STR("…");
    mtr_buffer_init(&masked, SIZE_MAX);
    int rc = open_mask(poll, &mask);
    if (!rc) rc = source_mask_links(mask, text, &masked);
    const struct mtr_str begin = mtr_str_quoted(mtr_buffer_str(&masked), POLL_TEXT_BYTES);
    if (!rc) rc = mtr_arena_copy(&poll->arena, begin, &words);
    source_mask_close(mask);
    mtr_buffer_release(&masked);
    return words;
}

/* ---- what is ---- */

static const char *find_word(struct mtr_str text, const char *word)
{
    const size_t size = strlen(word);
    for (size_t at = 0; at + size <= text.size; at++)
        if (!strncasecmp(text.data + at, word, size)) return text.data + at;
    return NULL;
}

/* No data: there is none. */
static struct mtr_str title_of(struct mtr_str text)
{
    const struct mtr_str none = {NULL, 0};
    const char *end = text.data + text.size, *open = find_word(text, "<title");
    const char *begin = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
    if (!begin++) return none;
    const char *close = find_word((struct mtr_str){begin, (size_t)(end - begin)}, "</title");
    return close ? (struct mtr_str){begin, (size_t)(close - begin)} : none;
}

/* Of control characters, also those of UTF-8's second page, and of white space, a run is one space. */
static size_t flatten(struct mtr_str text, char out[SHOWN_BYTES + 1])
{
    size_t size = 0, step;
    for (size_t at = 0; at < text.size; at += step) {
        const struct mtr_str rest = {text.data + at, text.size - at};
        step = mtr_str_utf8_step(rest);
        const unsigned char first = (unsigned char)rest.data[0];
        const bool is_control = step == 2 && first == 0xc2 && (unsigned char)rest.data[1] < 0xa0;
        const bool is_space = first <= ' ' || first == 0x7f || is_control;
        if (is_space && (!size || out[size - 1] == ' ')) continue;
        if (size + step > SHOWN_BYTES) break;
        if (is_space) out[size++] = ' ';
        else {
            memcpy(out + size, rest.data, step);
            size += step;
        }
    }
    while (size && out[size - 1] == ' ') size--;
    out[size] = '\0';
    return size;
}

static void quote(struct mtr_str text, bool is_cut, char sentence[static POLL_TEXT_BYTES])
{
    char shown[SHOWN_BYTES + 1];
    const size_t before = strlen(sentence), room = POLL_TEXT_BYTES - before;
    const bool is_html = find_word(mtr_str_quoted(text, SHOWN_BYTES), "<html") != NULL ||
                         find_word(mtr_str_quoted(text, SHOWN_BYTES), "<!doctype html") != NULL;
    const struct mtr_str said = is_html ? title_of(text) : text;
    /* Of a secret that was cut at the end nothing is masked. */
    if (!mtr_str_is_utf8(said) || (is_cut && text.size < 2 * SHOWN_BYTES)) return;
    const size_t size = flatten(said, shown);
    const bool is_all = said.size <= SHOWN_BYTES;
    if (!size && !is_html) return;
    if (strlen("; it says, in HTML: …") + size >= room) return;
    (void)snprintf(sentence + before, room, "; it says%s%s%s%s", is_html ? ", in HTML" : "",
                   size ? ": " : "", shown, size && !is_all ? "…" : "");
}

static void quote_body(struct mtr_poll *poll, char sentence[static POLL_TEXT_BYTES])
{
    struct source_mask *mask = NULL;
    struct mtr_buffer masked;
    struct mtr_str body = mtr_buffer_str(&poll->body_begin);
    const bool is_cut = body.size > POLL_TOLD_BYTES;
    if (!body.size) return;
    if (is_cut) body = mtr_str_quoted(body, POLL_TOLD_BYTES);
    mtr_buffer_init(&masked, 8 * POLL_TOLD_BYTES);
    int rc = open_mask(poll, &mask);
    if (!rc) rc = source_mask_links(mask, body, &masked);
    if (!rc) quote(mtr_buffer_str(&masked), is_cut, sentence);
    source_mask_close(mask);
    mtr_buffer_release(&masked);
}

void poll_quote_answer(struct mtr_poll *poll)
{
    if (poll->status >= 400) quote_body(poll, poll->answer.text);
}

void poll_quote_page(struct mtr_poll *poll)
{
    const bool may_have_rows = poll->page == POLL_PAGE_ROWS || poll->page == POLL_PAGE_FILE;
    if (may_have_rows && reading_page_has_rows(poll->reading)) return;
    if (source_status_is_fine(poll->status)) quote_body(poll, poll->report.text);
}
