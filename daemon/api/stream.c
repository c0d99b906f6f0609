/*
 * Answers on their way; stream.h has the picture.
 *
 * Invariants:
 *   1  A call is with the workers, or in the list of those that wait for their readers, or in its owner's lane
 *      for a turn, or being moved by the loop. Only the loop moves it.
 *   2  What leaves next is the pack's first piece; what stands in call->answer, once the pack is empty; what
 *      is made next, once both are.
 *   3  While a call waits, `coded` holds no memory, and call->answer only what found no room in the pack.
 *   4  The pack is empty when the request is answered: it counts in the server's total, and the server may go
 *      with its last request.
 *   5  `open` counts the calls between start and free; the streams go with the last one after close.
 *   6  At most one call has its turn, from queue_make to on_made.
 */
#include "daemon/api/stream.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/api/metrics.h"
#include "daemon/api/rows.h"
#include "meterd/core/logline.h"

enum {
    TURNS = 64, /* that wait, for the size of a table */
    CODED_BYTES_MIN = 1 << 10, /* shorter answers are not worth a coding */
    HEADERS_MAX = 8,
    NUMBER_BYTES = 24,
};

struct mtr_metric metric_queries_cut = {
    .name = "meterd_queries_cut_total",
    .type = MTR_COUNTER,
    .label = "why",
    .choices = "called_off|cpu|memory|memory_total", /* as enum mtr_work_end */
    .doc = "Queries that were ended before they were answered: nobody waited for them any more, or they met "
           "query.cpu_max, query.memory_max or query.memory_total_max.",
};

struct line {
    struct api_call *first, *last;
};

struct api_streams {
    struct mtr_loop *loop;
    struct mtr_http_server *server;
    struct mtr_workers *workers;
    struct line waiting;    /* for their readers */
    struct mtr_lanes turns; /* of those that need their turn: one is out */
    uint32_t open;
    bool is_closed;
};

static void on_made(void *context);
static void free_streams(struct api_streams *streams);

/* ---- lines ---- */

static void append(struct line *line, struct api_call *call)
{
    call->stream.previous = line->last;
    call->stream.next = NULL;
    if (line->last) line->last->stream.next = call;
    else line->first = call;
    line->last = call;
}

static void take_out(struct line *line, struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    if (stream->previous) stream->previous->stream.next = stream->next;
    else line->first = stream->next;
    if (stream->next) stream->next->stream.previous = stream->previous;
    else line->last = stream->previous;
    stream->next = stream->previous = NULL;
}

/* ---- with the workers ---- */

/* Everything that was made has left, or the head waits for what is made first. */
static bool must_make(const struct api_call *call)
{
    const struct api_stream *stream = &call->stream;
    return !stream->is_made && api_pack_is_empty(&stream->pack) &&
           (!stream->is_begun || call->answer.size == 0);
}

static void make_rows(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    const bool with_headers = api_rows_end_in_head(stream->rows); /* then all rows come before the head */
    int rc = api_rows_piece(stream->rows);
    while (!rc && with_headers && !stream->rows->is_done && !stream->awaits_turn) {
        rc = api_pack_answer(call);
        if (!rc) rc = api_rows_piece(stream->rows);
    }
    stream->is_made = rc || stream->rows->is_done;
    stream->error = rc;
    /* The tail of what is packed waits with it, if there is room. */
    if (!rc && !api_pack_is_empty(&stream->pack) && api_pack_answer(call)) return;
}

static void open(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    stream->is_opened = true;
    if (api_check_query(call)) call->route->handle(call);
    api_security_answered(call);
    if (stream->rows) make_rows(call);
    else stream->is_made = true;
}

/* The next piece of the body into coded. */
static int code_piece(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    const bool is_pack = !api_pack_is_empty(&stream->pack);
    const bool is_end = stream->is_made && (!is_pack || call->answer.size == 0);
    int rc;
    stream->is_coded = true;
    if (is_pack) {
        rc = api_pack_take(&stream->pack, is_end, &stream->writer, &stream->coded);
    } else {
        rc = mtr_coding_write(&stream->writer, mtr_buffer_str(&call->answer), is_end, &stream->coded);
        mtr_buffer_reset(&call->answer);
    }
    stream->is_last = is_end && api_pack_is_empty(&stream->pack);
    return rc;
}

/* What the answer was made of is done with; what has not left stays. */
static void drop_sources(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    if (stream->rows) api_rows_release(stream->rows);
    stream->rows = NULL;
    mtr_buffer_release(&call->body_memory);
    mtr_arena_release(&call->arena);
}

/* What came of it is of no use, whatever it is. */
static void cut(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    mtr_metric_add_choice(&metric_queries_cut, call->limit.end - MTR_WORK_CALLED_OFF, 1);
    stream->awaits_turn = false;
    stream->is_made = true;
    stream->error = stream->is_begun ? MTR_ELIMIT : MTR_OK;
    if (!stream->is_begun) api_cut(call);
}

static void make_more(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    const bool is_limited = api_call_only_reads(call);
    if (is_limited) mtr_work_limit_enter(&call->limit);
    if (!stream->is_opened) open(call);
    else if (must_make(call)) make_rows(call);
    if (is_limited) mtr_work_limit_leave(&call->limit);
    if (call->limit.end) cut(call);
}

static void make(void *context)
{
    struct api_call *call = context;
    struct api_stream *stream = &call->stream;
    stream->awaits_turn = false;
    make_more(call);
    if (stream->error && !stream->is_begun) {
        if (call->status < 400) api_error(call, stream->error, call->route->list->failure);
        stream->error = MTR_OK;
    }
    if (stream->is_made) drop_sources(call);
    if (stream->error || stream->awaits_turn) return;
    stream->is_whole = !stream->is_begun && stream->is_made && api_pack_is_empty(&stream->pack);
    if (stream->is_whole &&
        (stream->writer.coding == MTR_CODING_IDENTITY || call->answer.size < CODED_BYTES_MIN))
        return;
    stream->error = code_piece(call);
}

/* ---- on the loop ---- */

/* After the request is answered. */
static void free_stream(struct api_call *call)
{
    struct api_streams *streams = call->stream.streams;
    MTR_ASSERT(api_pack_is_empty(&call->stream.pack));
    if (call->stream.rows) api_rows_release(call->stream.rows);
    mtr_buffer_release(&call->stream.coded);
    api_call_free(call);
    streams->open--;
    if (streams->is_closed && streams->open == 0) free_streams(streams);
}

static void end_turn(struct api_call *call)
{
    if (call->stream.has_turn) mtr_lanes_done(&call->stream.streams->turns, call->job.owner, 0);
    call->stream.has_turn = false;
}

/* Nobody reads it, or nothing more can be made of it. */
static void break_off(struct api_call *call)
{
    api_pack_release(&call->stream.pack);
    if (call->stream.is_begun) mtr_http_respond_abort(call->http);
    else
        mtr_http_problem(call->http, 503, MTR_FINDING_REQUEST_BUSY,
                         MTR_STR("the answer could not be made; try again"));
    free_stream(call);
}

/* The reader learns it from the missing end, the operator from the line. */
static void fail(struct api_call *call, int error)
{
    mtr_logline(MTR_LEVEL_WARNING, "api", "%s: the answer broke off: %s", call->route->operation,
                mtr_error_text(error));
    break_off(call);
}

/* It was let in before. */
static void go_on(struct api_call *call)
{
    if (mtr_workers_go_on(call->stream.streams->workers, &call->job)) fail(call, MTR_ENOMEM);
}

static struct api_call *call_of_turn(struct mtr_lane_item *item)
{
    return (struct api_call *)((char *)item - offsetof(struct api_call, stream.turn));
}

/* The next owner's call, if none has its turn. */
static void pass_turn_on(struct api_streams *streams)
{
    while (streams->turns.out == 0 && streams->turns.waiting) {
        struct api_call *next = call_of_turn(mtr_lanes_take(&streams->turns, 1));
        next->stream.has_turn = true;
        next->stream.waits_for_turn = false;
        if (mtr_http_request_is_gone(next->http)) {
            end_turn(next);
            break_off(next);
        } else {
            go_on(next);
        }
    }
}

static void queue_make(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    if (!stream->needs_turn || !must_make(call)) {
        go_on(call);
    } else if (mtr_lanes_put_on(&stream->streams->turns, call->job.owner, &stream->turn)) {
        fail(call, MTR_ENOMEM);
    } else {
        stream->waits_for_turn = true;
        pass_turn_on(stream->streams);
    }
}

void api_stream_call_off(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    struct api_streams *streams = stream->streams;
    if (!streams) return; /* it is being refused */
    if (stream->waits_for_turn) {
        mtr_lanes_remove(&streams->turns, call->job.owner, &stream->turn);
    } else if (!mtr_workers_call_off(streams->workers, &call->job)) {
        mtr_work_limit_call_off(&call->limit); /* which who changes something does not look at */
        return;
    }
    mtr_metric_add_choice(&metric_queries_cut, 0, 1);
    end_turn(call);
    break_off(call);
    pass_turn_on(streams);
}

static void on_drain(void *context, struct mtr_http_request *http)
{
    struct api_call *call = context;
    MTR_ASSERT(call->http == http);
    take_out(&call->stream.streams->waiting, call);
    queue_make(call);
}

static uint32_t write_headers(const struct api_call *call, char next_after[NUMBER_BYTES],
                              struct mtr_http_header headers[HEADERS_MAX])
{
    const struct api_stream *stream = &call->stream;
    uint32_t count = 0;
    headers[count++] =
        (struct mtr_http_header){MTR_STR("content-type"), mtr_str_from(call->answer_type)};
    headers[count++] = (struct mtr_http_header){MTR_STR("cache-control"), MTR_STR("no-store")};
    headers[count++] = (struct mtr_http_header){MTR_STR("vary"), MTR_STR("accept, accept-encoding")};
    if (stream->is_coded && stream->writer.coding != MTR_CODING_IDENTITY)
        headers[count++] = (struct mtr_http_header){MTR_STR("content-encoding"),
                                                    mtr_coding_name(stream->writer.coding)};
    if (call->status == 503)
        headers[count++] = (struct mtr_http_header){MTR_STR("retry-after"), MTR_STR("1")};
    if (!call->paged) return count;
    snprintf(next_after, NUMBER_BYTES, "%llu", (unsigned long long)call->next_after);
    headers[count++] = (struct mtr_http_header){MTR_STR("meterd-next-after"), mtr_str_from(next_after)};
    headers[count++] = (struct mtr_http_header){MTR_STR("meterd-has-more"),
                                                call->has_more ? MTR_STR("true") : MTR_STR("false")};
    MTR_ASSERT(count <= HEADERS_MAX);
    return count;
}

static void send_piece(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    const int rc = mtr_http_respond_chunk(call->http, mtr_buffer_str(&stream->coded));
    mtr_buffer_release(&stream->coded);
    if (call->answer.size == 0) mtr_buffer_release(&call->answer);
    if (rc == MTR_ECLOSED) {
        break_off(call);
    } else if (rc && rc != MTR_EAGAIN) {
        fail(call, rc);
    } else if (stream->is_last) {
        mtr_http_respond_end(call->http);
        free_stream(call);
    } else if (rc == MTR_EAGAIN) {
        append(&stream->streams->waiting, call);
    } else {
        queue_make(call);
    }
}

static void begin(struct api_call *call)
{
    struct api_stream *stream = &call->stream;
    struct mtr_http_header headers[HEADERS_MAX];
    char next_after[NUMBER_BYTES];
    MTR_ASSERT(call->status != 0);
    const uint32_t count = write_headers(call, next_after, headers);
    if (stream->is_whole) {
        mtr_http_respond(call->http, call->status, headers, count,
                         stream->is_coded ? &stream->coded : &call->answer);
        free_stream(call);
        return;
    }
    const bool is_head = mtr_http_request_method(call->http) == MTR_HTTP_HEAD;
    mtr_http_respond_begin(call->http, call->status, headers, count, on_drain, call);
    stream->is_begun = true;
    if (!is_head) {
        send_piece(call);
        return;
    }
    api_pack_release(&stream->pack);
    mtr_http_respond_end(call->http);
    free_stream(call);
}

static void on_made(void *context)
{
    struct api_call *call = context;
    struct api_stream *stream = &call->stream;
    end_turn(call);
    if (!stream->streams->is_closed) pass_turn_on(stream->streams);
    if (stream->streams->is_closed) {
        break_off(call);
        return;
    }
    if (stream->awaits_turn) {
        queue_make(call);
        return;
    }
    if (stream->error) fail(call, stream->error);
    else if (stream->is_begun) send_piece(call);
    else begin(call);
}

int api_stream_start(struct api_streams *streams, struct api_call *call)
{
    call->stream.streams = streams;
    call->job.work = make;
    call->job.on_done = on_made;
    call->job.context = call;
    api_pack_init(&call->stream.pack, streams->server, call->job.owner);
    mtr_buffer_init(&call->stream.coded, SIZE_MAX / 2);
    const int rc = mtr_workers_start(streams->workers, &call->job);
    streams->open += !rc;
    return rc;
}

int api_streams_open(struct mtr_workers *workers, struct mtr_http_server *server, struct api_streams **out)
{
    struct api_streams *streams = calloc(1, sizeof(*streams));
    if (!streams) return MTR_ENOMEM;
    if (mtr_lanes_init(&streams->turns, TURNS, UINT64_MAX, 1)) {
        free(streams);
        return MTR_ENOMEM;
    }
    streams->workers = workers;
    streams->server = server;
    *out = streams;
    return MTR_OK;
}

static void free_streams(struct api_streams *streams)
{
    mtr_lanes_release(&streams->turns);
    free(streams);
}

void api_streams_close(struct api_streams *streams)
{
    struct mtr_lane_item *item;
    if (!streams) return;
    streams->open++; /* ours, until nothing waits */
    streams->is_closed = true;
    while (streams->waiting.first) {
        struct api_call *call = streams->waiting.first;
        take_out(&streams->waiting, call);
        break_off(call);
    }
    while ((item = mtr_lanes_take(&streams->turns, UINT32_MAX))) {
        call_of_turn(item)->stream.has_turn = true;
        end_turn(call_of_turn(item));
        break_off(call_of_turn(item));
    }
    if (--streams->open == 0) free_streams(streams);
}
