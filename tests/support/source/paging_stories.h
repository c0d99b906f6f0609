/*
 * Paging as stories: what pages come, what is asked for them, and how it ends.
 *
 * A page is `ROWS name=value …`, where names are paths of the document, `first.` and `last.` paths of a record; `hash=`
 * makes pages equal, `known` says that a row was known, `link=` and `tag=` (ETag, in quotes) are headers, `status=` one of a part, `part=` a line of
 * a list. `none` in the place of ROWS is an answer that says that there is none, with `rows=` beside that word. Pages stand
 * between bars. What is expected is each request in brackets, and the step behind it.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_PAGING_STORIES_H
#define METERD_TESTS_SUPPORT_SOURCE_PAGING_STORIES_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/source/paging/paging.h"

enum { WORDS_MAX = 40 };

struct told {
    char text[4096];
    char *words[WORDS_MAX];
    unsigned count;
};

static inline void cut_words(struct told *told, const char *begin, size_t size)
{
    char *rest = NULL;
    assert_true(size < sizeof(told->text));
    memcpy(told->text, begin, size);
    told->text[size] = '\0';
    told->count = 0;
    for (char *word = strtok_r(told->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(told->count < WORDS_MAX);
        told->words[told->count++] = word;
    }
}

/* The value behind `name=`; NULL: it is not told. Underscores stand for spaces. */
static const char *value_of(const struct told *told, const char *name)
{
    const size_t size = strlen(name);
    for (unsigned i = 1; i < told->count; i++)
        if (strncmp(told->words[i], name, size) == 0 && told->words[i][size] == '=') return told->words[i] + size + 1;
    return NULL;
}

static inline struct mtr_found found_of(const char *value)
{
    struct mtr_found found = {.kind = MTR_FOUND_NOTHING};
    uint64_t number;
    if (!value) return found;
    found.text = mtr_str_from(value);
    if (strcmp(value, "null") == 0) found.kind = MTR_FOUND_NULL;
    else if (strcmp(value, "true") == 0) found.kind = MTR_FOUND_TRUE;
    else if (strcmp(value, "false") == 0) found.kind = MTR_FOUND_FALSE;
    else if (strcmp(value, "{}") == 0) found = (struct mtr_found){.kind = MTR_FOUND_MAP, .count = 1};
    else if (strcmp(value, "cut") == 0) found = (struct mtr_found){.kind = MTR_FOUND_TEXT, .is_cut = true, .text = MTR_STR("x")};
    else found.kind = mtr_str_to_u64(found.text, &number) ? MTR_FOUND_NUMBER : MTR_FOUND_TEXT;
    return found;
}

static inline void find_wants(const struct paging *paging, const struct told *told, struct mtr_found found[PAGING_WANTS_MAX])
{
    static const char *const prefixes[] = {"", "first.", "last."};
    uint32_t count;
    const struct mtr_record_want *wants = paging_wants(paging, &count);
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%.*s", prefixes[wants[i].of], MTR_STR_ARGS(wants[i].path));
        found[i] = found_of(value_of(told, name));
    }
}

static inline void write_request(const struct paging *paging, struct mtr_buffer *out)
{
    static const char *const places[] = {"", "query.", "header.", "body."};
    struct paging_request request;
    paging_request(paging, &request);
    const size_t begin = out->size;
    assert_int_equal(mtr_buffer_printf(out, " [%.*s", MTR_STR_ARGS(request.link)), MTR_OK);
    for (uint32_t i = 0; i < request.change_count; i++) {
        const struct paging_change *change = &request.changes[i];
        assert_int_equal(mtr_buffer_printf(out, "%s%s%.*s=%.*s", out->size > begin + 2 ? " " : "", places[change->send.place],
                                           MTR_STR_ARGS(change->send.name), MTR_STR_ARGS(change->value)), MTR_OK);
    }
    if (request.item.data) assert_int_equal(mtr_buffer_printf(out, "item=%.*s", MTR_STR_ARGS(request.item)), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(out, ']'), MTR_OK);
}

static inline void add_parts(struct paging *paging, const struct told *told)
{
    for (unsigned i = 1; i < told->count; i++) {
        struct mtr_str cells[PAGING_COLUMNS_MAX] = {{NULL, 0}};
        unsigned count = 0;
        char *rest = NULL;
        if (strncmp(told->words[i], "part=", 5) != 0) continue;
        for (char *cell = strtok_r(told->words[i] + 5, ",", &rest); cell && count < PAGING_COLUMNS_MAX; cell = strtok_r(NULL, ",", &rest))
            cells[count++] = mtr_str_from(cell);
        (void)!paging_add_part(paging, cells);
    }
}

/* One page; false: the reading is over. */
static inline bool answer(struct paging *paging, const struct told *told, unsigned number, struct mtr_buffer *out)
{
    static const char *const steps[] = {"NEXT", "AGAIN", "END", "UNCHANGED", "RESTART", "FAILED"};
    static const char *const alarms[] = {"", "loop", "truncated", "limit", "link", "incomplete"};
    struct mtr_found found[PAGING_WANTS_MAX];
    struct source_call call = {.is_https = true, .host = MTR_STR("api.example"), .port = 443, .path = MTR_STR("/v2/items"), .query = MTR_STR("a=b")};
    const char *hash = value_of(told, "hash"), *link = value_of(told, "link"), *status = value_of(told, "status"), *bytes = value_of(told, "bytes"),
               *rows_hash = value_of(told, "rows_hash"), *tag = value_of(told, "tag");
    char headers[1024] = "";
    enum paging_step step;
    const char *fault;
    write_request(paging, out);
    if (status && paging_expired(paging, (unsigned)atoi(status))) {
        assert_int_equal(mtr_buffer_printf(out, " EXPIRED"), MTR_OK);
        return true;
    }
    if (tag) snprintf(headers, sizeof(headers), "Date: x\r\nETag:\t%s \r\n", tag);
    if (link) snprintf(headers, sizeof(headers), "Date: x\r\nlink: %s\r\nX: y\r\n", link);
    for (char *c = headers; *c; c++) *c = *c == '_' ? ' ' : *c;
    find_wants(paging, told, found);
    if (paging_list(paging)) add_parts(paging, told);
    if (strcmp(told->words[0], "none") == 0) {
        const char *rows = value_of(told, "rows");
        const enum paging_alarm absent = paging_absent(paging, rows ? strtoull(rows, NULL, 10) : 0, &fault);
        assert_int_equal(mtr_buffer_printf(out, " NONE%s%s", absent ? ":" : "", alarms[absent]), MTR_OK);
        return false;
    }
    const struct paging_page page = {
        .call = &call, .headers = mtr_str_from(headers), .rows = strtoull(told->words[0], NULL, 10), .found = found,
        .hash = {0, hash ? strtoull(hash, NULL, 10) : 1000 + number}, .rows_hash = rows_hash ? strtoull(rows_hash, NULL, 10) : 0,
        .has_known = strstr(told->words[told->count - 1], "known") != NULL,
        .bytes = bytes ? strtoull(bytes, NULL, 10) : 0,
        .md5 = (const uint8_t *)"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e"}; /* of nothing */
    assert_int_equal(paging_answered(paging, &page, &step), MTR_OK);
    const enum paging_alarm alarm = paging_alarm(paging, &fault);
    assert_int_equal(step == PAGING_FAILED, alarm != PAGING_FINE);
    if (alarm) assert_true(strlen(fault) > 10 && strlen(fault) < PAGING_FAULT_BYTES);
    assert_int_equal(mtr_buffer_printf(out, " %s%s%s", steps[step], alarm ? ":" : "", alarms[alarm]), MTR_OK);
    return step == PAGING_NEXT || step == PAGING_AGAIN;
}

/* resume "=": what the story before has left. left: the first line of what paging_resume gives; NULL: nobody looks. */
struct story {
    const char *pages, *resume, *expected, *left;
};

static char left_before[PAGING_TOKEN_BYTES_MAX];

static inline void tell(const struct mtr_source *source, const struct story *story)
{
    struct paging *paging;
    struct mtr_buffer out;
    struct told told;
    unsigned number = 0;
    bool goes_on = true;
    mtr_buffer_init(&out, 1 << 20);
    const char *resume = strcmp(story->resume, "=") == 0 ? left_before : story->resume;
    assert_int_equal(paging_open(source, mtr_str_from(resume), &paging), MTR_OK);
    for (const char *at = story->pages; goes_on && *at; number++) {
        const char *bar = strchr(at, '|');
        const size_t size = bar ? (size_t)(bar - at) : strlen(at);
        cut_words(&told, at, size);
        goes_on = answer(paging, &told, number, &out);
        at += size + (bar != NULL);
    }
    if (!mtr_str_equal((struct mtr_str){out.data + 1, out.size - 1}, mtr_str_from(story->expected)))
        fail_msg("%s\n   gave %.*s\n    not  %s", story->pages, MTR_STR_ARGS(mtr_buffer_str(&out)), story->expected);
    snprintf(left_before, sizeof(left_before), "%.*s", MTR_STR_ARGS(paging_resume(paging)));
    const struct mtr_str left = {left_before, strcspn(left_before, "\n")};
    if (story->left) assert_true(mtr_str_equal(left, mtr_str_from(story->left)));
    paging_close(paging);
    mtr_buffer_release(&out);
}

static inline struct mtr_source source_of(enum mtr_paging_kind kind)
{
    static const struct mtr_str hosts[] = {{"files.example", 13}, {"other.example:8443", 18}, {"*.below.example", 15}};
    return (struct mtr_source){.base = {.is_https = true, .host = MTR_STR("api.example"), .port = 443},
                               .hosts = hosts,
                               .host_count = 3,
                               .paging = {.kind = kind}};
}

#define TELL(source, stories)                                                                                \
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) tell(&(source), &(stories)[i])

#endif
