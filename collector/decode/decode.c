/*
 * The entry: content encoding, content type, one decoder. Owns nothing; everything made stands in the
 * request's arena. Any thread, one request at a time. On failure the request has no events.
 */
#include "meterd/collector/decode.h"

#include <string.h>

#include "collector/decode/decoder.h"
#include "meterd/net/coding.h"

static const struct mtr_decoder decoders[] = {
    {"application/json", decode_json},
    {"application/cloudevents+json", decode_json},
    {"application/cloudevents-batch+json", decode_json},
    {"application/x-ndjson", decode_ndjson},
    {"application/ndjson", decode_ndjson},
    {"application/msgpack", decode_msgpack},
    {"application/x-msgpack", decode_msgpack},
    {"application/vnd.msgpack", decode_msgpack},
};

/* The type without parameters and white space around it. */
static struct mtr_str media_type(struct mtr_str text)
{
    const char *semicolon = text.size ? memchr(text.data, ';', text.size) : NULL;
    if (semicolon) text.size = (size_t)(semicolon - text.data);
    while (text.size && (*text.data == ' ' || *text.data == '\t')) text.data++, text.size--;
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) text.size--;
    return text;
}

static bool is_type(struct mtr_str text, const char *name)
{
    return mtr_str_equal_lower(text, mtr_str_from(name));
}

static bool is_json_type(struct mtr_str text)
{
    const struct mtr_str suffix = MTR_STR("json");
    if (text.size <= suffix.size) return false;
    struct mtr_str tail = {text.data + text.size - suffix.size, suffix.size};
    char before = tail.data[-1];
    return is_type(tail, suffix.data) && (before == '/' || before == '+');
}

/* Binary mode says so by ce-specversion; the structured types win over stray headers. */
static bool is_binary_mode(const struct mtr_decode_input *input, struct mtr_str type)
{
    if (is_type(type, "application/cloudevents+json") || is_type(type, "application/cloudevents-batch+json"))
        return false;
    for (uint32_t i = 0; i < input->header_count; i++)
        if (mtr_str_equal(input->headers[i].name, MTR_STR("specversion"))) return true;
    return false;
}

static const struct mtr_decoder *find_decoder(const struct mtr_decode_input *input, struct mtr_str type)
{
    static const struct mtr_decoder binary = {"(ce-* headers)", decode_binary};
    if (is_binary_mode(input, type))
        return input->body.size == 0 || type.size == 0 || is_json_type(type) ? &binary : NULL;
    if (type.size == 0) return &decoders[0];
    for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++)
        if (is_type(type, decoders[i].media_type)) return &decoders[i];
    return NULL;
}

/* The body, plain, in the request's arena. */
static int decompress(struct mtr_decode_job *job)
{
    const struct mtr_decode_input *input = job->input;
    struct mtr_str name = input->content_encoding;
    struct mtr_decoded plain = {NULL, 0};
    enum mtr_coding coding;
    if (!mtr_coding_from_name(name, &coding)) {
        mtr_diagnostic_set(job->diagnostic, MTR_FINDING_REQUEST_CODING, 0, 0, "",
                           "content encoding '%.*s' is not understood: send identity, gzip or zstd",
                           name.size < 40 ? (int)name.size : 40, name.data);
        return MTR_ENOTFOUND;
    }
    int rc = mtr_coding_decode(coding, input->body, input->body_bytes_max, &job->request->arena, &plain,
                               job->diagnostic);
    job->text = plain.text;
    job->size = plain.size;
    return rc;
}

int mtr_decode(const struct mtr_decode_input *input, struct mtr_request *request,
               struct mtr_diagnostic *diagnostic)
{
    struct mtr_decode_job job = {.input = input, .request = request, .diagnostic = diagnostic};
    struct mtr_str type = media_type(input->content_type);
    const struct mtr_decoder *decoder = find_decoder(input, type);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, "", "out of memory");
    draft_init(&job.draft, request, input->events_max, input->received_us);
    if (!decoder) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_REQUEST_TYPE, 0, 0, "",
                           "content type '%.*s' is not understood: send JSON, NDJSON, msgpack or CloudEvents",
                           type.size < 80 ? (int)type.size : 80, type.size ? type.data : "");
        return MTR_ENOTFOUND;
    }
    int rc = decompress(&job);
    if (!rc) rc = decoder->decode(&job);
    /* The bound of one request's memory is the sender's to keep; only the system's refusal is ours. */
    if (rc == MTR_ENOMEM && request->arena.bytes_total >= request->arena.bytes_max / 2) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_REQUEST_SIZE, 0, 0, "",
                           "the request needs more memory than one may take: send smaller batches");
        rc = MTR_ELIMIT;
    }
    if (rc) {
        request->events = NULL;
        request->results = NULL;
        request->count = 0;
        return rc;
    }
    request->body_bytes = job.size;
    return MTR_OK;
}
