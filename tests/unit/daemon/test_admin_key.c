/*
 * admin.key made anew where no daemon runs: whatever stands in the catalog, and wherever the last one that did
 * it was killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/stores/data_hold.h"
#include "meterd/store/hold.h"
#include "tests/support/directory.h"

enum { NOW_US = 1000000, BYTES_MAX = 1 << 20 };

static char data[DIRECTORY_PATH_BYTES], file[DIRECTORY_PATH_BYTES + 32], fresh[DIRECTORY_PATH_BYTES + 32], catalog_path[DIRECTORY_PATH_BYTES + 32];

static int setup(void **state)
{
    (void)state;
    make_temporary(data);
    snprintf(file, sizeof(file), "%s/admin.key", data);
    snprintf(fresh, sizeof(fresh), "%s/admin.key.new", data);
    snprintf(catalog_path, sizeof(catalog_path), "%s/catalog", data);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(data);
    return 0;
}

static struct mtr_catalog_store *open_catalog(void)
{
    struct mtr_diagnostic diagnostic;
    struct mtr_catalog_store *store = NULL;
    if (mtr_catalog_store_open(catalog_path, false, &store, &diagnostic)) fail_msg("%s", diagnostic.text);
    return store;
}

static void apply(const char *text)
{
    struct mtr_catalog_store *store = open_catalog();
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 4);
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(text), .who = MTR_STR("tester"), .now_us = NOW_US};
    assert_int_equal(mtr_catalog_store_apply(store, &edit, &change, &findings), MTR_OK);
    mtr_diagnostics_release(&findings);
    mtr_catalog_store_close(store);
}

static void read_secret(const char *path, char secret[MTR_SECRET_TEXT_BYTES])
{
    memset(secret, 0, MTR_SECRET_TEXT_BYTES);
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, secret, MTR_SECRET_TEXT_BYTES - 1), MTR_SECRET_TEXT_BYTES - 1);
    close(fd);
}

static bool is_good(const char *secret)
{
    struct mtr_catalog_store *store = open_catalog();
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(store);
    const struct mtr_api_key *key = mtr_catalog_find_secret(catalog, mtr_str_from(secret), NOW_US);
    const bool good = key && mtr_str_equal(key->key, MTR_STR("admin")) && (key->scopes & MTR_SCOPE_ADMIN) && !key->vendor;
    mtr_catalog_release(catalog);
    mtr_catalog_store_close(store);
    return good;
}

static void renew(void)
{
    struct mtr_diagnostic diagnostic = {0};
    if (admin_key_renew(data, BYTES_MAX, NOW_US, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static void ensure(void)
{
    struct mtr_catalog_store *store = open_catalog();
    struct mtr_diagnostic diagnostic = {0};
    bool is_made;
    if (admin_key_ensure(store, data, NOW_US, &is_made, &diagnostic)) fail_msg("%s", diagnostic.text);
    mtr_catalog_store_close(store);
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void test_the_old_one_is_no_longer_good(void **state)
{
    (void)state;
    char first[MTR_SECRET_TEXT_BYTES], second[MTR_SECRET_TEXT_BYTES];
    struct stat status;
    ensure();
    read_secret(file, first);
    assert_true(is_good(first));
    renew();
    read_secret(file, second);
    assert_false(is_good(first));
    assert_true(is_good(second));
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_not_equal(access(fresh, F_OK), 0);
    ensure(); /* and a start leaves it */
    read_secret(file, first);
    assert_string_equal(first, second);
}

/* As an older meterd let it come to. */
static void test_who_was_locked_out(void **state)
{
    (void)state;
    char secret[MTR_SECRET_TEXT_BYTES];
    apply("vendors: [{key: acme}]\n"
          "api_keys:\n"
          "- {key: admin, vendor: acme, scopes: [query], disabled: true, retired: 1970-01-01,\n"
          "   sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}\n");
    ensure();
    assert_int_not_equal(access(file, F_OK), 0); /* a start alone gives nobody a key */
    renew();
    read_secret(file, secret);
    assert_true(is_good(secret));
}

static void test_killed_between(void **state)
{
    (void)state;
    char first[MTR_SECRET_TEXT_BYTES], second[MTR_SECRET_TEXT_BYTES];
    ensure();
    read_secret(file, first);
    /* Before the catalog knew it: the old one goes on. */
    write_file(fresh, "mtr_0000000000000000000000000000000000000000000000000000000000000000\n");
    ensure();
    read_secret(file, second);
    assert_string_equal(first, second);
    assert_int_not_equal(access(fresh, F_OK), 0);
    /* Behind it: the new one does, by the next start or the next renewal. */
    assert_int_equal(rename(file, fresh), 0);
    write_file(file, "mtr_0000000000000000000000000000000000000000000000000000000000000000\n");
    ensure();
    read_secret(file, second);
    assert_string_equal(first, second);
    write_file(fresh, "half of");
    renew();
    read_secret(file, second);
    assert_true(is_good(second));
    assert_false(is_good(first));
}

/* What root makes there is the owner's, or the daemon could not go on with it. */
static void test_by_root(void **state)
{
    (void)state;
    enum { OWNER = 12345 };
    static const char *const names[] = {"admin.key", "security", "security/head", "security/00000001.ndjson"};
    if (geteuid() != 0) skip();
    ensure();
    assert_int_equal(chown(data, OWNER, OWNER), 0);
    renew();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[DIRECTORY_PATH_BYTES + 32];
        struct stat status;
        snprintf(path, sizeof(path), "%s/%s", data, names[i]);
        assert_int_equal(stat(path, &status), 0);
        if (status.st_uid != OWNER || status.st_gid != OWNER) fail_msg("%s is of %u", names[i], status.st_uid);
    }
}

static void test_only_where_nobody_works(void **state)
{
    (void)state;
    struct mtr_diagnostic diagnostic = {0};
    int hold;
    assert_int_equal(admin_key_renew(data, BYTES_MAX, NOW_US, &diagnostic), MTR_ENOTFOUND);
    assert_non_null(strstr(diagnostic.text, "there is no catalog"));
    ensure();
    assert_int_equal(data_hold_begin(data, &hold, &diagnostic), MTR_OK);
    assert_int_equal(admin_key_renew(data, BYTES_MAX, NOW_US, &diagnostic), MTR_EEXISTS);
    assert_non_null(strstr(diagnostic.text, "in use"));
    mtr_hold_end(hold);
    renew();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_old_one_is_no_longer_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_was_locked_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_root, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_where_nobody_works, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
