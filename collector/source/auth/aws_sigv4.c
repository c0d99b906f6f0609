/*
 * Signature Version 4 of AWS. The secret's file holds the secret, and in a second line the session token of
 * credentials that end; whoever rotates them writes the file anew.
 */
#include "collector/source/auth/driver.h"

#include <string.h>

#include "meterd/net/sign_aws.h"

enum { HOST_BYTES_MAX = 1024 };

static void cut_lines(struct mtr_str text, struct mtr_aws_identity *identity)
{
    const char *end = memchr(text.data, '\n', text.size);
    const size_t size = end ? (size_t)(end - text.data) : text.size;
    identity->secret = (struct mtr_str){text.data, size};
    if (end) identity->session_token = (struct mtr_str){end + 1, text.size - size - 1};
    if (size && text.data[size - 1] == '\r') identity->secret.size--;
}

/* Each line may be said again alone; with the file only both together are known. */
static int mask_lines(const struct auth_session *session, const struct mtr_aws_identity *identity)
{
    struct source_mask *mask = session->hooks->mask;
    int rc = mask ? source_mask_add(mask, identity->secret) : MTR_OK;
    return rc || !mask ? rc : source_mask_add(mask, identity->session_token);
}

static int add_signature(struct auth_turn *turn, const struct mtr_aws_signed *signature)
{
    struct source_call *call = turn->call;
    int rc = MTR_OK;
    call->path = signature->path;
    call->query = signature->query;
    for (uint32_t i = 0; i < signature->header_count && !rc; i++)
        rc = auth_add_header(turn, call, signature->headers[i].name, signature->headers[i].value);
    return rc;
}

static int sign(struct auth_session *session, struct auth_turn *turn, struct mtr_str secret,
                struct mtr_str host)
{
    const struct mtr_auth_sigv4 *sigv4 = session->source->auth.sigv4;
    const struct source_call *call = turn->call;
    struct mtr_aws_identity identity = {
        .access_key = sigv4->access_key, .region = sigv4->region, .service = sigv4->service};
    const struct mtr_aws_request request = {.method = call->method,
                                            .host = host,
                                            .path = call->path,
                                            .query = call->query,
                                            .headers = call->headers,
                                            .header_count = call->header_count,
                                            .body = call->body};
    struct mtr_aws_signed signature;
    cut_lines(secret, &identity);
    int rc = mask_lines(session, &identity);
    if (!rc) rc = mtr_aws_sign(&identity, &request, turn->now_us, turn->arena, &signature);
    if (rc == MTR_EINVALID)
        return auth_fail(session, AUTH_ALARM_AUTH,
                         "the request cannot be signed: its path or query is not UTF-8, escaped as %%XX");
    return rc ? rc : add_signature(turn, &signature);
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    struct mtr_buffer secret, host;
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    mtr_buffer_init(&host, HOST_BYTES_MAX);
    int rc = auth_read_secret(session, session->source->auth.sigv4->secret_file, &secret);
    if (!rc) rc = source_call_write_host(turn->call, &host);
    if (!rc) rc = sign(session, turn, mtr_buffer_str(&secret), mtr_buffer_str(&host));
    mtr_buffer_release(&host);
    secret_wipe(&secret);
    return rc;
}

const struct auth_driver auth_aws_sigv4 = {.name = "aws_sigv4", .kind = MTR_AUTH_AWS_SIGV4, .apply = apply};
