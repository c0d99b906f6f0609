/*
 * From each place of a text one way leads on, character by character, and many ways lead to it: %41 is A,
 * but a secret may also begin at its 4. So it is searched from behind: each place has one place behind it,
 * what has been matched there, and one step to make. Then, from the front: where something begins, so many
 * bytes of it are left to be covered, and each character takes its own of them.
 *
 * Both are done for a block at a time, with as much behind it as a secret may reach, and for a text as it is,
 * unescaped once, and twice. What is covered in one of them is.
 */
#include "collector/source/mask/search.h"

#include <stdlib.h>
#include <string.h>

enum { RING = 256, VIEWS = UNESCAPE_TIMES_MAX + 1, BLOCK_BYTES_MIN = 64 << 10 };
_Static_assert((int)RING > (int)UNESCAPE_BYTES_MAX, "a character ends within the ring");

enum cover { SHOWN, BEGINS, COVERED };

/* A text that was unescaped so often, where it goes on with the next block. */
struct view {
    bool is_wanted;
    bool is_last[256];   /* bytes with which a pattern ends */
    uint32_t left[RING]; /* of a place: bytes that are to be covered from there */
    size_t covered_to;
};

struct mask_search {
    struct mtr_str text;
    const struct mask_pattern **patterns;
    uint32_t count;
    struct view views[VIEWS];
    int32_t *matched; /* [RING][count] */
    bool is_live[RING]; /* something is matched there */
    size_t block_bytes, reach;
    size_t from, to, at; /* the block, and where next goes on */
    uint32_t *found;     /* of the block's places: bytes of the longest that begins there */
    uint8_t *covers;     /* enum cover */
};

/* ---- opening ---- */

static void take_pattern(struct mask_search *search, const struct mask_pattern *pattern)
{
    const size_t reach = pattern->reversed.size * UNESCAPE_BYTES_MAX;
    search->patterns[search->count++] = pattern;
    if (search->reach < reach) search->reach = reach;
    for (int i = 0; i < VIEWS; i++) {
        if (!pattern->is_in[i]) continue;
        search->views[i].is_wanted = true;
        search->views[i].is_last[(unsigned char)pattern->reversed.data[0]] = true;
    }
}

static int make_room(struct mask_search *search, uint32_t count)
{
    const size_t wanted = search->reach > BLOCK_BYTES_MIN ? search->reach : BLOCK_BYTES_MIN;
    search->block_bytes = wanted < search->text.size ? wanted : search->text.size;
    search->matched = malloc((count + 1) * RING * sizeof(*search->matched));
    search->found = malloc((search->block_bytes + 1) * sizeof(*search->found));
    search->covers = malloc(search->block_bytes + 1);
    return search->matched && search->found && search->covers ? MTR_OK : MTR_ENOMEM;
}

int mask_search_open(const struct mask_patterns *const *secrets, uint32_t count, struct mtr_str text,
                     struct mask_search **out)
{
    struct mask_search *search = calloc(1, sizeof(*search));
    if (!search) return MTR_ENOMEM;
    search->text = text;
    search->patterns = calloc((size_t)count * MASK_PATTERNS_MAX + 1, sizeof(const struct mask_pattern *));
    int rc = search->patterns ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; i < count && !rc; i++)
        for (uint32_t row = 0; row < secrets[i]->count; row++) take_pattern(search, &secrets[i]->rows[row]);
    if (!rc) rc = make_room(search, search->count);
    if (rc) mask_search_close(search);
    else *out = search;
    return rc;
}

void mask_search_close(struct mask_search *search)
{
    if (!search) return;
    free(search->patterns);
    free(search->matched);
    free(search->found);
    free(search->covers);
    free(search);
}

/* ---- a block ---- */

/* What is matched from this place on. True: something is. */
static bool match(struct mask_search *search, int times, size_t at, const struct unescaped *read)
{
    const size_t behind = (at + read->step) % RING;
    int32_t *matched = search->matched + at % RING * search->count;
    const int32_t *before = search->is_live[behind] ? search->matched + behind * search->count : NULL;
    uint32_t longest = 0;
    bool is_live = false;
    for (uint32_t i = 0; i < search->count; i++) {
        const struct mask_pattern *pattern = search->patterns[i];
        int32_t now = before ? before[i] : 0;
        for (int byte = read->size; byte > 0 && pattern->is_in[times]; byte--)
            now = mask_pattern_step(pattern, now, mask_folded(read->bytes[byte - 1], times));
        matched[i] = now;
        is_live = is_live || now;
        if ((size_t)now == pattern->reversed.size && (uint32_t)now > longest) longest = (uint32_t)now;
    }
    if (at < search->to) search->found[at - search->from] = longest;
    return is_live;
}

/* Behind what may end a secret that begins in the block, nothing is known, and nothing needs to be. */
static void find(struct mask_search *search, int times)
{
    const struct view *view = &search->views[times];
    const size_t rest = search->text.size - search->to;
    memset(search->is_live, 0, sizeof(search->is_live));
    memset(search->found, 0, (search->to - search->from) * sizeof(*search->found));
    for (size_t at = search->to + (rest < search->reach ? rest : search->reach); at-- > search->from;) {
        const struct unescaped read = unescape_at(search->text, at, times);
        const char last = mask_folded(read.bytes[read.size - 1], times);
        const bool may = search->is_live[(at + read.step) % RING] || view->is_last[(unsigned char)last];
        search->is_live[at % RING] = may && match(search, times, at, &read);
    }
}

static void cover(struct mask_search *search, int times)
{
    struct view *view = &search->views[times];
    for (size_t at = search->from; at < search->to; at++) {
        uint8_t *shown = &search->covers[at - search->from];
        const uint32_t begun = view->left[at % RING], found = search->found[at - search->from];
        const uint32_t left = begun > found ? begun : found;
        const bool is_new = found && !begun && view->covered_to <= at;
        view->left[at % RING] = 0;
        if (left) {
            const struct unescaped read = unescape_at(search->text, at, times);
            uint32_t *behind = &view->left[(at + read.step) % RING];
            if (left > read.size && *behind < left - read.size) *behind = left - read.size;
            if (view->covered_to < at + read.step) view->covered_to = at + read.step;
        }
        const enum cover now = is_new ? BEGINS : at < view->covered_to ? COVERED : SHOWN;
        if (*shown < now) *shown = (uint8_t)now;
    }
}

static bool go_on(struct mask_search *search)
{
    const size_t left = search->text.size - search->to;
    if (!left || !search->count) return false;
    search->from = search->to;
    search->to += left < search->block_bytes ? left : search->block_bytes;
    memset(search->covers, SHOWN, search->to - search->from);
    for (int i = 0; i < VIEWS; i++) {
        if (!search->views[i].is_wanted) continue;
        find(search, i);
        cover(search, i);
    }
    return true;
}

bool mask_search_next(struct mask_search *search, struct mask_span *out)
{
    bool is_open = false;
    for (;; search->at++) {
        if (search->at == search->to && !go_on(search)) break;
        const enum cover now = search->covers[search->at - search->from];
        if (is_open && now != COVERED) break;
        if (!is_open && now != SHOWN) out->from = search->at, is_open = true;
    }
    out->to = search->at;
    return is_open;
}
