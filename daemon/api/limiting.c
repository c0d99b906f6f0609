/*
 * See limiting.h. Keys and addresses have a table each: no crowd of strangers takes the place of keys.
 */
#include "daemon/api/limiting.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/api.h"
#include "meterd/core/logline.h"
#include "meterd/net/loop.h"

enum {
    KEYS_MAX = 1 << 17,
    STRANGERS_MAX = 1 << 16,
    FIELD_BYTES = 400,
    DETAIL_BYTES = 400,
    CALLS_WAIT_S = 1, /* nobody knows when one of them is over */
};
#define SECOND_US UINT64_C(1000000)
#define TOLD_EVERY_US (INT64_C(60) * 1000000)

/* Choices of the metric, in this order; the first are kinds of rates. */
enum limit { REQUESTS, BYTES, EVENTS, QUERIES, UNAUTHENTICATED, LIMIT_COUNT };

_Static_assert((int)REQUESTS == (int)LIMIT_REQUESTS && (int)BYTES == (int)LIMIT_BYTES &&
                   (int)EVENTS == (int)LIMIT_EVENTS && (int)QUERIES == (int)LIMIT_KIND_COUNT,
               "rates come first");

static const struct {
    const char *name, *unit, *what, *setting;
} limits[LIMIT_COUNT] = {
    [REQUESTS] = {"requests", "requests", "requests", "requests_per_second"},
    [BYTES] = {"bytes", "content-bytes", "bytes", "bytes_per_second"},
    [EVENTS] = {"events", "events", "events", "events_per_second"},
    [QUERIES] = {"queries", "concurrent-requests", "queries at a time", "queries_max"},
    [UNAUTHENTICATED] = {"unauthenticated", "requests", "requests without a good API key",
                         "unauthenticated_per_second"},
};

struct mtr_metric metric_requests_limited = {
    .name = "meterd_requests_limited_total",
    .type = MTR_COUNTER,
    .label = "limit",
    .choices = "requests|bytes|events|queries|unauthenticated",
    .doc = "Requests answered 429, by the limit (section limits of the configuration) that they were over.",
};

struct api_limiter {
    struct limit_owners *keys, *strangers;
    int64_t told_us[LIMIT_COUNT]; /* when the daemon's log had a line of it */
    uint64_t untold[LIMIT_COUNT];
};

int api_limiter_open(struct api_limiter **out)
{
    struct api_limiter *limiter = calloc(1, sizeof(*limiter));
    if (!limiter) return MTR_ENOMEM;
    int rc = limit_owners_open(KEYS_MAX, &limiter->keys);
    if (!rc) rc = limit_owners_open(STRANGERS_MAX, &limiter->strangers);
    for (int i = 0; i < LIMIT_COUNT; i++) limiter->told_us[i] = -TOLD_EVERY_US;
    if (rc) api_limiter_close(limiter);
    else *out = limiter;
    return rc;
}

void api_limiter_close(struct api_limiter *limiter)
{
    if (!limiter) return;
    limit_owners_close(limiter->keys);
    limit_owners_close(limiter->strangers);
    free(limiter);
}

static struct limit_owner *find(struct api_limiter *limiter, const struct api_allowance *allowance,
                                int64_t now_us)
{
    return limit_owners_find(allowance->is_key ? limiter->keys : limiter->strangers, allowance->owner,
                             &allowance->rates, now_us);
}

static bool has_limits(const struct api_allowance *allowance)
{
    bool has = allowance->calls_max > 0;
    for (int i = 0; i < LIMIT_KIND_COUNT; i++) has = has || allowance->rates.of[i].per_second;
    return has;
}

/* ---- headers ---- */

static uint64_t seconds_of(uint64_t us)
{
    return us / SECOND_US + (us % SECOND_US > 0);
}

struct fields {
    char policy[FIELD_BYTES], state[FIELD_BYTES];
    size_t policy_size, state_size;
};

static MTR_PRINTF(3, 4) void add(char *field, size_t *size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int printed = vsnprintf(field + *size, FIELD_BYTES - *size, format, args);
    va_end(args);
    MTR_ASSERT(printed > 0 && *size + (size_t)printed < FIELD_BYTES);
    *size += (size_t)printed;
}

/* One member of both lists. wait_s 0: until it is full. */
static void add_rate(struct fields *fields, enum limit limit, struct limit_bucket *bucket,
                     const struct limit_rate *rate, int64_t now_us, uint64_t wait_s)
{
    const uint64_t burst = limit_burst(rate), left = limit_bucket_left(bucket, rate, now_us);
    if (!wait_s) wait_s = seconds_of(limit_bucket_wait_us(bucket, rate, 0, now_us));
    add(fields->policy, &fields->policy_size, "%s\"%s\";q=%llu;w=%llu;qu=\"%s\"",
        fields->policy_size ? ", " : "", limits[limit].name, (unsigned long long)burst,
        (unsigned long long)((burst + rate->per_second - 1) / rate->per_second), limits[limit].unit);
    add(fields->state, &fields->state_size, "%s\"%s\";r=%llu;t=%llu", fields->state_size ? ", " : "",
        limits[limit].name, (unsigned long long)left, (unsigned long long)wait_s);
}

static void add_calls(struct fields *fields, uint64_t calls, uint64_t calls_max)
{
    add(fields->policy, &fields->policy_size, "%s\"%s\";q=%llu;qu=\"%s\"", fields->policy_size ? ", " : "",
        limits[QUERIES].name, (unsigned long long)calls_max, limits[QUERIES].unit);
    add(fields->state, &fields->state_size, "%s\"%s\";r=%llu", fields->state_size ? ", " : "",
        limits[QUERIES].name, (unsigned long long)(calls < calls_max ? calls_max - calls : 0));
}

/* `refused` is LIMIT_COUNT where nothing is. */
static void say(struct mtr_http_request *http, const struct api_allowance *allowance,
                struct limit_owner *owner, int64_t now_us, enum limit refused, uint64_t wait_s)
{
    struct fields fields = {.policy_size = 0, .state_size = 0};
    for (unsigned i = 0; i < LIMIT_KIND_COUNT; i++) {
        const struct limit_rate *rate = &allowance->rates.of[i];
        const enum limit limit = allowance->is_key ? (enum limit)i : UNAUTHENTICATED;
        if (rate->per_second)
            add_rate(&fields, limit, &owner->buckets[i], rate, now_us, limit == refused ? wait_s : 0);
    }
    if (allowance->calls_max) add_calls(&fields, owner->calls, allowance->calls_max);
    const struct mtr_http_header headers[] = {
        {MTR_STR("RateLimit-Policy"), {fields.policy, fields.policy_size}},
        {MTR_STR("RateLimit"), {fields.state, fields.state_size}}};
    mtr_http_request_add_headers(http, headers, 2);
}

/* ---- refusals ---- */

/* The first at once, and one a minute. */
static void tell(struct api_limiter *limiter, const struct api_allowance *allowance, enum limit limit,
                 int64_t now_us)
{
    mtr_metric_add_choice(&metric_requests_limited, limit, 1);
    limiter->untold[limit]++;
    if (now_us - limiter->told_us[limit] < TOLD_EVERY_US) return;
    mtr_logline(MTR_LEVEL_WARNING, "api", "429 to %s %s: more than limits.%s (%llu since it was last told)",
                allowance->is_key ? "API key" : "address", allowance->name, limits[limit].setting,
                (unsigned long long)limiter->untold[limit]);
    limiter->untold[limit] = 0;
    limiter->told_us[limit] = now_us;
}

static void write_detail(char detail[DETAIL_BYTES], const struct api_allowance *allowance, enum limit limit,
                         uint64_t wait_s)
{
    const char *whose = allowance->is_key ? "API key" : "address", *what = limits[limit].what;
    if (limit == QUERIES) {
        snprintf(detail, DETAIL_BYTES, "this API key has as many %s as it may (limits.%s: %llu); try again",
                 what, limits[limit].setting, (unsigned long long)allowance->calls_max);
        return;
    }
    const struct limit_rate *rate = &allowance->rates.of[limit == UNAUTHENTICATED ? REQUESTS : limit];
    snprintf(detail, DETAIL_BYTES,
             "these are more %s than this %s may send (limits.%s: %llu, and %llu at once): nothing was done; "
             "send the same again in %llu s",
             what, whose, limits[limit].setting, (unsigned long long)rate->per_second,
             (unsigned long long)limit_burst(rate), (unsigned long long)wait_s);
}

/* 429. */
static void refuse(struct api_limiter *limiter, struct mtr_http_request *http,
                   const struct api_allowance *allowance, enum limit limit, uint64_t count)
{
    char detail[DETAIL_BYTES];
    const int64_t now_us = mtr_clock_monotonic_us();
    struct limit_owner *owner = find(limiter, allowance, now_us);
    uint64_t wait_s = CALLS_WAIT_S;
    if (limit != QUERIES) {
        const unsigned kind = limit == UNAUTHENTICATED ? LIMIT_REQUESTS : (unsigned)limit;
        wait_s = seconds_of(
            limit_bucket_wait_us(&owner->buckets[kind], &allowance->rates.of[kind], count, now_us));
    }
    if (!wait_s) wait_s = 1; /* it was a moment ago */
    if (wait_s > UINT32_MAX) wait_s = UINT32_MAX;
    write_detail(detail, allowance, limit, wait_s);
    say(http, allowance, owner, now_us, limit, wait_s);
    tell(limiter, allowance, limit, now_us);
    mtr_http_problem_after(http, 429, MTR_FINDING_REQUEST_LIMITED, mtr_str_from(detail), (uint32_t)wait_s);
}

/* ---- who asks ---- */

static void replace(uint64_t *value, const struct mtr_api_key_limit *own)
{
    if (own->is_given) *value = own->value;
}

/* What the key's own document says comes first. */
static void take_own(struct api_allowance *allowance, const struct mtr_api_key_limits *own)
{
    struct limit_rate *rates = allowance->rates.of;
    replace(&rates[LIMIT_REQUESTS].per_second, &own->requests_per_second);
    replace(&rates[LIMIT_REQUESTS].burst, &own->request_burst);
    replace(&rates[LIMIT_BYTES].per_second, &own->bytes_per_second);
    replace(&rates[LIMIT_BYTES].burst, &own->byte_burst);
    replace(&rates[LIMIT_EVENTS].per_second, &own->events_per_second);
    replace(&rates[LIMIT_EVENTS].burst, &own->event_burst);
    replace(&allowance->calls_max, &own->queries_max);
}

/* Who administers is let in whatever the configuration says. */
static void take_allowance(struct api_call *call)
{
    struct mtr_api_rate_limits all = call->host->rate_limits(call->host->context);
    struct api_allowance *allowance = &call->allowance;
    if (call->credential->scopes & MTR_SCOPE_ADMIN) all = (struct mtr_api_rate_limits){.queries_max = 0};
    *allowance = (struct api_allowance){
        .owner = call->job.owner, .is_key = true, .rates = all.of_key, .calls_max = all.queries_max};
    take_own(allowance, &call->credential->limits);
    snprintf(allowance->name, sizeof(allowance->name), "'%.*s'", MTR_STR_ARGS(call->credential->key));
}

/* What the body's length says; UINT64_MAX: nothing, and there is one. */
static uint64_t bytes_of(const struct mtr_http_request *http)
{
    struct mtr_str text;
    uint64_t bytes;
    if (mtr_http_request_header(http, "content-length", &text))
        return mtr_str_to_u64(text, &bytes) ? bytes : 0;
    return mtr_http_request_header(http, "transfer-encoding", &text) ? UINT64_MAX : 0;
}

bool api_limit_admit(struct api_call *call)
{
    struct api_limiter *limiter = call->host->limiter;
    if (!limiter) return true;
    take_allowance(call);
    const struct api_allowance *allowance = &call->allowance;
    if (!has_limits(allowance)) return true;
    const int64_t now_us = mtr_clock_monotonic_us();
    const struct limit_rate *rates = allowance->rates.of;
    struct limit_owner *owner = find(limiter, allowance, now_us);
    uint64_t bytes = bytes_of(call->http);
    call->body_is_uncounted = bytes == UINT64_MAX;
    if (call->body_is_uncounted) bytes = 1;
    if (!limit_bucket_take(&owner->buckets[LIMIT_REQUESTS], &rates[LIMIT_REQUESTS], 1, now_us)) {
        refuse(limiter, call->http, allowance, REQUESTS, 1);
        return false;
    }
    if (bytes && !limit_bucket_take(&owner->buckets[LIMIT_BYTES], &rates[LIMIT_BYTES], bytes, now_us)) {
        limit_bucket_give(&owner->buckets[LIMIT_REQUESTS], 1);
        refuse(limiter, call->http, allowance, BYTES, bytes);
        return false;
    }
    say(call->http, allowance, owner, now_us, LIMIT_COUNT, 0);
    return true;
}

/* The address that the security log has: behind a proxy on this machine, whom that names. */
static mtr_owner owner_of(const struct api_call *call)
{
    struct sockaddr_in old = {.sin_family = AF_INET};
    struct sockaddr_in6 new = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, call->address, &old.sin_addr) == 1)
        return mtr_owner_of_address((const struct sockaddr *)&old);
    if (inet_pton(AF_INET6, call->address, &new.sin6_addr) == 1)
        return mtr_owner_of_address((const struct sockaddr *)&new);
    return mtr_http_request_owner(call->http);
}

bool api_limit_admit_stranger(struct api_call *call)
{
    struct api_limiter *limiter = call->host->limiter;
    if (!limiter) return true;
    const struct mtr_api_rate_limits all = call->host->rate_limits(call->host->context);
    struct api_allowance *allowance = &call->allowance;
    *allowance = (struct api_allowance){.owner = owner_of(call), .rates = all.of_stranger};
    snprintf(allowance->name, sizeof(allowance->name), "%s", call->address);
    if (!has_limits(allowance)) return true;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct limit_owner *owner = find(limiter, allowance, now_us);
    if (!limit_bucket_take(&owner->buckets[LIMIT_REQUESTS], &allowance->rates.of[LIMIT_REQUESTS], 1,
                           now_us)) {
        refuse(limiter, call->http, allowance, UNAUTHENTICATED, 1);
        return false;
    }
    say(call->http, allowance, owner, now_us, LIMIT_COUNT, 0);
    return true;
}

/* ---- behind the headers ---- */

void api_limit_body(struct api_call *call, uint64_t bytes)
{
    const struct api_allowance *allowance = &call->allowance;
    if (!call->body_is_uncounted || bytes <= 1) return;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct limit_owner *owner = find(call->host->limiter, allowance, now_us);
    limit_bucket_charge(&owner->buckets[LIMIT_BYTES], &allowance->rates.of[LIMIT_BYTES], bytes - 1, now_us);
    say(call->http, allowance, owner, now_us, LIMIT_COUNT, 0);
}

bool api_limit_begin(struct api_call *call)
{
    const struct api_allowance *allowance = &call->allowance;
    if (!call->host->limiter || !allowance->calls_max) return true;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct limit_owner *owner = find(call->host->limiter, allowance, now_us);
    if (owner->calls >= allowance->calls_max) {
        refuse(call->host->limiter, call->http, allowance, QUERIES, 1);
        return false;
    }
    owner->calls++;
    call->counted_for = owner;
    say(call->http, allowance, owner, now_us, LIMIT_COUNT, 0);
    return true;
}

bool api_limit_events(const struct mtr_api_host *host, struct mtr_http_request *http,
                      const struct api_allowance *allowance, uint64_t count)
{
    if (!host->limiter || !allowance->rates.of[LIMIT_EVENTS].per_second) return true;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct limit_owner *owner = find(host->limiter, allowance, now_us);
    if (!limit_bucket_take(&owner->buckets[LIMIT_EVENTS], &allowance->rates.of[LIMIT_EVENTS], count,
                           now_us)) {
        refuse(host->limiter, http, allowance, EVENTS, count);
        return false;
    }
    say(http, allowance, owner, now_us, LIMIT_COUNT, 0);
    return true;
}

void api_limit_give_events(const struct mtr_api_host *host, const struct api_allowance *allowance,
                           uint64_t count)
{
    if (!host->limiter || !allowance->rates.of[LIMIT_EVENTS].per_second) return;
    struct limit_owner *owner = find(host->limiter, allowance, mtr_clock_monotonic_us());
    limit_bucket_give(&owner->buckets[LIMIT_EVENTS], count);
}
