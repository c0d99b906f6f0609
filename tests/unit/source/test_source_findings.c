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
    {"preset: rest\nschedule: {every: 1m}", "schedule.jitter", "(the value is the preset's: write one of your own, or null)", "source.time"},
    {"preset: rest\nwindow: {length: day, lateness: 2d}", "window.rereads[0]", "(the value is the preset's: write one of your own, or null)", "source.rereads"},
    {"preset: gnocchi\nwindow: {length: cursor}", "window.rereads", "(the value is the preset's: write one of your own, or null)", "source.key.conflict"},
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
    {"request: {path: /u, query: {f: '{from}'}, headers: {X-Api-Key: abc}}", "request.headers.X-Api-Key", "`auth` sends it (`auth.header`)",
     "source.secret.written"},
    {"request: {path: /u, query: {f: '{from}', Access_Token: abc}}", "request.query.Access_Token", "`auth` sends it (`auth.query`)", "source.secret.written"},
    {"request: {path: '/u?a=1&api_key=abc&f={from}'}", "request.path", "`auth` sends it (`auth.query`)", "source.secret.written"},
    {"request: {method: POST, path: /u, query: {f: '{from}'}, body: {form: {password: abc}}}", "request.body.form.password", "a secret does not stand",
     "source.secret.written"},
    {"request: {method: POST, path: /u, query: {f: '{from}'}, body: {json: {a: [{client_secret: abc}]}}}", "request.body.json",
     "`client_secret` is a secret", "source.secret.written"},
    {"auth: {query: {secret_file: F}}", "auth.query.name", "is missing: of the parameter", "field.missing"},
    {"auth: {query: {name: k}}", "auth.query.secret_file", "name the file", "source.secret.missing"},
    {"auth: {query: {name: k, value: abc, secret_file: F}}", "auth.query.value", "does not use {secret}", "source.secret.written"},
    {"request: {method: POST, path: /u, query: {f: '{from}'}, body: {json: {}, text: a}}", "request.body", "not several", "source.key.several"},
    {"request: {method: POST, path: /u, body: {json: {a: [{b: '{frm}'}]}}}", "request.body.json.a[0].b", "`{frm}` is no name", "source.template"},
    {"auth:", "auth", "write one of none, presigned", "source.key.missing"},
    {"auth: nne", "auth", "did you mean `none`?", "field.choice"},
    {"auth: {basic: {user: a, secret_file: F}, header: {secret_file: F}}", "auth", "not several", "source.key.several"},
    {"auth: {basic: {user: a, secret: hunter2}}", "auth.basic.secret", "a secret does not stand in a document", "source.secret.written"},
    {"auth: {basic: {user: a}}", "auth.basic.secret_file", "is missing: name the file that holds the password (`secret: \"\"` says that there is none)",
     "source.secret.missing"},
    {"auth: basic", "auth", "`basic` has keys of its own: write {basic: {…}} with those of user, user_secret_file, secret_file, secret", "field.choice"},
    {"auth: mtls", "auth", "write {mtls: {…}} with those of certificate_file, key_file", "field.choice"},
    {"auth: {mtls: {}}", "auth.mtls.certificate_file", "is missing: name the file that holds the certificate, PEM", "source.secret.missing"},
    {"auth: {mtls: {certificate_file: F}}", "auth.mtls.key_file", "is missing: name the file that holds its private key, PEM", "source.secret.missing"},
    {"auth: {oauth2: {client_id: c}}", "auth.oauth2.token_url", "is missing: where tokens are asked for", "field.missing"},
    {"auth: {oauth2: {token_url: 'https://t', client_id: c}}", "auth.oauth2.secret_file", "is missing: name the file", "source.secret.missing"},
    {"auth: {login: {}}", "auth.login.token", "is missing: where the token stands in the answer", "field.missing"},
    {"auth: {aws_sigv4: {}}", "auth.aws_sigv4.access_key", "is missing: the key's id", "field.missing"},
    {"auth: {aws_sigv4: {region: r, access_key: a}}", "auth.aws_sigv4.secret_file", "is missing: name the file", "source.secret.missing"},
    {"auth: {hmac: {}}", "auth.hmac.sign", "is missing: template of what is signed", "field.missing"},
    {"auth: {hmac: {sign: '{method}', headers: {X: '{signature}'}}}", "auth.hmac.secret_file", "is missing: name the file", "source.secret.missing"},
    {"paging: cursor", "paging", "`cursor` has keys of its own: write {cursor: {…}} with those of path, send, has_more", "field.choice"},
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
    {"paging: {cursor: {path: a..b, send: query.c}}", "paging.cursor.path", "`a..b` has an empty step", "source.path"},
    {"paging: {cursor: {path: .b, send: query.c}}", "paging.cursor.path", "has an empty step", "source.path"},
    {"paging: {cursor: {path: a., send: query.c}}", "paging.cursor.path", "has an empty step", "source.path"},
    {"paging: {cursor: {path: 'a.[0]', send: query.c}}", "paging.cursor.path", "is no path", "source.path"},
    {"paging: {cursor: {path: a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q, send: query.c}}", "paging.cursor.path", "is no path", "source.path"},
    {"paging: {cursor: {path: a, send: query.c, has_more: b..c}}", "paging.cursor.has_more", "has an empty step", "source.path"},
    {"request: {method: POST, path: /u, body: {json: {f: '{from}'}}}\npaging: {cursor: {path: a, send: body.b..c}}", "paging.cursor.send",
     "`b..c` has an empty step", "source.path"},
    {"paging: {next_url: {path: a..b}}", "paging.next_url.path", "has an empty step", "source.path"},
    {"paging: {next_url: {path: a, has_more: b..c}}", "paging.next_url.has_more", "has an empty step", "source.path"},
    {"paging: {page: {send: query.p, total: a..b}}", "paging.page.total", "has an empty step", "source.path"},
    {"paging: {offset: {send: query.p, has_more: a..b}}", "paging.offset.has_more", "has an empty step", "source.path"},
    {"paging: {after_id: {send: query.a, id: a..b}}", "paging.after_id.id", "has an empty step", "source.path"},
    {"paging: {parts: {list: 'a..b[]', url: u}}", "paging.parts.list", "has an empty step", "source.path"},
    {"paging: {parts: {list: 'a[]', url: u..v}}", "paging.parts.url", "has an empty step", "source.path"},
    {"paging: {parts: {list: 'a[]', url: u, count: b..c}}", "paging.parts.count", "has an empty step", "source.path"},
    {"answer: {ok: {path: a..b, equals: ok}}", "answer.ok.path", "has an empty step", "source.path"},
    {"answer: {absent: {path: a..b, equals: ok}}", "answer.absent[0].path", "has an empty step", "source.path"},
    {"answer: {warnings: {path: a..b}}", "answer.warnings.path", "has an empty step", "source.path"},
    {"complete: {count: a..b}", "complete.count", "has an empty step", "source.path"},
    {"complete: {sum: {path: a..b, of: quantity}}", "complete.sum.path", "has an empty step", "source.path"},
    {"complete: {flag: a..b}", "complete.flag", "has an empty step", "source.path"},
    {"format: {json: {rows: 'a..b[]'}}", "rows", "the path of the rows is expected", "import.map"},
    {"map: {type: =t, subject: a..b, time: at, data: {quantity: q}}", "subject", "a name is empty where two dots", "import.map"},
    {"map: {type: =t, subject: .b, time: at, data: {quantity: q}}", "subject", "a name is empty where two dots", "import.map"},
    {"identity: {id: a..b}", "id", "a name is empty where two dots", "import.map"},
    {"format: {ndjson: {}}\nmap: {type: =t, subject: s, time: at, data: {quantity: {path: a..b}}}", "path", "a name is empty where two dots", "import.map"},
    {"auth: {login: {request: {path: '/l/{secret}'}, secret_file: F, token: {path: a..b}}}", "auth.login.token.path", "has an empty step",
     "source.path"},
    {"auth: {login: {request: {path: '/l/{secret}'}, secret_file: F, token: {path: t}, expires: {path: a..b}}}", "auth.login.expires.path",
     "has an empty step", "source.path"},
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
#define JOB(id, status, more) \
    "request:\njob: {submit: {path: /r, query: {d: '{from}'}}, id: {path: " id "}, poll: {path: '/r/{job.id}'}, status: {path: " status ", done: ok}, " more "}"
    {JOB("a..b", "s", "result: {rows: '[]'}"), "job.id.path", "has an empty step", "source.path"},
    {JOB("id", "a..b", "result: {rows: '[]'}"), "job.status.path", "has an empty step", "source.path"},
    {JOB("id", "s", "result: {rows: 'a..b[]'}"), "job.result.rows", "has an empty step", "source.path"},
    {JOB("id", "s", "result: {url: {path: a..b}}"), "job.result.url.path", "has an empty step", "source.path"},
    {JOB("id", "s", "result: {rows: '[]'}, list: {path: /r, rows: 'a..b[]', match: {d: '{from}'}}"), "job.list.rows", "has an empty step", "source.path"},
    {JOB("id", "s", "result: {rows: '[]'}, list: {path: /r, id: a..b, match: {d: '{from}'}}"), "job.list.id", "has an empty step", "source.path"},
    {JOB("id", "s", "result: {rows: '[]'}, list: {path: /r, match: {a..b: '{from}'}}"), "job.list.match", "has an empty step", "source.path"},
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

/* What lacks is told at once, wherever it stands, and nothing that comes of it. */
static void test_all_that_lacks_is_told_at_once(void **state)
{
    static const struct {
        const char *lines, *told; /* paths, in their order */
    } documents[] = {
        {"auth: {oauth2: {}}", "auth.oauth2.client_id auth.oauth2.secret_file auth.oauth2.token_url"},
        {"auth: {oauth2: {grant: refresh_token}}", "auth.oauth2.client_id auth.oauth2.refresh_token_file auth.oauth2.token_url"},
        {"auth: {login: {}}", "auth.login.request auth.login.secret_file auth.login.token"},
        {"auth: {login: {token: {}}}", "auth.login.request auth.login.secret_file auth.login.token"},
        {"auth: {aws_sigv4: {}}", "auth.aws_sigv4.access_key auth.aws_sigv4.region auth.aws_sigv4.secret_file"},
        {"auth: {hmac: {}}", "auth.hmac.headers auth.hmac.secret_file auth.hmac.sign"},
        {"auth: {basic: {}}", "auth.basic auth.basic.secret_file"},
        {"auth: {mtls: {}}", "auth.mtls.certificate_file auth.mtls.key_file"},
        {"auth: {oauth2: {clientid: c}}", "auth.oauth2 auth.oauth2.client_id auth.oauth2.secret_file auth.oauth2.token_url"},
        {"auth: {oauth2: 5}\npaging: {cursor: {}}", "auth.oauth2 paging.cursor.path paging.cursor.send"},
        {"paging: {page: {limit: {}}}", "paging.page.limit.value paging.page.send"},
        {"paging: {after_id: {}}", "paging.after_id.id paging.after_id.send"},
        {"paging: {parts: {}}", "paging.parts paging.parts.url"},
        {"request: {path: }\njob: {}", "job.id job.poll job.result job.status job.status.done job.status.path job.submit"},
        {"request: {path: }\njob: {status: {}, result: {url: {}}, list: {}}",
         "job.id job.list.match job.poll job.result.url.path job.status.done job.status.path job.submit"},
        {"base_url:\nwindow:\nauth: {header: {}}\nanswer: {warnings: {}, ok: {}}\ncomplete: {sum: {path: a}}",
         "answer.ok answer.warnings.path auth.header.secret_file base_url complete.sum window"},
        {"base_url:\nfor_each: {rows: {}}\nrequest: {query: {}}", "base_url for_each.rows.of request"},
    };
    unsigned missed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        struct source_world world;
        char told[2000] = "", path[MTR_FINDING_FIELD_BYTES];
        source_world_open(&world);
        assert_int_equal(source_world_read_with(&world, documents[i].lines), MTR_EINVALID);
        for (const char *last = ""; last; last = told[0] ? path : NULL) {
            const struct mtr_diagnostic *next = NULL; /* the least that is greater than the one before */
            for (size_t k = 0; k < world.findings.count; k++) {
                const struct mtr_diagnostic *finding = &world.findings.items[k];
                if (strcmp(finding->field, last) > 0 && (!next || strcmp(finding->field, next->field) < 0)) next = finding;
            }
            if (!next) break;
            snprintf(path, sizeof(path), "%s", next->field);
            snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%s", told[0] ? " " : "", path);
        }
        if (strcmp(told, documents[i].told)) {
            source_world_print(&world);
            print_message("%s\nis     %s\nwanted %s\n", documents[i].lines, told, documents[i].told);
            missed++;
        }
        source_world_close(&world);
    }
    assert_int_equal(missed, 0);
}

/* What could not be read says nothing of other keys. */
static void test_what_cannot_be_read_is_one_finding(void **state)
{
    static const char *const documents[] = {
        "window: {length: dya}",
        "window: {length: dya, split: 1h, open: 6h}\nanswer: {rows_limit: 10}",
        "window: {length: dya, overlap: 1h}\nrequest: {path: /u}",
        "window: {length: 500ms, split: 1h}\nanswer: {rows_limit: 10}",
        "format: {jsn: {rows: 'data[]'}}\ncomplete: {count: n, flag: done, sum: {path: a, of: quantity}}",
        "format: json\nanswer: {ok: {path: s, equals: ok}, warnings: {path: w}}\ncomplete: {count: n}",
        "delivery: append\nfor_each: {values: [a]}\nrequest: {path: '/{each.value}', query: {f: '{from}'}}\nidentity: {id: a..b}",
        "delivery: append\nfor_each: {values: [a]}\nrequest: {path: '/{each.value}', query: {f: '{from}'}}\nmap: [a]",
        "paging: {cursor: {path: a..b, send: query.c}}",
        "complete: {count: 'a['}",
        "by_hand: yes please\nbase_url:\nrequest:\nauth:",
        "identity: id",
        "identity: {id: {zz: 1}}",
        "identity: {hash: a}",
    };
    unsigned missed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        struct source_world world;
        source_world_open(&world);
        assert_int_equal(source_world_read_with(&world, documents[i]), MTR_EINVALID);
        if (world.findings.count != 1) {
            print_message("--- %s\n", documents[i]);
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
        cmocka_unit_test(test_what_cannot_be_read_is_one_finding),
        cmocka_unit_test(test_all_that_lacks_is_told_at_once),
        cmocka_unit_test(test_a_finding_stands_where_its_key_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
