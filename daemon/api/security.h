/*
 * What the API tells the security log: who was refused, and who did what. Private to daemon/api and those
 * above it.
 *
 *   authorize ─▶ refused │ used          a handler that changes something ─▶ acted
 *
 * An event is of fixed size, so that telling it allocates nothing, and has no secret: a key is told by its
 * name, and one that nothing has not at all. Who it is from is the peer's address; of a peer on this machine
 * that names one in X-Forwarded-For, as a proxy in front does, it is the last that stands there.
 */
#ifndef METERD_DAEMON_API_SECURITY_H
#define METERD_DAEMON_API_SECURITY_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/limits.h"
#include "meterd/core/str.h"

struct api_call;

/* Kinds, as they stand in the log; what each is, and how many lines a minute one key, or one address, may
 * cause: behind them they are counted, and the count is one line. */
#define API_SECURITY_MAP(X)                                                                                  \
    X(STARTED, "started", 60, "the daemon is ready")                                                         \
    X(AUTHENTICATION_FAILED, "authentication_failed", 10, "a call without a good API key: 401")              \
    X(AUTHORIZATION_REFUSED, "authorization_refused", 10, "a call that the API key may not make: 403")       \
    X(TLS_REFUSED, "tls_refused", 10,                                                                        \
      "a connection that came to no understanding by TLS, or whose client has no good certificate")          \
    X(KEY_NEW_ADDRESS, "key_new_address", 10,                                                                \
      "the first use of an API key from an address since the start, of IPv6 from a /64")                     \
    X(CATALOG_CHANGE, "catalog_change", 120, "documents that came into force, or went")                      \
    X(ADMIN_ACT, "admin_act", 120, "another call of scope admin that changes something")                     \
    X(ACKNOWLEDGEMENT, "acknowledgement", 30, "a consumer said what it has")                                 \
    X(SETTLEMENT, "settlement", 120, "a message was sent again, or marked delivered")                        \
    X(CLOCK_ACCEPTED, "clock_accepted", 60, "somebody said that the machine's clock is right")               \
    X(ADMIN_KEY_MADE, "admin_key_made", 60, "admin.key was made, or made anew")

#define API_SECURITY_ENUM(name, text, lines, doc) API_SECURITY_##name,
enum api_security_kind { API_SECURITY_NONE, API_SECURITY_MAP(API_SECURITY_ENUM) API_SECURITY_KIND_END };
#undef API_SECURITY_ENUM

const char *api_security_kind_name(enum api_security_kind kind);
const char *api_security_kind_doc(enum api_security_kind kind);
uint32_t api_security_lines_max(enum api_security_kind kind); /* a minute, of one subject */

/* Why a call is not made: choices of meterd_authentication_failures_total, in this order. */
enum api_security_reason {
    API_SECURITY_MISSING, /* no key was sent */
    API_SECURITY_UNKNOWN,
    API_SECURITY_DISABLED,
    API_SECURITY_RETIRED,
    API_SECURITY_REASON_COUNT
};
const char *api_security_reason_name(enum api_security_reason reason);

enum {
    API_SECURITY_ADDRESS_BYTES = 48, /* "2001:db8::1", with NUL */
    API_SECURITY_OBJECT_BYTES = 256,
    API_SECURITY_DETAIL_BYTES = 300,
};

/* Texts end with NUL; what they have of strangers is one line of UTF-8, and cut. Empty: it has none. */
struct api_security_event {
    enum api_security_kind kind;
    enum api_security_reason reason; /* of AUTHENTICATION_FAILED */
    int64_t time_us;                 /* trusted */
    uint64_t count;                  /* so many more were not told; else 0 */
    unsigned status;                 /* of HTTP; 0: none */
    char key[MTR_KEY_BYTES_MAX + 1];
    char address[API_SECURITY_ADDRESS_BYTES];
    char operation[40]; /* operationId of the route */
    char object[API_SECURITY_OBJECT_BYTES];
    char detail[API_SECURITY_DETAIL_BYTES];
};

/* Copied, cut at the end of a character, one line. */
void api_security_copy(char *out, size_t size, struct mtr_str text);

/* An address that calls are told apart by: itself, or the /64 of an IPv6 address. Not an address: itself. */
void api_security_network(const char *address, char out[API_SECURITY_ADDRESS_BYTES]);

/* Where a call comes from. The loop's thread; once, when its headers are there. */
void api_security_find_address(struct api_call *call);
/* 401; `key` is that of a secret that is no longer good, or NULL. The loop's thread. */
struct mtr_api_key;
void api_security_unauthenticated(struct api_call *call, const struct mtr_api_key *key);
/* 403: `detail` says why. Any thread. */
void api_security_unauthorized(struct api_call *call, const char *detail);
/* A good key is used. The loop's thread. */
void api_security_used(struct api_call *call);
/* The call is answered: what changed something is told, and what was refused by its handler. A worker;
 * the call's arena is still there. */
void api_security_answered(struct api_call *call);

/* For handlers: what was acted on, where that is not the path's parameters, and what more there is to be
 * said. */
void api_security_object(struct api_call *call, struct mtr_str object);
void api_security_detail(struct api_call *call, const char *format, ...) MTR_PRINTF(2, 3);

#endif
