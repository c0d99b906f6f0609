/*
 * What curl's codes mean here, and the sentence about it. The sentence says what to do where the cause tells,
 * which with certificates it mostly does.
 */
#include "lib/net/http_exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { CAUSE_BYTES = 200 };

/* What the peer's TLS says of our side, as OpenSSL words its alerts. With TLS 1.3 it comes after the
 * handshake, as an error of reading. */
static const struct {
    const char *words;
    const char *advice;
} alerts[] = {
    {"alert certificate required", "it wants a client certificate: give one"},
    {"alert unknown ca", "it does not know who signed the client certificate: ask it for one"},
    {"alert certificate expired", "the client certificate has expired: renew it"},
    {"alert certificate revoked", "the client certificate was revoked: renew it"},
    {"alert bad certificate", "it refuses the client certificate: ask it which one it wants"},
    {"alert certificate unknown", "it refuses the client certificate: ask it which one it wants"},
    {"alert unsupported certificate", "it refuses the client certificate: ask it which one it wants"},
    {"alert access denied", "it refuses the client certificate: ask it which one it wants"},
    {"alert handshake failure", "no common TLS version or cipher, or it wants a client certificate"},
    {"alert protocol version", "it speaks no version of TLS that is safe: it must offer 1.2 or later"},
};

static const char *alert_advice(const struct mtr_http_exchange *exchange)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++)
        if (strstr(exchange->detail, alerts[i].words)) return alerts[i].advice;
    return NULL;
}

/* curl takes 100 KiB of a line, and what is longer for a want of memory. */
bool http_has_large_headers(const struct mtr_http_exchange *exchange, CURLcode code)
{
    const bool is_in_headers = exchange->answer->status && !exchange->has_all_headers;
    return exchange->has_large_headers || (code == CURLE_OUT_OF_MEMORY && is_in_headers);
}

int http_failure_of(const struct mtr_http_exchange *exchange, CURLcode code)
{
    if (code == CURLE_OK) return MTR_OK;
    if (exchange->was_denied) return MTR_EDENIED;
    if (http_has_large_headers(exchange, code)) return MTR_ELIMIT;
    if (exchange->body.error) return exchange->body.error;
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED: return MTR_EINVALID;
    case CURLE_UNSUPPORTED_PROTOCOL: return exchange->answer->was_sent ? MTR_EIO : MTR_EINVALID;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return MTR_EUNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR: return alert_advice(exchange) ? MTR_EDENIED : MTR_EUNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE: return MTR_EDENIED;
    case CURLE_OPERATION_TIMEDOUT: return MTR_ETIMEDOUT;
    case CURLE_OUT_OF_MEMORY: return MTR_ENOMEM;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return alert_advice(exchange) ? MTR_EDENIED : MTR_EIO;
    default: return MTR_EIO;
    }
}

static void lower_first(char *text)
{
    if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
}

/* curl's own words, without a full stop. */
static void say_cause(const struct mtr_http_exchange *exchange, CURLcode code, char cause[CAUSE_BYTES])
{
    long os_errno = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &os_errno);
    if (code == CURLE_COULDNT_CONNECT && os_errno > 0)
        snprintf(cause, CAUSE_BYTES, "%s", strerrordesc_np((int)os_errno));
    else
        snprintf(cause, CAUSE_BYTES, "%.150s",
                 exchange->detail[0] ? exchange->detail : curl_easy_strerror(code));
    lower_first(cause);
}

/* Of the peer's certificate, by the number of X.509 verification (openssl/x509_vfy.h). */
static const char *certificate_fault(long number)
{
    switch (number) {
    case 9: return "its certificate is not valid yet: check this machine's clock";
    case 10: return "its certificate has expired: its owner must renew it";
    case 18:
        return "its certificate is signed by itself: if it is right, add it to this machine's authorities";
    case 2:
    case 19:
    case 20:
    case 21:
        return "no authority that is trusted here has signed its certificate: add that authority to this "
               "machine's, or let it send the whole chain";
    case 23: return "its certificate was revoked: its owner must renew it";
    default: return NULL;
    }
}

static void explain_guard(const struct mtr_http_exchange *exchange)
{
    char *reason = exchange->answer->reason;
    if (exchange->lacking && exchange->allowed_by)
        snprintf(reason, MTR_HTTP_REASON_BYTES,
                 "%.110s is not a public address: `%.40s.%s` says whether requests may go there",
                 exchange->place, exchange->allowed_by, exchange->lacking);
    else
        snprintf(reason, MTR_HTTP_REASON_BYTES, "%.110s is not a public address, which is not allowed here",
                 exchange->place);
}

static void explain_denied(struct mtr_http_exchange *exchange, CURLcode code, const char *cause)
{
    char *reason = exchange->answer->reason;
    const size_t capacity = MTR_HTTP_REASON_BYTES;
    const char *place = exchange->place, *advice = alert_advice(exchange);
    long number = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_SSL_VERIFYRESULT, &number);
    const char *fault = certificate_fault(number);
    if (exchange->was_denied)
        explain_guard(exchange);
    else if (code == CURLE_SSL_CERTPROBLEM)
        snprintf(reason, capacity, "cannot use the client certificate and its key for %.110s: %.150s",
                 place, cause);
    else if (code == CURLE_SSL_CACERT_BADFILE)
        snprintf(reason, capacity, "cannot read the file of authorities (ca_file) for %.110s: %.140s", place,
                 cause);
    else if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        snprintf(reason, capacity, "cannot trust %.110s: its key is not the one that is expected there",
                 place);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        snprintf(reason, capacity, "cannot trust %.110s: %.180s", place, fault ? fault : cause);
    else snprintf(reason, capacity, "%.110s refuses this side: %.150s", place, advice);
}

void http_failure_explain(struct mtr_http_exchange *exchange, CURLcode code)
{
    char cause[CAUSE_BYTES];
    const char *place = exchange->place, *fault = exchange->body.fault;
    char *reason = exchange->answer->reason;
    const size_t capacity = MTR_HTTP_REASON_BYTES;
    say_cause(exchange, code, cause);
    if (exchange->body.is_refused) {
        snprintf(reason, capacity, "the answer of %.110s was not taken: %s", place,
                 mtr_error_text(exchange->answer->error));
        return;
    }
    switch (exchange->answer->error) {
    case MTR_EINVALID: snprintf(reason, capacity, "cannot ask %.110s: %.150s", place, cause); break;
    case MTR_EUNREACHABLE:
        if (code == CURLE_COULDNT_RESOLVE_HOST)
            snprintf(reason, capacity,
                     "cannot find %.110s: no address is known for that name; check how it is spelt, and this "
                     "machine's name service", place);
        else snprintf(reason, capacity, "cannot connect to %.110s: %.150s", place, cause);
        break;
    case MTR_EDENIED: explain_denied(exchange, code, cause); break;
    case MTR_ETIMEDOUT:
        if (strstr(cause, "too slow"))
            snprintf(reason, capacity, "the answer of %.110s came too slowly", place);
        else snprintf(reason, capacity, "%.110s gave no answer in time", place);
        break;
    case MTR_ECORRUPT:
    case MTR_EVERSION:
        snprintf(reason, capacity, "the answer of %.110s cannot be decoded: %.150s", place,
                 fault ? fault : "");
        break;
    case MTR_ELIMIT:
        if (exchange->answer->has_large_headers) {
            snprintf(reason, capacity,
                     "the headers of the answer of %.110s are larger than %d bytes, which is more than is "
                     "taken", place, HTTP_ANSWER_HEADERS_BYTES_MAX);
            break;
        }
        snprintf(reason, capacity, "the answer of %.110s is larger than %zu bytes", place,
                 (size_t)exchange->body.bytes_max);
        break;
    case MTR_ENOMEM: snprintf(reason, capacity, "out of memory while asking %.110s", place); break;
    default:
        if (code == CURLE_UNSUPPORTED_PROTOCOL || /* curl's guess is the HTTP of 1991 */
            (exchange->has_all_headers && !exchange->answer->status))
            snprintf(reason, capacity, "what %.110s answers is not HTTP", place);
        else snprintf(reason, capacity, "the connection to %.110s broke off: %.150s", place, cause);
        break;
    }
}
