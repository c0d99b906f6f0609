/*
 * Known answers: RFC 4231 (HMAC-SHA256), FIPS 180-4 (SHA-256), RFC 4648 (base64), and the published example
 * of Standard Webhooks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "meterd/net/crypto.h"

static void hex_of(const uint8_t *bytes, char out[2 * MTR_SHA256_BYTES + 1])
{
    for (int i = 0; i < MTR_SHA256_BYTES; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static size_t fill(char *out, int byte, size_t size)
{
    memset(out, byte, size);
    return size;
}

static void signs_as_rfc_4231(void **state)
{
    (void)state;
    char key[131], data[50];
    fill(key, 0xaa, sizeof(key));
    fill(data, 0xdd, 50);
    struct {
        struct mtr_str key, data;
        const char *mac;
    } rows[] = {
        {{"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20}, MTR_STR("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {MTR_STR("Jefe"), MTR_STR("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {{key, 20}, {data, 50}, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {{key, 131}, MTR_STR("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {{key, 131},
         MTR_STR("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before "
                 "being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_hmac *hmac;
        uint8_t mac[MTR_SHA256_BYTES];
        char hex[2 * MTR_SHA256_BYTES + 1];
        assert_int_equal(mtr_hmac_open(rows[i].key, &hmac), MTR_OK);
        for (size_t cut = 0; cut < 3; cut++) { /* again with the kept key, in pieces */
            struct mtr_str pieces[2] = {{rows[i].data.data, cut},
                                        {rows[i].data.data + cut, rows[i].data.size - cut}};
            assert_int_equal(mtr_hmac_sign(hmac, pieces, 2, mac), MTR_OK);
            hex_of(mac, hex);
            assert_string_equal(hex, rows[i].mac);
        }
        mtr_hmac_close(hmac);
    }
    uint8_t hash[MTR_SHA256_BYTES];
    char hex[2 * MTR_SHA256_BYTES + 1];
    assert_int_equal(mtr_sha256(MTR_STR("abc"), hash), MTR_OK);
    hex_of(hash, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct mtr_hmac *empty;
    assert_int_equal(mtr_hmac_open((struct mtr_str){0}, &empty), MTR_OK);
    assert_int_equal(mtr_hmac_sign(empty, NULL, 0, hash), MTR_OK);
    hex_of(hash, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    mtr_hmac_close(empty);
}

static void encodes_base64(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xff\xfe\xfd", "//79"},
                                          {"\xfb\xef\xbe", "++++"}};
    struct mtr_buffer text, data;
    mtr_buffer_init(&text, 4096);
    mtr_buffer_init(&data, 4096);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mtr_buffer_reset(&text);
        mtr_buffer_reset(&data);
        assert_int_equal(mtr_base64_encode(&text, mtr_str_from(rows[i][0])), MTR_OK);
        assert_true(mtr_str_equal(mtr_buffer_str(&text), mtr_str_from(rows[i][1])));
        assert_int_equal(mtr_base64_decode(&data, mtr_buffer_str(&text)), MTR_OK);
        assert_true(mtr_str_equal(mtr_buffer_str(&data), mtr_str_from(rows[i][0])));
    }
    static const char *const bad[] = {"Z",      "Zg",   "Zg=",  "Zg===", "Zh==", "Zm9=", "Zg==Zg==", " Zg==",
                                      "Zm9v\n", "Zm_v", "Zm-v", "=Zg=",  "====", "Z===", "Zm=v"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mtr_buffer_reset(&data);
        assert_int_equal(mtr_base64_decode(&data, mtr_str_from(bad[i])), MTR_EINVALID);
        assert_int_equal(data.size, 0);
    }
    mtr_buffer_release(&text);
    mtr_buffer_release(&data);
}

static void signs_as_standard_webhooks(void **state)
{
    (void)state;
    struct mtr_webhook *webhook;
    char signature[MTR_WEBHOOK_SIGNATURE_BYTES];
    struct mtr_str id = MTR_STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), body = MTR_STR("{\"test\": 2432232314}");
    assert_int_equal(mtr_webhook_open(MTR_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &webhook), MTR_OK);
    assert_int_equal(mtr_webhook_sign(webhook, id, 1614265330, body, signature), MTR_OK);
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    const int64_t now = 1614265330;
    assert_int_equal(mtr_webhook_sign(webhook, MTR_STR("a.b"), now, body, signature), MTR_EINVALID);
    mtr_webhook_close(webhook);
    assert_int_equal(mtr_webhook_open(MTR_STR("whsec_c2hvcnQ="), &webhook), MTR_EINVALID);
    assert_int_equal(mtr_webhook_open(MTR_STR("whsec_not base64"), &webhook), MTR_EINVALID);
}

static void draws_random_bytes(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(mtr_random_bytes(a, sizeof(a)), MTR_OK);
    assert_int_equal(mtr_random_bytes(b, sizeof(b)), MTR_OK);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_rfc_4231),
        cmocka_unit_test(encodes_base64),
        cmocka_unit_test(signs_as_standard_webhooks),
        cmocka_unit_test(draws_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
