/*
 * A request's memory, its words, and its answer.
 *
 * The answer is written once for thousands of events, so it holds the counts and only the rows that say more
 * than "accepted".
 */
#include "meterd/collector/request.h"

#include <string.h>

#include "meterd/core/json_writer.h"

enum { ARENA_CHUNK_BYTES = 16 << 10 };

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

void mtr_request_init(struct mtr_request *request, size_t arena_bytes_max)
{
    *request = (struct mtr_request){0};
    mtr_arena_init(&request->arena, ARENA_CHUNK_BYTES, arena_bytes_max);
}

void mtr_request_reset(struct mtr_request *request)
{
    struct mtr_arena arena = request->arena;
    mtr_arena_reset(&arena);
    *request = (struct mtr_request){.arena = arena};
}

void mtr_request_release(struct mtr_request *request)
{
    mtr_arena_release(&request->arena);
    *request = (struct mtr_request){0};
}

static void write_row(struct mtr_json_writer *json, const struct mtr_request *request, uint32_t index)
{
    const struct mtr_event_result *result = &request->results[index];
    mtr_json_map(json);
    mtr_json_name(json, "index");
    mtr_json_u64(json, index);
    mtr_json_name(json, "id");
    mtr_json_text(json, request->events[index].id);
    mtr_json_name(json, "result");
    mtr_json_cstr(json, result_names[result->code]);
    mtr_json_name(json, "class");
    mtr_json_cstr(json, result_classes[result->code]);
    if (result->seq) {
        mtr_json_name(json, "seq");
        mtr_json_u64(json, result->seq);
    }
    if (result->field) {
        mtr_json_name(json, "field");
        mtr_json_cstr(json, result->field);
    }
    if (result->reason) {
        mtr_json_name(json, "reason");
        mtr_json_cstr(json, result->reason);
    }
    mtr_json_map_end(json);
}

int mtr_request_write_json(const struct mtr_request *request, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    for (unsigned code = 0; code < MTR_RESULT_COUNT; code++) {
        mtr_json_name(&json, result_names[code]);
        mtr_json_u64(&json, request->counts[code]);
    }
    mtr_json_name(&json, "results");
    mtr_json_list(&json);
    if (request->counts[MTR_RESULT_ACCEPTED] != request->count)
        for (uint32_t i = 0; i < request->count; i++)
            if (request->results[i].code != MTR_RESULT_ACCEPTED) write_row(&json, request, i);
    mtr_json_list_end(&json);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}
