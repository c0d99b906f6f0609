/*
 * Answers out of a directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/inputs.h"
#include "daemon/cli/source/recording.h"
#include "meterd/core/document.h"
#include "meterd/core/time.h"

enum { PATH_BYTES = 4096, INDEX_BYTES_MAX = 256 << 20 };

struct recording {
    const char *directory;
    struct mtr_document *document;
    const struct mtr_node *answers;
    uint32_t *given; /* of each answer: how often */
    struct mtr_trial_ask *asks;
    uint32_t ask_count;
    int64_t now_us;
    struct mtr_buffer headers, body;
};

static int say(const struct recording *recording, const char *what)
{
    fprintf(stderr, "meterd source: %s/recording.json: %s\n", recording->directory, what);
    return MTR_EXIT_CONFIG;
}

static bool read_time(const struct mtr_node *node, const char *name, int64_t *out)
{
    const struct mtr_str text = mtr_node_text(node, name);
    return text.size && !mtr_time_parse(text, out);
}

static int read_asks(struct recording *recording, const struct mtr_node *readings)
{
    if (!readings || readings->kind != MTR_NODE_LIST) return say(recording, "`readings` is missing");
    recording->asks = calloc(readings->child_count + 1, sizeof(*recording->asks));
    if (!recording->asks) abort(); /* as command lines may */
    for (uint32_t i = 0; i < readings->child_count; i++) {
        const struct mtr_node *node = &readings->children[i];
        struct mtr_trial_ask *ask = &recording->asks[recording->ask_count++];
        ask->each = mtr_node_text(node, "each");
        const bool has_from = read_time(node, "from", &ask->window.from_us);
        const bool has_to = read_time(node, "to", &ask->window.to_us);
        if (has_from != has_to || (has_to && ask->window.to_us <= ask->window.from_us))
            return say(recording, "a reading has `from` and `to`, or none of both");
    }
    return MTR_EXIT_OK;
}

static int read_index(struct recording *recording, struct mtr_str text)
{
    struct mtr_diagnostic broken;
    if (mtr_document_parse_answer(text, &recording->document, &broken)) return say(recording, broken.text);
    const struct mtr_node *root = mtr_document_root(recording->document);
    if (!mtr_str_equal(mtr_node_text(root, "format"), MTR_STR("meterd-recording/1")))
        return say(recording, "it is no recording of this format: \"meterd-recording/1\"");
    recording->answers = mtr_node_get(root, "answers");
    if (!recording->answers || recording->answers->kind != MTR_NODE_LIST)
        return say(recording, "`answers` is missing");
    if (!read_time(root, "now", &recording->now_us)) return say(recording, "`now` is no time");
    recording->given = calloc(recording->answers->child_count + 1, sizeof(*recording->given));
    if (!recording->given) abort();
    return read_asks(recording, mtr_node_get(root, "readings"));
}

int recording_open(const char *directory, struct recording **out)
{
    char path[PATH_BYTES];
    struct mtr_buffer text;
    struct recording *recording = calloc(1, sizeof(*recording));
    if (!recording) abort();
    recording->directory = directory;
    mtr_buffer_init(&recording->headers, SIZE_MAX);
    mtr_buffer_init(&recording->body, SIZE_MAX);
    snprintf(path, sizeof(path), "%s/recording.json", directory);
    int code = cli_load_file(path, INDEX_BYTES_MAX, &text);
    if (!code) {
        code = read_index(recording, mtr_buffer_str(&text));
        mtr_buffer_release(&text);
    }
    if (code)
        recording_close(recording);
    else
        *out = recording;
    return code;
}

void recording_close(struct recording *recording)
{
    if (!recording) return;
    mtr_document_close(recording->document);
    mtr_buffer_release(&recording->headers);
    mtr_buffer_release(&recording->body);
    free(recording->given);
    free(recording->asks);
    free(recording);
}

int64_t recording_now_us(const struct recording *recording) { return recording->now_us; }

uint32_t recording_asks(const struct recording *recording, const struct mtr_trial_ask **out)
{
    *out = recording->asks;
    return recording->ask_count;
}

/* ---- answers ---- */

/* Bytes of the text up to the sign, or all. */
static size_t span_of(struct mtr_str text, char sign)
{
    const char *found = text.size ? memchr(text.data, sign, text.size) : NULL;
    return found ? (size_t)(found - text.data) : text.size;
}

static uint32_t count_parameter(struct mtr_str query, struct mtr_str parameter)
{
    uint32_t count = 0;
    while (query.size) {
        const size_t size = span_of(query, '&');
        count += mtr_str_equal((struct mtr_str){query.data, size}, parameter);
        const size_t step = size + (size < query.size);
        query = (struct mtr_str){query.data + step, query.size - step};
    }
    return count;
}

/* A key in the URL is masked in what was recorded, and a trial has none. */
static bool is_masked(struct mtr_str parameter)
{
    static const char masked[] = "=***";
    const size_t size = sizeof(masked) - 1;
    return parameter.size > size && !memcmp(parameter.data + parameter.size - size, masked, size);
}

static bool has_all_of(struct mtr_str query, struct mtr_str other)
{
    for (struct mtr_str left = query; left.size;) {
        const struct mtr_str parameter = {left.data, span_of(left, '&')};
        if (!is_masked(parameter) && count_parameter(query, parameter) != count_parameter(other, parameter))
            return false;
        const size_t step = parameter.size + (parameter.size < left.size);
        left = (struct mtr_str){left.data + step, left.size - step};
    }
    return true;
}

/* Signatures of some kinds put a query's parameters in order; without them they stand as in the document. */
static bool is_same_url(struct mtr_str a, struct mtr_str b)
{
    const size_t head = span_of(a, '?');
    if (head != span_of(b, '?') || memcmp(a.data, b.data, head) != 0) return false;
    const struct mtr_str one = {a.data + head + (head < a.size), a.size - head - (head < a.size)};
    const struct mtr_str other = {b.data + head + (head < b.size), b.size - head - (head < b.size)};
    return has_all_of(one, other) && has_all_of(other, one);
}

static bool is_of(const struct mtr_node *answer, const struct mtr_trial_request *request)
{
    return mtr_str_equal(mtr_node_text(answer, "method"), request->method) &&
           is_same_url(mtr_node_text(answer, "url"), request->url) &&
           mtr_str_equal(mtr_node_text(answer, "body"), request->body);
}

/* The first that was given least often; the last one, once all were given. */
static const struct mtr_node *pick(struct recording *recording, const struct mtr_trial_request *request)
{
    const struct mtr_node *last = NULL;
    for (uint32_t i = 0; i < recording->answers->child_count; i++) {
        const struct mtr_node *answer = &recording->answers->children[i];
        if (!is_of(answer, request)) continue;
        last = answer;
        if (recording->given[i]) continue;
        recording->given[i]++;
        return answer;
    }
    return last;
}

static bool write_headers(struct recording *recording, const struct mtr_node *headers)
{
    int rc = MTR_OK;
    mtr_buffer_reset(&recording->headers);
    for (uint32_t i = 0; !rc && headers && headers->kind == MTR_NODE_LIST && i < headers->child_count; i++)
        rc = mtr_buffer_printf(&recording->headers, "%.*s\r\n", MTR_STR_ARGS(headers->children[i].text));
    return !rc;
}

/* A name alone: it leads nowhere else. */
static bool load_body(struct recording *recording, struct mtr_str name)
{
    char path[PATH_BYTES];
    struct mtr_buffer text;
    if (!name.size || memchr(name.data, '/', name.size)) {
        (void)say(recording, "a `file` is a name in the same directory");
        return false;
    }
    snprintf(path, sizeof(path), "%s/%.*s", recording->directory, MTR_STR_ARGS(name));
    if (cli_load_file(path, RECORDING_BODY_BYTES_MAX, &text)) return false;
    mtr_buffer_release(&recording->body);
    recording->body = text;
    return true;
}

bool recording_find(struct recording *recording, const struct mtr_trial_request *request,
                    struct trying_answer *out)
{
    uint64_t status;
    const struct mtr_node *answer = pick(recording, request);
    if (!answer || !mtr_str_to_u64(mtr_node_text(answer, "status"), &status) || status > 999) return false;
    if (!write_headers(recording, mtr_node_get(answer, "headers")) ||
        !load_body(recording, mtr_node_text(answer, "file")))
        return false;
    *out = (struct trying_answer){(unsigned)status, mtr_buffer_str(&recording->headers),
                                  mtr_buffer_str(&recording->body)};
    return true;
}
