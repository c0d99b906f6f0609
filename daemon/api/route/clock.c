/*
 * GET /v1/clock: what is believed of the machine's clock. POST /v1/clock: it is right.
 */
#include "daemon/api/api.h"
#include "daemon/api/routes.h"

#include "meterd/core/time.h"

struct clock_row {
    const char *state;
    int64_t trusted, wall;
};

static const char *state_choice(unsigned index)
{
    return index < MTR_CLOCK_STATE_COUNT ? mtr_clock_state_name((enum mtr_clock_state)index) : NULL;
}

#define ROW(field) MTR_MEMBER(clock_row, field)
static const struct mtr_json_member row_members[] = {
    {ROW(state), .type = MTR_MEMBER_WORD, .choice = state_choice,
     .doc = "believed; ahead: by more than can have passed; back: less than has passed. While it is not "
            "believed, billing periods open and close by the earlier of the two times"},
    {ROW(trusted), .type = MTR_MEMBER_TIME, .doc = "the time that events are received at"},
    {ROW(wall), .type = MTR_MEMBER_TIME, .doc = "what the machine's clock says"},
    {0},
};
#undef ROW
static const struct mtr_shape row_shape = {.name = "Clock", .members = row_members};

static void get_clock(struct api_call *call)
{
    const struct mtr_trusted_time time = call->host->clock(call->host->context);
    const struct clock_row row = {.state = mtr_clock_state_name(time.state),
                                  .trusted = time.now_us,
                                  .wall = mtr_trusted_wall_us(time)};
    api_answer(call, &row);
}

struct word {
    int64_t wall;
};

static const struct mtr_json_member word_members[] = {
    {MTR_MEMBER(word, wall), .type = MTR_MEMBER_TIME,
     .doc = "what the machine's clock said when you looked (GET /v1/clock): if it says something else by "
            "now, nothing is accepted"},
    {0},
};
static const struct mtr_shape word_shape = {.name = "ClockAccepted", .members = word_members};

static bool read_word(struct api_call *call, struct word *out)
{
    struct mtr_document *document = api_body(call);
    if (!document) return false;
    const struct mtr_str wall = mtr_node_text(mtr_document_root(document), "wall");
    const bool is_time = wall.size && !mtr_time_parse(wall, &out->wall);
    mtr_document_close(document);
    if (!is_time)
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY,
                    "send {\"wall\": \"TIME\"}: what the machine's clock said in GET /v1/clock");
    return is_time;
}

static void accept_clock(struct api_call *call)
{
    const struct mtr_api_host *host = call->host;
    struct word word;
    if (!read_word(call, &word)) return;
    const int rc = host->accept_clock(host->context, call->credential->key, word.wall);
    if (rc == MTR_EINVALID)
        api_problem(call, 409, MTR_FINDING_REQUEST_CLOCK,
                    "the machine's clock says something else by now: look again (GET /v1/clock)");
    else if (rc == MTR_EAGAIN || rc == MTR_EFULL || rc == MTR_EFILES)
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY,
                    "the log takes longer than usual: look how the clock stands, and try again");
    else if (rc) api_error(call, rc, "the clock could not be accepted");
    else get_clock(call);
}

const struct api_route api_get_clock = {
    .method = MTR_HTTP_GET,
    .path = "/v1/clock",
    .scope = MTR_SCOPE_QUERY,
    .operation = "getClock",
    .summary = "What is believed of the machine's clock",
    .answer = &row_shape,
    .handle = get_clock,
};

const struct api_route api_accept_clock = {
    .method = MTR_HTTP_POST,
    .path = "/v1/clock",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_CLOCK_ACCEPTED,
    .operation = "acceptClock",
    .summary = "Says that the machine's clock is right: it is trusted, and the log notes who said so",
    .request = &word_shape,
    .answer = &row_shape,
    .handle = accept_clock,
};
