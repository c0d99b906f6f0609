/*
 * A request's memory, its words, and its answer.
 *
 * The answer is written once for thousands of events, so it holds the counts and only the rows that say more
 * than "accepted".
 */
#include "meterd/collector/request.h"

#include <string.h>

#include "meterd/core/shape.h"

enum {
    ARENA_CHUNK_BYTES = 16 << 10,
    ANSWER_KEPT_BYTES = 1 << 10,
    /* Of an answer, and of an event's row in it, without their texts. */
    ANSWER_BYTES = 512,
    ROW_BYTES = 160,
    ESCAPE_BYTES = 6, /* of one byte of a text, at most */
};

static const char *const result_names[MTR_RESULT_COUNT] = {
#define RESULT_NAME(name, text, class_text) text,
    MTR_RESULT_MAP(RESULT_NAME)
#undef RESULT_NAME
};

static const char *const result_classes[MTR_RESULT_COUNT] = {
#define RESULT_CLASS(name, text, class_text) class_text,
    MTR_RESULT_MAP(RESULT_CLASS)
#undef RESULT_CLASS
};

const char *mtr_result_name(enum mtr_result_code code)
{
    MTR_ASSERT((unsigned)code < MTR_RESULT_COUNT);
    return result_names[code];
}

/* A conflict is a row of an append delivery that came before with another content: all others have an id of
 * their own in each reading; so is one that is too old to be known. */
static bool is_quarantined(enum mtr_result_code code)
{
    return code == MTR_RESULT_INVALID || code == MTR_RESULT_FUTURE || code == MTR_RESULT_EXPIRED ||
           code == MTR_RESULT_NOT_AUTHORIZED || code == MTR_RESULT_CONFLICT;
}

/* Rows that could not be mapped are refused as they are: they count among the reading's problems. */
uint32_t mtr_request_quarantined(const struct mtr_request *request)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->count; i++)
        count += request->events[i].disposition != MTR_DISPOSITION_REFUSED &&
                 is_quarantined(request->results[i].code);
    return count;
}

void mtr_request_init(struct mtr_request *request, size_t arena_bytes_max)
{
    *request = (struct mtr_request){0};
    mtr_arena_init(&request->arena, ARENA_CHUNK_BYTES, arena_bytes_max);
    mtr_buffer_init(&request->answer, SIZE_MAX); /* as the request's events are bounded */
}

void mtr_request_reset(struct mtr_request *request)
{
    struct mtr_arena arena = request->arena;
    struct mtr_buffer answer = request->answer;
    mtr_arena_reset(&arena);
    mtr_buffer_reset(&answer);
    if (answer.capacity > ANSWER_KEPT_BYTES) mtr_buffer_release(&answer);
    *request = (struct mtr_request){.arena = arena, .answer = answer};
}

void mtr_request_release(struct mtr_request *request)
{
    mtr_arena_release(&request->arena);
    mtr_buffer_release(&request->answer);
    *request = (struct mtr_request){0};
}

/* ---- the answer ---- */

struct result_row {
    uint64_t index;
    struct mtr_str id;
    const char *result, *class;
    bool has_seq;
    uint64_t seq;
    const char *field, *reason, *code;
    bool is_not_counted;
    struct mtr_list not_counted;
};

static const char *result_choice(unsigned index)
{
    return index < MTR_RESULT_COUNT ? result_names[index] : NULL;
}

static const char *class_choice(unsigned index)
{
    static const char *const classes[] = {"ok", "fix", "retry", NULL};
    return classes[index];
}

#define ROW(field) MTR_MEMBER(result_row, field)
static const struct mtr_json_member result_members[] = {
    {ROW(index), .type = MTR_MEMBER_U64, .doc = "place of the event in the request, from 0"},
    {ROW(id), .type = MTR_MEMBER_TEXT, .doc = "of the event, as it was sent"},
    {ROW(result), .type = MTR_MEMBER_WORD, .choice = result_choice, .doc = "what became of it"},
    {ROW(class), .type = MTR_MEMBER_WORD, .choice = class_choice,
     .doc = "ok: nothing is to be done; fix: change the event; retry: send it again"},
    {ROW(seq), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(result_row, has_seq),
     .doc = "of the stored event; for duplicate and conflict the original's"},
    {ROW(field), .type = MTR_MEMBER_WORD, .presence = MTR_MAY_LACK, .doc = "that is at fault"},
    {ROW(reason), .type = MTR_MEMBER_WORD, .presence = MTR_MAY_LACK, .doc = "one sentence"},
    {ROW(code), .type = MTR_MEMBER_WORD, .presence = MTR_MAY_LACK, .choice = mtr_finding_code_choice,
     .doc = "what kind of reason it is: it stays when the sentence is worded anew"},
    {ROW(not_counted), .type = MTR_MEMBER_TEXTS, .presence = MTR_MAY_LACK,
     MTR_PRESENT(result_row, is_not_counted),
     .doc = "meters of its type that do not count it, because it lacks a property of theirs; at most 16"},
    {0},
};
#undef ROW
static const struct mtr_shape result_shape = {.name = "EventResult", .members = result_members};

static bool is_plain(const struct mtr_event_result *result)
{
    return result->code == MTR_RESULT_ACCEPTED && !result->not_counted.count;
}

/* Only those that say more than "accepted". */
static void write_results(struct mtr_json_writer *json, const void *context)
{
    const struct mtr_request *request = context;
    mtr_json_list(json);
    if (request->counts[MTR_RESULT_ACCEPTED] != request->count || request->not_counted) {
        for (uint32_t i = 0; i < request->count; i++) {
            const struct mtr_event_result *result = &request->results[i];
            if (is_plain(result)) continue;
            MTR_ASSERT(!result->reason == !result->finding);
            const char *code = result->reason ? mtr_finding_kind(result->finding)->code : NULL;
            const struct result_row row = {.index = i,
                                           .id = request->events[i].id,
                                           .result = result_names[result->code],
                                           .class = result_classes[result->code],
                                           .has_seq = result->seq > 0,
                                           .seq = result->seq,
                                           .field = result->field,
                                           .reason = result->reason,
                                           .code = code,
                                           .is_not_counted = result->not_counted.count > 0,
                                           .not_counted = result->not_counted};
            mtr_shape_write(&result_shape, &row, json);
        }
    }
    mtr_json_list_end(json);
}

static const struct mtr_json_member request_members[] = {
#define RESULT_MEMBER(code, text, class_text)                                                                \
    {.name = text, .type = MTR_MEMBER_U32, .offset = offsetof(struct mtr_request, counts[MTR_RESULT_##code])},
    MTR_RESULT_MAP(RESULT_MEMBER)
#undef RESULT_MEMBER
        {.name = "dry_run",
         .type = MTR_MEMBER_BOOL,
         .offset = offsetof(struct mtr_request, is_dry_run),
         .presence = MTR_MAY_LACK,
         MTR_PRESENT(mtr_request, is_dry_run),
         .doc = "true: nothing was stored"},
        {.name = "vendor",
         .type = MTR_MEMBER_TEXT,
         .offset = offsetof(struct mtr_request, vendor),
         .presence = MTR_MAY_LACK,
         MTR_PRESENT(mtr_request, is_dry_run),
         .doc = "of a dry run: of the API key, and so the source of events that name none"},
        {.name = "results",
         .type = MTR_MEMBER_LIST,
         .shape = &result_shape,
         .write = write_results,
         .doc = "one for each event that is not plainly accepted or that a meter does not count, in the "
                "order sent"},
    {0},
};
const struct mtr_shape mtr_request_shape = {.name = "EventResults", .members = request_members};

int mtr_request_write_json(const struct mtr_request *request, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_shape_write(&mtr_request_shape, request, &json);
    return mtr_json_finish(&json);
}

/* As a string, at most. */
static size_t text_bytes(struct mtr_str text)
{
    size_t escaped = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        escaped += byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
    }
    return text.size + escaped * (ESCAPE_BYTES - 1) + sizeof("\"\"");
}

static size_t words_bytes(const char *words)
{
    return words ? text_bytes(mtr_str_from(words)) : 0;
}

static size_t row_bytes(const struct mtr_event *event, const struct mtr_event_result *result)
{
    const struct mtr_str *keys = result->not_counted.items;
    size_t bytes = ROW_BYTES + text_bytes(event->id);
    bytes += words_bytes(result->field) + words_bytes(result->reason);
    if (result->reason) bytes += words_bytes(mtr_finding_kind(result->finding)->code);
    for (uint32_t i = 0; i < result->not_counted.count; i++) bytes += text_bytes(keys[i]) + sizeof(",");
    return bytes;
}

size_t mtr_request_answer_bytes(const struct mtr_request *request)
{
    size_t bytes = ANSWER_BYTES + text_bytes(request->vendor);
    for (uint32_t i = 0; i < request->count; i++)
        if (!is_plain(&request->results[i])) bytes += row_bytes(&request->events[i], &request->results[i]);
    return bytes;
}
