/*
 * What is wrong in a source's document: a table of keys, each with the place, the sentence and the code that it has.
 */
#include "unit/source/source_world.h"

#define BY_HAND "by_hand: true\nbase_url:\nrequest:\nauth:\n"

static const struct {
    const char *lines, *path, *text, *code;
} faults[] = {
    {"windo: {length: day}", "", "unknown key `windo`; did you mean `window`?", "field.unknown"},
    {"vendor:", "vendor", "is missing", "field.missing"},
    {"preset: promtheus", "preset", "did you mean `prometheus`?", "source.preset"},
    {"base_url: api.acme.example", "base_url", "a URL that starts with https://", "source.url"},
    {"base_url: https://", "base_url", "names no host", "source.url"},
    {"base_url: https://me:secret@api", "base_url", "name and password do not stand in a URL", "source.url"},
    {"base_url: 'https://api:0'", "base_url", "host and port are expected", "source.url"},
    {"base_url: 'https://api?x=1'", "base_url", "has no `?`", "source.url"},
    {"base_url:", "base_url", "is missing: where requests go; or say `by_hand: true`", "field.missing"},
    {"by_hand: true", "base_url", "is of sources that are asked", "source.key.conflict"},
    {"by_hand: true\nbase_url:", "request", "is of sources that are asked", "source.key.conflict"},
    {"by_hand: true\nbase_url:\nrequest:", "auth", "is of sources that are asked", "source.key.conflict"},
    {"by_hand: true\nbase_url:\nrequest:\nauth:\nfor_each: {values: [a]}", "for_each", "is of sources that are asked", "source.key.conflict"},
    {"by_hand: true\nbase_url:\nrequest:\nauth:\nwindow: {length: cursor}", "window.length", "a file is of a window", "source.key.conflict"},
    {"hosts: [https://files.acme.example]", "hosts", "is no host", "source.host"},
    {"hosts: '*.com'", "hosts", "is no host", "source.host"},
    {"schedule: {at: '24:00'}", "schedule.at", "is no time of the clock", "source.time"},
    {"schedule: {zone: Europe/Moscw}", "schedule.zone", "did you mean `Europe/Moscow`?", "catalog.zone.unknown"},
    {"schedule: {every: 5m, jitter: 5m}", "schedule.jitter", "less than `every`", "source.time"},
    {"window: {zone: UTC}", "window", "write one of length, periods", "source.key.missing"},
    {"window: {length: dya}", "window.length", "did you mean `day`?", "source.window"},
    {"window: {length: 500ms}", "window.length", "a whole number of seconds", "source.window"},
    {"window: {length: day, start: 2026-13-01}", "window.start", "2026-13-01", "source.time"},
    {"window: {length: day, rereads: [2d, 1d]}", "window.rereads[1]", "write them ascending", "source.rereads"},
    {"window: {length: day, lateness: 6h, rereads: [1h]}", "window.rereads[0]", "none before `lateness`", "source.rereads"},
    {"window: {length: day, rereads: [month-end]}", "window.rereads[0]", "month_end+6d", "source.rereads"},
    {"window: {length: day, overlap: 1h}", "window.overlap", "is of `length: cursor`", "source.key.idle"},
    {"window: {length: cursor, overlap: 1h}\nrequest: {path: /u}", "window.overlap", "does not say {from}", "source.key.idle"},
    {"window: {length: cursor, vendor_keeps: 90d}", "window.vendor_keeps", "a cursor has no windows", "source.key.idle"},
    {"window: {length: day, split: 1h}", "window.split", "neither `answer.limit` nor `answer.rows_limit`", "source.key.idle"},
    {"window: {length: day, split: 1h}\npaging: {link_header: {}}", "window.split", "no answer meets a limit", "source.key.idle"},
    {"format: {csv: {}}\nanswer: {warnings: {path: w}}", "answer.warnings", "rows of csv and ndjson", "source.key.idle"},
    {"format: {ndjson: {}}\nanswer: {warnings: {path: w}}", "answer.warnings", "rows of csv and ndjson", "source.key.idle"},
    {"answer: {ok: {contains: yes}}", "answer.ok", "only a value at its `path`", "source.key.idle"},
    {"format: {csv: {}}\nanswer: {ok: {path: s, equals: ok}}", "answer.ok", "no reading would ever be taken", "source.key.conflict"},
    {"format: {csv: {}}\ncomplete: {count: n}", "complete.count", "no reading would ever be taken", "source.key.conflict"},
    {"format: {csv: {}}\ncomplete: {flag: done}", "complete.flag", "no reading would ever be taken", "source.key.conflict"},
    {"format: {ndjson: {}}\ncomplete: {sum: {path: a, of: quantity}}", "complete.sum", "no reading would ever be taken", "source.key.conflict"},
    {"format: {csv: {}}\npaging: {parts: {list: 'a[]', url: u}}\ncomplete: {count: n}", "complete.count", "each part has its own", "source.key.conflict"},
    {"paging: {parts: {list: 'a[]', url: u}}\ncomplete: {flag: done}", "complete.flag", "each part has its own", "source.key.conflict"},
    {"format: {prometheus: {}}\nexpect: {columns: exact}", "expect.columns", "csv, ndjson and json", "source.key.idle"},
    {"format: {s3_list: {}}\nexpect: {columns: grow}", "expect.columns", "csv, ndjson and json", "source.key.idle"},
    {"answer: {ok: {path: state, equals: ok}}", "format", "where `answer.ok.path` looks for `state`", "source.rows.place"},
    {"format: {json: {rows: '[]'}}\npaging: {cursor: {path: meta.next, send: query.c}}", "format", "`meta.next`: if they stand", "source.rows.place"},
    {BY_HAND "schedule: {every: 1h}", "schedule", "nobody is asked", "source.key.idle"},
    {BY_HAND "limits: {rate: 1/1s}", "limits", "nobody is asked", "source.key.idle"},
    {BY_HAND "expect: {freshness: 1d}", "expect.freshness", "nobody is asked", "source.key.idle"},
    {BY_HAND "answer: {absent: {path: a, equals: b}}", "answer.absent", "nobody is asked", "source.key.idle"},
    {BY_HAND "answer: {warnings: {path: a}}", "answer.warnings", "nobody is asked", "source.key.idle"},
    {"window: {length: day, split: 1d}", "window.split", "shorter than the window", "source.key.conflict"},
    {"window: {length: hour, open: 2h}", "window.open", "shorter than the window", "source.key.conflict"},
    {"window: {length: cursor, rereads: [1d]}", "window.rereads", "a cursor has no windows", "source.key.conflict"},
    {"window: {length: current, start: 2026-01-01}", "window.start", "named periods are read", "source.key.conflict"},
    {"window: {periods: [next]}", "window.periods[0]", "neither current nor last", "source.window"},
    {"window: {length: cursor}\ndelivery: overwrite", "delivery", "write `append`", "source.key.conflict"},
    {"for_each: {}", "for_each", "write one of subscription, values, rows", "source.key.missing"},
    {"for_each: {values: [a], rows: {of: b}}", "for_each", "not several", "source.key.several"},
    {"for_each: {values: [a, a]}", "for_each.values[1]", "stands in the list already", "source.value.repeated"},
    {"for_each: {rows: {of: a, take: dta.x}}", "for_each.rows.take", "neither subject nor data.NAME", "field.choice"},
    {"for_each: {values: [a]}", "request", "requests that are all alike", "source.for_each.unused"},
    {"for_each: {subscription: {service: c}}\nrequest: {path: '/{each.subjct}', query: {f: '{from}'}}", "request.path", "and no `subjct`",
     "source.template"},
    {"request: {path: usage, query: {f: '{from}'}}", "request.path", "begins with a slash", "source.url"},
    {"request: {path: /a, url: 'https://b', query: {f: '{from}'}}", "request.url", "not both", "source.key.several"},
    {"request: {query: {f: '{from}'}}", "request", "says no path", "source.key.missing"},
    {"request: {path: /u}", "request", "does not say which window", "source.window.unused"},
    {"window: {periods: [current, last]}\nrequest: {path: /u}", "request", "which of both periods", "source.window.unused"},
    {"map: {type: =t, subject: s, time: t, data: {q: {path: v, counter: {series: [a]}}}}", "request", "says {from} alone", "source.window.unused"},
    {"request: {path: /u, query: {from: '{form}'}}", "request.query.from", "`{form}` is no name; did you mean `from`?", "source.template"},
    {"request: {path: /u, query: {from: '{secret}'}}", "request.query.from", "secret", "source.template"},
    {"request: {path: /u, query: {from: '{from'}}", "request.query.from", "", "source.template"},
    {"request: {path: /u, query: {f: '{from}'}, headers: {'X Y': a}}", "request.headers.X Y", "no name of a header", "source.header"},
    {"request: {path: /u, query: {f: '{from}'}, headers: {X: \"a\\r\\nB: c\"}}", "request.headers.X", "no CR, LF", "source.header"},
    {"request: {path: /u, query: {f: '{from}'}, headers: {authorization: 'Bearer x'}}", "request.headers.authorization",
     "a secret does not stand in a document", "source.secret.written"},
    {"request: {method: POST, path: /u, query: {f: '{from}'}, body: {json: {}, text: a}}", "request.body", "not several", "source.key.several"},
    {"request: {method: POST, path: /u, body: {json: {a: [{b: '{frm}'}]}}}", "request.body.json.a[0].b", "`{frm}` is no name", "source.template"},
    {"auth:", "auth", "write one of none, presigned", "source.key.missing"},
    {"auth: nne", "auth", "did you mean `none`?", "field.choice"},
    {"auth: {basic: {user: a, secret_file: F}, header: {secret_file: F}}", "auth", "not several", "source.key.several"},
    {"auth: {basic: {user: a, secret: hunter2}}", "auth.basic.secret", "a secret does not stand in a document", "source.secret.written"},
    {"auth: {basic: {user: a}}", "auth.basic.secret_file", "name the file", "source.secret.missing"},
    {"auth: {header: {value: 'Bearer abc', secret_file: F}}", "auth.header.value", "does not use {secret}", "source.secret.written"},
    {"auth: {header: {value: 'Bearer {secret}'}}", "auth.header.secret_file", "name the file", "source.secret.missing"},
    {"auth: {header: {secret_file: \"-----BEGIN\\nKEY\"}}", "auth.header.secret_file", "several lines", "source.secret.missing"},
    {"auth: {oauth2: {token_url: t, client_id: c, secret_file: F}}", "auth.oauth2.token_url", "starts with https://", "source.url"},
    {"auth: {oauth2: {token_url: 'https://t', client_id: c, grant: refresh_token}}", "auth.oauth2.refresh_token_file", "name the file",
     "source.secret.missing"},
    {"auth: {login: {request: {path: /l}, secret_file: F, token: {path: t}}}", "auth.login.request", "does not use {secret}",
     "source.secret.written"},
    {"auth: {login: {request: {path: '/l/{secret}'}, secret_file: F, token: {}}}", "auth.login.token", "one of header, path",
     "source.key.missing"},
    {"auth: {hmac: {secret_file: F, sign: '{methd}', headers: {X: '{signature}'}}}", "auth.hmac.sign", "did you mean", "source.template"},
    {"auth: {hmac: {secret_file: F, sign: '{method}', headers: {X: '{time}'}}}", "auth.hmac.headers", "no header sends {signature}",
     "source.key.missing"},
    {"base_url: http://api.acme.example\nauth: {header: {secret_file: F}}", "base_url", "write https://", "source.auth.plain"},
    {"paging: {page: {send: page}}", "paging.page.send", "none of query.NAME", "source.send"},
    {"paging: {cursor: {send: query.c}}", "paging.cursor.path", "name the path of the token", "source.key.missing"},
    {"paging: {cursor: {path: 'a[', send: query.c}}", "paging.cursor.path", "is no path", "source.path"},
    {"paging: {offset: {send: query.o, short_page_ends: true}}", "paging.offset.short_page_ends", "a page is short by", "source.key.missing"},
    {"paging: {after_id: {send: query.a, id: id, time: created}}", "paging.after_id", "time and since go together", "source.key.missing"},
    {"paging: {parts: {url: u}}", "paging.parts", "write one of list, s3_list", "source.key.missing"},
    {"paging: {parts: {list: 'a[]'}}", "paging.parts.url", "say where a part is", "source.key.missing"},
    {"paging: {parts: {list: 'a[]', url: u, item: n}}", "paging.parts.item", "is of a template", "source.key.conflict"},
    {"paging: {parts: {list: 'a[]', url: u, expired: [4]}}", "paging.parts.expired[0]", "100 to 599", "field.range"},
    {"paging: {cursr: {}}", "paging", "did you mean `cursor`?", "field.unknown"},
    {"answer: {absent: [{}]}", "answer.absent[0]", "this holds for any answer", "source.key.missing"},
    {"answer: {absent: {equals: a}}", "answer.absent[0]", "`equals` looks at a path", "source.key.missing"},
    {"complete: {sum: {path: a}}", "complete.sum", "a sum has both", "source.key.missing"},
    {"complete: {sum: {path: a, of: amount}}", "complete.sum.of", "no property that", "source.path"},
    {"delivery: append\ncomplete: {agree: 2}", "complete.agree", "come once", "source.key.conflict"},
    {"window: {length: cursor}\nidentity: {multiset: true}", "identity.multiset", "name an `id`", "source.key.conflict"},
    {"window: {length: cursor}\nidentity: {hash: [a], multiset: true}", "identity.multiset", "name an `id`", "source.key.conflict"},
    {"window: {length: cursor}\nidentity:\nmap: {id: {hash: [a], multiset: true}, type: =t, subject: s, time: t}", "identity.multiset",
     "name an `id`", "source.key.conflict"},
    {"delivery: append\nfor_each: {values: [x]}\nrequest: {path: '/{each.value}', query: {f: '{from}'}}", "identity", "{each.value}/{COLUMN}",
     "source.key.missing"},
    {"window: {length: cursor}\nfor_each: {rows: {of: o, as: account}}\nrequest: {path: '/{each.account}'}\nidentity: {hash: [a]}", "identity",
     "{each.account}/{COLUMN}", "source.key.missing"},
    {"delivery: append\nfor_each: {subscription: {service: c}}\nrequest: {path: '/{each.subject}', query: {f: '{from}'}}", "identity",
     "{each.subject}/{COLUMN}", "source.key.missing"},
    {"format: {xml: {}}", "xml", "csv, ndjson, json", "import.map"},
    {"identity:", "map", "identity is missing", "import.map"},
    {"identity: {id: a, hash: [b]}", "identity", "not both", "import.map"},
    {"identity: {id: a}\nmap: {id: b, type: =t, subject: s, time: a}", "identity", "says it already", "import.map"},
    {"map: {type: =t, subject: s}", "map", "time is missing", "import.map"},
    {"map: {type: =t, subject: s, time: t, source: x}", "source", "the source they are read from", "import.map"},
    {"map: {type: =t, subject: s, time: t, delimiter: ';'}", "delimiter", "unknown key", "import.map"},
    {"map: {type: =t, subject: each.subject, time: t}", "map", "`for_each` gives no `subject`", "source.template"},
    {"map: {type: =t, subject: s, time: t, data: {q: {path: v, counter: {serie: [a]}}}}", "serie", "series", "import.map"},
    {"map: {type: =t, subject: s, time: t, data: {q: {path: v, counter: {series: [a], before: never}}}}", "before", "a duration up to 31 days", "import.map"},
    {"window: {length: cursor}\ndelivery: append\nmap: {type: =t, subject: s, time: t, data: {q: {path: v, counter: {series: [a]}}}}", "map",
     "a counter needs windows", "source.key.conflict"},
    {"limits: {rate: 10}", "limits.rate", "as 10/1s", "source.rate"},
    {"limits: {rate: 0/1s}", "limits.rate", "as 10/1s", "source.rate"},
    {"guard: {shrink: 20}", "guard.shrink", "as 20%", "source.rate"},
    {"holds_close: {}", "holds_close.at_most", "is missing", "field.missing"},
    {"request:\njob: {submit: {path: /r, query: {d: '{from}'}}, id: {path: id}, poll: {path: /r}, status: {path: s, done: ok}, result: {rows: '[]'}}",
     "job.poll", "does not say which job", "source.template"},
    {"request:\njob: {submit: {path: /r, query: {d: '{from}'}}, id: {path: id}, poll: {path: '/r/{job.id}'}, status: {path: s, done: ok, failed: ok},"
     " result: {rows: '[]'}}", "job.status.failed", "is a word for `done` already", "source.value.repeated"},
    {"request:\njob: {submit: {path: /r, query: {d: '{from}'}}, id: {path: id}, poll: {path: '/r/{job.id}'}, status: {path: s, done: ok},"
     " result: {manifest: {path: m}}}", "paging", "a manifest is read by", "source.key.missing"},
    {"job: {submit: {path: /r, query: {d: '{from}'}}, id: {path: id}, poll: {path: '/r/{job.id}'}, status: {path: s, done: ok}, result: {rows: '[]'}}",
     "request", "asks by `job.submit`", "source.key.conflict"},
    {"request:\njob: {submit: {path: /r, query: {d: '{from}'}}, id: {path: id}, poll: {path: '/r/{job.id}'}, status: {path: s, done: ok},"
     " result: {rows: '[]'}, list: {path: /r}}", "job.list.match", "another job could be taken for it", "source.key.missing"},
};

static bool is_told(const struct source_world *world, size_t i)
{
    for (size_t k = 0; k < world->findings.count; k++) {
        const struct mtr_diagnostic *finding = &world->findings.items[k];
        if (strcmp(finding->field, faults[i].path) == 0 && strstr(finding->text, faults[i].text) && finding->line &&
            strcmp(mtr_finding_kind(finding->code)->code, faults[i].code) == 0)
            return true;
    }
    return false;
}

static void test_what_is_wrong_is_told_at_its_place(void **state)
{
    unsigned missed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct source_world world;
        source_world_open(&world);
        const int rc = source_world_read_with(&world, faults[i].lines);
        if (!is_told(&world, i) || (rc != MTR_OK) != (world.findings.errors > 0)) {
            print_message("--- %s\nwanted %s: %s [%s]\n", faults[i].lines, faults[i].path, faults[i].text, faults[i].code);
            source_world_print(&world);
            missed++;
        }
        source_world_close(&world);
    }
    assert_int_equal(missed, 0);
}

static void test_a_finding_stands_where_its_key_is(void **state)
{
    struct source_world world;
    (void)state;
    source_world_open(&world);
    assert_int_equal(source_world_read_with(&world, "window:\n  length: day\n  rereads:\n    - 2d\n    - 1d"), MTR_EINVALID);
    assert_int_equal(world.findings.count, 1);
    assert_int_equal(world.findings.items[0].line, SOURCE_BASE + 4); /* the base without its window is a line less */
    assert_int_equal(world.findings.items[0].column, 7);
    source_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_wrong_is_told_at_its_place),
        cmocka_unit_test(test_a_finding_stands_where_its_key_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
