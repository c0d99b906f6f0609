/*
 * The shapes of requests and answers, as JSON Schema, by the names that routes carry.
 */
#include "daemon/api/schemas.h"

#include <stddef.h>

#define STRING "{\"type\":\"string\"}"
#define INTEGER "{\"type\":\"integer\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define DECIMAL "{\"type\":\"string\",\"pattern\":\"^-?[0-9]+(\\\\.[0-9]+)?$\"}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define LIST(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(members) "{\"type\":\"object\",\"properties\":{" members "}}"
#define MAP_WITH(required, members)                                                                          \
    "{\"type\":\"object\",\"required\":[" required "],\"properties\":{" members "}}"
#define LABELS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"

const struct mtr_api_schema mtr_api_schemas[] = {
    {"Problem",
     MAP_WITH("\"type\",\"title\",\"status\"", "\"type\":" STRING ",\"title\":" STRING ",\"status\":" INTEGER
                                               ",\"detail\":" STRING ",\"findings\":" LIST(REF("Finding")))},
    {"Finding", MAP("\"severity\":{\"enum\":[\"error\",\"warning\"]},\"line\":" COUNT ",\"column\":" COUNT
                    ",\"field\":" STRING ",\"text\":" STRING)},
    {"Event", MAP_WITH("\"id\",\"type\",\"subject\"",
                       "\"specversion\":{\"const\":\"1.0\"},\"id\":" STRING ",\"source\":" STRING
                       ",\"type\":" STRING ",\"subject\":" STRING ",\"time\":" TIME
                       ",\"data\":{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\","
                       "\"number\",\"boolean\",\"null\"]}}")},
    {"Events", "{\"oneOf\":[" REF("Event") "," LIST(REF("Event")) "]}"},
    {"EventResults",
     MAP_WITH("\"results\"",
              "\"accepted\":" COUNT ",\"duplicate\":" COUNT ",\"held\":" COUNT ",\"late\":" COUNT
              ",\"voided\":" COUNT ",\"conflict\":" COUNT ",\"expired\":" COUNT ",\"future\":" COUNT
              ",\"invalid\":" COUNT ",\"not_active\":" COUNT ",\"not_authorized\":" COUNT
              ",\"unprocessed\":" COUNT ",\"results\":" LIST(REF("EventResult")))},
    {"EventResult", MAP_WITH("\"index\",\"result\",\"class\"",
                             "\"index\":" COUNT ",\"id\":" STRING ",\"result\":" STRING
                             ",\"class\":{\"enum\":[\"ok\",\"fix\",\"retry\"]},\"seq\":" COUNT
                             ",\"field\":" STRING ",\"reason\":" STRING)},
    {"StoredEvents",
     MAP_WITH("\"events\",\"next_after\",\"has_more\"",
              "\"events\":" LIST(REF("StoredEvent")) ",\"next_after\":" COUNT ",\"has_more\":" BOOLEAN)},
    {"StoredEvent",
     MAP_WITH("\"seq\",\"received_at\",\"disposition\",\"vendor\",\"source\",\"id\",\"type\",\"subject\","
              "\"time\",\"data\"",
              "\"seq\":" COUNT ",\"received_at\":" TIME
              ",\"disposition\":{\"enum\":[\"normal\",\"void\",\"conflict\",\"expired\",\"future\"]},"
              "\"target_seq\":" COUNT ",\"vendor\":" STRING ",\"source\":" STRING ",\"id\":" STRING
              ",\"type\":" STRING ",\"subject\":" STRING ",\"time\":" TIME ",\"time_given\":" BOOLEAN
              ",\"data\":{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\","
              "\"boolean\"]}}")},
    {"Usage", MAP_WITH("\"rows\"", "\"rows\":" LIST(REF("UsageRow")))},
    {"UsageRow",
     MAP_WITH("\"vendor\",\"service\",\"meter\",\"start\",\"end\",\"quantity\",\"events\"",
              "\"subscription\":" STRING ",\"customer\":" STRING ",\"vendor\":" STRING ",\"service\":" STRING
              ",\"meter\":" STRING ",\"aggregation\":{\"enum\":[\"sum\",\"count\",\"min\",\"max\",\"last\","
              "\"unique\"]},\"unit\":" STRING ",\"dimensions\":" LABELS ",\"start\":" TIME ",\"end\":" TIME
              ",\"quantity\":" DECIMAL ",\"events\":" COUNT)},
    {"Credits",
     MAP_WITH("\"credits\",\"next_after\",\"has_more\"",
              "\"credits\":" LIST(REF("Credit")) ",\"next_after\":" COUNT ",\"has_more\":" BOOLEAN)},
    {"Credit",
     MAP_WITH("\"key\",\"grant\",\"kind\",\"granted\",\"drawn\",\"balance\",\"expired\"", /* money where it
                                                                                             has a currency,
                                                                                             else units */
              "\"key\":" STRING ",\"grant\":" STRING
              ",\"kind\":{\"enum\":[\"allowance\",\"credit\"]},\"customer\":" STRING
              ",\"subscription\":{\"type\":[\"string\",\"null\"]},\"currency\":{\"type\":[\"string\","
              "\"null\"]},\"priority\":" COUNT
              ",\"expires\":{\"type\":[\"string\",\"null\"]},\"granted\":" DECIMAL ",\"drawn\":" DECIMAL
              ",\"balance\":" DECIMAL ",\"expired\":" DECIMAL)},
    {"Ack", MAP_WITH("\"consumer\"", "\"consumer\":" STRING ",\"up_to\":" COUNT ",\"ids\":" LIST(STRING))},
    {"AckResult", MAP_WITH("\"up_to\"", "\"up_to\":" COUNT)},
    {"Explanation", MAP_WITH("\"charge\",\"price\",\"emitted_before\",\"difference\",\"emitted_after\"",
                             "\"charge\":" REF("Charge") ",\"price\":" LIST(REF(
                                 "PricePart")) ",\"emitted_before\":" DECIMAL ",\"difference\":" DECIMAL
                                               ",\"emitted_after\":" DECIMAL
                                               ",\"line_charges\":" LIST(REF("LineCharge")) ",\"log\":" MAP(
                                                   "\"seq_first\":" COUNT ",\"seq_last\":" COUNT))},
    {"PricePart", MAP_WITH("\"from\",\"to\",\"tariff\",\"version\",\"price\"", /* what one tariff version
                                                                                  covers of the period */
                           "\"cost\":" BOOLEAN ",\"from\":" TIME ",\"to\":" TIME ",\"tariff\":" STRING
                           ",\"version\":" STRING ",\"hash\":" STRING
                           ",\"price\":{\"oneOf\":[" REF("Price") ",{\"type\":\"null\"}]}")},
    {"LineCharge", MAP_WITH("\"number\",\"id\",\"status\",\"amount\"",
                            "\"number\":" COUNT ",\"id\":" STRING ",\"status\":" STRING
                            ",\"quantity\":" DECIMAL ",\"amount\":" DECIMAL ",\"created_at\":" TIME)},
    {"Outbox",
     MAP_WITH("\"messages\",\"has_more\"", "\"messages\":" LIST(REF("Message")) ",\"has_more\":" BOOLEAN)},
    {"Message", MAP_WITH("\"id\",\"destination\",\"state\"",
                         "\"id\":" STRING ",\"destination\":" STRING ",\"number\":" COUNT
                         ",\"state\":{\"enum\":[\"pending\",\"attempted\",\"acked\",\"rejected\",\"unknown\"]"
                         "},\"attempts\":" COUNT ",\"last_status\":" INTEGER ",\"first_charge\":" COUNT
                         ",\"last_charge\":" COUNT ",\"charges\":" COUNT ",\"created_at\":" TIME
                         ",\"next_attempt_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}")},
    {"Settlement", MAP_WITH("\"action\"", "\"action\":{\"enum\":[\"retry\",\"delivered\"]}")},
    {"PriceRequest",
     MAP_WITH(
         "\"tariff\"",
         "\"tariff\":{\"type\":[\"string\",\"object\"]},\"cost\":{\"type\":[\"string\",\"object\"]},"
         "\"at\":" STRING ",\"currency\":" STRING ",\"subscription\":" STRING ",\"customer\":" STRING
         ",\"quantity\":" DECIMAL ",\"component\":" STRING ",\"dimensions\":" LABELS
         ",\"usage\":" LIST(MAP_WITH(
             "\"quantity\"",
             "\"time\":" TIME ",\"component\":" STRING ",\"meter\":" STRING ",\"quantity\":" DECIMAL
             ",\"seconds\":" DECIMAL
             ",\"dimensions\":" LABELS)) ",\"credits\":" LIST(MAP_WITH("\"amount\"",
                                                                       "\"amount\":" DECIMAL
                                                                       ",\"key\":" STRING
                                                                       ",\"priority\":" COUNT
                                                                       ",\"expires\":" STRING)) ",\"meters\":"
                                                                                                "{\"type\":"
                                                                                                "\"array\","
                                                                                                "\"items\":{"
                                                                                                "\"type\":"
                                                                                                "\"object\"}}"
                                                                                                ",\"zone\""
                                                                                                ":" STRING
                                                                                                ",\"rates\":{"
                                                                                                "\"type\":"
                                                                                                "\"array\","
                                                                                                "\"items\":{"
                                                                                                "\"type\":"
                                                                                                "\"object\"}}"
                                                                                                ",\"closing\""
                                                                                                ":" BOOLEAN
                                                                                                ",\"trace\""
                                                                                                ":" BOOLEAN)},
    {"Price", MAP_WITH("\"total\",\"currency\"",
                       "\"periods\":" LIST(REF(
                           "PricePeriod")) ","
                                           "\"total\":" DECIMAL ",\"residue\":" DECIMAL ",\"cost\":" DECIMAL
                                           ",\"margin\":" DECIMAL ",\"currency\":" STRING
                                           ",\"tariff\":" STRING ",\"version\":" STRING ",\"lines\":" LIST(
                                               REF("PriceLine")) ",\"trace\":" LIST(REF("PriceStep")))},
    {"PriceLine", MAP_WITH("\"component\",\"amount\"",
                           "\"from\":" TIME ",\"to\":" TIME ",\"component\":" STRING ",\"dimensions\":" STRING
                           ",\"kind\":" STRING ",\"tax_code\":" STRING ",\"quantity\":" DECIMAL
                           ",\"unit_price\":" DECIMAL ",\"amount\":" DECIMAL ",\"cost\":" DECIMAL
                           ",\"margin\":" DECIMAL ",\"exchange\":" REF("Exchange"))},
    {"PriceStep", MAP_WITH("\"line\",\"part\",\"output\"",
                           "\"from\":" TIME ",\"line\":{\"type\":[\"integer\",\"null\"]},\"part\":" STRING
                           ",\"input\":" STRING ",\"output\":" STRING)},
    {"PricePeriod",
     MAP_WITH("\"from\",\"to\",\"version\",\"total\"", "\"from\":" TIME ",\"to\":" TIME ",\"version\":" STRING
                                                       ",\"total\":" DECIMAL ",\"residue\":" DECIMAL)},
    {"Catalog",
     "{\"type\":\"object\",\"description\":\"vendors, services, meters, tariffs, subscriptions, api_keys, "
     "destinations, credits, rates: "
     "lists of documents\"}"},
    {"CatalogDocument", "{\"type\":\"object\"}"},
    {"CatalogChange",
     MAP_WITH("\"created\",\"updated\",\"unchanged\",\"version\"",
              "\"created\":" COUNT ",\"updated\":" COUNT ",\"unchanged\":" COUNT ",\"version\":" COUNT
              ",\"dry_run\":" BOOLEAN ",\"findings\":" LIST(REF("Finding")))},
    {"Document", MAP("\"kind\":" STRING ",\"key\":" STRING ",\"revision\":" COUNT ",\"applied_at\":" TIME
                     ",\"applied_by\":" STRING ",\"document\":{\"type\":\"object\"}")},
    {"Documents", MAP_WITH("\"documents\"", "\"documents\":" LIST(REF("Document")))},
    {"Quarantine", MAP_WITH("\"events\",\"has_more\"",
                            "\"events\":" LIST(MAP_WITH("\"seq\",\"reason\"",
                                                        "\"seq\":" COUNT ",\"reason\":" STRING
                                                        ",\"text\":" STRING)) ",\"has_more\":" BOOLEAN)},
    {"Held", MAP_WITH("\"events\",\"has_more\"",
                      "\"events\":" LIST(MAP_WITH(
                          "\"seq\",\"vendor\",\"waits_for\"",
                          "\"seq\":" COUNT ",\"vendor\":" STRING
                          ",\"waits_for\":{\"enum\":[\"subscription\",\"meter\"]},\"subject\":" STRING
                          ",\"type\":" STRING)) ",\"has_more\":" BOOLEAN)},
    {"Status",
     MAP_WITH(
         "\"version\",\"ready\",\"log\",\"aggregator\",\"rater\"",
         "\"version\":" STRING ",\"started_at\":" TIME ",\"ready\":" BOOLEAN
         ",\"catalog\":" MAP("\"version\":" COUNT) ",\"log\":" MAP(
             "\"last_seq\":" COUNT) ",\"aggregator\":" MAP("\"next_seq\":" COUNT ",\"idle\":" BOOLEAN
                                                           ",\"watermark\":" TIME) ",\"rater\":" MAP("\"idle"
                                                                                                     "\""
                                                                                                     ":" BOOLEAN))},
    {"Openapi", "{\"type\":\"object\"}"},
    {NULL, NULL},
};
