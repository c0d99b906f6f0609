/*
 * Names of methods and statuses.
 */
#include "meterd/net/http.h"

#include <stddef.h>

#include "meterd/core/error.h"

const char *mtr_http_method_name(enum mtr_http_method method)
{
    switch (method) {
    case MTR_HTTP_GET: return "GET";
    case MTR_HTTP_HEAD: return "HEAD";
    case MTR_HTTP_POST: return "POST";
    case MTR_HTTP_PUT: return "PUT";
    case MTR_HTTP_DELETE: return "DELETE";
    case MTR_HTTP_PATCH: return "PATCH";
    case MTR_HTTP_OPTIONS: return "OPTIONS";
    }
    MTR_ASSERT(!"known method");
    return NULL;
}

const char *mtr_http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status) return rows[i].reason;
    return "Unknown";
}
