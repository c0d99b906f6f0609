/*
 * Sources: a document with every key, and what becomes of it in the model; the nested spellings; presets. What is refused
 * is in test_source_findings.c.
 */
#include "unit/source/source_world.h"

#include "meterd/core/time.h"

/* ---- every key ---- */

static const char every_key[] =
    "key: acme-usage\n"
    "vendor: acme\n"
    "preset: rest\n"
    "base_url: https://api.acme.example/v2/\n"
    "hosts: [files.acme.example, '*.blob.example']\n"
    "schedule: {every: 1h, at: '00:10', zone: Europe/Moscow, jitter: 5m}\n"
    "window:\n"
    "  length: day\n"
    "  zone: Europe/Moscow\n"
    "  start: 2026-01-01\n"
    "  lateness: 6h\n"
    "  rereads: [6h, 1d, 3d, 10d, month_end+6d]\n"
    "  open: 1h\n"
    "  split: 1h\n"
    "  vendor_keeps: 90d\n"
    "delivery: overwrite\n"
    "for_each: {subscription: {service: compute}}\n"
    "request:\n"
    "  method: POST\n"
    "  path: /usage/{each.subject}\n"
    "  query: {from: '{from:%Y-%m-%d}', to: '{last:%d.%m.%Y|zone=Europe/Moscow}', size: 500}\n"
    "  unit: 1d\n"
    "  headers: {X-Trace: on}\n"
    "  body: {json: {metric: ['cpu', '{each.key}']}}\n"
    "  timeout: 30s\n"
    "auth: {oauth2: {token_url: 'https://login.acme.example/token', client_id: c, secret_file: /f, scopes: [usage]}}\n"
    "paging: {cursor: {path: meta.next, send: query.after}}\n"
    "job: null\n"
    "answer:\n"
    "  ok: {path: status, equals: success}\n"
    "  absent: [{status: 404}, {status: 400, path: description.cause, equals: Metrics not found}]\n"
    "  limit: {status: 400, path: error, contains: too many}\n"
    "  rows_limit: 1000\n"
    "  warnings: {path: warnings, then: log}\n"
    "  retry_after: [Retry-After, x-ms-ratelimit-retry-after]\n"
    "  bytes_max: 64MiB\n"
    "format: {json: {rows: 'data[].items[]'}}\n"
    "complete:\n"
    "  count: meta.total\n"
    "  sum: {path: meta.quantity, of: quantity}\n"
    "  flag: recency.complete\n"
    "  agree: 2\n"
    "identity: {id: lineId}\n"
    "map:\n"
    "  type: =vm.hour\n"
    "  subject: each.subject\n"
    "  time: {path: usageStart, format: '%d.%m.%Y %H:%M', zone: Europe/Moscow}\n"
    "  data:\n"
    "    quantity: {path: amount, decimal: ',', scale: '0.01', round: {digits: 9, mode: half_even}}\n"
    "    bytes: {path: ^.value, counter: {series: [instance, device]}}\n"
    "  skip: {status: [test]}\n"
    "  'null': ['N/A']\n"
    "limits: {key: acme-account, rate: 10/1s, daily: 5000, concurrency: 3}\n"
    "guard: {shrink: 30%, jump: 9, rows_max: 400, agree: 3, every: 20m}\n"
    "expect: {columns: exact, freshness: 36h, rows_min: 1}\n"
    "holds_close: {at_most: 5d}\n"
    "pages: {keep: 30d}\n";

static void check_requests(const struct mtr_source *s)
{
    assert_int_equal(s->each.kind, MTR_EACH_SUBSCRIPTION);
    assert_text("compute", s->each.service);
    assert_text("POST", s->request.method);
    assert_int_equal(s->request.query_count, 3);
    assert_text("500", s->request.query[2].value);
    assert_int_equal(s->request.header_count, 2); /* the preset's Accept, too */
    assert_int_equal(s->request.body, MTR_BODY_JSON);
    assert_text("{each.key}", s->request.json->children[0].children[1].text);
    assert_int_equal(s->request.unit_us, MTR_US_PER_DAY);
    assert_int_equal(s->auth.kind, MTR_AUTH_OAUTH2);
    assert_text("usage", s->auth.oauth2->scopes[0]);
    assert_int_equal(s->paging.kind, MTR_PAGING_CURSOR);
    assert_int_equal(s->paging.cursor->send.place, MTR_SEND_QUERY);
    assert_text("after", s->paging.cursor->send.name);
    assert_null(s->job);
}

static void check_answers(const struct mtr_source *s)
{
    assert_true(s->answer.has_ok && s->answer.ok.has_equals);
    assert_int_equal(s->answer.absent_count, 2);
    assert_int_equal(s->answer.limit_count, 1);
    assert_true(s->answer.warnings_are_logged);
    assert_int_equal(s->answer.bytes_max, 64 << 20);
    assert_text("meta.total", s->complete.count);
    assert_text("quantity", s->complete.sum_of);
    assert_int_equal(s->complete.agree, 2);
    assert_int_equal(s->map.format.kind, MTR_ROWS_JSON);
    assert_text("data[].items[]", s->map.format.rows);
    assert_int_equal(s->map.id.kind, MTR_IMPORT_PARTS);
    assert_int_equal(s->map.data_count, 2);
    assert_true(s->map.data[1].is_counter && s->map.data[1].series_count == 2);
    assert_int_equal(s->map.counter_before_us, MTR_COUNTER_BEFORE_US);
    assert_text("device", s->map.columns[s->map.data[1].series[1]]);
    assert_int_equal(s->map.null_count, 1);
}

static void test_every_key_is_read(void **state)
{
    struct source_world world;
    (void)state;
    source_world_open(&world);
    const int rc = source_world_read(&world, every_key);
    source_world_print(&world);
    assert_int_equal(rc, MTR_OK);
    assert_int_equal(world.findings.count, 0);
    const struct mtr_source *s = &world.source;
    assert_text("acme-usage", s->key);
    assert_text("acme", s->vendor);
    assert_true(s->base.is_https);
    assert_text("api.acme.example", s->base.host);
    assert_text("/v2", s->base.path);
    assert_text("https://api.acme.example/v2", s->base.url);
    assert_int_equal(s->base.port, 443);
    assert_int_equal(s->host_count, 2);
    assert_int_equal(s->schedule.every_us, 3600 * MTR_US_PER_SECOND);
    assert_true(s->schedule.has_at && s->schedule.at_s == 600 && s->schedule.zone);
    assert_int_equal(s->schedule.jitter_us, 300 * MTR_US_PER_SECOND);
    assert_int_equal(s->window.length, MTR_LENGTH_DAY);
    assert_int_equal(s->window.start_us, INT64_C(1767214800) * MTR_US_PER_SECOND); /* midnight in Moscow */
    assert_int_equal(s->window.lateness_us, 6 * 3600 * MTR_US_PER_SECOND);
    assert_int_equal(s->window.reread_count, 5);
    assert_true(s->window.rereads[4].is_of_month && s->window.rereads[4].after_us == 6 * MTR_US_PER_DAY);
    assert_int_equal(s->window.vendor_keeps_us, 90 * MTR_US_PER_DAY);
    assert_int_equal(s->delivery, MTR_DELIVERY_OVERWRITE);
    check_requests(s);
    check_answers(s);
    assert_int_equal(s->limits.rate_count, 10);
    assert_int_equal(s->limits.rate_per_us, MTR_US_PER_SECOND);
    assert_int_equal(s->limits.concurrency, 3);
    assert_int_equal(s->guard.shrink_percent, 30);
    assert_int_equal(s->guard.every_us, 1200 * MTR_US_PER_SECOND);
    assert_int_equal(s->expect.columns, MTR_COLUMNS_EXACT);
    assert_true(s->holds_close && s->holds_close_most_us == 5 * MTR_US_PER_DAY);
    assert_int_equal(s->pages_keep_us, 30 * MTR_US_PER_DAY);
    source_world_close(&world);
}

/* ---- nested spellings ---- */

static const char *const spellings[] = {
    "auth: {header: {name: Authorization, value: 'Bearer {secret}', secret_file: F}}",
    "auth: {header: {secret_file: F}}",
    "auth: {basic: {user: meterd, secret_file: F}}",
    "auth: {basic: {user_secret_file: F, secret: ''}}",
    "auth: {oauth2: {token_url: 'https://t', grant: client_credentials, client_id: C, secret_file: F, scopes: [usage]}}",
    "auth: {oauth2: {token_url: 'https://t', grant: refresh_token, client_id: C, refresh_token_file: F, extra: {audience: a}}}",
    "auth: {login: {request: {method: POST, path: /v3/auth/tokens, body: {json: {auth: {password: '{secret}'}}}}, secret_file: F,"
    " token: {header: X-Subject-Token}, expires: {path: token.expires_at}, send: {header: X-Auth-Token, value: '{token}'}}}",
    "auth: {login: {request: {method: POST, path: /login, body: {form: {p: '{secret}'}}}, secret_file: F, token: {path: token.id}, ttl: 1h}}",
    "auth: {aws_sigv4: {region: eu-west-1, service: s3, access_key: A, secret_file: F}}",
    "auth: {hmac: {algorithm: sha256, secret_file: F, sign: \"{method}\\n{path}\\n{query}\\n{body_hash}\\n{time}\\n{nonce}\", encode: base64,"
    " headers: {X-Date: '{time}', X-Nonce: '{nonce}', X-Signature: '{signature}'}}}",
    "auth: {mtls: {certificate_file: F, key_file: F}}",
    "auth: {mtls: {certificate_file: F, key_file: F}, header: {secret_file: F}}",
    "auth: presigned",
    "auth: {none: {}}",
    "paging: none",
    "paging: {page: {send: query.page, first: 1}}",
    "paging: {page: {send: query.page, limit: {send: query.size, value: 50}, short_page_ends: true, total: meta.total}}",
    "paging: {offset: {send: query.offset, limit: {send: query.limit, value: 50}}}",
    "paging: {cursor: {path: meta.next, send: query.cursor, has_more: has_more}}",
    "paging: {next_url: {path: '[\"@odata.nextLink\"]'}}",
    "paging: {link_header: {rel: next}}",
    "paging: {link_header: {}}",
    "paging: {after_id: {send: query.starting_after, id: id, has_more: has_more, newest_first: true, time: created, since: 'query.created[gte]'}}",
    "paging: {parts: {list: 'blobs[]', url: url, size: size, md5: md5, count: blobCount, etag: eTag, expired: [403, 410]}}",
    "paging: {parts: {s3_list: true, token: NextContinuationToken, send: query.continuation-token, url: '/bucket/{item}'}}",
    "paging: {parts: {s3_list: true, url: '/bucket/{item}'}}",
    "paging: {parts: {list: 'reportKeys[]', item: '.', url: '/bucket/{item}', etag: assemblyId}}",
    "paging: {parts: {list: 'dataFiles[]', url: '.', etag: executionId}}",
    "request:\njob: {submit: {method: POST, path: /reports, body: {json: {fromDate: '{from:%Y-%m-%d}'}}}, id: {header: Operation-Location},"
    " poll: {url: '{job.id}', every: 5s}, status: {path: status, running: [running, queued], done: [succeeded], empty: [noData],"
    " failed: [failed]}, result: {manifest: {path: resourceLocation}}, timeout: 2h}\n"
    "paging: {parts: {list: 'blobs[]', url: url}}",
    "request:\njob: {submit: {method: POST, path: /reports, query: {d: '{from}'}}, id: {path: id}, poll: {path: '/reports/{job.id}'},"
    " status: {path: status, done: ok}, result: {rows: 'rows[]'}, delete: {method: DELETE, path: '/reports/{job.id}'},"
    " list: {path: /reports, rows: 'data[]', match: {fromDate: '{from}'}}}",
    "request:\njob: {submit: {path: /reports, query: {d: '{from}'}}, id: {path: id}, poll: {path: '/reports/{job.id}'},"
    " status: {path: status, done: ok}, result: {url: {path: link}}}",
    "format: {json: {rows: 'data[].items[]'}}",
    "format: {ndjson: {compression: gzip}}",
    "format: {csv: {delimiter: ';', quote: \"'\", header: true, encoding: windows-1251, compression: zip, entry: '*.csv'}}",
    "format: {prometheus: {}}",
    "format: {csv: {header: false}}\nfor_each: {values: [x]}\nrequest: {path: '/{each}', query: {f: '{from}'}}\nidentity: {id: '1'}\n"
    "map: {type: =t, subject: each.value, time: '2', data: {q: '3'}}",
    "window: {length: 6h}",
    "window: {length: month, open: 1d, rereads: [month_end+1d, month_end+10d]}",
    "window: {length: cursor, overlap: 15m}\nrequest: {path: /feed, query: {from: '{from}'}}",
    "window: {periods: [current, last]}\nrequest: {path: '/{period}'}",
    "window: {length: last}\nrequest: {path: /last}",
    "delivery: append",
    "for_each: {values: [eu, us]}\nrequest: {path: '/{each.value}', query: {from: '{from}'}}",
    "for_each: {values: [eu, us]}\nrequest: {path: '/{each}', query: {from: '{from}'}}",
    "for_each: {rows: {of: other, as: account}}\nrequest: {path: '/{each.account}', query: {from: '{from}'}}",
    "identity: {hash: [a, b], multiset: true}",
    "delivery: append\nidentity: {hash: [a, b], multiset: true}",
    "window: {length: cursor}\nidentity: {hash: [a, b]}\nrequest: {path: /feed}",
    "delivery: append\nfor_each: {values: [x]}\nrequest: {path: '/{each.value}', query: {f: '{from}'}}\nidentity: {id: '{each.value}/{i}'}",
    "delivery: append\nfor_each: {values: [x]}\nrequest: {path: '/{each.value}', query: {f: '{from}'}}\nidentity: {hash: [i, each.value]}",
    "identity: {multiset: true}",
    "identity:\nmap: {id: '{a}/{b}', type: =t, subject: s, time: at}",
    "format: {json: {rows: 'data[].items[]'}}\nmap: {type: =t, subject: '^^.account', time: at, data: {quantity: '[0]', name: '[\"a.b@c\"]'}}",
    "pages: {keep: 0}",
    "base_url: 'http://[::1]:8080'",
    "job: null\nfor_each: null\nholds_close: null",
    "preset: focus\nwindow: {length: month}\nrequest: {path: '/{from:%Y-%m}'}\nformat: {csv: {delimiter: null}}"
    "\nidentity: {id: i}\nmap: {skip: null, data: {cost: null}}",
    "preset: prometheus\nrequest: {query: {partial_response: null, query: 'up[1h]'}}\nformat: {prometheus: {}}",
};

static void test_nested_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        struct source_world world;
        source_world_open(&world);
        const int rc = source_world_read_with(&world, spellings[i]);
        if (rc || world.findings.errors) {
            source_world_print(&world);
            fail_msg("%s", spellings[i]);
        }
        source_world_close(&world);
    }
}

/* ---- presets ---- */

static struct mtr_str filled_text(struct source_world *world, const char *text)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    const struct mtr_node *filled;
    assert_int_equal(mtr_document_parse(mtr_str_from(text), &document, &diagnostic), MTR_OK);
    assert_int_equal(mtr_source_fill(mtr_document_root(document), &world->arena, &filled, &world->findings), MTR_OK);
    mtr_buffer_reset(&world->text);
    assert_int_equal(mtr_node_write_json(filled, &world->text), MTR_OK);
    mtr_document_close(document);
    return mtr_buffer_str(&world->text);
}

static const struct {
    const char *text, *filled;
} fillings[] = {
    {"key: a", "{\"key\":\"a\"}"},
    {"{preset: cloudevents, key: a, window: {overlap: 1m}, request: null, auth: none, paging: {cursor: {path: n, send: query.c}},"
     " identity: {hash: [id]}, map: {time: at, data: {q: q}}}",
     "{\"preset\":\"cloudevents\",\"key\":\"a\",\"window\":{\"overlap\":\"1m\",\"length\":\"cursor\"},\"request\":null,\"auth\":\"none\","
     "\"paging\":{\"cursor\":{\"path\":\"n\",\"send\":\"query.c\"}},\"identity\":{\"hash\":[\"id\"]},"
     "\"map\":{\"time\":\"at\",\"data\":{\"q\":\"q\"},\"type\":\"type\",\"subject\":\"subject\"},"
     "\"schedule\":{\"every\":\"1m\"},\"delivery\":\"append\",\"format\":{\"ndjson\":{}}}"},
    {"{preset: gnocchi, window: {periods: [last]}, auth: {login: {request: {url: u}, token: {path: t}}}, schedule: null, answer: null,"
     " request: null, format: null, map: {data: {quantity: null, n: a}}}",
     "{\"preset\":\"gnocchi\",\"window\":{\"periods\":[\"last\"],\"lateness\":\"30m\",\"rereads\":[\"2h\",\"1d\",\"3d\"]},"
     "\"auth\":{\"login\":{\"request\":{\"url\":\"u\",\"method\":\"POST\"},\"token\":{\"path\":\"t\"},"
     "\"expires\":{\"path\":\"token.expires_at\"},\"send\":{\"header\":\"X-Auth-Token\",\"value\":\"{token}\"}}},"
     "\"schedule\":null,\"answer\":null,\"request\":null,\"format\":null,"
     "\"map\":{\"data\":{\"quantity\":null,\"n\":\"a\"},\"time\":\"[0]\"}}"},
};

static void test_presets_fill_what_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fillings) / sizeof(*fillings); i++) {
        struct source_world world;
        source_world_open(&world);
        const struct mtr_str text = filled_text(&world, fillings[i].text);
        if (!mtr_str_equal(text, mtr_str_from(fillings[i].filled)))
            fail_msg("%.*s\nis not\n%s", MTR_STR_ARGS(text), fillings[i].filled);
        source_world_close(&world);
    }
}

static void test_every_preset_is_a_document(void **state)
{
    const struct mtr_source_preset *preset;
    (void)state;
    for (unsigned i = 0; (preset = mtr_source_preset_at(i)) != NULL; i++) {
        struct source_world world;
        char text[128];
        source_world_open(&world);
        snprintf(text, sizeof(text), "{key: a, vendor: v, preset: %s}", preset->key);
        (void)filled_text(&world, text);
        assert_true(strlen(preset->doc) > 0);
        /* What is missing is asked for, and nothing of the preset is refused. */
        (void)source_world_read(&world, text);
        for (size_t k = 0; k < world.findings.count; k++)
            if (!strstr(world.findings.items[k].text, "is missing") && world.findings.items[k].code != MTR_FINDING_SOURCE_KEY_MISSING) {
                source_world_print(&world);
                fail_msg("%s", preset->key);
            }
        source_world_close(&world);
    }
    assert_null(mtr_source_preset_at(1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_is_read),
        cmocka_unit_test(test_nested_spellings),
        cmocka_unit_test(test_presets_fill_what_is_left_out),
        cmocka_unit_test(test_every_preset_is_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
