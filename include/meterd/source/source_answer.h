/*
 * What an answer says beside its rows: `answer` and `complete` of a source.
 *
 *   answer:
 *     ok: {path: status, equals: success}       # a 200 that fails this is an error
 *     absent: [{status: 404}, {status: 400, path: cause, equals: Metrics not found}]  # there is none, not zero
 *     limit: [{status: 400, path: error, contains: exceeded maximum resolution}]      # the window is split
 *     rows_limit: 1000                          # exactly so many rows: there may be more
 *     warnings: {path: warnings, then: incomplete}
 *     retry_after: [Retry-After, x-ms-ratelimit-retry-after]
 *     bytes_max: 256MiB
 *   complete: {count: meta.total, sum: {path: meta.quantity, of: quantity}, flag: recency.complete, agree: 2}
 */
#ifndef METERD_SOURCE_SOURCE_ANSWER_H
#define METERD_SOURCE_SOURCE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"

/* All that is given must hold. */
struct mtr_answer_condition {
    uint16_t status;      /* 0: any */
    struct mtr_str path;  /* of the JSON body; empty: none is looked at, or its whole text by `contains` */
    bool has_equals, has_contains;
    struct mtr_str equals;   /* the value's text */
    struct mtr_str contains; /* a part of it */
};

struct mtr_source_answer {
    bool has_ok;
    struct mtr_answer_condition ok;
    const struct mtr_answer_condition *absent, *limit; /* any one of them */
    uint32_t absent_count, limit_count;
    uint64_t rows_limit;     /* 0: none is known */
    struct mtr_str warnings; /* path: a value that is neither null, false nor empty warns; empty: none */
    bool warnings_are_logged; /* and do not make the reading incomplete */
    const struct mtr_str *retry_after; /* names of headers, the first that is there counts */
    uint32_t retry_after_count;
    uint64_t bytes_max; /* of one answer, unpacked */
};

/* Proofs: each that is given must hold. Empty paths ask for nothing. */
struct mtr_source_complete {
    struct mtr_str count;           /* path of how many rows the reading has */
    struct mtr_str sum, sum_of;     /* path of their sum, and the property of data that is added up */
    struct mtr_str flag;            /* path of a value that is true */
    uint32_t agree;                 /* equal readings in a row; 1: one is enough */
};

#endif
