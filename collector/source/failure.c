/*
 * Verdicts on answers.
 */
#include "collector/source/failure.h"

#include <stdio.h>

static enum source_failure of_error(int error)
{
    switch (error) {
    case MTR_EDENIED: return SOURCE_DISTRUST;
    case MTR_EINVALID:
    case MTR_EVERSION: return SOURCE_REFUSED;
    case MTR_ELIMIT: return SOURCE_LARGE;
    case MTR_ECLOSED: return SOURCE_STOPPED;
    default: return SOURCE_RETRY;
    }
}

bool source_status_is_fine(unsigned status) { return status >= 200 && status < 300 && status != 206; }

static enum source_failure of_status(unsigned status)
{
    if (source_status_is_fine(status)) return SOURCE_FINE;
    switch (status) {
    case 401: return SOURCE_RENEW;
    case 403: return SOURCE_DENIED;
    case 408:
    case 425: return SOURCE_RETRY;
    case 429: return SOURCE_SLOW;
    default: return status >= 500 ? SOURCE_RETRY : SOURCE_REFUSED;
    }
}

/* Where a redirect leads: what stands before its query, in which there may be a secret. */
static void explain_redirect(const struct mtr_http_answer *answer, char text[SOURCE_FAILURE_BYTES])
{
    struct mtr_str location;
    if (!mtr_http_answer_header(answer, "location", &location)) location = MTR_STR("");
    size_t size = 0;
    while (size < location.size && size < 200 && location.data[size] > ' ' && location.data[size] != '?' &&
           location.data[size] != '@')
        size++;
    snprintf(text, SOURCE_FAILURE_BYTES,
             "the vendor answers %u, a redirect%s%.*s, and none is followed: if it is right, put it into "
             "base_url or the request",
             answer->status, size ? " to " : "", (int)size, location.data ? location.data : "");
}

static void explain_status(const struct mtr_http_answer *answer, char text[SOURCE_FAILURE_BYTES])
{
    const char *advice = "";
    const unsigned status = answer->status;
    if (status >= 300 && status < 400) {
        explain_redirect(answer, text);
        return;
    }
    if (status == 206) advice = ": a part, where all was asked for; what answers so must be told not to";
    if (status == 401) advice = ": it does not take the credentials";
    if (status == 403) advice = ": the credentials are known and may not do this; the vendor must allow it";
    if (status == 404) advice = ": check path and base_url, or say in `absent` that it means no usage";
    if (status == 429) advice = ": it is asked less often from now on; `limits` can say how often it may be";
    snprintf(text, SOURCE_FAILURE_BYTES, "the vendor answers %u %s%s", status, mtr_http_reason(status),
             advice);
}

enum source_failure source_failure_of(const struct mtr_http_answer *answer, char text[SOURCE_FAILURE_BYTES])
{
    text[0] = '\0';
    const enum source_failure failure =
        answer->error ? of_error(answer->error) : of_status(answer->status);
    if (failure == SOURCE_FINE || failure == SOURCE_STOPPED) return failure;
    if (!answer->error) explain_status(answer, text);
    else if (failure == SOURCE_LARGE && !answer->has_large_headers)
        snprintf(text, SOURCE_FAILURE_BYTES, "%s: raise answer.bytes_max, or ask for less at a time",
                 answer->reason);
    else snprintf(text, SOURCE_FAILURE_BYTES, "%s", answer->reason);
    return failure;
}

bool source_failure_is_of_host(enum source_failure failure)
{
    return failure == SOURCE_RETRY || failure == SOURCE_DISTRUST;
}
