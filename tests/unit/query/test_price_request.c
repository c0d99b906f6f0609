/*
 * Requests to price something: whoever may query may send anything, and gets a price or a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "meterd/query/quote.h"

#define TARIFF \
    "{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"0.5\",\"group_by\":[\"region\"]}," \
    "{\"key\":\"base\",\"recurring\":{\"amount\":\"10\"}}]}]}"

#define EXCHANGED \
    "{\"key\":\"t\",\"currency\":\"EUR\",\"exchange\":{\"source\":\"ecb\"},\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"0.5\"}]}]}"
#define DAILY \
    "{\"key\":\"t\",\"currency\":\"EUR\",\"exchange\":{\"source\":\"ecb\",\"at\":\"usage_day\"},\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"0.5\"}]}]}"
#define RATES "\"rates\":[{\"date\":\"2026-03-28\",\"quotes\":{\"USD\":\"1.2\"}},{\"date\":\"2026-03-05\",\"quotes\":{\"USD\":\"1.1\"}}]"

/* A meter that the version of March prices no more, and a level that is priced from March on. */
#define CHANGING \
    "{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"0.5\"}]},{\"from\":\"2026-03-01\",\"components\":[" \
    "{\"key\":\"disk\",\"meter\":\"gib\",\"scope\":\"level\",\"per_unit\":\"2\"}]}]}"
#define LEVELS "\"meters\":[{\"key\":\"gib\",\"service\":\"s\",\"event_type\":\"e\",\"aggregation\":\"time_weighted\",\"value\":\"v\",\"unit\":\"GiB\"}]"

/* A fee by seconds, and another tariff for a trial. */
#define FEE \
    "{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"minimum\":\"40\",\"minimum_prorate\":\"second\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"graduated\":[{\"up_to\":4,\"unit\":\"1\"},{\"unit\":\"0.5\"}]}," \
    "{\"key\":\"base\",\"recurring\":{\"amount\":\"31\",\"prorate\":\"second\"}}]}]}"
#define TASTE \
    "{\"key\":\"taste\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"0.1\"}]}]}"
/* Each use costs 0.5, also where nothing is charged. */
#define FREE(rest) \
    "{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"2\"}]}]},\"cost\":{\"key\":\"k\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\"," \
    "\"components\":[{\"key\":\"calls\",\"meter\":\"calls\",\"per_unit\":\"0.5\"}]}]},\"start\":\"2026-03-01\",\"trace\":false," rest "}"
#define CALLS(a, b) "\"usage\":[{\"time\":\"" a "\",\"quantity\":\"6\"},{\"time\":\"" b "\",\"quantity\":\"2\"}]"

/* Readings of counters by place, under two components from March on. */
#define COUNTED \
    "{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"c\",\"meter\":\"odo\",\"per_unit\":\"1\"}]},{\"from\":\"2026-03-01\",\"components\":[" \
    "{\"key\":\"c\",\"meter\":\"odo\",\"per_unit\":\"2\"},{\"key\":\"d\",\"meter\":\"odo\",\"per_unit\":\"10\"}]}]}," \
    "\"meters\":[{\"key\":\"odo\",\"service\":\"s\",\"event_type\":\"e\",\"aggregation\":\"counter\",\"value\":\"v\",\"group_by\":[\"at\"]}," \
    "{\"key\":\"sum\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\"}],\"usage\":["
#define READ(time, value) "{\"time\":\"" time "\",\"reading\":\"" value "\"}"
#define READ_AT(at, time, value) "{\"time\":\"" time "\",\"reading\":\"" value "\",\"dimensions\":{\"at\":\"" at "\"}}"

/* A subscription that is priced as it is, in documents; the text of some. */
#define WHOLE(of, beside) \
    "{\"subscription\":\"" of "\"," beside "\"documents\":{\"vendors\":[{\"key\":\"v\"}],\"services\":[{\"key\":\"s\",\"vendor\":\"v\"}]," \
    "\"meters\":[{\"key\":\"calls\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\",\"group_by\":[\"region\"]}]," \
    "\"tariffs\":[" TARIFF "],\"subscriptions\":[{\"key\":\"a\",\"service\":\"s\",\"customer\":\"x\",\"tariff\":\"t\",\"start\":\"2026-03-01\"," \
    "\"end\":\"2026-04-01\"},{\"key\":\"b\",\"service\":\"s\",\"customer\":\"x\",\"tariff\":\"t\",\"zone\":\"Asia/Tokyo\",\"start\":\"2026-03-01\"}]}}"
#define DOCUMENTS(text) "{\"subscription\":\"a\",\"documents\":\"" text "\"}"

#define RETIRED \
    "{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"c\",\"meter\":\"m\",\"per_unit\":\"1\"}]}]}," \
    "\"meters\":[{\"key\":\"m\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\",\"retired\":\"2026-03-10\"}],\"usage\":["

/* Two components whose meters tell other things apart. */
#define TWO \
    "{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[" \
    "{\"key\":\"c\",\"meter\":\"m\",\"per_unit\":\"1\",\"group_by\":[\"region\"]}," \
    "{\"key\":\"d\",\"meter\":\"n\",\"per_unit\":\"2\",\"group_by\":[\"zone\"]}]}]}," \
    "\"meters\":[{\"key\":\"m\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\",\"group_by\":[\"region\",\"size\"]}," \
    "{\"key\":\"n\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\",\"group_by\":[\"zone\"]}],"

#define WINDOW(from) \
    "{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"calendar\":{\"n\":{\"hours\":\"" from "-07:30\",\"zone\":\"UTC\"}}," \
    "\"components\":[{\"key\":\"c\",\"meter\":\"m\",\"when\":\"n\",\"per_unit\":\"1\"}]}]}"

static const struct request_row {
    const char *text;
    const char *expected; /* part of the answer, or of the first finding */
} request_rows[] = {
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"quantity\":\"3\"}", "\"total\":\"11.50\""},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\"}", "\"total\":\"10.00\""},
    /* what is used for nothing has its cost where it is used */
    {FREE("\"trial\":{\"days\":10}," CALLS("2026-03-05", "2026-03-20")),
     "\"to\":\"2026-03-11T00:00:00Z\",\"component\":\"calls\",\"kind\":\"usage\",\"quantity\":\"6\","
     "\"amount\":\"0.00\",\"cost\":\"3.00\",\"margin\":\"-3.00\"},"
     "{\"from\":\"2026-03-11T00:00:00Z\",\"to\":\"2026-04-01T00:00:00Z\",\"component\":\"calls\",\"kind\":\"usage\",\"quantity\":\"2\",\"unit_price\":\"2\","
     "\"amount\":\"4.00\",\"cost\":\"1.00\",\"margin\":\"3.00\"}"},
    {FREE("\"trial\":{\"days\":10,\"tariff\":" TASTE ",\"then\":\"stop\"}," CALLS("2026-03-05", "2026-03-20")),
     "{\"from\":\"2026-03-11T00:00:00Z\",\"to\":\"2026-04-01T00:00:00Z\",\"component\":\"calls\",\"kind\":\"usage\",\"quantity\":\"2\","
     "\"amount\":\"0.00\",\"cost\":\"1.00\",\"margin\":\"-1.00\"}"},
    {FREE("\"trial\":{\"days\":10}," CALLS("2026-03-15", "2026-03-20")), "\"lines\":[{\"from\":\"2026-03-11T00:00:00Z\""},
    /* numbers out of range */
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"quantity\":\"350000000000000000000\",\"dimensions\":{\"region\":\"eu\"}}",
     "quantity component calls (region=eu): the price of 350000000000000000000 is out of range, per_unit 350000000000000000000 × 0.5: an amount is "
     "at most 1.7 × 10^20, a quantity 1.7 × 10^26"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"quantity\":\"1e27\"}", "quantity `1e27` is too large: at most 1.7 × 10^26"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"usage\":[{\"component\":\"calls\",\"quantity\":\"1e26\"},"
     "{\"component\":\"calls\",\"quantity\":\"1e26\"}]}", "component calls"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"component\":\"base\",\"quantity\":\"3\"}", "no meter"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"usage\":[{\"component\":\"base\",\"quantity\":\"0\"}]}", "no meter"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01T00:00:00Z\",\"component\":\"nothing\",\"quantity\":\"3\"}", "no component"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01\",\"component\":\"cals\",\"quantity\":\"3\"}",
     "component the tariff has no component cals; did you mean `calls`?"},
    {"{\"tariff\":" TARIFF ",\"quantity\":\"3\",\"dimensions\":{\"reigon\":\"eu\"}}",
     "dimensions.reigon nothing is priced by `reigon`; did you mean `region`?"},
    /* of the component or meter that is meant, whatever others have */
    {TWO "\"at\":\"2026-03-01\",\"component\":\"c\",\"quantity\":\"3\",\"dimensions\":{\"zone\":\"a\"}}",
     "dimensions.zone component `c` has no dimension `zone`"},
    {TWO "\"at\":\"2026-03-01\",\"component\":\"c\",\"quantity\":\"3\",\"dimensions\":{\"sizes\":\"a\"}}",
     "dimensions.sizes nothing is priced by `sizes`; did you mean `size`?"},
    {TWO "\"at\":\"2026-03-01\",\"component\":\"c\",\"quantity\":\"3\",\"dimensions\":{\"size\":\"a\",\"region\":\"b\"}}", "\"total\":\"3.00\""},
    {TWO "\"usage\":[{\"time\":\"2026-03-01\",\"meter\":\"n\",\"quantity\":\"3\",\"dimensions\":{\"region\":\"b\"}}]}",
     "usage[0].dimensions.region meter `n` has no dimension `region`"},
    {TWO "\"usage\":[{\"time\":\"2026-03-01\",\"meter\":\"n\",\"quantity\":\"3\",\"dimensions\":{\"zone\":\"b\"}},"
     "{\"time\":\"2026-03-01\",\"meter\":\"m\",\"quantity\":\"3\",\"dimensions\":{\"region\":\"b\",\"size\":\"s\"}}]}", "\"total\":\"9.00\""},
    {TWO "\"at\":\"2026-03-01\",\"component\":\"cc\",\"quantity\":\"3\",\"dimensions\":{\"region\":\"b\"}}", "component the tariff has no component cc"},
    {"{\"tariff\":" FEE ",\"quantity\":\"3\",\"dimensions\":{\"region\":\"eu\"}}", "dimensions.region nothing is priced by `region`"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2026-03-01\",\"usage\":[{\"meter\":\"call\",\"quantity\":\"3\"}]}",
     "the tariff does not price the meter call; did you mean `calls`?"},
    {"{\"tariff\":" TARIFF ",\"at\":\"2025-03-01T00:00:00Z\",\"quantity\":\"3\"}", "no version"},
    {"{\"tariff\":" TARIFF ",\"meters\":[{\"key\":\"calls\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\",\"group_by\":[\"sku\"]}],"
     "\"usage\":[{\"time\":\"2026-03-05\",\"component\":\"calls\",\"quantity\":\"3\",\"dimensions\":{\"region\":\"eu\"}}]}",
     "meters a component groups by what is no dimension of its meter: region"},
    {"{\"tariff\":" EXCHANGED ",\"at\":\"2026-03-05\",\"quantity\":\"3\",\"currency\":\"USD\"," RATES "}", "\"total\":\"1.80\""},
    {"{\"tariff\":" EXCHANGED ",\"at\":\"2026-03-05\",\"quantity\":\"3\",\"currency\":\"USD\"," RATES "}",
     "\"exchange\":{\"currency\":\"EUR\",\"amount\":\"1.5\",\"rate\":\"1.2\",\"numerator\":\"6\",\"denominator\":\"5\",\"derivation\":\"direct\","
     "\"source\":\"ecb\",\"date\":\"2026-03-28\",\"rule\":\"period_end\",\"day\":\"2026-03-31\"}"},
    {"{\"tariff\":" EXCHANGED ",\"at\":\"2026-03-05\",\"quantity\":\"3\"," RATES "}", "\"total\":\"1.50\",\"residue\":\"0\",\"currency\":\"EUR\""},
    {"{\"tariff\":" EXCHANGED ",\"at\":\"2026-03-05\",\"quantity\":\"3\",\"currency\":\"USD\"}",
     "currency there is no rate of ecb from EUR to USD for 2026-03-31, nor one of the 7 days before"},
    {"{\"tariff\":" EXCHANGED ",\"at\":\"2026-02-05\",\"quantity\":\"3\",\"currency\":\"USD\",\"closing\":false," RATES "}",
     "currency there is no rate of ecb from EUR to USD for 2026-02-28 or any day before"},
    {"{\"tariff\":" EXCHANGED ",\"at\":\"2026-05-05\",\"quantity\":\"3\",\"currency\":\"USD\",\"closing\":false," RATES "}", "\"total\":\"1.80\""},
    {"{\"tariff\":" DAILY ",\"at\":\"2026-03-07\",\"quantity\":\"3\",\"currency\":\"USD\"," RATES "}", "\"total\":\"1.65\""},
    {"{\"tariff\":" DAILY ",\"currency\":\"USD\"," RATES ",\"usage\":[{\"time\":\"2026-03-05\",\"quantity\":\"3\"},"
     "{\"time\":\"2026-03-28\",\"quantity\":\"3\"}]}",
     "\"total\":\"3.45\""},
    {"{\"tariff\":" EXCHANGED ",\"quantity\":\"3\",\"currency\":\"USX\"}", "currency the tariff has neither prices nor an exchange for USX"},
    {"{\"tariff\":" TARIFF ",\"quantity\":\"3\",\"currency\":\"USD\"}", "currency the tariff has neither prices nor an exchange for USD"},
    {"{\"tariff\":" EXCHANGED ",\"quantity\":\"3\",\"currency\":\"USD\",\"rates\":{}}", "rates a list of rates documents is expected"},
    {"{\"tariff\":" EXCHANGED ",\"quantity\":\"3\",\"currency\":\"USD\",\"rates\":[{\"date\":\"2026-03-28\",\"quotes\":{\"USD\":\"0\"}}]}",
     "USD: a rate is above zero"},
    {"{\"tariff\":" CHANGING ",\"usage\":[{\"time\":\"2026-02-10\",\"meter\":\"calls\",\"quantity\":\"3\"},"
     "{\"time\":\"2026-03-10\",\"meter\":\"calls\",\"quantity\":\"40\"}]}",
     "\"total\":\"1.50\""},
    {"{\"tariff\":" CHANGING ",\"usage\":[{\"time\":\"2026-02-10\",\"component\":\"calls\",\"quantity\":\"3\"},"
     "{\"time\":\"2026-03-10\",\"component\":\"calls\",\"quantity\":\"40\"}]}",
     "component the tariff has no component calls"},
    {"{\"tariff\":" CHANGING "," LEVELS ",\"usage\":[{\"time\":\"2026-02-10\",\"meter\":\"gib\",\"quantity\":\"3\"},"
     "{\"time\":\"2026-03-10\",\"meter\":\"gib\",\"quantity\":\"3\"}]}",
     "\"total\":\"6.00\""},
    {"{\"tariff\":" CHANGING ",\"usage\":[{\"time\":\"2026-02-10\",\"meter\":\"call\",\"quantity\":\"3\"}]}",
     "meter the tariff does not price the meter call"},
    /* terms: 21 of 31 days of the fee and 5 for the calls in March, 10 of 30 days and 2 in April, where 1.00 is missing */
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"end\":\"2026-04-11\"," CALLS("2026-03-12", "2026-04-10") "}", "\"total\":\"40.43\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"end\":\"2026-04-11\"}", "\"total\":\"40.43\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"at\":\"2026-03-20\",\"quantity\":\"40\"}", "\"total\":\"43.00\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"days\":10}," CALLS("2026-03-12", "2026-03-30") "}", "\"total\":\"14.19\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"days\":10,\"tariff\":" TASTE "}," CALLS("2026-03-12", "2026-03-30") "}",
     "\"total\":\"14.79\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"end\":\"2026-05-01\"}," CALLS("2026-03-12", "2026-04-10") "}",
     "\"lines\":[],\"trace\":[],\"periods\":[{\"from\":\"2026-03-11T00:00:00Z\",\"to\":\"2026-04-01T00:00:00Z\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"days\":10,\"tariff\":" TASTE ",\"then\":\"stop\"}," CALLS("2026-03-12", "2026-03-30") "}",
     "\"total\":\"0.60\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"quantity\":{\"calls\":5}}," CALLS("2026-03-12", "2026-03-30") "}",
     "\"component\":\"trial.calls\""},
    {"{\"tariff\":" FEE ",\"billing\":{\"every\":\"quarter\"}," CALLS("2026-02-12", "2026-05-10") "}", "\"total\":\"80.00\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-01-31\",\"billing\":{\"anchor\":\"anniversary\"}," CALLS("2026-02-12", "2026-03-29") "}",
     "{\"from\":\"2026-02-28T00:00:00Z\",\"to\":\"2026-03-31T00:00:00Z\""},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\"," CALLS("2026-03-10", "2026-04-10") "}",
     "usage[0].time lies before the start of the subscription, 2026-03-11T00:00:00+00:00"},
    {"{\"tariff\":" FEE ",\"end\":\"2026-03-30\"," CALLS("2026-03-10", "2026-04-10") "}",
     "usage[1].time lies behind the end of the subscription, 2026-03-30T00:00:00+00:00"},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"at\":\"2026-03-10\",\"quantity\":\"1\"}", "at lies before the start"},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"end\":\"2026-03-10\"}", "end end must be after start"},
    {"{\"tariff\":" FEE ",\"start\":\"soon\"}", "start a date or an instant"},
    {"{\"tariff\":" FEE ",\"billing\":{\"anchor\":\"anniversary\"}," CALLS("2026-03-10", "2026-04-10") "}", "start is missing"},
    {"{\"tariff\":" FEE ",\"billing\":{\"every\":\"fortnight\"}," CALLS("2026-03-10", "2026-04-10") "}", "billing.every"},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"dais\":10}}", "did you mean `days`"},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"days\":10,\"tariff\":\"taste\"}}", "trial there is no tariff taste"},
    {"{\"tariff\":" FEE ",\"start\":\"2026-03-11\",\"trial\":{\"quantity\":{\"base\":5}}}", "has no component with a meter that is base"},
    {"{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[{\"key\":\"base\",\"recurring\":"
     "{\"amount\":1,\"every\":\"month\"}}]}]},\"start\":\"2026-03-11\",\"billing\":{\"every\":\"year\"}}",
     "billing has other periods than a fee of the tariff is for: base"},
    {"{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[{\"key\":\"base\",\"recurring\":"
     "{\"amount\":1,\"every\":\"quarter\"}}]}]},\"start\":\"2026-03-11\",\"end\":\"2026-06-11\"}",
     "billing is not given, so it is by the month, and a fee of the tariff is for other periods: base"},
    {"{\"tariff\":{\"key\":\"t\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"term\":{\"every\":\"month\",\"cap\":5},"
     "\"components\":[{\"key\":\"base\",\"recurring\":{\"amount\":1}}]}]},\"start\":\"2026-03-11\",\"end\":\"2026-06-11\"}",
     "billing is no shorter than the term that the tariff has limits over: a month"},
    /* windows and cells: what no meter is known of has them as fine as they can be */
    {"{\"tariff\":" WINDOW("00:10") ",\"at\":\"2026-03-05\",\"quantity\":\"3\"}",
     "meters mask `n` begins at 00:10, but meter `m` has cells of a quarter of an hour: no cell is that fine"},
    {"{\"tariff\":" WINDOW("00:30") ",\"at\":\"2026-03-05T00:30:00Z\",\"quantity\":\"3\"}", "\"total\":\"3.00\""},
    {"{\"tariff\":" WINDOW("00:30") ",\"at\":\"2026-03-05T00:29:59Z\",\"quantity\":\"3\"}", "\"total\":\"0.00\""},
    {"{\"tariff\":" WINDOW("00:30") ",\"meters\":[{\"key\":\"m\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\"}],"
     "\"usage\":[{\"time\":\"2026-03-05\",\"quantity\":\"3\"}]}",
     "meters mask `n` begins at 00:30, but meter `m` has cells of an hour: give a new meter `cell: 30m`"},
    {"{\"tariff\":" WINDOW("00:30") ",\"zone\":\"Asia/Kathmandu\",\"meters\":[{\"key\":\"m\",\"service\":\"s\",\"event_type\":\"e\",\"value\":\"v\","
     "\"cell\":\"30m\"}],\"usage\":[{\"time\":\"2026-03-05\",\"quantity\":\"3\"}]}",
     "meters mask `n` is of UTC time, 05:45 from the clock of Asia/Kathmandu, but meter `m` has cells of half an hour: give a new meter `cell: 15m`"},
    {"{\"tariff\":[],\"quantity\":\"3\"}", "no tariff"},
    {"{\"quantity\":\"3\"}", "tariff"},
    /* as it is: what is due without use, one quantity, use at times, in its own zone; each member that its documents say */
    {WHOLE("a", ""), "\"total\":\"10.00\""},
    {WHOLE("a", "\"at\":\"2026-03-05\",\"quantity\":\"3\",\"component\":\"calls\","), "\"total\":\"11.50\""},
    {WHOLE("a", "\"usage\":[{\"time\":\"2026-03-05\",\"quantity\":\"3\",\"dimensions\":{\"region\":\"eu\"}}],"), "\"total\":\"11.50\""},
    {WHOLE("b", "\"usage\":[{\"time\":\"2026-03-31T15:00:00Z\",\"quantity\":\"3\"}],"), "\"from\":\"2026-04-01T00:00:00+09:00\""},
    {WHOLE("a", "\"usage\":[{\"time\":\"2026-04-05\",\"quantity\":\"3\"}],"), "usage[0].time lies behind the end of the subscription"},
    {WHOLE("a", "\"at\":\"2026-04-05\","), "at lies behind the end of the subscription"},
    {WHOLE("ab", ""), "subscription there is no subscription ab; did you mean `a`"},
    {WHOLE("a", "\"start\":\"2026-03-05\","), "start stands beside a subscription that is priced as it is"},
    {WHOLE("a", "\"zone\":\"UTC\","), "zone stands beside a subscription"},
    {WHOLE("a", "\"credits\":[{\"amount\":\"5\"}],"), "credits stands beside a subscription"},
    {WHOLE("a", "\"customer\":\"x\","), "customer stands beside a subscription"},
    {WHOLE("a", "\"tariff\":\"t\","), "documents stand beside a tariff"},
    {"{\"subscription\":\"a\"}", "subscription there is no subscription a"},
    {"{\"quantity\":\"3\"}", "tariff is missing: name one, or a subscription that is priced as it is"},
    {DOCUMENTS("[1]"), "documents a map of kinds is expected"},
    {DOCUMENTS("subscriptions:\\n- {key: a, service: s, customer: x, tariff: t, start: 2026-13-01}"), "documents.start a date or an instant is expected"},
    {DOCUMENTS("subscriptions:\\n- {key: a, service: s, customer: x, tariff: t, start: 2026-01-01}"), "documents.service unknown service `s`"},
    {DOCUMENTS("{"), "documents "},
    {"{\"subscription\":\"a\",\"documents\":7}", "documents a map of kinds is expected"},
    /* what the daemon would not count; a span that began before counts whole */
    {RETIRED "{\"time\":\"2026-03-09T23:59:59.999999Z\",\"quantity\":\"2\",\"seconds\":\"3600\"}]}", "\"total\":\"2.00\""},
    {RETIRED "{\"time\":\"2026-03-10\",\"quantity\":\"2\"}]}", "usage[0].time lies where the meter counts nothing: it is retired from 2026-03-10"},
    /* 5, a reset with 3, 4 more by a quantity; then 7 for twice 1 and once 10, whichever version the reading before is of */
    {COUNTED READ("2026-02-01", "100") "," READ("2026-02-10", "105") "," READ("2026-02-11", "3") ",{\"time\":\"2026-02-11\",\"quantity\":\"4\"}]}",
     "\"total\":\"12.00\""},
    {COUNTED READ("2026-03-05", "10") "," READ("2026-02-10", "3") "]}", "\"total\":\"84.00\""},
    {COUNTED READ("2026-02-10", "7") "," READ("2026-02-10", "5") "," READ("2026-02-10", "6") "]}", "\"total\":\"6.00\""},
    {COUNTED READ_AT("a", "2026-02-10", "7") "," READ_AT("b", "2026-02-11", "5") "," READ_AT("a", "2026-02-12", "9") "," READ_AT("b", "2026-02-13", "6") "]}",
     "\"total\":\"3.00\""},
    {COUNTED "{\"time\":\"2026-02-10\",\"component\":\"c\",\"reading\":\"7\"},{\"time\":\"2026-03-10\",\"component\":\"c\",\"reading\":\"9\"}]}",
     "\"total\":\"4.00\""},
    {COUNTED "{\"time\":\"2026-02-10\",\"reading\":\"7\",\"quantity\":\"7\"}]}", "usage[0].reading stands beside a quantity"},
    {COUNTED "{\"time\":\"2026-02-10\"}]}", "usage[0].quantity is missing"},
    {COUNTED READ("2026-02-10", "-1") "]}", "usage[0].reading is below 0"},
    {COUNTED "{\"reading\":\"1\"}],\"at\":\"2026-02-01\"}", "usage[0].reading needs a time in each row"},
    {COUNTED "{\"time\":\"2026-02-10\",\"reading\":\"1\",\"seconds\":\"5\"}]}", "usage[0].reading is of one moment"},
    {"{\"tariff\":" TARIFF ",\"usage\":[" READ("2026-02-10", "1") "]}", "usage[0].reading is of a counter, but there is no meter calls"},
    {"{\"tariff\":" CHANGING "," LEVELS ",\"usage\":[{\"time\":\"2026-03-10\",\"meter\":\"gib\",\"reading\":\"3\"}]}",
     "usage[0].reading is of a counter: write its quantity for the meter gib"},
    {"[", ""},
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(request_rows) / sizeof(request_rows[0]); i++) {
        struct mtr_diagnostics findings;
        struct mtr_json_writer json;
        struct mtr_buffer out;
        struct mtr_arena arena;
        mtr_buffer_init(&out, 1 << 20);
        mtr_arena_init(&arena, 1 << 12, 1 << 24);
        mtr_diagnostics_init(&findings, 16);
        mtr_json_begin(&json, &out);
        int rc = mtr_price_request_run(mtr_str_from(request_rows[i].text), &(struct mtr_price_asker){0}, &arena,
                                       &json, &findings);
        static char text[1 << 16];
        text[0] = '\0';
        if (!rc) assert_int_equal(mtr_json_finish(&json), MTR_OK);
        if (!rc) snprintf(text, sizeof(text), "%.*s", MTR_STR_ARGS(mtr_buffer_str(&out)));
        else if (findings.count)
            snprintf(text, sizeof(text), "%s %s", findings.items[0].field, findings.items[0].text);
        if (!strstr(text, request_rows[i].expected)) fail_msg("row %zu: %d %s", i, rc, text);
        mtr_diagnostics_release(&findings);
        mtr_arena_release(&arena);
        mtr_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
