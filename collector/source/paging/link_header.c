/*
 * The next page's URL, in the header Link (RFC 8288):
 *
 *   Link: <https://api.example/items?page=2>; rel="next"; title="x, y", </items?page=9>; rel=last
 *
 * There may be several headers, several links in each, and several words in one rel.
 */
#include <string.h>
#include <strings.h>

#include "collector/source/paging/driver.h"

static int open_link_header(struct paging *paging, struct mtr_str resume)
{
    (void)paging;
    (void)resume;
    return MTR_OK;
}

static void request_link(const struct paging *paging, struct paging_request *out)
{
    out->link = mtr_buffer_str(&paging->token);
}

/* ---- the header ---- */

struct links {
    const char *at, *end; /* of one header's value */
};

static void skip_space(struct links *links)
{
    while (links->at < links->end && (*links->at == ' ' || *links->at == '\t')) links->at++;
}

static bool take(struct links *links, char wanted)
{
    skip_space(links);
    if (links->at == links->end || *links->at != wanted) return false;
    links->at++;
    return true;
}

static struct mtr_str take_until(struct links *links, const char *ends)
{
    const char *begin = links->at;
    while (links->at < links->end && !(*links->at && strchr(ends, *links->at))) links->at++;
    return (struct mtr_str){begin, (size_t)(links->at - begin)};
}

/* A quoted string, whose escapes stay as they are: no rel has one; or a token. */
static struct mtr_str take_value(struct links *links)
{
    if (!take(links, '"')) return take_until(links, " \t;,");
    const char *begin = links->at;
    while (links->at < links->end && *links->at != '"')
        links->at += *links->at == '\\' && links->at + 1 < links->end ? 2 : 1;
    const struct mtr_str value = {begin, (size_t)(links->at - begin)};
    if (links->at < links->end) links->at++;
    return value;
}

static bool has_word(struct mtr_str words, struct mtr_str word)
{
    size_t begin = 0;
    for (size_t i = 0; i <= words.size; i++) {
        if (i < words.size && words.data[i] != ' ') continue;
        if (i - begin == word.size && strncasecmp(words.data + begin, word.data, word.size) == 0) return true;
        begin = i + 1;
    }
    return false;
}

/* One `<url>; name=value; …`; false: the value is at its end, or is no Link. */
static bool take_link(struct links *links, struct mtr_str rel, struct mtr_str *url, bool *is_it)
{
    bool has_rel = false;
    *is_it = false;
    while (take(links, ',')) continue;
    if (!take(links, '<')) return false;
    *url = take_until(links, ">");
    if (!take(links, '>')) return false;
    while (take(links, ';')) {
        skip_space(links);
        const struct mtr_str name = take_until(links, " \t=;,");
        const struct mtr_str value = take(links, '=') ? take_value(links) : MTR_STR("");
        if (has_rel || name.size != 3 || strncasecmp(name.data, "rel", 3) != 0) continue;
        has_rel = true; /* the first one counts */
        *is_it = has_word(value, rel);
    }
    return true;
}

/* The link of that rel in all lines of headers. */
static bool find_link(struct mtr_str headers, struct mtr_str rel, struct mtr_str *url)
{
    while (headers.size) {
        const char *line = headers.data, *end = memchr(line, '\n', headers.size);
        size_t size = end ? (size_t)(end - line) : headers.size;
        headers = (struct mtr_str){line + size + (end != NULL), headers.size - size - (end != NULL)};
        if (size < 5 || strncasecmp(line, "link:", 5) != 0) continue;
        while (size > 5 && line[size - 1] == '\r') size--;
        struct links links = {line + 5, line + size};
        bool is_it;
        while (take_link(&links, rel, url, &is_it))
            if (is_it) return true;
    }
    return false;
}

static int next_link(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    struct mtr_str url;
    *end = (struct paging_end){.is_end = !find_link(page->headers, paging->source->paging.rel, &url)};
    return end->is_end ? MTR_OK : paging_take_link(paging, page->call, url, end);
}

const struct paging_driver paging_link_header = {.name = "link_header",
                                                 .kind = MTR_PAGING_LINK_HEADER,
                                                 .open = open_link_header,
                                                 .request = request_link,
                                                 .next = next_link,
                                                 .is_token = true};
