/*
 * Known answers: RFC 1321 (MD5), FIPS 180-4 (SHA-256); the same whatever the pieces.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "meterd/net/crypto.h"

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        enum mtr_hasher_kind kind;
        const char *text, *hex;
    } rows[] = {
        {MTR_HASHER_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {MTR_HASHER_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {MTR_HASHER_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {MTR_HASHER_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {MTR_HASHER_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mtr_str text = mtr_str_from(rows[i].text);
        struct mtr_hasher *hasher;
        assert_int_equal(mtr_hasher_open(rows[i].kind, &hasher), MTR_OK);
        for (size_t cut = 0; cut <= text.size; cut++) { /* again and again with one of them */
            uint8_t digest[MTR_HASHER_BYTES_MAX];
            char hex[2 * MTR_HASHER_BYTES_MAX + 1];
            assert_int_equal(mtr_hasher_begin(hasher), MTR_OK);
            assert_int_equal(mtr_hasher_add(hasher, (struct mtr_str){text.data, cut}), MTR_OK);
            assert_int_equal(mtr_hasher_add(hasher, (struct mtr_str){text.data + cut, text.size - cut}), MTR_OK);
            assert_int_equal(mtr_hasher_end(hasher, digest), MTR_OK);
            const size_t size = rows[i].kind == MTR_HASHER_MD5 ? MTR_HASHER_MD5_BYTES : MTR_HASHER_BYTES_MAX;
            for (size_t k = 0; k < size; k++) snprintf(hex + 2 * k, 3, "%02x", digest[k]);
            assert_string_equal(hex, rows[i].hex);
        }
        mtr_hasher_close(hasher);
    }
    mtr_hasher_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
