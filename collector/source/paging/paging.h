/*
 * How a reading goes on from page to page: `paging` of a source's document, a driver a file. A step machine
 * over what the reader of rows has found in each answer; it sends nothing and reads nothing.
 *
 *   paging_open ─▶ paging_request ─▶ send, read rows and wants ─▶ paging_answered ─┬─ NEXT       what follows
 *                        ▲                                                        ├─ AGAIN      the same once more
 *                        └────────────────────────────────────────────────────────┘
 *                                                                 END, UNCHANGED   done
 *                                                                 RESTART          all of it from the start
 *                                                                 FAILED           an alarm; nothing is applied
 *
 * The answer to AGAIN takes the place of the one before it.
 *
 * Laws: 1 a short page ends nothing, unless the document says so; an end needs an empty page, a total, a
 * has_more that is false, or a token that is absent, null or empty. 2 A full page without a token, where
 * nothing else says that it is the last, is asked for once more. 3 A token, the bytes of a page or its rows
 * that were seen before in this reading are a loop (a fresh token in each page makes its bytes others), and
 * so are PAGING_EMPTY_MAX pages in a row without a row. 4 As many
 * rows as `answer.rows_limit` are truncated, and so is what ends before the total that was told, or behind a
 * page that told of more. 5 Links lead to base_url's host or `hosts`, never from https to
 * http. 6 Memory is bounded: tokens by PAGING_TOKEN_BYTES_MAX, those that are remembered by seen.h, parts by
 * PAGING_PARTS_BYTES_MAX.
 *
 * One thread. Borrows the source until it is closed. Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_PAGING_PAGING_H
#define METERD_COLLECTOR_SOURCE_PAGING_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/source/call.h"
#include "meterd/collector/record_reader.h"
#include "meterd/core/hash.h"
#include "meterd/source/source.h"

enum {
    PAGING_TOKEN_BYTES_MAX = 32 << 10,
    PAGING_PAGES_MAX = 100000,
    PAGING_EMPTY_MAX = 1000, /* pages without a row, one after the other: filters may leave some empty */
    PAGING_PARTS_MAX = 100000,
    PAGING_PARTS_BYTES_MAX = 64 << 20,
    PAGING_RENEWALS_MAX = 8, /* of a manifest whose links went old, in one reading */
    PAGING_WANTS_MAX = 6,
    PAGING_COLUMNS_MAX = 5,
    PAGING_CHANGES_MAX = 3,
    PAGING_FAULT_BYTES = 320
};

struct paging;

/* `resume`: of a feed, what paging_resume gave for the reading before; of parts, the mark of the manifest
 * that was read last; else empty. A text that is none is as an empty one. */
int paging_open(const struct mtr_source *source, struct mtr_str resume, struct paging **out) MTR_MUST_USE;
void paging_close(struct paging *paging); /* NULL is allowed */

/* ---- the request that is to be sent now ---- */

struct paging_change {
    struct mtr_send send;
    struct mtr_str value;
    bool is_number; /* in a JSON body */
};

/* Texts are borrowed until the next paging_answered. */
struct paging_request {
    struct mtr_str link; /* a whole URL, checked; empty: the document's own request, with the changes */
    bool is_part;        /* of a file; with an empty link its URL is `paging.parts.url` with {item} */
    struct paging_change changes[PAGING_CHANGES_MAX];
    uint32_t change_count;
    struct mtr_str page, cursor, item; /* of {page}, {cursor}, {item}; no data: they have none */
};

void paging_request(const struct paging *paging, struct paging_request *out);

/* ---- its answer ---- */

/* What paging must be told of the page; `found` of a page is in this order. */
const struct mtr_record_want *paging_wants(const struct paging *paging, uint32_t *count);
/* The answer that is awaited lists parts, and has no rows of the source: it is read by this format and these
 * columns, and each record given to paging_add_part. NULL: it has rows. */
struct paging_list {
    struct mtr_row_format format;
    struct mtr_str columns[PAGING_COLUMNS_MAX];
    uint32_t column_count;
};
const struct paging_list *paging_list(const struct paging *paging);
/* MTR_ELIMIT: too many, or too long; paging_answered says so, too. */
int paging_add_part(struct paging *paging, const struct mtr_str *cells) MTR_MUST_USE;
/* Of newest_first: the id up to which all is known. Whoever reads rows says in has_known whether one of them
 * has it. Empty: there is none. */
struct mtr_str paging_known_id(const struct paging *paging);

struct paging_page {
    const struct source_call *call;  /* that was answered: links are relative to it */
    struct mtr_str headers;          /* lines, as of struct mtr_http_answer */
    uint64_t rows;
    struct mtr_hash128 hash;         /* of the page's bytes */
    uint64_t rows_hash;              /* of what its rows say, whatever their order; 0: not known */
    const struct mtr_found *found;   /* of the wants */
    bool has_known;
    uint64_t bytes;                  /* of a part: as it came */
    const uint8_t *md5, *sha256;     /* of its bytes; NULL: nobody has made it */
};

enum paging_step {
    PAGING_NEXT,
    PAGING_AGAIN,
    PAGING_END,
    PAGING_UNCHANGED, /* the manifest is the one that was read last */
    PAGING_RESTART,   /* the manifest changed while its parts were read: what was read of it is of no use */
    PAGING_FAILED
};

enum paging_alarm {
    PAGING_FINE,
    PAGING_LOOP,
    PAGING_TRUNCATED, /* a window may be split */
    PAGING_LIMIT,     /* of ours */
    PAGING_LINK,      /* leads where none may lead */
    PAGING_INCOMPLETE
};

/* Of a good answer; others are for whoever asks again. MTR_ENOMEM. */
int paging_answered(struct paging *paging, const struct paging_page *page,
                    enum paging_step *out) MTR_MUST_USE;
/* In the place of the page that was asked for the vendor says that there is none; `rows` are those beside
 * that word. FINE: that ends them. Else what was told before says otherwise, and *fault why. */
enum paging_alarm paging_absent(const struct paging *paging, uint64_t rows, const char **fault) MTR_MUST_USE;
/* A part's link was answered with this status: is it too old? True: the manifest is asked anew, and the parts
 * that came stay. False: it is another failure. */
bool paging_expired(struct paging *paging, unsigned status);

/* Of FAILED: which alarm, and a sentence without values of the vendor's. */
enum paging_alarm paging_alarm(const struct paging *paging, const char **fault);
/* What a feed goes on from, and the mark of a manifest; empty: nothing. */
struct mtr_str paging_resume(const struct paging *paging);
/* Of parts: a job's manifest is no member of its answer, but a document of its own. MTR_ENOMEM. */
int paging_set_apart(struct paging *paging) MTR_MUST_USE;

#endif
