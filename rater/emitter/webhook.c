/*
 * Standard Webhooks: {"type":"charges","timestamp":…,"data":{"charges":[…]}}, and what an answer to it means.
 *
 * The bytes are frozen with the message; signature and webhook-timestamp header belong to each attempt and
 * are the sender's work.
 *
 *   answer                                   verdict
 *   2xx, 409, 4xx that says "already exists" delivered: a repeat is the proof that it arrived
 *   425, 429, no connection                  again: the receiver has not taken it
 *   408, 5xx, timed out, broken off          again, but the receiver may have taken it
 *   anything else (redirects are not followed) rejected
 *   no URL that could be asked               rejected: it waits for an operator, who mends it, and not for time
 *
 * A notice: {"type":"restored","timestamp":…,"data":{"epoch":…,"valid_up_to":…,"charges":[]}}. Its answer is
 * 2xx with {"reconciled":EPOCH}, and "up_to" where the receiver has less than is valid. A receiver that takes
 * whatever comes has not said that it has taken anything back: rejected.
 */
#include <inttypes.h>
#include <string.h>

#include "meterd/core/document.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/time.h"
#include "meterd/emitter/destination.h"

static int begin_body(struct mtr_buffer *out, int64_t now_us)
{
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format(now_us, time);
    return mtr_buffer_printf(out, "{\"type\":\"charges\",\"timestamp\":\"%s\",\"data\":{\"charges\":[", time);
}

static int add_charge(struct mtr_buffer *out, uint32_t index, const struct mtr_charge *charge)
{
    int rc = index ? mtr_buffer_append_char(out, ',') : MTR_OK;
    return rc ? rc : mtr_buffer_append_str(out, charge->body);
}

static int end_body(struct mtr_buffer *out)
{
    return mtr_buffer_append_str(out, MTR_STR("]}}"));
}

static bool says_already_exists(const struct mtr_outbox_result *result)
{
    const struct mtr_str phrases[] = {MTR_STR("already exists"), MTR_STR("already_exists"),
                                      MTR_STR("alreadyexists")};
    MTR_ASSERT(result->body_size <= sizeof(result->body));
    for (size_t p = 0; p < sizeof(phrases) / sizeof(*phrases); p++)
        for (size_t at = 0; at + phrases[p].size <= result->body_size; at++)
            if (mtr_str_equal_lower((struct mtr_str){result->body + at, phrases[p].size}, phrases[p]))
                return true;
    return false;
}

static int write_notice(struct mtr_buffer *out, int64_t now_us, const struct mtr_outbox_notice *notice)
{
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format(now_us, time);
    return mtr_buffer_printf(out,
                             "{\"type\":\"restored\",\"timestamp\":\"%s\",\"data\":{\"epoch\":%" PRIu64
                             ",\"valid_up_to\":%" PRIu64 ",\"charges\":[]}}",
                             time, notice->epoch, notice->valid_up_to);
}

static bool read_number(const struct mtr_node *root, const char *name, uint64_t *out)
{
    const struct mtr_node *node = mtr_node_get(root, name);
    return node && node->kind == MTR_NODE_NUMBER && mtr_str_to_u64(node->text, out);
}

static enum mtr_delivery judge(const struct mtr_outbox_result *result)
{
    switch (result->outcome) {
    case MTR_OUTCOME_NOT_SENT: return MTR_DELIVERY_RETRY;
    case MTR_OUTCOME_UNCERTAIN: return MTR_DELIVERY_RETRY_UNCERTAIN;
    case MTR_OUTCOME_UNSENDABLE: return MTR_DELIVERY_REJECTED;
    case MTR_OUTCOME_ANSWERED: break;
    }
    const int32_t status = result->status;
    if ((status >= 200 && status < 300) || status == 409) return MTR_DELIVERED;
    if (status >= 400 && status < 500 && says_already_exists(result)) return MTR_DELIVERED;
    if (status == 425 || status == 429) return MTR_DELIVERY_RETRY;
    if (status == 408 || status >= 500) return MTR_DELIVERY_RETRY_UNCERTAIN;
    return MTR_DELIVERY_REJECTED;
}

static bool says_reconciled(const struct mtr_outbox_result *result, const struct mtr_outbox_notice *notice,
                            uint64_t *up_to)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    uint64_t epoch = 0;
    if (mtr_document_parse((struct mtr_str){result->body, result->body_size}, &document, &diagnostic))
        return false;
    const struct mtr_node *root = mtr_document_root(document);
    *up_to = notice->valid_up_to;
    const bool is_said = read_number(root, "reconciled", &epoch) && epoch == notice->epoch &&
                         (!mtr_node_get(root, "up_to") || read_number(root, "up_to", up_to)) &&
                         *up_to <= notice->valid_up_to;
    mtr_document_close(document);
    return is_said;
}

static enum mtr_delivery judge_notice(const struct mtr_outbox_result *result,
                                      const struct mtr_outbox_notice *notice, uint64_t *up_to)
{
    const bool is_success =
        result->outcome == MTR_OUTCOME_ANSWERED && result->status >= 200 && result->status < 300;
    if (is_success) return says_reconciled(result, notice, up_to) ? MTR_DELIVERED : MTR_DELIVERY_REJECTED;
    const enum mtr_delivery verdict = judge(result);
    return verdict == MTR_DELIVERED ? MTR_DELIVERY_REJECTED : verdict;
}

const struct mtr_destination_driver mtr_destination_http = {
    .name = "http",
    .kind = MTR_DESTINATION_HTTP,
    .begin_body = begin_body,
    .add_charge = add_charge,
    .end_body = end_body,
    .judge = judge,
    .write_notice = write_notice,
    .judge_notice = judge_notice,
};
