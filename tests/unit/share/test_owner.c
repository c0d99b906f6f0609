/*
 * Owners: kinds stay apart, and addresses fall together where one site has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "meterd/share/owner.h"

static mtr_owner of_address(const char *text)
{
    struct sockaddr_in old = {.sin_family = AF_INET};
    struct sockaddr_in6 new = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &old.sin_addr) == 1) return mtr_owner_of_address((struct sockaddr *)&old);
    assert_int_equal(inet_pton(AF_INET6, text, &new.sin6_addr), 1);
    return mtr_owner_of_address((struct sockaddr *)&new);
}

static void kinds_stay_apart(void **state)
{
    (void)state;
    const mtr_owner owners[] = {MTR_OWNER_SELF,
                                mtr_owner_of_key(1),
                                mtr_owner_of_key(2),
                                mtr_owner_of_key(UINT32_MAX),
                                mtr_owner_of_vendor(MTR_STR("acme")),
                                mtr_owner_of_vendor(MTR_STR("rival")),
                                of_address("192.0.2.1"),
                                of_address("192.0.2.2"),
                                of_address("2001:db8::1"),
                                of_address("2001:db8:0:1::1")};
    for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++)
        for (size_t j = 0; j < i; j++) assert_true(owners[i] != owners[j]);
}

static void a_site_is_one(void **state)
{
    const struct sockaddr other = {.sa_family = AF_UNIX};
    (void)state;
    assert_true(of_address("2001:db8::1") == of_address("2001:db8::ffff:0:0:9"));
    assert_true(of_address("::ffff:192.0.2.1") == of_address("192.0.2.1"));
    assert_true(mtr_owner_of_address(&other) == mtr_owner_of_address(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_stay_apart), cmocka_unit_test(a_site_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
