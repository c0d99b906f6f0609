/*
 * The pages of tests/golden/rating as lines: where each story begins, which lines are the catalog's YAML, and
 * the times in them.
 *
 *   page    a comment, what every story's catalog has, then stories
 *   story   a title (a comment), then YAML of the catalog and lines that begin with a word; indented lines go
 * on with it
 */
#ifndef METERD_TESTS_SUPPORT_STORY_H
#define METERD_TESTS_SUPPORT_STORY_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"

enum {
    STORY_PAGE_BYTES = 1 << 15,
    STORY_LINES_MAX = 600,
    STORY_YAML_BYTES = 1 << 13,
    STORY_TEXT_BYTES = 4096
};

struct story_page {
    char path[300];
    char text[STORY_PAGE_BYTES];
    char *lines[STORY_LINES_MAX];
    unsigned count;
};

struct story {
    const struct story_page *page;
    char title[128];
    unsigned begin, end; /* lines, from 0 */
};

static inline bool story_read(const char *path, struct story_page *page)
{
    FILE *file = fopen(path, "r");
    if (!file) return false;
    const size_t size = fread(page->text, 1, sizeof(page->text) - 1, file);
    fclose(file);
    page->text[size] = '\0';
    if (strlen(path) >= sizeof(page->path)) return false;
    memcpy(page->path, path, strlen(path) + 1);
    page->count = 0;
    for (char *rest = page->text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (page->count == STORY_LINES_MAX) return false;
        page->lines[page->count++] = line;
    }
    return size > 0 && size < sizeof(page->text) - 1;
}

/* A word at the line's beginning; of YAML it would end with a colon. */
static inline bool story_is_word(const char *line)
{
    const size_t size = strcspn(line, " :");
    return line[0] >= 'a' && line[0] <= 'z' && line[size] != ':';
}

static inline bool story_is_title(const struct story_page *page, unsigned line)
{
    return page->lines[line][0] == '#' && (line == 0 || page->lines[line - 1][0] != '#');
}

/* From the line on; the page's own catalog is the first of them. */
static inline struct story story_at(const struct story_page *page, unsigned line)
{
    struct story story = {.page = page, .begin = line, .end = line + 1};
    snprintf(story.title, sizeof(story.title), "%s", page->lines[line] + strspn(page->lines[line], "# "));
    while (story.end < page->count && !story_is_title(page, story.end)) story.end++;
    return story;
}

/* YAML from there on, up to a line that begins with a word: *line goes behind it. */
static inline bool story_yaml(const struct story *story, unsigned *line, char yaml[STORY_YAML_BYTES])
{
    size_t size = 0;
    for (; *line < story->end && !story_is_word(story->page->lines[*line]); ++*line) {
        const int more = snprintf(yaml + size, STORY_YAML_BYTES - size, "%s\n", story->page->lines[*line]);
        size += (size_t)more;
        if (size >= STORY_YAML_BYTES) return false;
    }
    return true;
}

/* An indented line: what the word above says, goes on. */
static inline bool story_goes_on(const struct story *story, unsigned line)
{
    return line < story->end && story->page->lines[line][0] == ' ';
}

/* A line without its comment and the space around what it says, and the ones that it goes on with behind a
 * semicolon: *line goes behind them. */
static inline bool story_next(const struct story *story, unsigned *line, char text[STORY_TEXT_BYTES])
{
    size_t size = 0;
    do {
        const char *from = story->page->lines[*line] + strspn(story->page->lines[*line], " ");
        const char *comment = from[0] == '#' ? from : strstr(from, " # ");
        size_t more = comment ? (size_t)(comment - from) : strlen(from);
        while (more > 0 && from[more - 1] == ' ') more--;
        if (size + more + 2 > STORY_TEXT_BYTES) return false;
        size += (size_t)snprintf(text + size, STORY_TEXT_BYTES - size, "%s%.*s", size ? " " : "", (int)more,
                                 from);
        ++*line;
    } while (size && text[size - 1] == ';' && story_goes_on(story, *line));
    return true;
}

/* 2026-01, 2026-01-31, 2026-01-31T23, 2026-01-31T23:30, 2026-01-31T23:30:59, …59.999999: what is left out is
 * the first, in UTC. */
static inline bool story_time(struct mtr_str text, int64_t *time_us)
{
    static const char least[] = "2026-01-01T00:00:00Z", most[] = "2026-01-01T00:00:00.000000Z";
    char copy[sizeof(most)] = "";
    if (text.size >= sizeof(most) - 1) return false;
    memcpy(copy, least, sizeof(least));
    memcpy(copy, text.data, text.size);
    if (text.size >= sizeof(least) - 1) copy[text.size] = 'Z';
    return mtr_time_parse(mtr_str_from(copy), time_us) == MTR_OK;
}

/* As short as story_time takes it. */
static inline const char *story_format_time(int64_t time_us, char text[MTR_TIME_TEXT_BYTES])
{
    static const char *const ends[] = {"Z", ":00", ":00", "T00", "-01"};
    mtr_time_format(time_us, text);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const size_t size = strlen(text), end = strlen(ends[i]);
        if (strcmp(text + size - end, ends[i]) != 0) break;
        text[size - end] = '\0';
    }
    return text;
}

#endif
