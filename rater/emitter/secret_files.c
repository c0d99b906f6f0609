/*
 * See secret_files.h. What hangs together is a directory, of which several are read at a time, so that one
 * file that leads elsewhere keeps its neighbours from nothing.
 */
#include "rater/emitter/secret_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/net/secret_open.h"

enum { AT_A_TIME = 4 };

void secret_files_free(struct secret_files *files)
{
    if (!files) return;
    for (uint32_t i = 0; i < files->count; i++) free(files->paths[i]);
    explicit_bzero(files->texts, sizeof(files->texts));
    free(files);
}

/* As it is, or of the credentials. */
static char *path_of(struct mtr_str file, const struct secret_places *places)
{
    char *path;
    if (!places->credentials || (file.size && memchr(file.data, '/', file.size))) return mtr_str_copy(file);
    return asprintf(&path, "%s/%.*s", places->credentials, MTR_STR_ARGS(file)) < 0 ? NULL : path;
}

struct secret_files *secret_files_of(const struct mtr_destination *destination,
                                     const struct secret_places *places)
{
    struct secret_files *files = calloc(1, sizeof(*files));
    if (!files) return NULL;
    files->places = *places;
    for (uint32_t i = 0; i < destination->secret_count && i < SECRET_FILES_MAX; i++) {
        files->paths[i] = path_of(destination->secret_files[i], places);
        files->count++;
        if (files->paths[i]) continue;
        secret_files_free(files);
        return NULL;
    }
    return files;
}

/* The first fault is told. */
static void tell(struct secret_files *files, const char *path, enum mtr_secret_fault fault)
{
    static const char *const sentences[] = {
        [MTR_SECRET_FINE] = "",
        [MTR_SECRET_ABSENT] = "does not exist",
        [MTR_SECRET_CLOSED] = "cannot be opened: let the daemon's user own it",
        [MTR_SECRET_NO_FILE] = "is no file",
        [MTR_SECRET_OUTSIDE] = "is not below outbox.secrets_directory, which is ",
        [MTR_SECRET_OURS] = "is in meterd's own directory: have secrets elsewhere",
    };
    if (files->fault[0] || !fault) return;
    snprintf(files->fault, sizeof(files->fault), "the secret file `%.200s` %s%.120s", path, sentences[fault],
             fault == MTR_SECRET_OUTSIDE ? files->places.directory : "");
}

/* "whsec_…" of a file, without the line's end; 0 bytes where it is none. */
static size_t read_one(struct secret_files *files, const char *path, char text[SECRET_FILE_BYTES_MAX])
{
    const char *const directories[] = {files->places.directory, files->places.credentials, NULL};
    int fd;
    const enum mtr_secret_fault fault = mtr_secret_open(path, directories, &fd);
    tell(files, path, fault);
    if (fault) return 0;
    const ssize_t got = pread(fd, text, SECRET_FILE_BYTES_MAX, 0);
    close(fd);
    size_t size = got > 0 ? (size_t)got : 0;
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r' || text[size - 1] == ' ')) size--;
    return size < SECRET_FILE_BYTES_MAX ? size : 0;
}

static void work(struct mtr_blocking_job *job)
{
    struct secret_files *files = (struct secret_files *)job;
    for (uint32_t i = 0; i < files->count; i++)
        files->sizes[i] = read_one(files, files->paths[i], files->texts[i]);
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
