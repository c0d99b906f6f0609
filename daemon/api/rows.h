/*
 * Answers that are lists: rows of one shape, written piece by piece as JSON, NDJSON or CSV.
 *
 * A route of a list has a const struct api_list in its row. The frame negotiates the format (a
 * route with answer_types of its own lists as JSON), writes the envelope and asks for rows until there are
 * none:
 *
 *   begin ─▶ fill ─▶ piece leaves ─▶ fill ─▶ piece leaves ─▶ … ─▶ fill says api_rows_end ─▶ last piece ─▶ end
 *
 *   begin:  reads the query's parameters into a struct of its own (call->state, from call->arena). False
 *           after answering a problem; then nothing else is called.
 *
 *   fill:   opens a read transaction of its own, goes on at the key that the state remembers, writes rows
 *           with api_row until api_rows_full, remembers where it stopped, and closes the transaction before
 *           it returns. When no row is left it calls api_rows_end, else it will be called again. Each call
 *           writes a row or ends: it never returns with nothing done.
 *
 *   end:    releases what the state holds outside the arena; also after an error. May be NULL.
 *
 * A fill may come long after the one before it: a reader may be slow. So it trusts nothing but its key and
 * the call's catalog snapshot, both of which stay as they were. All three run on workers, one at a time
 * for one call, not always on the same thread.
 *
 * An error of fill ends the answer: as a problem when nothing has left yet, the frame's or one that fill has
 * answered itself.
 */
#ifndef METERD_DAEMON_API_ROWS_H
#define METERD_DAEMON_API_ROWS_H

#include "daemon/api/api.h"
#include "meterd/core/shape.h"

enum { API_STOP = 1 }; /* a hook of a walk returns it when the piece is full */

struct api_rows;

enum api_pages {
    API_PAGED, /* next_after and has_more: the next call goes on with after= */
    API_CUT,   /* has_more alone: a greater limit shows more */
    API_WHOLE, /* all rows in one answer */
};

struct api_list {
    const char *name;            /* of the page's schema: "Charges" */
    const char *member;          /* of the page, that holds the rows: "charges" */
    const struct mtr_shape *row; /* what api_row is handed, or what the JSON of api_row_json is */
    const char *columns; /* of CSV, comma separated, dotted inside frozen JSON; "name.*": one for each of the
                            call's labels. NULL: the row's members in their order */
    enum api_pages pages;
    const char *failure; /* "the charges cannot be read" */
    bool (*begin)(struct api_call *call);
    int (*fill)(struct api_call *call, struct api_rows *rows);
    void (*end)(struct api_call *call);
};

enum api_format { API_AS_JSON, API_AS_NDJSON, API_AS_CSV };

/* Fields are the frame's; a route uses the functions. */
struct api_rows {
    struct api_call *call;
    const struct api_list *list;
    enum api_format format;
    struct mtr_json_writer json; /* of the envelope, open from the first piece to the last */
    size_t piece_start;          /* in call->answer: where the piece at hand begins */
    int error;                   /* of a write; sticks */
    bool is_done;
};

/* One row as the list's shape says. Read before it returns. */
int api_row(struct api_rows *rows, const void *row) MTR_MUST_USE;
/* One row that is JSON already: frozen, and so passed through. */
int api_row_json(struct api_rows *rows, struct mtr_str json) MTR_MUST_USE;
bool api_rows_full(const struct api_rows *rows);
/* There are no more rows in this answer. The next call goes on behind `next_after`, where has_more. */
void api_rows_end(struct api_rows *rows, uint64_t next_after, bool has_more);

/* For a fill that pays much for its first row and little for the next ones: what it wrote so far is packed,
 * and it may go on. False: no room; it remembers where it stands and returns. */
bool api_rows_make_room(struct api_rows *rows) MTR_MUST_USE;
/* For a fill that needs more than a few MB: unless it has its turn it asks for it, before it writes a row,
 * and returns 0. It will be called again when no other call of its kind runs. */
bool api_rows_have_turn(const struct api_rows *rows);
void api_rows_ask_turn(struct api_rows *rows);

/* The frame's side, after api_answer_rows (api.h). Each piece is appended to call->answer, which may be
 * emptied between pieces. */
int api_rows_piece(struct api_rows *rows) MTR_MUST_USE;
void api_rows_release(struct api_rows *rows);
/* The format's head tells where the answer ends: all rows must be made before it leaves. */
bool api_rows_end_in_head(const struct api_rows *rows);

/* The page as a schema: the rows' member, next_after, has_more. */
void api_list_write_schema(const struct api_list *list, const char *references, struct mtr_json_writer *json);

#endif
