/*
 * A command's connection to the daemon, over the blocking HTTP session. One thread.
 */
#include "daemon/cli/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/cli/inputs.h"
#include "meterd/core/line.h"
#include "meterd/net/http_client.h"
#include "meterd/net/tls.h"
#include "meterd/net/url.h"

enum {
    PROBLEM_BYTES = 4096, /* of one that is shown */
    URL_BYTES = 512,
    KEY_BYTES = 256,
    PATH_BYTES = 4096,
    HEADERS_MAX = 16,
    CALL_TIMEOUT_MS = 600000,
    CERTIFICATE_BYTES_MAX = 1 << 20,
};

struct mtr_client {
    struct mtr_http_session *session;
    struct mtr_http_answer answer;
    struct mtr_buffer target; /* URL of the call */
    char url[URL_BYTES];
    bool is_far; /* not on this machine: bytes cost more than compressing them */
    const char *ca_file;          /* NULL: the machine's */
    char pin[MTR_TLS_PIN_BYTES];  /* of the configuration's own certificate; "": it is verified */
    struct mtr_buffer certificate, certificate_key; /* that are shown; empty: none */
    char authorization[KEY_BYTES + 8];
    void (*on_finding)(void *context, const struct mtr_diagnostic *finding); /* NULL: they are printed here */
    void *finding_context;
};

/* NULL, or why there is no key. A file that was named may be a link to it. */
static const char *read_key(const char *path, bool is_named, char key[KEY_BYTES])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | (is_named ? 0 : O_NOFOLLOW));
    if (fd < 0 && errno == ELOOP) return "it is a link, which is not followed";
    if (fd < 0) return errno == ENOENT ? "no such file" : strerror(errno);
    FILE *file = fdopen(fd, "r");
    MTR_ASSERT(file != NULL);
    const size_t size = fread(key, 1, KEY_BYTES - 1, file);
    fclose(file);
    key[size] = '\0';
    key[strcspn(key, "\r\n ")] = '\0';
    return key[0] ? NULL : "it is empty";
}

/* --key-file, else METERD_KEY, else admin.key of the data directory. */
static int find_key(const struct cli_invocation *invocation, const struct mtr_config *config,
                    char key[KEY_BYTES])
{
    char path[PATH_BYTES];
    const char *file = invocation_option(invocation, "key-file");
    const char *given = getenv("METERD_KEY");
    if (!file && given && *given) {
        snprintf(key, KEY_BYTES, "%s", given);
        return MTR_EXIT_OK;
    }
    snprintf(path, sizeof(path), "%.*s/admin.key", MTR_STR_ARGS(config->data.directory));
    const char *reason = read_key(file ? file : path, file != NULL, key);
    if (!reason) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: cannot read an API key from %s: %s; name one with --key-file or METERD_KEY\n",
            file ? file : path, reason);
    return MTR_EXIT_FAILED;
}

/* What an option says, else a variable of the environment; NULL: neither. */
static const char *given_by(const struct cli_invocation *invocation, const char *option, const char *variable)
{
    const char *given = invocation_option(invocation, option);
    if (!given) given = getenv(variable);
    return given && *given ? given : NULL;
}

/* True: somebody said where; else the configuration does, of this machine. */
static bool find_url(const struct cli_invocation *invocation, const struct mtr_config *config,
                     char url[URL_BYTES])
{
    const char *given = given_by(invocation, "url", "METERD_URL");
    if (given) {
        snprintf(url, URL_BYTES, "%s", given);
    } else {
        struct mtr_str address = config->listen.address;
        bool any = mtr_str_equal(address, MTR_STR("0.0.0.0")) || mtr_str_equal(address, MTR_STR("::"));
        bool v6 = !any && memchr(address.data, ':', address.size) != NULL;
        if (any) address = MTR_STR("127.0.0.1");
        snprintf(url, URL_BYTES, v6 ? "http%s://[%.*s]:%u" : "http%s://%.*s:%u",
                 config->listen.tls.certificate.size ? "s" : "", MTR_STR_ARGS(address),
                 (unsigned)config->listen.port);
    }
    size_t size = strlen(url);
    while (size && url[size - 1] == '/') url[--size] = '\0';
    return given != NULL;
}

static bool is_http(const char *url)
{
    const size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    return scheme && strcspn(url + scheme, "/ ") > 0;
}

/* Before anything is asked: what cannot be asked is no question of whether a daemon is there. */
static int check_url(const struct cli_invocation *invocation, const char *url)
{
    if (is_http(url)) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: %s: `%s` is no address of a daemon: write it as http://127.0.0.1:8787\n",
            invocation_option(invocation, "url") ? "--url" : "METERD_URL", url);
    return MTR_EXIT_USAGE;
}

/* Names and addresses of this machine alone: what only begins like one is somebody else's. */
static bool is_far(const char *url)
{
    char host[URL_BYTES];
    struct in_addr address;
    const char *scheme = strstr(url, "://"), *at = scheme ? scheme + 3 : url;
    size_t size = at[0] == '[' ? strcspn(at, "]") : 0;
    size += strcspn(at + size, ":/?#");
    snprintf(host, sizeof(host), "%.*s", (int)size, at);
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return false;
    return inet_pton(AF_INET, host, &address) != 1 || ntohl(address.s_addr) >> 24 != 127;
}

/* A key that somebody between reads is his. */
static void warn_of_clear(const struct mtr_client *client)
{
    if (client->is_far && strncmp(client->url, "http://", 7) == 0)
        fprintf(stderr, "meterd: warning: the API key goes to %s in the clear, and so does what it asks for: "
                        "use https\n",
                client->url);
}

static int load_optional(const char *path, struct mtr_buffer *out)
{
    return path ? cli_load_file(path, CERTIFICATE_BYTES_MAX, out) : MTR_EXIT_OK;
}

/* Whom it trusts, and what it shows. The daemon that the configuration describes is known by its
 * certificate's key: its name need not be that of an address of this machine. */
static int find_certificates(struct mtr_client *client, const struct cli_invocation *invocation,
                             const struct mtr_config *config, bool is_given)
{
    char path[PATH_BYTES];
    struct mtr_buffer own;
    client->ca_file = given_by(invocation, "cacert", "METERD_CACERT");
    const int code = load_optional(given_by(invocation, "cert", "METERD_CERT"), &client->certificate);
    if (code) return code;
    const bool is_ours = !is_given && !client->ca_file && config->listen.tls.certificate.size;
    snprintf(path, sizeof(path), "%.*s", MTR_STR_ARGS(config->listen.tls.certificate));
    mtr_buffer_init(&own, CERTIFICATE_BYTES_MAX);
    if (is_ours && access(path, R_OK) == 0 && load_optional(path, &own) == MTR_EXIT_OK &&
        mtr_tls_pin(mtr_buffer_str(&own), client->pin))
        client->pin[0] = '\0';
    mtr_buffer_release(&own);
    return load_optional(given_by(invocation, "cert-key", "METERD_CERT_KEY"), &client->certificate_key);
}

int client_open(const struct cli_invocation *invocation, struct mtr_client **out)
{
    struct mtr_config config;
    char key[KEY_BYTES];
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    struct mtr_client *client = calloc(1, sizeof(*client));
    MTR_ASSERT(client != NULL);
    mtr_buffer_init(&client->target, 1 << 16);
    mtr_http_answer_init(&client->answer);
    mtr_buffer_init(&client->certificate, CERTIFICATE_BYTES_MAX);
    mtr_buffer_init(&client->certificate_key, CERTIFICATE_BYTES_MAX);
    const bool is_given = find_url(invocation, &config, client->url);
    client->is_far = is_given && is_far(client->url);
    code = check_url(invocation, client->url);
    if (!code) code = find_certificates(client, invocation, &config, is_given);
    if (!code) code = find_key(invocation, &config, key);
    if (!code) warn_of_clear(client);
    config_release(&config);
    if (!code && mtr_http_session_open(&client->session)) code = MTR_EXIT_FAILED;
    if (code) {
        client_close(client);
        return code;
    }
    snprintf(client->authorization, sizeof(client->authorization), "Bearer %s", key);
    *out = client;
    return MTR_EXIT_OK;
}

void client_close(struct mtr_client *client)
{
    if (!client) return;
    explicit_bzero(client->authorization, sizeof(client->authorization));
    mtr_http_session_close(client->session);
    mtr_http_answer_release(&client->answer);
    mtr_buffer_release(&client->target);
    mtr_buffer_release(&client->certificate);
    if (client->certificate_key.data)
        explicit_bzero(client->certificate_key.data, client->certificate_key.capacity);
    mtr_buffer_release(&client->certificate_key);
    free(client);
}

void client_on_finding(struct mtr_client *client,
                       void (*on_finding)(void *context, const struct mtr_diagnostic *finding), void *context)
{
    client->on_finding = on_finding;
    client->finding_context = context;
}

const char *client_error(const struct mtr_client *client)
{
    return client->answer.reason;
}

static struct mtr_http_header split_header(const char *line)
{
    const char *colon = strchr(line, ':');
    MTR_ASSERT(colon != NULL);
    const char *value = colon + 1;
    while (*value == ' ') value++;
    return (struct mtr_http_header){{line, (size_t)(colon - line)}, mtr_str_from(value)};
}

int client_call(struct mtr_client *client, const char *method, const char *path, const char *const *headers,
                struct mtr_str body, struct mtr_client_answer *answer)
{
    struct mtr_http_header list[HEADERS_MAX] = {
        {MTR_STR("authorization"), mtr_str_from(client->authorization)}};
    uint32_t count = 1;
    for (; headers && *headers; headers++) {
        MTR_ASSERT(count < HEADERS_MAX);
        list[count++] = split_header(*headers);
    }
    mtr_buffer_reset(&client->target);
    int rc = mtr_buffer_printf(&client->target, "%s%s", client->url, path);
    if (!rc) rc = mtr_buffer_append_char(&client->target, '\0');
    if (rc) return rc;
    struct mtr_http_call call = {
        .method = method,
        .url = client->target.data,
        .headers = list,
        .header_count = count,
        .body = body,
        .timeout_ms = CALL_TIMEOUT_MS,
        .answer_bytes_max = MTR_ANSWER_BYTES_MAX,
        .accepts_codings = client->is_far,
        .ca_file = client->ca_file,
        .pinned_key = client->pin[0] ? client->pin : NULL,
        .certificate = mtr_buffer_str(&client->certificate),
        .key = mtr_buffer_str(&client->certificate_key),
    };
    rc = mtr_http_session_call(client->session, &call, &client->answer);
    if (rc) return rc;
    struct mtr_str value;
    uint64_t seconds = 0;
    *answer = (struct mtr_client_answer){.status = (int)client->answer.status,
                                         .body = mtr_buffer_str(&client->answer.body)};
    if (mtr_http_answer_header(&client->answer, "content-type", &value)) answer->content_type = value;
    if (mtr_http_answer_header(&client->answer, "retry-after", &value) && mtr_str_to_u64(value, &seconds))
        answer->retry_after_s = seconds > 3600 ? 3600 : (uint32_t)seconds;
    return MTR_OK;
}

struct mtr_diagnostic client_finding(const struct mtr_node *node)
{
    const bool is_warning = mtr_str_equal(mtr_node_text(node, "severity"), MTR_STR("warning"));
    uint64_t line = 0, column = 0;
    struct mtr_diagnostic finding = {.severity = is_warning ? MTR_SEVERITY_WARNING : MTR_SEVERITY_ERROR};
    if (!mtr_str_to_u64(mtr_node_text(node, "line"), &line) ||
        !mtr_str_to_u64(mtr_node_text(node, "column"), &column))
        line = column = 0;
    finding.line = (uint32_t)line;
    finding.column = (uint32_t)column;
    char code[64];
    snprintf(code, sizeof(code), "%.*s", MTR_STR_ARGS(mtr_node_text(node, "code")));
    finding.code = mtr_finding_code_find(code);
    snprintf(finding.field, sizeof(finding.field), "%.*s", MTR_STR_ARGS(mtr_node_text(node, "field")));
    snprintf(finding.text, sizeof(finding.text), "%.*s", MTR_STR_ARGS(mtr_node_text(node, "text")));
    mtr_line_make(finding.field); /* whoever answers there gives no orders to a terminal */
    mtr_line_make(finding.text);
    return finding;
}

/* A problem document for people: detail, then the findings a line each. */
static void print_problem(const struct mtr_client *client, const struct mtr_client_answer *answer)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    if (mtr_document_parse(answer->body, &document, &diagnostic)) {
        fprintf(stderr, "meterd: %s answered %d\n", client->url, answer->status);
        return;
    }
    const struct mtr_node *root = mtr_document_root(document);
    const struct mtr_str problem_code = mtr_node_text(root, "code");
    char text[PROBLEM_BYTES];
    snprintf(text, sizeof(text), "%.*s: %.*s%s%.*s%s", MTR_STR_ARGS(mtr_node_text(root, "title")),
             MTR_STR_ARGS(mtr_node_text(root, "detail")), problem_code.size ? " [" : "",
             MTR_STR_ARGS(problem_code), problem_code.size ? "]" : "");
    mtr_line_make(text);
    fprintf(stderr, "meterd: %s\n", text);
    const struct mtr_node *findings = mtr_node_get(root, "findings");
    for (uint32_t i = 0; findings && i < findings->child_count; i++) {
        const struct mtr_diagnostic finding = client_finding(&findings->children[i]);
        const char *code = mtr_finding_kind(finding.code)->code; /* "" of a newer daemon's */
        if (client->on_finding)
            client->on_finding(client->finding_context, &finding);
        else
            fprintf(stderr, "  %s: %s%s%s%s%s%s\n", mtr_severity_name(finding.severity), finding.field,
                    finding.field[0] ? ": " : "", finding.text, *code ? " [" : "", code, *code ? "]" : "");
    }
    mtr_document_close(document);
}

int client_json(struct mtr_client *client, const char *method, const char *path, const char *const *headers,
                struct mtr_str body, struct mtr_document **document)
{
    struct mtr_client_answer answer;
    struct mtr_diagnostic diagnostic;
    int rc = client_call(client, method, path, headers, body, &answer);
    if (rc) {
        fprintf(stderr, "meterd: %s%s\n", client->answer.reason,
                rc == MTR_EDENIED ? "" : "; is the daemon running? (meterd run)");
        return rc == MTR_EUNREACHABLE || rc == MTR_ETIMEDOUT ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    }
    if (answer.status < 200 || answer.status > 299) {
        print_problem(client, &answer);
        return answer.status == 429 || answer.status == 503 ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    }
    if (mtr_document_parse_answer(answer.body, document, &diagnostic) == MTR_OK) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: the answer of %s cannot be read: %s\n", client->url, diagnostic.text);
    return MTR_EXIT_FAILED;
}

int client_escape(struct mtr_buffer *out, struct mtr_str text)
{
    return mtr_percent_encode(out, text);
}
