/*
 * See secret_files.h. What hangs together is a directory, of which several are read at a time, so that one
 * file that leads elsewhere keeps its neighbours from nothing.
 */
#include "rater/emitter/secret_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_A_TIME = 4 };

void secret_files_free(struct secret_files *files)
{
    if (!files) return;
    for (uint32_t i = 0; i < files->count; i++) free(files->paths[i]);
    explicit_bzero(files->texts, sizeof(files->texts));
    free(files);
}

struct secret_files *secret_files_of(const struct mtr_destination *destination)
{
    struct secret_files *files = calloc(1, sizeof(*files));
    if (!files) return NULL;
    for (uint32_t i = 0; i < destination->secret_count && i < SECRET_FILES_MAX; i++) {
        files->paths[i] = mtr_str_copy(destination->secret_files[i]);
        files->count++;
        if (files->paths[i]) continue;
        secret_files_free(files);
        return NULL;
    }
    return files;
}

/* "whsec_…" of a file, without the line's end; 0 bytes where it is none. */
static size_t read_one(const char *path, char text[SECRET_FILE_BYTES_MAX])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    const ssize_t got = pread(fd, text, SECRET_FILE_BYTES_MAX, 0);
    close(fd);
    size_t size = got > 0 ? (size_t)got : 0;
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r' || text[size - 1] == ' ')) size--;
    return size < SECRET_FILE_BYTES_MAX ? size : 0;
}

static void work(struct mtr_blocking_job *job)
{
    struct secret_files *files = (struct secret_files *)job;
    for (uint32_t i = 0; i < files->count; i++) files->sizes[i] = read_one(files->paths[i], files->texts[i]);
}

static void drop(struct mtr_blocking_job *job) { secret_files_free((struct secret_files *)job); }

static struct mtr_str directory_of(const char *path)
{
    const char *end = strrchr(path, '/');
    return (struct mtr_str){path, end ? (size_t)(end - path) : 0};
}

void secret_files_read(struct secret_files *files, struct mtr_blocking *blocking,
                       void (*on_read)(struct mtr_blocking_job *job, void *context), void *context)
{
    MTR_ASSERT(files->count > 0);
    files->job = (struct mtr_blocking_job){.lane = directory_of(files->paths[0]),
                                           .lane_jobs_max = AT_A_TIME,
                                           .work = work,
                                           .on_done = on_read,
                                           .drop = drop,
                                           .context = context};
    mtr_blocking_start(blocking, &files->job);
}
