/*
 * The configuration: one row per key, and the order in which file, environment and settings beat one another.
 *
 * The rows are the only place that knows a key: its type, range, default and sentence. References and the
 * example's comments come out of them.
 */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELD(section, key, type_, default_, min_, max_, doc_) \
    {MTR_ROW(mtr_config_##section, key), .type = type_, .default_text = default_, \
     .min = min_, .max = max_, .doc = doc_}
/* Keys of a section that stand together, under a key of their own: rows of `key`_fields. */
#define GROUP(section, key, doc_) \
    {MTR_ROW(mtr_config_##section, key), .type = MTR_FIELD_MAP, .fields = key##_fields, .doc = doc_}
#define SECOND UINT64_C(1000000)
#define DAY (86400 * SECOND)
#define BILLION UINT64_C(1000000000)
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

enum { CONFIG_BYTES_MAX = 1 << 20, ARENA_BYTES_MAX = 4 << 20, NAME_BYTES = 128 };

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const formats[] = {"auto", "text", "json", NULL};

static const struct mtr_field data_fields[] = {
    FIELD(data, directory, MTR_FIELD_TEXT, "/var/lib/meterd", 0, 0,
          "Where the stores and keys are; made with mode 0700 when missing."),
    {.name = NULL},
};

static const struct mtr_field tls_fields[] = {
    FIELD(tls, certificate, MTR_FIELD_TEXT, "", 0, 1024,
          "A file with the certificate and those that it was signed by, in PEM: an absolute path, or the "
          "name of a systemd credential. SIGHUP reads it again; empty: HTTP in the clear."),
    FIELD(tls, key, MTR_FIELD_TEXT, "", 0, 1024, "A file with its private key, that nobody else may read."),
    FIELD(tls, client_ca, MTR_FIELD_TEXT, "", 0, 1024,
          "A file with certificates: clients must show one that is signed by any of these; empty: they show "
          "none."),
    {.name = NULL},
};

static const struct mtr_field listen_fields[] = {
    FIELD(listen, address, MTR_FIELD_TEXT, "127.0.0.1", 0, 0,
          "Address of the API for events and queries. Give it a certificate (tls), or put a proxy with TLS "
          "in front, before opening it."),
    FIELD(listen, port, MTR_FIELD_U64, "8787", 0, 65535, "Port of the API; 0 lets the system choose."),
    FIELD(listen, connections_max, MTR_FIELD_U64, "4096", 1, 100000,
          "Connections at the same time; one more is answered 503."),
    FIELD(listen, header_bytes_max, MTR_FIELD_BYTES, "16KiB", 1024, MIB,
          "Request line and headers of one request; more is 431."),
    FIELD(listen, body_bytes_max, MTR_FIELD_BYTES, "64MiB", 1024, GIB,
          "Body of one request of events, as sent; more is 413."),
    FIELD(listen, decoded_bytes_max, MTR_FIELD_BYTES, "128MiB", 1024, 2 * GIB,
          "The same after decompression; more is 413."),
    FIELD(listen, body_bytes_total_max, MTR_FIELD_BYTES, "512MiB", 96 * MIB, 64 * GIB,
          "Memory of all usage being received, pushed or polled, at most three quarters of it for either, "
          "and of what is left three quarters for one key: bodies over it are answered 503 with Retry-After, "
          "readings of sources wait."),
    FIELD(listen, answer_bytes_total_max, MTR_FIELD_BYTES, "32MiB", 4 * MIB, 64 * GIB,
          "Memory of all answers that have not left, three quarters of it for long ones that cannot be made "
          "piece by piece, and of what is left three quarters for one key; over it 503 with Retry-After."),
    FIELD(listen, header_timeout, MTR_FIELD_DURATION, "10s", 10000, 3600 * SECOND,
          "From the first byte of a request to the end of its headers."),
    FIELD(listen, body_timeout, MTR_FIELD_DURATION, "30s", 10000, 3600 * SECOND,
          "For a body to arrive, plus one second per 16 KiB of it."),
    FIELD(listen, send_timeout, MTR_FIELD_DURATION, "30s", 10000, 3600 * SECOND,
          "How far a reader may fall behind 16 KiB a second while an answer waits for it; then its "
          "connection is closed."),
    FIELD(listen, idle_timeout, MTR_FIELD_DURATION, "75s", 10000, 3600 * SECOND,
          "A connection without a request is closed after this."),
    FIELD(listen, request_timeout, MTR_FIELD_DURATION, "120s", 10000, 3600 * SECOND,
          "From a complete request to its answer; 504 after it."),
    GROUP(listen, tls, "TLS of the API."),
    {.name = NULL},
};

static const struct mtr_field admin_fields[] = {
    FIELD(admin, address, MTR_FIELD_TEXT, "127.0.0.1", 0, 0,
          "Address of /healthz, /readyz and /metrics, which ask for no credential."),
    FIELD(admin, port, MTR_FIELD_U64, "8788", 0, 65535, "Port of the admin listener."),
    GROUP(admin, tls, "TLS of the admin listener; the same certificate may do."),
    {.name = NULL},
};

static const struct mtr_field log_fields[] = {
    FIELD(log, segment_bytes, MTR_FIELD_BYTES, "256MiB", 8 * MIB, 16 * GIB,
          "Size of a segment, preallocated on the disk."),
    FIELD(log, segment_events_max, MTR_FIELD_U64, "4194304", 1024, 1 << 28,
          "Events of a segment; bounds the exact dedup table in memory (32 B each)."),
    FIELD(log, segment_age, MTR_FIELD_DURATION, "1d", SECOND, 366 * DAY,
          "A segment is sealed after this time, full or not."),
    FIELD(log, retention, MTR_FIELD_DURATION, "400d", SECOND, 36600 * DAY,
          "Segments are removed after this time, when everything in them is folded; held events are carried "
          "on."),
    FIELD(log, verify_all, MTR_FIELD_BOOL, "true", 0, 0,
          "Verify the hash of every block at start, not only the last segment's."),
    {.name = NULL},
};

static const struct mtr_field intake_fields[] = {
    FIELD(intake, dedup_window, MTR_FIELD_DURATION, "35d", SECOND, 36600 * DAY,
          "How long a repeated event is recognized, from when it was received."),
    FIELD(intake, lateness, MTR_FIELD_DURATION, "35d", SECOND, 36600 * DAY,
          "Events whose time is older are kept in quarantine as expired."),
    FIELD(intake, future, MTR_FIELD_DURATION, "5m", 0, 366 * DAY,
          "Events whose time is further ahead are kept in quarantine as future."),
    FIELD(intake, held_max_age, MTR_FIELD_DURATION, "0s", 0, 36600 * DAY,
          "Events that wait for a subscription or a meter for longer, from when they were received, are put "
          "into quarantine and never billed. 0: they wait until the catalog knows them, or somebody drops "
          "them."),
    FIELD(intake, queue_bytes_max, MTR_FIELD_BYTES, "256MiB", MIB, 64 * GIB,
          "Decoded text that waits for the log, of one key a half; over it 503 with Retry-After. What it "
          "takes of memory is counted in memory_max."),
    FIELD(intake, queue_requests_max, MTR_FIELD_U64, "16384", 1, 1000000, "Requests that wait for the log."),
    FIELD(intake, commit_events_max, MTR_FIELD_U64, "8192", 1, 131072,
          "A group commit closes at this many events; where several keys wait, at a turn of each."),
    FIELD(intake, commit_bytes_max, MTR_FIELD_BYTES, "4MiB", 4 * KIB, 256 * MIB,
          "A group commit closes at this many decoded bytes."),
    FIELD(intake, request_events_max, MTR_FIELD_U64, "100000", 1, 100000,
          "Events of one request; more is 413."),
    FIELD(intake, memory_max, MTR_FIELD_BYTES, "2GiB", 64 * MIB, 256 * GIB,
          "Memory of all events that are decoded and wait for the log, of one key three quarters; over it "
          "503 with Retry-After."),
    FIELD(intake, threads, MTR_FIELD_U64, "4", 2, 256,
          "Threads that decode large requests; one key has all but one of them."),
    {.name = NULL},
};

static const struct mtr_field clock_fields[] = {
    FIELD(clock, step, MTR_FIELD_DURATION, "10m", SECOND, DAY,
          "How far the machine's clock may be set in a day and is believed; further, and billing periods "
          "wait until it is right again, or somebody says that it is (meterd clock accept)."),
    FIELD(clock, unseen, MTR_FIELD_DURATION, "3d", 0, 366 * DAY,
          "The longest time from one boot of the machine to the next that its clock is believed to tell."),
    {.name = NULL},
};

static const struct mtr_field scrub_fields[] = {
    FIELD(scrub, bytes_per_second, MTR_FIELD_BYTES, "4MiB", 0, GIB,
          "So much of what is stored is read again each second, and checked, from begin to end and anew; 0: "
          "none."),
    {.name = NULL},
};

static const struct mtr_field aggregator_fields[] = {
    FIELD(aggregator, step_events_max, MTR_FIELD_U64, "65536", 1, 1 << 22,
          "Events folded in one transaction."),
    {.name = NULL},
};

static const struct mtr_field rater_fields[] = {
    FIELD(rater, grace, MTR_FIELD_DURATION, "1h", 0, 366 * DAY,
          "From a billing period's end until it is final; later usage becomes a correction."),
    FIELD(rater, draft_every, MTR_FIELD_DURATION, "1h", 0, 366 * DAY,
          "A subscription's changed usage is rated at most this often."),
    {.name = NULL},
};

static const struct mtr_field outbox_fields[] = {
    FIELD(outbox, backoff_min, MTR_FIELD_DURATION, "1s", 1000, DAY,
          "First wait after a failed delivery; doubles, with full jitter."),
    FIELD(outbox, backoff_max, MTR_FIELD_DURATION, "10m", 1000, DAY, "Longest wait between attempts."),
    FIELD(outbox, allow_loopback, MTR_FIELD_BOOL, "false", 0, 0, "Destinations may be on this machine."),
    FIELD(outbox, allow_private, MTR_FIELD_BOOL, "false", 0, 0,
          "Destinations may be in private and link-local address ranges."),
    FIELD(outbox, secrets_directory, MTR_FIELD_TEXT, "/etc/meterd", 1, 2048,
          "Below it are the files that destinations name as secret_files; beside it, bare names are "
          "credentials of systemd."),
    {.name = NULL},
};

static const struct mtr_field poller_fields[] = {
    FIELD(poller, readings_max, MTR_FIELD_U64, "16", 1, 64,
          "Windows of sources that are read at the same time: each takes up to 20 MiB, and 32 to 48 bytes a "
          "row."),
    FIELD(poller, allow_loopback, MTR_FIELD_BOOL, "false", 0, 0, "Sources may be on this machine."),
    FIELD(poller, allow_private, MTR_FIELD_BOOL, "false", 0, 0,
          "Sources may be in private and link-local address ranges."),
    FIELD(poller, alarm_url, MTR_FIELD_TEXT, "", 0, 2048,
          "Where alarms of sources are POSTed to, as CloudEvents, when they begin and end; empty: nowhere."),
    FIELD(poller, alarm_secret_file, MTR_FIELD_TEXT, "", 0, 1024,
          "A file with a secret whsec_… that signs them (Standard Webhooks); empty: they are not signed."),
    {.name = NULL},
};

static const struct mtr_field query_fields[] = {
    FIELD(query, rows_max, MTR_FIELD_U64, "1000000", 1, 100000000,
          "Rows of one answer; more is an error that says so, never a silent cut."),
    FIELD(query, calls_max, MTR_FIELD_U64, "256", 2, 10000,
          "Queries that wait or are being answered at the same time, of one key a half and of the next one a "
          "half of what is left; over it 503."),
    FIELD(query, threads, MTR_FIELD_U64, "4", 2, 256,
          "Threads that answer queries; one key has all but one of them."),
    FIELD(query, cpu_max, MTR_FIELD_DURATION, "30s", 10000, 3600 * SECOND,
          "CPU time that a query takes until its answer begins to leave, and then for each piece of it; 504 "
          "after it, or the answer breaks off."),
    FIELD(query, memory_max, MTR_FIELD_BYTES, "512MiB", MIB, 64 * GIB,
          "Memory of one query while it is made; over it 413."),
    FIELD(query, memory_total_max, MTR_FIELD_BYTES, "2GiB", MIB, 256 * GIB,
          "Memory of all queries that are being made, of one key three quarters, and of the next one three "
          "quarters of what is left; over it 503."),
    {.name = NULL},
};

static const struct mtr_field limits_fields[] = {
    FIELD(limits, requests_per_second, MTR_FIELD_U64, "0", 0, BILLION,
          "Requests of one API key; over it 429 with Retry-After. 0, as everywhere here: no limit."),
    FIELD(limits, request_burst, MTR_FIELD_U64, "0", 0, BILLION,
          "So many at once, after a while without; 0, as of every burst: those of ten seconds."),
    FIELD(limits, bytes_per_second, MTR_FIELD_BYTES, "0", 0, 64 * GIB,
          "Bytes of bodies, as sent, of one API key."),
    FIELD(limits, byte_burst, MTR_FIELD_BYTES, "0", 0, 64 * GIB,
          "So many at once. A body that is larger is taken when all of them are left."),
    FIELD(limits, events_per_second, MTR_FIELD_U64, "0", 0, BILLION,
          "Events of one API key. A request is taken whole or not at all."),
    FIELD(limits, event_burst, MTR_FIELD_U64, "0", 0, BILLION,
          "So many at once. A request that has more is taken when all of them are left."),
    FIELD(limits, queries_max, MTR_FIELD_U64, "0", 0, 100000,
          "Calls of one API key, other than of events, that wait or are answered at the same time."),
    FIELD(limits, unauthenticated_per_second, MTR_FIELD_U64, "100", 0, BILLION,
          "Requests of one address without a good API key: refused ones and those of open routes."),
    {.name = NULL},
};

static const struct mtr_field security_fields[] = {
    FIELD(security, bytes_max, MTR_FIELD_BYTES, "64MiB", MIB, 4 * GIB,
          "All files of the security log together (<data>/security); the oldest of eight or more goes when "
          "a new one begins."),
    {.name = NULL},
};

static const struct mtr_field logline_fields[] = {
    {.name = "level", .type = MTR_FIELD_ENUM, .offset = offsetof(struct mtr_config_logline, level),
     .default_text = "info", .choices = levels, .doc = "The least important log lines that are written."},
    {.name = "format", .type = MTR_FIELD_ENUM, .offset = offsetof(struct mtr_config_logline, format),
     .default_text = "auto", .choices = formats,
     .doc = "auto is text, with priorities and without time under systemd."},
    {.name = NULL},
};

static const struct mtr_field backup_fields[] = {
    FIELD(backup, directory, MTR_FIELD_TEXT, "", 0, 2048,
          "Where they are made, each a directory named by its time; empty: nowhere."),
    FIELD(backup, every, MTR_FIELD_DURATION, "6h", SECOND, 366 * DAY,
          "One is made when the newest is older than this."),
    FIELD(backup, keep, MTR_FIELD_U64, "28", 1, 9000, "So many are kept; older ones are removed."),
    {.name = NULL},
};

#define SECTION(section, doc_) \
    {.name = #section, .type = MTR_FIELD_MAP, .offset = offsetof(struct mtr_config, section), \
     .fields = section##_fields, .doc = doc_}

const struct mtr_field mtr_config_fields[] = {
    SECTION(data, "The data directory."),
    SECTION(listen, "The listener for events and queries."),
    SECTION(admin, "The listener for health and metrics."),
    SECTION(log, "The event log."),
    SECTION(intake, "From requests to the log. lateness <= dedup_window <= log.retention, and future is "
                    "less."),
    SECTION(clock, "What is believed of the machine's clock."),
    SECTION(scrub, "Looking for bytes that rot."),
    SECTION(aggregator, "From the log to rollups."),
    SECTION(rater, "From rollups to charges."),
    SECTION(outbox, "From charges to destinations."),
    SECTION(poller, "From the vendors' APIs to the log."),
    SECTION(query, "The query API."),
    SECTION(limits, "What one API key without the scope admin may ask for, and one address without a key."),
    SECTION(security, "The log of who was refused and who changed what."),
    SECTION(backup, "Backups beside the running daemon."),
    SECTION(logline, "What the daemon says on stderr."),
    {.name = NULL},
};

/* The row of that name (any case), or NULL. */
static const struct mtr_field *find_row(const struct mtr_field *rows, const char *name)
{
    for (const struct mtr_field *row = rows; row->name; row++)
        if (strcasecmp(row->name, name) == 0) return row;
    return NULL;
}

static struct mtr_str row_name_at(const void *context, unsigned i)
{
    const struct mtr_field *rows = context;
    return rows[i].name ? mtr_str_from(rows[i].name) : (struct mtr_str){NULL, 0};
}

/* What was meant for a name that has no row; the environment has it in capitals. */
static const char *meant_row(const struct mtr_field *rows, char *name, char text[MTR_MEANT_BYTES])
{
    for (char *c = name; *c; c++) *c = (char)tolower((unsigned char)*c);
    return mtr_str_meant(mtr_str_from(name), row_name_at, rows, text);
}

/* One "section.key" of the environment or the command line. */
struct setting {
    const char *origin;
    const char *separator; /* between section and key */
    struct mtr_str name;
    const char *value;
};

/* What a setting is of. */
struct setting_row {
    const struct mtr_field *row; /* NULL: there is none */
    size_t offset;               /* in a struct mtr_config, of the struct that holds it */
    char path[NAME_BYTES];       /* "section.key", or "section.group.key" */
    char meant[MTR_MEANT_BYTES]; /* where there is none, what may have been meant */
};

static void find_setting(const struct setting *setting, struct setting_row *out)
{
    char text[NAME_BYTES];
    const struct mtr_field *rows = mtr_config_fields;
    *out = (struct setting_row){.row = NULL};
    snprintf(text, sizeof(text), "%.*s", MTR_STR_ARGS(setting->name));
    for (char *name = text; name;) {
        char *end = strstr(name, setting->separator);
        if (end) *end = '\0';
        const struct mtr_field *row = find_row(rows, name);
        if (!row) meant_row(rows, name, out->meant);
        if (!row || (row->type == MTR_FIELD_MAP) != (end != NULL)) return;
        const size_t used = strlen(out->path);
        snprintf(out->path + used, sizeof(out->path) - used, "%s%s", used ? "." : "", row->name);
        if (!end) out->row = row;
        else out->offset += row->offset;
        rows = row->fields;
        name = end ? end + strlen(setting->separator) : NULL;
    }
}

static int set_one(struct mtr_config *config, const struct setting *setting, struct mtr_diagnostics *findings)
{
    char path[NAME_BYTES * 2];
    struct setting_row found;
    find_setting(setting, &found);
    if (!found.row) {
        mtr_diagnostics_addf(findings, MTR_FINDING_FIELD_UNKNOWN, 0, 0, NULL,
                             "%s: there is no such key: %.*s%s%s", setting->origin,
                             MTR_STR_QUOTED(setting->name), found.meant);
        return MTR_EINVALID;
    }
    snprintf(path, sizeof(path), "%s: %s", setting->origin, found.path);
    return mtr_schema_decode_text(found.row, path, mtr_str_from(setting->value), &config->arena,
                                  (char *)config + found.offset, findings);
}

static int apply_environment(struct mtr_config *config, char *const *environment,
                             struct mtr_diagnostics *findings)
{
    const char prefix[] = "METERD_";
    int rc = MTR_OK;
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (strncmp(*environment, prefix, sizeof(prefix) - 1) != 0 || !equals) continue;
        const char *name = *environment + sizeof(prefix) - 1;
        const char *separator = strstr(name, "__");
        if (!separator || separator > equals) continue; /* METERD_KEY and the like are not configuration */
        const struct setting setting = {
            "environment", "__", {name, (size_t)(equals - name)}, equals + 1};
        int one = set_one(config, &setting, findings);
        if (one) rc = one;
    }
    return rc;
}

/* One of --set, after those of `first` and later. */
static int apply_given(struct mtr_config *config, const char *const *first, const char *const *given,
                       struct mtr_diagnostics *findings)
{
    const char *equals = strchr(*given, '=');
    if (!equals) {
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_SET, 0, 0, NULL,
                             "--set takes SECTION.KEY=VALUE, not '%s'", *given);
        return MTR_EINVALID;
    }
    const struct setting setting = {"--set", ".", {*given, (size_t)(equals - *given)}, equals + 1};
    for (; first < given; first++) {
        if (strncmp(*first, *given, setting.name.size + 1) != 0) continue;
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_SET, 0, 0, NULL,
                             "--set: %.*s%s is given twice, as '%s' and as '%s': it takes one value",
                             MTR_STR_QUOTED(setting.name), *first + setting.name.size + 1, setting.value);
        return MTR_EINVALID;
    }
    return set_one(config, &setting, findings);
}

static int apply_settings(struct mtr_config *config, const char *const *settings,
                          struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    for (const char *const *given = settings; given && *given; given++) {
        int one = apply_given(config, settings, given, findings);
        if (one) rc = one;
    }
    return rc;
}

static void check_tls(const struct mtr_config_tls *tls, const char *group, struct mtr_diagnostics *findings)
{
    char field[NAME_BYTES];
    const bool has_certificate = tls->certificate.size > 0;
    const char *odd = has_certificate != (tls->key.size > 0) ? has_certificate ? "key" : "certificate"
                      : !has_certificate && tls->client_ca.size ? "certificate" : NULL;
    if (!odd) return;
    snprintf(field, sizeof(field), "%s.tls.%s", group, odd);
    mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, field,
                         "is missing: TLS takes a certificate and its key");
}

static int check_relations(const struct mtr_config *config, struct mtr_diagnostics *findings)
{
    size_t before = findings->errors;
    check_tls(&config->listen.tls, "listen", findings);
    check_tls(&config->admin.tls, "admin", findings);
    if (config->intake.lateness > config->intake.dedup_window)
        mtr_diagnostics_addf(
            findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, "intake.lateness",
            "must not be longer than intake.dedup_window: a late event could be counted twice");
    if (config->intake.future >= config->intake.dedup_window)
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, "intake.dedup_window",
                             "must be longer than intake.future: an event that comes before its time could "
                             "be counted twice");
    if (config->intake.dedup_window > config->log.retention)
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, "intake.dedup_window",
                             "must not be longer than log.retention: the index is made of the log");
    if (config->listen.decoded_bytes_max < config->listen.body_bytes_max)
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, "listen.decoded_bytes_max",
                             "must not be smaller than listen.body_bytes_max");
    if (config->listen.body_bytes_total_max / 16 * 9 < config->listen.body_bytes_max)
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, "listen.body_bytes_total_max",
                             "must be 16/9 of listen.body_bytes_max: a quarter is the readings', and one key "
                             "has at most three quarters of the rest");
    if (config->outbox.backoff_max < config->outbox.backoff_min)
        mtr_diagnostics_addf(findings, MTR_FINDING_CONFIG_CONFLICT, 0, 0, "outbox.backoff_max",
                             "must not be shorter than outbox.backoff_min");
    return findings->errors > before ? MTR_EINVALID : MTR_OK;
}

/* NULL, or why not: of the whole file, since the findings of half of one would mislead. */
static const char *read_file(const char *path, struct mtr_buffer *text)
{
    char piece[4096];
    FILE *file = fopen(path, "re");
    if (!file) return errno == ENOENT ? "no such file" : strerror(errno);
    const char *reason = NULL;
    size_t size;
    while (!reason && (size = fread(piece, 1, sizeof(piece), file)) > 0)
        if (mtr_buffer_append(text, piece, size)) reason = "it is larger than a configuration is";
    if (!reason && ferror(file)) reason = strerror(errno);
    fclose(file);
    return reason;
}

/* Decodes the file's text, or no text at all: then every row gets its default. */
static int decode(struct mtr_config *config, struct mtr_str text, struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    int rc = mtr_document_parse(text, &document, &broken);
    if (rc) mtr_diagnostics_add(findings, &broken);
    else
        rc = mtr_schema_decode(mtr_config_fields, mtr_document_root(document), &config->arena, config,
                               findings);
    mtr_document_close(document);
    return rc;
}

int config_load(const char *path, char *const *environment, const char *const *settings,
                struct mtr_config *out, const char **input_name, struct mtr_diagnostics *findings)
{
    static const char system_path[] = "/etc/meterd/meterd.yaml";
    struct mtr_buffer text;
    *out = (struct mtr_config){0};
    mtr_arena_init(&out->arena, 4096, ARENA_BYTES_MAX);
    mtr_buffer_init(&text, CONFIG_BYTES_MAX);
    if (!path) path = getenv("METERD_CONFIG");
    if (!path && access(system_path, F_OK) == 0) path = system_path;
    *input_name = path ? path : "configuration";

    int rc = MTR_EINVALID;
    const char *reason = path ? read_file(path, &text) : NULL;
    if (reason) {
        mtr_diagnostics_addf(findings, MTR_FINDING_INPUT_UNREADABLE, 0, 0, NULL, "cannot be read: %s",
                             reason);
        goto out;
    }
    rc = decode(out, mtr_buffer_str(&text), findings);
    int environment_rc = rc == MTR_ENOMEM ? rc : apply_environment(out, environment, findings);
    int settings_rc = rc == MTR_ENOMEM ? rc : apply_settings(out, settings, findings);
    if (!rc) rc = environment_rc;
    if (!rc) rc = settings_rc;
    if (!rc) rc = check_relations(out, findings);
out:
    mtr_buffer_release(&text);
    return rc;
}

void config_release(struct mtr_config *config)
{
    mtr_arena_release(&config->arena);
}
