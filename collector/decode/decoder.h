/*
 * The hook of a content type, and the job it works on. A decoder is its own file and one row in decode.c.
 */
#ifndef METERD_COLLECTOR_DECODE_DECODER_H
#define METERD_COLLECTOR_DECODE_DECODER_H

#include "collector/decode/draft.h"
#include "meterd/collector/decode.h"

struct mtr_decode_job {
    const struct mtr_decode_input *input;
    struct mtr_request *request;
    struct mtr_draft draft;
    char *text; /* the body, plain, in the request's arena; the decoder may write to it */
    size_t size;
    struct mtr_diagnostic *diagnostic;
};

struct mtr_decoder {
    const char *media_type; /* lower case, without parameters */
    int (*decode)(struct mtr_decode_job *job);
};

/* One event or a list of them. */
int decode_json(struct mtr_decode_job *job) MTR_MUST_USE;
/* One event a line; an unreadable line is `invalid` alone. */
int decode_ndjson(struct mtr_decode_job *job) MTR_MUST_USE;
/* One event, a list of them, or compact rows. */
int decode_msgpack(struct mtr_decode_job *job) MTR_MUST_USE;
/* Attributes from headers, the body is the data. */
int decode_binary(struct mtr_decode_job *job) MTR_MUST_USE;

/* The envelope cannot be read: fills the diagnostic, MTR_EINVALID. */
int decode_fail(struct mtr_decode_job *job, uint64_t offset, const char *what, const char *reason);
/* Begins the next event; fills the diagnostic when there are too many. */
int decode_begin(struct mtr_decode_job *job) MTR_MUST_USE;
/* Room for as many events as the rest of the body could hold when they are like the first. */
int decode_reserve_like(struct mtr_decode_job *job, size_t first_bytes, size_t rest_bytes) MTR_MUST_USE;

#endif
