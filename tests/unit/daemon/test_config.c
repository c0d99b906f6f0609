/*
 * Configuration: defaults of the rows, the example file says the same, precedence, and findings with their
 * places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"

static char file_path[64];

static const char *write_file(const char *text)
{
    snprintf(file_path, sizeof(file_path), "/tmp/meterd-test-config-%d.yaml", (int)getpid());
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return file_path;
}

static int load(const char *path, char *const *environment, const char *const *settings,
                struct mtr_config *config, char *findings_text, size_t room)
{
    const char *input_name;
    struct mtr_diagnostics findings;
    struct mtr_buffer text;
    mtr_diagnostics_init(&findings, 16);
    mtr_buffer_init(&text, 1 << 16);
    int rc = config_load(path, environment, settings, config, &input_name, &findings);
    for (size_t i = 0; i < findings.count; i++)
        assert_int_equal(mtr_diagnostic_write(&text, path ? "FILE" : "configuration", &findings.items[i]), 0);
    snprintf(findings_text, room, "%.*s", (int)text.size, text.data ? text.data : "");
    mtr_buffer_release(&text);
    mtr_diagnostics_release(&findings);
    return rc;
}

static void test_example_file_is_the_defaults(void **state)
{
    (void)state;
    struct mtr_config defaults, example;
    char text[1024];
    unsetenv("METERD_CONFIG");
    assert_int_equal(load("/dev/null", NULL, NULL, &defaults, text, sizeof(text)), 0);
    assert_int_equal(load("config/meterd.yaml", NULL, NULL, &example, text, sizeof(text)), 0);
    assert_string_equal(text, "");
    assert_true(mtr_str_equal(defaults.data.directory, example.data.directory));
    assert_memory_equal(&defaults.log, &example.log, sizeof(defaults.log));
    assert_memory_equal(&defaults.intake, &example.intake, sizeof(defaults.intake));
    assert_memory_equal(&defaults.rater, &example.rater, sizeof(defaults.rater));
    assert_memory_equal(&defaults.outbox, &example.outbox, offsetof(struct mtr_config_outbox, allow_loopback));
    assert_int_equal(defaults.outbox.allow_loopback, example.outbox.allow_loopback);
    assert_int_equal(defaults.outbox.allow_private, example.outbox.allow_private);
    assert_true(mtr_str_equal(defaults.outbox.secrets_directory, example.outbox.secrets_directory));
    assert_memory_equal(&defaults.limits, &example.limits, sizeof(defaults.limits));
    assert_memory_equal(&defaults.query, &example.query, sizeof(defaults.query));
    assert_memory_equal(&defaults.logline, &example.logline, sizeof(defaults.logline));
    assert_int_equal(defaults.listen.port, example.listen.port);
    assert_int_equal(defaults.listen.body_bytes_max, example.listen.body_bytes_max);
    config_release(&defaults);
    config_release(&example);
}

static void test_settings_beat_environment_beats_file(void **state)
{
    (void)state;
    char port_1[] = "METERD_LISTEN__PORT=1001", grace[] = "METERD_RATER__GRACE=2h", other[] = "METERD_KEY=x";
    char *environment[] = {port_1, grace, other, NULL};
    const char *settings[] = {"listen.port=1002", NULL};
    struct mtr_config config;
    char text[1024];
    assert_int_equal(load(write_file("listen: {port: 1000}\nrater: {grace: 1m, draft_every: 3m}\n"),
                          environment, settings, &config, text, sizeof(text)),
                     0);
    assert_int_equal(config.listen.port, 1002);
    assert_int_equal(config.rater.grace, INT64_C(7200000000));
    assert_int_equal(config.rater.draft_every, INT64_C(180000000));
    config_release(&config);
    unlink(file_path);
}

static void test_findings(void **state)
{
    (void)state;
    static const struct {
        const char *file, *setting, *finding;
    } cases[] = {
        {"listen:\n  prot: 1\n", NULL, "FILE:2:3: error: "},
        {"listen:\n  port: 70000\n", NULL, "FILE:2:9: error: listen.port: "},
        {"log:\n  retention: 400\n", NULL, "FILE:2:14: error: log.retention: "},
        {"log: [\n", NULL, "FILE:"},
        {"intake: {dedup_window: 1d, lateness: 2d}\n", NULL, "error: intake.lateness: must not be longer than intake.dedup_window"},
        {"intake: {dedup_window: 15s, lateness: 15s}\n", NULL, "error: intake.dedup_window: must be longer than intake.future"},
        {"intake: {dedup_window: 1d, lateness: 1d, future: 1d}\n", NULL, "error: intake.dedup_window: must be longer than intake.future"},
        {"log: {retention: 1d}\n", NULL, "error: intake.dedup_window: must not be longer than log.retention"},
        {"", "listen.nonsense=1", "--set: there is no such key: listen.nonsense"},
        {"", "rater.grce=1d", "--set: there is no such key: rater.grce; did you mean `grace`?"},
        {"", "ratr.grace=1d", "--set: there is no such key: ratr.grace; did you mean `rater`?"},
        {"", "listen.tls=x", "--set: there is no such key: listen.tls"},
        {"", "listen.port.x=1", "--set: there is no such key: listen.port.x"},
        {"", "listen.tls.kay=x", "--set: there is no such key: listen.tls.kay; did you mean `key`?"},
        {"listen: {tls: {key: /k}}\n", NULL, "error: listen.tls.certificate: is missing: TLS takes"},
        {"listen: {tls: {certificate: /c}}\n", NULL, "error: listen.tls.key: is missing"},
        {"admin: {tls: {client_ca: /c}}\n", NULL, "error: admin.tls.certificate: is missing"},
        {"", "listen.port", "--set takes SECTION.KEY=VALUE"},
        {"", "listen.port=x", "--set: listen.port"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *settings[] = {cases[i].setting, NULL};
        struct mtr_config config;
        char text[1024];
        assert_int_equal(load(write_file(cases[i].file), NULL, settings, &config, text, sizeof(text)),
                         MTR_EINVALID);
        if (!strstr(text, cases[i].finding))
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].finding, text);
        config_release(&config);
        unlink(file_path);
    }
}

static void note_key(void *context, const char *section, const char *key)
{
    char *names = context;
    const size_t used = strlen(names);
    snprintf(names + used, 256 - used, "%s.%s ", section, key);
}

/* What stands together in a section is set one level further down, and told so. */
static void test_groups_within_a_section(void **state)
{
    (void)state;
    char certificate[] = "METERD_LISTEN__TLS__CERTIFICATE=/c1", key[] = "METERD_LISTEN__TLS__KEY=/k1";
    char *environment[] = {certificate, key, NULL};
    const char *settings[] = {"listen.tls.certificate=/c2", "admin.tls.certificate=/c3", "admin.tls.key=/k3", NULL};
    struct mtr_config first, second;
    char text[1024], names[256] = "";
    assert_int_equal(load(write_file("listen: {tls: {certificate: /c0, client_ca: /a0}}\n"), environment, NULL, &first, text, sizeof(text)), 0);
    assert_true(mtr_str_equal(first.listen.tls.certificate, MTR_STR("/c1")));
    assert_true(mtr_str_equal(first.listen.tls.key, MTR_STR("/k1")));
    assert_true(mtr_str_equal(first.listen.tls.client_ca, MTR_STR("/a0")));
    assert_int_equal(load(file_path, environment, settings, &second, text, sizeof(text)), 0);
    assert_true(mtr_str_equal(second.listen.tls.certificate, MTR_STR("/c2")));
    assert_true(mtr_str_equal(second.admin.tls.key, MTR_STR("/k3")));
    config_compare(&first, &second, note_key, names);
    assert_string_equal(names, "listen.tls.certificate admin.tls.certificate admin.tls.key ");
    config_release(&first);
    config_release(&second);
    unlink(file_path);
}

static void test_a_setting_is_given_once(void **state)
{
    (void)state;
    const char *settings[] = {"listen.port=1", "listen.body_bytes_max=1MiB", "listen.port=2", NULL};
    struct mtr_config config;
    char text[1024];
    assert_int_equal(load(write_file(""), NULL, settings, &config, text, sizeof(text)), MTR_EINVALID);
    assert_non_null(strstr(text, "--set: listen.port is given twice, as '1' and as '2': it takes one value"));
    config_release(&config);
    unlink(file_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example_file_is_the_defaults),
        cmocka_unit_test(test_settings_beat_environment_beats_file),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_groups_within_a_section),
        cmocka_unit_test(test_a_setting_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
