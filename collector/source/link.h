/*
 * Links that answers name: the next page, a part of a report, where a job stands. A vendor's answer must not
 * send us, or our credentials, where the document does not.
 *
 *   references are resolved as RFC 3986, 5.2 says, against the request that was answered
 *   allowed are base_url's own host and port, and each of `hosts`: "files.example" on the usual ports, or
 *   "files.example:8443"; https alone where base_url is https; no user, no control character
 *
 * Pure; private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_LINK_H
#define METERD_COLLECTOR_SOURCE_LINK_H

#include "collector/source/call.h"

/* Appends the whole URL of `reference`. MTR_EINVALID: *fault is a sentence (static), and out is as it was;
 * MTR_ELIMIT, MTR_ENOMEM. */
int source_link_resolve(const struct source_call *from, struct mtr_str reference,
                        const struct mtr_source *source, struct mtr_buffer *out,
                        const char **fault) MTR_MUST_USE;
/* May a call go there? */
bool source_link_is_allowed(const struct source_call *call, const struct mtr_source *source);

#endif
