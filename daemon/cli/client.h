/*
 * A command's connection to the daemon: where it listens, which key to show, and errors as sentences.
 *
 * URL: --url, else METERD_URL, else the configuration's listen address. Key: --key-file, else METERD_KEY,
 * else <data>/admin.key.
 */
#ifndef METERD_DAEMON_CLI_CLIENT_H
#define METERD_DAEMON_CLI_CLIENT_H

#include "meterd/core/buffer.h"
#include "meterd/core/document.h"
#include "daemon/cli/command.h"

struct mtr_client;

struct mtr_client_answer {
    int status;          /* HTTP */
    struct mtr_str body; /* borrowed until the next call or close */
    struct mtr_str content_type;
    uint32_t retry_after_s; /* 0 when absent */
};

/* The options rows every command with a client has: CLI_CLIENT_OPTIONS in its table. */
#define CLI_CLIENT_OPTIONS                                                                                   \
    {"url", 0, "URL",                                                                                        \
     "where the daemon listens (default: METERD_URL, or the configuration's listen address)"},               \
    {"cacert", 0, "FILE",                                                                                    \
     "who signs the daemon's certificate, in PEM (default: METERD_CACERT, or the machine's authorities)"},   \
    {"cert", 0, "FILE",                                                                                      \
     "a certificate to show, in PEM, where the daemon asks for one (default: METERD_CERT)"},                 \
    {"cert-key", 0, "FILE", "its private key (default: METERD_CERT_KEY, or what stands in the same file)"},  \
    {                                                                                                        \
        "key-file", 0, "FILE",                                                                               \
            "file that holds the API key (default: METERD_KEY, or admin.key of the data directory)"          \
    }

/* Returns MTR_EXIT_OK, or another exit code after printing why. */
int client_open(const struct cli_invocation *invocation, struct mtr_client **out);
void client_close(struct mtr_client *client);

/* One request. `headers` are lines "Name: value", ending with NULL (may be NULL). Returns 0 or a mtr_error
 * of the transport; does not print. */
int client_call(struct mtr_client *client, const char *method, const char *path, const char *const *headers,
                struct mtr_str body, struct mtr_client_answer *answer) MTR_MUST_USE;
const char *client_error(const struct mtr_client *client); /* sentence of the last transport error */

/* One request that must be answered 2xx with JSON: *document is the caller's. Otherwise prints the problem
 * document's title, detail and findings to stderr and returns the exit code that fits: 75 for no
 * connection, 429 and 503; 1 else. */
int client_json(struct mtr_client *client, const char *method, const char *path, const char *const *headers,
                struct mtr_str body, struct mtr_document **document);

/* A finding of an answer. */
struct mtr_diagnostic client_finding(const struct mtr_node *node);
/* Who prints the findings of a problem from now on, one a call; else client_json prints them as they are. */
void client_on_finding(struct mtr_client *client,
                       void (*on_finding)(void *context, const struct mtr_diagnostic *finding),
                       void *context);

/* Appends text percent-encoded for a path segment or a query value. */
int client_escape(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;

#endif
