/*
 * A trail for tests: a directory of its own, lines in it, what reading it says, and its files as somebody else
 * would lay hands on them.
 */
#ifndef METERD_TESTS_SUPPORT_STORE_TRAIL_WORLD_H
#define METERD_TESTS_SUPPORT_STORE_TRAIL_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/core/buffer.h"
#include "meterd/core/time.h"
#include "meterd/store/trail.h"
#include "tests/support/directory.h"

#define NOW_US (INT64_C(1767225600) * 1000000) /* 2026-01-01 */
enum { BYTES_MAX = MTR_TRAIL_BYTES_MIN, TEXT_BYTES = 1 << 16 };

struct fixture {
    char root[DIRECTORY_PATH_BYTES], directory[DIRECTORY_PATH_BYTES + 16];
    struct mtr_trail *trail;
    struct mtr_trail_found found;
    char kinds[TEXT_BYTES], faults[TEXT_BYTES];
    struct mtr_trail_walked walked;
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary_in_memory(f->root);
    snprintf(f->directory, sizeof(f->directory), "%s/security", f->root);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    mtr_trail_close(f->trail);
    remove_tree(f->root);
    free(f);
    return 0;
}

static inline void start(struct fixture *f)
{
    struct mtr_diagnostic diagnostic;
    mtr_trail_close(f->trail);
    f->trail = NULL;
    if (mtr_trail_open(f->directory, BYTES_MAX, &f->trail, &f->found, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static inline void append(struct fixture *f, const char *kind, const char *members)
{
    assert_int_equal(mtr_trail_append(f->trail, NOW_US, kind, mtr_str_from(members)), MTR_OK);
}

static inline void sync_and_close(struct fixture *f)
{
    assert_int_equal(mtr_trail_sync(f->trail), MTR_OK);
    mtr_trail_close(f->trail);
    f->trail = NULL;
}

static inline void write_lines(struct fixture *f, int count)
{
    start(f);
    for (int i = 0; i < count; i++) {
        char members[64];
        snprintf(members, sizeof(members), "\"key\":\"k%d\",\"count\":%d", i, i);
        append(f, "admin_act", members);
    }
    sync_and_close(f);
}

static inline int on_line(void *context, const struct mtr_trail_line *line)
{
    struct fixture *f = context;
    const size_t used = strlen(f->kinds);
    snprintf(f->kinds + used, sizeof(f->kinds) - used, "%s%llu %.*s", used ? ", " : "", (unsigned long long)line->sequence, MTR_STR_ARGS(line->kind));
    return MTR_OK;
}

static inline void on_fault(void *context, const struct mtr_diagnostic *fault)
{
    struct fixture *f = context;
    const size_t used = strlen(f->faults);
    snprintf(f->faults + used, sizeof(f->faults) - used, "%s%s", used ? "; " : "", fault->text);
}

static inline void read_with(struct fixture *f, const struct mtr_trail_head *kept)
{
    struct mtr_diagnostic diagnostic;
    const struct mtr_trail_walk walk = {.kept = kept, .on_line = on_line, .on_fault = on_fault, .context = f};
    f->kinds[0] = f->faults[0] = '\0';
    if (mtr_trail_read(f->directory, &walk, &f->walked, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static inline void assert_whole(struct fixture *f)
{
    read_with(f, NULL);
    assert_string_equal(f->faults, "");
    assert_int_equal(f->walked.faults, 0);
}

static inline void assert_fault(struct fixture *f, const char *said)
{
    read_with(f, NULL);
    if (!strstr(f->faults, said)) fail_msg("`%s` is not said: %s", said, f->faults);
}

/* ---- files, as somebody else would lay hands on them ---- */

static inline char *path_of(struct fixture *f, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", f->directory, name);
    return path;
}

static inline size_t load(struct fixture *f, const char *name, char text[TEXT_BYTES])
{
    char path[160];
    FILE *in = fopen(path_of(f, name, path), "r");
    assert_non_null(in);
    const size_t size = fread(text, 1, TEXT_BYTES - 1, in);
    text[size] = '\0';
    fclose(in);
    return size;
}

static inline void store(struct fixture *f, const char *name, const char *text, size_t size)
{
    char path[160];
    FILE *out = fopen(path_of(f, name, path), "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, size, out), size);
    fclose(out);
}

static const char first[] = "00000001.ndjson";

/* The begin of a line, from 0. */
static inline char *line_at(char *text, int number)
{
    while (number--) text = strchr(text, '\n') + 1;
    return text;
}

static inline uint64_t bytes_of_all(struct fixture *f, unsigned *files)
{
    uint64_t bytes = 0;
    *files = 0;
    DIR *directory = opendir(f->directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char path[512];
        struct stat status;
        if (!strstr(entry->d_name, ".ndjson")) continue;
        snprintf(path, sizeof(path), "%s/%s", f->directory, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        bytes += (uint64_t)status.st_size;
        ++*files;
    }
    closedir(directory);
    return bytes;
}

#endif
