/*
 * Answers into a directory. An answer is written when it has ended, whole and masked: a secret may lie across
 * two pieces of it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cli/command.h"
#include "daemon/cli/source/recording.h"
#include "meterd/core/json_writer.h"

enum { PATH_BYTES = 4096, INDEX_BYTES_MAX = 256 << 20 };

struct recording_writer {
    const char *directory;
    struct trying *trying;
    struct mtr_buffer body, masked;
    struct mtr_buffer index; /* of the answers so far */
    struct mtr_json_writer json;
    /* Of the request that is out. */
    struct mtr_buffer method, url, request_body;
    bool is_token;
    uint32_t count;
    int rc; /* the first error: what follows is left out, and the end says so */
    char fault[PATH_BYTES + 100];
};

static void fail(struct recording_writer *writer, int rc, const char *what)
{
    if (!rc || writer->rc) return;
    writer->rc = rc;
    snprintf(writer->fault, sizeof(writer->fault), "%s: %s", what, mtr_error_text(rc));
}

/* ---- opening ---- */

static bool is_empty(const char *directory)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    bool empty = entries != NULL;
    while (empty && (entry = readdir(entries)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    if (entries) closedir(entries);
    return empty;
}

int recording_create(const char *directory, struct recording_writer **out)
{
    if (mkdir(directory, 0777) && errno != EEXIST) {
        fprintf(stderr, "meterd source: cannot make %s: %s\n", directory, strerror(errno));
        return MTR_EXIT_FAILED;
    }
    if (!is_empty(directory)) {
        fprintf(stderr, "meterd source: %s is no empty directory: a recording has one of its own\n",
                directory);
        return MTR_EXIT_USAGE;
    }
    struct recording_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) abort(); /* as command lines may */
    writer->directory = directory;
    mtr_buffer_init(&writer->body, RECORDING_BODY_BYTES_MAX);
    mtr_buffer_init(&writer->masked, SIZE_MAX);
    mtr_buffer_init(&writer->index, INDEX_BYTES_MAX);
    mtr_buffer_init(&writer->method, SIZE_MAX);
    mtr_buffer_init(&writer->url, SIZE_MAX);
    mtr_buffer_init(&writer->request_body, SIZE_MAX);
    mtr_json_begin(&writer->json, &writer->index);
    mtr_json_list(&writer->json);
    *out = writer;
    return MTR_EXIT_OK;
}

void recording_writer_close(struct recording_writer *writer)
{
    if (!writer) return;
    struct mtr_buffer *const buffers[] = {&writer->body,   &writer->masked, &writer->index,
                                          &writer->method, &writer->url,    &writer->request_body};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        mtr_buffer_release(buffers[i]);
    free(writer);
}

void recording_set_trying(struct recording_writer *writer, struct trying *trying) { writer->trying = trying; }

/* ---- what comes ---- */

static void keep(struct recording_writer *writer, struct mtr_buffer *buffer, struct mtr_str text)
{
    mtr_buffer_reset(buffer);
    fail(writer, mtr_buffer_append_str(buffer, text), "a request");
}

void recording_on_request(struct recording_writer *writer, const struct mtr_trial_request *request)
{
    writer->is_token = request->is_token;
    keep(writer, &writer->method, request->method);
    keep(writer, &writer->url, request->url);
    keep(writer, &writer->request_body, request->body);
    mtr_buffer_reset(&writer->body);
}

int recording_on_piece(struct recording_writer *writer, struct mtr_str piece)
{
    return writer->is_token ? MTR_OK : mtr_buffer_append_str(&writer->body, piece);
}

/* What tells of the transfer, not of the answer, or of a session. */
static bool is_passing(struct mtr_str name)
{
    static const struct mtr_str names[] = {{"content-encoding", 16}, {"transfer-encoding", 17},
                                           {"content-length", 14},   {"connection", 10},
                                           {"keep-alive", 10},       {"set-cookie", 10}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (mtr_str_equal_lower(name, names[i])) return true;
    return false;
}

static void write_headers(struct recording_writer *writer, struct mtr_str lines)
{
    mtr_json_name(&writer->json, "headers");
    mtr_json_list(&writer->json);
    while (lines.size) {
        const char *end = memchr(lines.data, '\n', lines.size);
        const struct mtr_str line = {lines.data, end ? (size_t)(end - lines.data) : lines.size};
        const char *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
        lines =
            (struct mtr_str){line.data + line.size + (end != NULL), lines.size - line.size - (end != NULL)};
        if (!colon || is_passing((struct mtr_str){line.data, (size_t)(colon - line.data)})) continue;
        mtr_buffer_reset(&writer->masked);
        fail(writer, trying_mask(writer->trying, line, &writer->masked), "a header");
        mtr_json_text(&writer->json, mtr_buffer_str(&writer->masked));
    }
    mtr_json_list_end(&writer->json);
}

static void write_file(struct recording_writer *writer, const char *name, struct mtr_str text)
{
    char path[PATH_BYTES];
    if (snprintf(path, sizeof(path), "%s/%s", writer->directory, name) >= PATH_BYTES) {
        fail(writer, MTR_ELIMIT, name);
        return;
    }
    FILE *file = fopen(path, "wxe");
    const bool is_written = file && fwrite(text.data, 1, text.size, file) == text.size;
    const int saved = errno;
    const bool is_closed = file && !fclose(file);
    if (!is_written || !is_closed)
        fail(writer, mtr_error_from_errno(file && is_written ? errno : saved), path);
}

static void write_answer(struct recording_writer *writer, const struct mtr_trial_answer *answer)
{
    char name[32];
    snprintf(name, sizeof(name), "%04u.body", (unsigned)++writer->count);
    mtr_json_map(&writer->json);
    mtr_json_named_text(&writer->json, "method", mtr_buffer_str(&writer->method));
    mtr_json_named_text(&writer->json, "url", mtr_buffer_str(&writer->url));
    if (writer->request_body.size)
        mtr_json_named_text(&writer->json, "body", mtr_buffer_str(&writer->request_body));
    mtr_json_named_u64(&writer->json, "status", answer->status);
    write_headers(writer, answer->headers);
    mtr_json_named_cstr(&writer->json, "file", name);
    mtr_json_map_end(&writer->json);
    mtr_buffer_reset(&writer->masked);
    fail(writer, trying_mask(writer->trying, mtr_buffer_str(&writer->body), &writer->masked), "a body");
    write_file(writer, name, mtr_buffer_str(&writer->masked));
}

/* What broke off is no answer: the request was asked again, or the reading says what was wrong. */
void recording_on_answer(struct recording_writer *writer, const struct mtr_trial_answer *answer)
{
    if (writer->is_token || answer->error || !answer->status || writer->rc) return;
    if (writer->count == RECORDING_ANSWERS_MAX)
        fail(writer, MTR_ELIMIT, "too many answers");
    else
        write_answer(writer, answer);
}

/* ---- the index ---- */

static void write_readings(struct mtr_json_writer *json, const struct recording_about *about)
{
    mtr_json_name(json, "readings");
    mtr_json_list(json);
    for (uint32_t i = 0; i < about->ask_count; i++) {
        const struct mtr_trial_ask *ask = &about->asks[i];
        mtr_json_map(json);
        mtr_json_named_text(json, "each", ask->each);
        if (ask->window.to_us) mtr_json_named_time(json, "from", ask->window.from_us);
        if (ask->window.to_us) mtr_json_named_time(json, "to", ask->window.to_us);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

int recording_finish(struct recording_writer *writer, const struct recording_about *about, uint32_t *answers)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_json_list_end(&writer->json);
    fail(writer, mtr_json_finish(&writer->json), "the index");
    mtr_buffer_init(&out, INDEX_BYTES_MAX);
    mtr_json_begin(&json, &out);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "format", "meterd-recording/1");
    mtr_json_named_text(&json, "source", about->source);
    mtr_json_named_time(&json, "now", about->now_us);
    write_readings(&json, about);
    mtr_json_name(&json, "answers");
    mtr_json_raw(&json, mtr_buffer_str(&writer->index));
    mtr_json_map_end(&json);
    fail(writer, mtr_json_finish(&json), "the index");
    if (!writer->rc) write_file(writer, "recording.json", mtr_buffer_str(&out));
    mtr_buffer_release(&out);
    *answers = writer->count;
    if (!writer->rc) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: the recording is not whole: %s\n", writer->fault);
    return MTR_EXIT_FAILED;
}
