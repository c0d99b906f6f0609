/*
 * The request for one page: what the document says, for this window, this one of for_each and this page.
 *
 *   const struct request_ask ask = {
 *       .source = source, .strand = &strand, .window = window, .paging = &paging_request, .now_us = now_us};
 *   rc = request_build(&ask, &arena, &call, &fault);      then auth_prepare, then send
 *
 * Templates are expanded and escaped for where they stand (template.h). A parameter, header or field of the
 * form whose value has no {cursor}, {page} or {period} now is left out, as on a first page; a member of a
 * JSON body, too. What paging sends takes the place of what the document says under the same name. A part of
 * a manifest is fetched by GET, without the document's headers and body.
 *
 * Nothing of it is secret, but where the caller gives a secret itself (a login): credentials are put on by
 * auth/. Zones that templates name are opened for the time of the call. Pure but for these; private to the
 * collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_REQUEST_REQUEST_BUILD_H
#define METERD_COLLECTOR_SOURCE_REQUEST_REQUEST_BUILD_H

#include "collector/source/call.h"
#include "collector/source/paging/paging.h"
#include "meterd/catalog/subscription.h"
#include "meterd/source/source.h"
#include "meterd/source/window.h"
#include "meterd/store/ledger.h"

enum { REQUEST_BODY_BYTES_MAX = 1 << 20 };

/* All of it is borrowed until the call returns. */
struct request_ask {
    const struct mtr_source *source;
    const struct mtr_source_request *request; /* NULL: the source's own; one of its job, or a login's */
    const struct mtr_strand *strand;          /* its `each` is {each} and the like; NULL: there is none */
    const struct mtr_subscription *subscription; /* of for_each: subscription; NULL else */
    struct mtr_window window;                 /* or a piece of one; both 0: of a feed */
    /* Of a feed: when the last good reading began; 0: there was none. It is asked from there, less `overlap`,
     * or from `start`, to now. */
    int64_t since_us;
    const struct paging_request *paging;      /* NULL: nothing is paged */
    struct mtr_str job_id, secret;            /* of {job.id} and {secret}; no data: they have none */
    bool is_login;                            /* a whole URL may lead anywhere: the document wrote it */
    int64_t now_us;
};

/* *out is made anew, its texts in the arena. MTR_EINVALID, MTR_EMISSING: `fault` is a sentence without values
 * (static); MTR_ELIMIT: a URL or body is too long; MTR_ENOMEM. */
int request_build(const struct request_ask *ask, struct mtr_arena *arena, struct source_call *out,
                  const char **fault) MTR_MUST_USE;

#endif
