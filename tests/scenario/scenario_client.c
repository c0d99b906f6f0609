/*
 * The vendors: what they send, again and again until it is answered, and what they were told.
 *
 * Events go through the JSON decoder as a request's body would. An answer may get lost on its way back: then
 * the request counts as not answered and is sent again, so that duplicates come by themselves. What was sent
 * and what was answered is the truth for the laws.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

#include "meterd/collector/decode.h"

enum { BODY_BYTES_MAX = 1 << 20, REQUEST_EVENTS = 10, REQUEST_ARENA_BYTES = 1 << 20 };

#define PICK(scenario, list) (list)[scenario_below(scenario, sizeof(list) / sizeof(*(list)))]

/* ---- events ---- */

static void add_property(struct sent_event *event, const char *name, const char *json)
{
    event->properties[event->property_count++] = (struct sent_property){name, json};
}

static void add_data(struct scenario *scenario, struct sent_event *event)
{
    static const char *const quantities[] = {
        "1",    "2",   "3", "10",   "0.25", "1.5", "0.000000000001", "12.125", "\"7\"", "\"0.5\"",
        "-2.5", "1e2", "0", "33.1", "5.0",  "41"};
    static const char *const wrong[] = {"\"much\"", "0.1234567890123", "true", "1000000000000000001", "{}",
                                        "\"\""};
    static const char *const regions[] = {"\"eu\"", "\"us\"", "\"a,b=c\\\\\"", "7", "7.0", "true", "\"\""};
    static const char *const skus[] = {"\"s\"", "\"m\""};
    static const char *const tiers[] = {"\"gold\"", "2", "\"2\"", "\"silver\""};
    static const char *const lengths[] = {"0", "60", "3600", "1234.567", "90061", "\"400000\"", "-1"};
    static const char *const values[] = {
        "\"ann\"",
        "\"bob\"",
        "\"cleo\"",
        "1",
        "1.0",
        "\"1\"",
        "true",
        "\"\"",
        "\"a name that is longer than the sixty-four bytes which a member keeps as text, one\"",
        "\"a name that is longer than the sixty-four bytes which a member keeps as text, two\""};
    if (!scenario_chance(scenario, 5))
        add_property(event, "v",
                     scenario_chance(scenario, 97) ? PICK(scenario, quantities) : PICK(scenario, wrong));
    if (!scenario_chance(scenario, 5)) add_property(event, "u", PICK(scenario, values));
    if (!scenario_chance(scenario, 20)) add_property(event, "region", PICK(scenario, regions));
    if (!scenario_chance(scenario, 20)) add_property(event, "sku", PICK(scenario, skus));
    if (!scenario_chance(scenario, 30)) add_property(event, "tier", PICK(scenario, tiers));
    if (!scenario_chance(scenario, 2)) add_property(event, "length", PICK(scenario, lengths));
}

/* Around clock changes in the zones of the plan; those of the years that runs take place in. */
static const char *const turning_points[] = {
    "2026-03-29T01:00:00Z", "2026-04-04T15:00:00Z", "2026-10-25T01:00:00Z", "2026-10-03T15:30:00Z", "2018-11-04T03:00:00Z",
    "2018-10-28T01:00:00Z", "2018-10-06T15:30:00Z", "2019-02-17T02:00:00Z", "2019-03-31T01:00:00Z", "2019-04-06T15:00:00Z"};

static int64_t choose_time(struct scenario *scenario)
{
    uint32_t kind = scenario_below(scenario, 100);
    int64_t second = MTR_US_PER_SECOND;
    if (kind < 50) return scenario->now_us - (int64_t)scenario_below(scenario, 7200) * second;
    if (kind < 85) return scenario->now_us - (int64_t)scenario_below(scenario, 36 * 86400) * second;
    if (kind < 88)
        return scenario->now_us -
               (40 * INT64_C(86400) + (int64_t)scenario_below(scenario, 86400 * 20)) * second;
    if (kind < 91) return scenario->now_us + (int64_t)scenario_below(scenario, 900) * second;
    for (size_t i = 0; i < sizeof(turning_points) / sizeof(*turning_points); i++) {
        int64_t time_us;
        CHECK_OK(scenario, mtr_time_parse(mtr_str_from(turning_points[i]), &time_us));
        if (time_us > scenario->now_us || time_us < scenario->now_us - 39 * MTR_US_PER_DAY) continue;
        return time_us + ((int64_t)scenario_below(scenario, 4 * 3600) - 7200) * second +
               scenario_below(scenario, 1000000);
    }
    /* the start of some hour, to the microsecond */
    return scenario->now_us / MTR_US_PER_HOUR * MTR_US_PER_HOUR -
           (int64_t)scenario_below(scenario, 48) * MTR_US_PER_HOUR / 2;
}

/* One of the vendor's, seldom another's; NULL: nobody's. */
static const struct planned_subscription *choose_subscription(struct scenario *scenario, uint32_t vendor)
{
    const struct plan *plan = &scenario->plan;
    if (scenario_chance(scenario, 3)) return NULL;
    for (int tries = 0; tries < 30; tries++) {
        const struct planned_subscription *subscription =
            &plan->subscriptions[scenario_below(scenario, plan->subscription_count)];
        if (plan->service_vendors[subscription->service] == vendor || scenario_chance(scenario, 2))
            return subscription;
    }
    return NULL;
}

/* Mostly within the term. */
static int64_t choose_time_in_term(struct scenario *scenario, const struct planned_subscription *subscription)
{
    int64_t time_us = choose_time(scenario);
    const uint32_t change_count = subscription ? subscription->change_count : 0;
    if (change_count && scenario_chance(scenario, 12)) { /* in the second of a change */
        const int64_t second_us = subscription->changes[scenario_below(scenario, change_count)].second_us;
        if (second_us && second_us < scenario->now_us)
            return second_us + scenario_below(scenario, 1000002) - 1;
    }
    if (subscription && scenario_chance(scenario, 5)) /* around its first hour */
        return subscription->start_day * MTR_US_PER_DAY +
               (int64_t)scenario_below(scenario, 36 * 3600) * (MTR_US_PER_SECOND / 4);
    for (int tries = 0; tries < 4 && subscription; tries++) {
        int64_t day = time_us / MTR_US_PER_DAY;
        if (day > subscription->start_day && (!subscription->end_day || day < subscription->end_day)) break;
        time_us = choose_time(scenario);
    }
    return time_us;
}

/* Mostly one that a meter of its service counts, now or later. */
static const char *choose_type(struct scenario *scenario, const struct planned_subscription *subscription)
{
    static const char *const types[] = {"cpu", "disk", "call", "unheard-of"};
    const struct plan *plan = &scenario->plan;
    for (int tries = 0; tries < 50 && subscription && !scenario_chance(scenario, 2); tries++) {
        const struct planned_meter *meter = &plan->meters[scenario_below(scenario, plan->meter_count)];
        if (meter->service == subscription->service) return scenario_format(scenario, "%s", meter->type);
    }
    return PICK(scenario, types);
}

static struct sent_event *keep(struct scenario *scenario, struct sent_event *event)
{
    struct client *client = &scenario->client;
    CHECK(scenario, client->event_count < SENT_EVENTS_MAX, "too many events");
    client->events[client->event_count++] = event;
    return event;
}

static struct sent_event *make_usage(struct scenario *scenario, uint32_t vendor)
{
    static const char *const sources[] = {"east", "west"};
    struct sent_event *event = scenario_alloc(scenario, 1, sizeof(*event));
    const struct planned_subscription *subscription = choose_subscription(scenario, vendor);
    *event = (struct sent_event){.vendor = vendor,
                                 .source = PICK(scenario, sources),
                                 .id = scenario_format(scenario, "e%u", scenario->client.event_count),
                                 .type = choose_type(scenario, subscription),
                                 .subject = subscription ? subscription->subject : "nobody",
                                 .time_us = choose_time_in_term(scenario, subscription),
                                 .time_given = !scenario_chance(scenario, 8)};
    add_data(scenario, event);
    return keep(scenario, event);
}

static struct sent_event *earlier_event(struct scenario *scenario, uint32_t vendor)
{
    const struct client *client = &scenario->client;
    for (int tries = 0; tries < 20 && client->event_count; tries++) {
        struct sent_event *event = client->events[scenario_below(scenario, client->event_count)];
        if (event->vendor == vendor) return event;
    }
    return NULL;
}

/* Same identity, other content; and as old as the original, because the window counts from there. */
static struct sent_event *make_conflict(struct scenario *scenario, const struct sent_event *original)
{
    struct sent_event *event = scenario_alloc(scenario, 1, sizeof(*event));
    *event = *original;
    event->property_count = 0;
    event->type = "cpu";
    add_property(event, "v", scenario_format(scenario, "%u.75", scenario_below(scenario, 1000)));
    add_property(event, "u", "\"eve\"");
    return keep(scenario, event);
}

static struct sent_event *make_void(struct scenario *scenario, uint32_t vendor,
                                    const struct sent_event *target)
{
    struct sent_event *event = scenario_alloc(scenario, 1, sizeof(*event));
    *event = (struct sent_event){.vendor = vendor,
                                 .source = target ? target->source : "east",
                                 .id = scenario_format(scenario, "void%u", scenario->client.event_count),
                                 .type = MTR_EVENT_TYPE_VOID,
                                 .subject = target ? target->subject : "nobody",
                                 .time_us = scenario->now_us,
                                 .time_given = scenario_chance(scenario, 70)};
    add_property(event, "id", target ? scenario_format(scenario, "\"%s\"", target->id) : "\"never-sent\"");
    return keep(scenario, event);
}

static struct sent_event *make_event(struct scenario *scenario, uint32_t vendor)
{
    struct sent_event *earlier = earlier_event(scenario, vendor);
    uint32_t kind = scenario_below(scenario, 100);
    if (kind < 3) return make_void(scenario, vendor, NULL);
    if (!earlier || kind < 75) return make_usage(scenario, vendor);
    if (kind < 85) return make_void(scenario, vendor, earlier);
    /* Without a time of its own a repeat is known as one only inside the window. */
    bool is_provable = earlier->time_given || scenario->now_us - earlier->first_sent_us < 20 * MTR_US_PER_DAY;
    if (!is_provable) return make_usage(scenario, vendor);
    return kind < 90 ? make_conflict(scenario, earlier) : earlier;
}

/* ---- requests ---- */

void scenario_client_create(struct scenario *scenario)
{
    struct client *client = &scenario->client;
    struct sent_request *request = scenario_alloc(scenario, 1, sizeof(*request));
    CHECK(scenario, client->request_count < SENT_REQUESTS_MAX, "too many requests");
    request->vendor = scenario_below(scenario, scenario->plan.vendor_count);
    request->created_us = scenario->now_us;
    request->count = 1 + scenario_below(scenario, REQUEST_EVENTS);
    request->events = scenario_alloc(scenario, request->count, sizeof(*request->events));
    for (uint32_t i = 0; i < request->count; i++) {
        bool repeat = i && scenario_chance(scenario, 5);
        struct sent_event *event =
            repeat ? request->events[scenario_below(scenario, i)] : make_event(scenario, request->vendor);
        if (!event->first_sent_us) event->first_sent_us = event->last_sent_us = scenario->now_us;
        request->events[i] = event;
    }
    client->requests[client->request_count++] = request;
}

static void write_event(struct scenario *scenario, const struct sent_event *event, struct mtr_buffer *out)
{
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format(event->time_us, time);
    CHECK_OK(scenario,
             mtr_buffer_printf(out, "{\"id\":\"%s\",\"source\":\"%s\",\"type\":\"%s\",\"subject\":\"%s\"",
                               event->id, event->source, event->type, event->subject));
    if (event->time_given) CHECK_OK(scenario, mtr_buffer_printf(out, ",\"time\":\"%s\"", time));
    CHECK_OK(scenario, mtr_buffer_printf(out, ",\"data\":{"));
    for (uint32_t i = 0; i < event->property_count; i++)
        CHECK_OK(scenario, mtr_buffer_printf(out, "%s\"%s\":%s", i ? "," : "", event->properties[i].name,
                                             event->properties[i].json));
    CHECK_OK(scenario, mtr_buffer_printf(out, "}}"));
}

/* The clock may go back meanwhile. */
static void note_sending(struct sent_event *event, int64_t now_us)
{
    if (now_us < event->first_sent_us) event->first_sent_us = now_us;
    if (now_us > event->last_sent_us) event->last_sent_us = now_us;
}

static struct mtr_request *decode(struct scenario *scenario, const struct sent_request *sent)
{
    struct mtr_request *request = calloc(1, sizeof(*request));
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_buffer body;
    char vendor[KEY_MAX];
    CHECK(scenario, request, "no memory");
    mtr_request_init(request, REQUEST_ARENA_BYTES);
    scenario_vendor_key(sent->vendor, vendor);
    CHECK_OK(scenario, mtr_arena_copy(&request->arena, mtr_str_from(vendor), &request->vendor));
    mtr_buffer_init(&body, BODY_BYTES_MAX);
    CHECK_OK(scenario, mtr_buffer_append_char(&body, '['));
    for (uint32_t i = 0; i < sent->count; i++) {
        if (i) CHECK_OK(scenario, mtr_buffer_append_char(&body, ','));
        write_event(scenario, sent->events[i], &body);
        note_sending(sent->events[i], scenario->now_us);
    }
    CHECK_OK(scenario, mtr_buffer_append_char(&body, ']'));
    const struct mtr_decode_input input = {.body = mtr_buffer_str(&body),
                                           .body_bytes_max = BODY_BYTES_MAX,
                                           .events_max = 1000,
                                           .received_us = scenario->now_us};
    CHECK(scenario, !mtr_decode(&input, request, &diagnostic), "%s in %.*s", diagnostic.text,
          MTR_STR_ARGS(input.body));
    CHECK(scenario, request->count == sent->count, "%u of %u events decoded", request->count, sent->count);
    mtr_buffer_release(&body);
    return request;
}

static void free_request(struct mtr_request *request)
{
    mtr_request_release(request);
    free(request);
}

void scenario_client_submit(struct scenario *scenario)
{
    struct client *client = &scenario->client;
    uint32_t open_count = 0;
    for (uint32_t i = 0; i < client->request_count; i++)
        open_count += !client->requests[i]->answered && !client->requests[i]->in_queue;
    if (!open_count) return;
    uint32_t chosen = scenario_below(scenario, open_count);
    struct sent_request *sent = NULL;
    for (uint32_t i = 0; !sent; i++)
        if (!client->requests[i]->answered && !client->requests[i]->in_queue && chosen-- == 0)
            sent = client->requests[i];
    struct mtr_request *request = decode(scenario, sent);
    request->context = sent;
    int rc = mtr_intake_submit(scenario->stores.intake, request);
    CHECK(scenario, rc == 0 || rc == MTR_EFULL, "submit: %s", mtr_error_text(rc));
    scenario_seen[SEEN_QUEUE_FULL] += rc != 0;
    if (rc) free_request(request);
    else sent->in_queue = request;
    scenario_trace(scenario, "submit %u events: %s", sent->count, rc ? "full" : "ok");
}

bool scenario_client_waits(const struct scenario *scenario, int64_t older_than_us)
{
    const struct client *client = &scenario->client;
    for (uint32_t i = 0; i < client->request_count; i++)
        if (!client->requests[i]->answered && client->requests[i]->created_us < older_than_us) return true;
    return false;
}

void scenario_client_lose_queue(struct scenario *scenario)
{
    struct client *client = &scenario->client;
    for (uint32_t i = 0; i < client->request_count; i++) {
        if (!client->requests[i]->in_queue) continue;
        free_request(client->requests[i]->in_queue);
        client->requests[i]->in_queue = NULL;
    }
}

void scenario_on_answer(void *context, struct mtr_request *request)
{
    struct scenario *scenario = context;
    struct client *client = &scenario->client;
    struct sent_request *sent = request->context;
    uint64_t sum = 0;
    bool is_lost = !scenario->is_healthy && scenario_chance(scenario, 6);
    CHECK(scenario, sent->in_queue == request && !request->error, "answer %s",
          mtr_error_text(request->error));
    for (uint32_t i = 0; i < request->count; i++) {
        const struct mtr_event_result *result = &request->results[i];
        scenario_trace(scenario, "  %s %s/%s: %s %" PRIu64 "%s", sent->events[i]->type,
                       sent->events[i]->source, sent->events[i]->id, mtr_result_name(result->code),
                       result->seq, is_lost ? ", not heard" : "");
        if (is_lost) continue;
        CHECK(scenario, client->answer_count < ANSWERS_MAX, "too many answers");
        client->answers[client->answer_count++] = (struct answer){sent->events[i], result->code, result->seq};
    }
    for (int code = 0; code < MTR_RESULT_COUNT && !is_lost; code++) {
        client->counts[code] += request->counts[code];
        sum += request->counts[code];
    }
    CHECK(scenario, is_lost || sum == sent->count, "%" PRIu64 " results for %u events", sum, sent->count);
    if (!is_lost) client->submitted += sent->count;
    sent->answered = !is_lost;
    scenario_seen[SEEN_ANSWER_LOST] += is_lost;
    sent->in_queue = NULL;
    free_request(request);
}

/* ---- comparison ---- */

static struct mtr_property as_property(struct scenario *scenario, const struct sent_property *sent)
{
    struct mtr_property property = {.name = mtr_str_from(sent->name)};
    if (sent->json[0] == '"') {
        char *text = scenario_format(scenario, "%s", sent->json + 1);
        size_t size = 0;
        for (const char *p = sent->json + 1; *p != '"'; p++) {
            if (*p == '\\') p++;
            text[size++] = *p;
        }
        property.kind = MTR_PROPERTY_STRING;
        property.text = (struct mtr_str){text, size};
    } else if (strcmp(sent->json, "true") == 0) {
        property.kind = MTR_PROPERTY_TRUE;
    } else if (sent->json[0] == '{') {
        property.kind = MTR_PROPERTY_FALSE; /* refused by the decoder: equals nothing that the log can hold */
    } else {
        property.kind = MTR_PROPERTY_NUMBER;
        CHECK_OK(scenario, mtr_decimal_parse(mtr_str_from(sent->json), &property.number));
    }
    return property;
}

struct mtr_event scenario_sent_as_event(struct scenario *scenario, const struct sent_event *sent)
{
    struct mtr_property *properties = scenario_alloc(scenario, SENT_PROPERTIES_MAX, sizeof(*properties));
    char *vendor = scenario_alloc(scenario, 1, KEY_MAX);
    scenario_vendor_key(sent->vendor, vendor);
    for (uint32_t i = 0; i < sent->property_count; i++)
        properties[i] = as_property(scenario, &sent->properties[i]);
    return (struct mtr_event){.vendor = mtr_str_from(vendor),
                              .source = mtr_str_from(sent->source),
                              .id = mtr_str_from(sent->id),
                              .type = mtr_str_from(sent->type),
                              .subject = mtr_str_from(sent->subject),
                              .time_us = sent->time_us,
                              .time_given = sent->time_given,
                              .properties = properties,
                              .property_count = sent->property_count};
}
