/*
 * Templates: what a source's document says with braces, in paths, queries, headers, bodies and what is
 * signed.
 *
 *   /accounts/{each.subject}/usage     {from:%Y-%m-%d}     {last:%d.%m.%Y|zone=Europe/Moscow}     Bearer {secret}
 *
 * A use in braces is a name, for times a format behind a colon (time_style.h; without one rfc3339) and a zone
 * behind `|zone=` (without one that of the rules). `each` has members, `{each.subject}`, or is one value,
 * `{each}`. `{{` is a brace; `}` outside of a use is itself.
 *
 * What comes out is escaped for where it stands, so that a value can never say more than a value:
 *
 *   PATH     literals as they are, but for bytes that no path has; values with everything escaped that is not a
 *            letter, a digit or one of -._~, `/` too, except in {item}, which is a path. Refused: empty values,
 *            segments that are `.` or `..`
 *   URL      a path, or `{job.id}` alone, which stands as it is: whoever asks for it looks where it leads
 *   QUERY    one name or value of a query string: all of it escaped, a space as %20
 *   FORM     one of application/x-www-form-urlencoded: a space as +
 *   HEADER   a header's value: control characters are refused, CR and LF among them
 *   JSON     what stands between the quotes of a string
 *   TEXT     as it is: what is signed, and bodies whose grammar is not known
 *
 *   struct mtr_template template;
 *   rc = mtr_template_parse(text, &rules, &arena, &template, &diagnostic);
 *   rc = mtr_template_expand(&template, &values, &buffer, &fault);
 *
 * A template is immutable once parsed and lives in the caller's arena: any thread. Pure.
 */
#ifndef METERD_SOURCE_TEMPLATE_H
#define METERD_SOURCE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/zone.h"
#include "meterd/source/time_style.h"

enum {
    MTR_TEMPLATE_BYTES_MAX = 64 << 10,
    MTR_TEMPLATE_PIECES_MAX = 256,
};

/* Names, in the order of the rows: `{job.id}` is MTR_TEMPLATE_JOB_ID. */
#define MTR_TEMPLATE_NAMES(X)                                                                                \
    X(FROM, "from")           /* the window's begin */                                                       \
    X(TO, "to")               /* its end, exclusive */                                                       \
    X(LAST, "last")           /* its end less the vendor's smallest step: inclusive */                       \
    X(TIME, "time")           /* of the request */                                                           \
    X(EACH, "each")           /* of for_each */                                                              \
    X(PERIOD, "period")       /* the name of a named period: current, last */                                \
    X(PAGE, "page")           /* number of the page, or offset */                                            \
    X(CURSOR, "cursor")       /* the token of the page, or of the feed */                                    \
    X(JOB_ID, "job.id")       /* as the vendor named the job */                                              \
    X(ITEM, "item")           /* of a manifest or listing */                                                 \
    X(SECRET, "secret")       /* what stands in secret_file */                                               \
    X(TOKEN, "token")         /* of a login */                                                               \
    X(METHOD, "method")       /* of the request that is signed, as the next four */                          \
    X(PATH, "path")                                                                                          \
    X(QUERY, "query")         /* sorted */                                                                   \
    X(BODY_HASH, "body_hash") /* hexadecimal */                                                              \
    X(NONCE, "nonce")                                                                                        \
    X(SIGNATURE, "signature")

enum mtr_template_name {
#define MTR_TEMPLATE_ROW(name, text) MTR_TEMPLATE_##name,
    MTR_TEMPLATE_NAMES(MTR_TEMPLATE_ROW)
#undef MTR_TEMPLATE_ROW
    MTR_TEMPLATE_NAME_COUNT
};

#define MTR_TEMPLATE_BIT(name) (UINT32_C(1) << (name))
/* Sets of names: of the times of a window, of any request for usage, of what hmac signs and sends. */
#define MTR_TEMPLATE_WINDOW                                                                                  \
    (MTR_TEMPLATE_BIT(MTR_TEMPLATE_FROM) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_TO) |                               \
     MTR_TEMPLATE_BIT(MTR_TEMPLATE_LAST) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_PERIOD))
#define MTR_TEMPLATE_REQUEST                                                                                 \
    (MTR_TEMPLATE_WINDOW | MTR_TEMPLATE_BIT(MTR_TEMPLATE_EACH) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_PAGE) |       \
     MTR_TEMPLATE_BIT(MTR_TEMPLATE_CURSOR))
#define MTR_TEMPLATE_SIGNED                                                                                  \
    (MTR_TEMPLATE_BIT(MTR_TEMPLATE_METHOD) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_PATH) |                           \
     MTR_TEMPLATE_BIT(MTR_TEMPLATE_QUERY) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_BODY_HASH) |                       \
     MTR_TEMPLATE_BIT(MTR_TEMPLATE_TIME) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_NONCE))

enum mtr_template_place {
    MTR_TEMPLATE_IN_PATH,
    MTR_TEMPLATE_IN_URL,
    MTR_TEMPLATE_IN_QUERY,
    MTR_TEMPLATE_IN_FORM,
    MTR_TEMPLATE_IN_HEADER,
    MTR_TEMPLATE_IN_JSON,
    MTR_TEMPLATE_IN_TEXT
};

/* What a template may say where it stands. */
struct mtr_template_rules {
    enum mtr_template_place place;
    uint32_t allowed;            /* MTR_TEMPLATE_BIT of each name */
    const struct mtr_zone *zone; /* of times that name none; borrowed, as long as the template; NULL: UTC */
    /* The zone of that name, borrowed as long as the template; errors as mtr_zone_open. NULL: no use names
     * one. */
    int (*find_zone)(void *context, struct mtr_str name, const struct mtr_zone **out);
    void *zone_context;
    uint32_t line, column; /* of the text's first byte, for findings; 0: there are no lines */
};

struct mtr_template_piece {
    struct mtr_str literal;      /* escaped already; of a use no data */
    enum mtr_template_name name; /* of a use */
    struct mtr_str member;       /* of {each.MEMBER}; else empty */
    struct mtr_time_style style; /* of from, to, last, time */
};

struct mtr_template {
    enum mtr_template_place place;
    uint32_t piece_count;
    struct mtr_template_piece *pieces; /* the arena's */
    uint32_t uses;                     /* MTR_TEMPLATE_BIT of each name in it */
};

/* The arena copies what it keeps. MTR_EINVALID with a diagnostic: column and offset are those of the place in
 * the text, the field is empty. MTR_ENOMEM. */
int mtr_template_parse(struct mtr_str text, const struct mtr_template_rules *rules, struct mtr_arena *arena,
                       struct mtr_template *out, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

struct mtr_template_values {
    int64_t from_us, to_us, last_us, time_us;
    struct mtr_str texts[MTR_TEMPLATE_NAME_COUNT]; /* of names that are no times; no data: there is none */
    /* The value of {each.MEMBER}, borrowed until the call returns; no data: it has no such member. */
    struct mtr_str (*each)(const void *context, struct mtr_str member);
    const void *each_context;
};

/* Appends the text; with an error the buffer is as it was. MTR_EMISSING: a value is not there; MTR_EINVALID:
 * a value cannot stand where it would; MTR_ELIMIT, MTR_ENOMEM. With the first two *fault (may be NULL) is a
 * sentence without a value in it (static), since a value may be a secret. */
int mtr_template_expand(const struct mtr_template *template, const struct mtr_template_values *values,
                        struct mtr_buffer *out, const char **fault) MTR_MUST_USE;

/* "from", "job.id". */
const char *mtr_template_name(enum mtr_template_name name);

#endif
