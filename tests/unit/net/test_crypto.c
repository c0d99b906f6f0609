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
#include "meterd/net/seal.h"

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
        assert_int_equal(mtr_hmac_open(MTR_SHA256, rows[i].key, &hmac), MTR_OK);
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
    assert_int_equal(mtr_digest_of(MTR_SHA256, MTR_STR("abc"), hash), MTR_OK);
    hex_of(hash, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct mtr_hmac *empty;
    assert_int_equal(mtr_hmac_open(MTR_SHA256, (struct mtr_str){0}, &empty), MTR_OK);
    assert_int_equal(mtr_hmac_sign(empty, NULL, 0, hash), MTR_OK);
    hex_of(hash, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    mtr_hmac_close(empty);
}

static void hashes_longer(void **state)
{
    (void)state;
    uint8_t out[MTR_DIGEST_BYTES_MAX];
    struct mtr_buffer hex;
    struct mtr_hmac *hmac;
    const struct mtr_str data = MTR_STR("what do ya want for nothing?"), whole = {(const char *)out, sizeof(out)};
    mtr_buffer_init(&hex, 256);
    assert_int_equal(mtr_digest_bytes(MTR_SHA512), 64);
    assert_int_equal(mtr_digest_of(MTR_SHA512, MTR_STR("abc"), out), MTR_OK);
    assert_int_equal(mtr_hex_encode(&hex, whole), MTR_OK);
    assert_true(mtr_str_equal(mtr_buffer_str(&hex), MTR_STR("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                                            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")));
    mtr_buffer_reset(&hex);
    assert_int_equal(mtr_hmac_open(MTR_SHA512, MTR_STR("Jefe"), &hmac), MTR_OK);
    assert_int_equal(mtr_hmac_sign(hmac, &data, 1, out), MTR_OK);
    mtr_hmac_close(hmac);
    assert_int_equal(mtr_hex_encode(&hex, whole), MTR_OK);
    assert_true(mtr_str_equal(mtr_buffer_str(&hex), MTR_STR("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                                                            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737")));
    mtr_buffer_release(&hex);
}

/* Of libsodium itself: what is on disks stays readable. */
static void unseals_what_was_sealed(void **state)
{
    (void)state;
    static const uint8_t box[] = {0x01, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74,
                                  0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x15, 0xf6, 0x03, 0x71, 0x17, 0xfa, 0x6c, 0xab, 0x09, 0x4e, 0xd1,
                                  0x1c, 0xc0, 0x14, 0x00, 0xac, 0x70, 0xdc, 0xff, 0xbb, 0x5f, 0xc5, 0xa6, 0xc9, 0xc4, 0x92, 0x48, 0xf1, 0x59};
    uint8_t key[MTR_SEAL_KEY_BYTES];
    struct mtr_buffer plain;
    for (int i = 0; i < MTR_SEAL_KEY_BYTES; i++) key[i] = (uint8_t)i;
    mtr_buffer_init(&plain, 64);
    assert_int_equal(mtr_unseal(key, (struct mtr_str){(const char *)box, sizeof(box)}, &plain), MTR_OK);
    assert_true(mtr_str_equal(mtr_buffer_str(&plain), MTR_STR("refresh token")));
    mtr_buffer_release(&plain);
}

static void seals(void **state)
{
    (void)state;
    const uint8_t key[MTR_SEAL_KEY_BYTES] = {1}, other[MTR_SEAL_KEY_BYTES] = {2};
    struct mtr_buffer first, second, plain;
    mtr_buffer_init(&first, 256);
    mtr_buffer_init(&second, 256);
    mtr_buffer_init(&plain, 256);
    for (size_t size = 0; size <= 7; size += 7) {
        const struct mtr_str secret = {"refresh", size};
        mtr_buffer_reset(&first);
        mtr_buffer_reset(&second);
        mtr_buffer_reset(&plain);
        assert_int_equal(mtr_seal(key, secret, &first), MTR_OK);
        assert_int_equal(mtr_seal(key, secret, &second), MTR_OK);
        assert_int_equal(first.size, size + MTR_SEAL_MORE_BYTES);
        assert_false(mtr_str_equal(mtr_buffer_str(&first), mtr_buffer_str(&second))); /* a nonce each */
        assert_int_equal(mtr_unseal(key, mtr_buffer_str(&first), &plain), MTR_OK);
        assert_true(mtr_str_equal(mtr_buffer_str(&plain), secret));
        assert_int_equal(mtr_unseal(other, mtr_buffer_str(&first), &plain), MTR_ECORRUPT);
        for (size_t i = 0; i < first.size; i++) { /* each byte matters, and that none is missing */
            first.data[i] ^= 1;
            assert_int_equal(mtr_unseal(key, mtr_buffer_str(&first), &plain), MTR_ECORRUPT);
            first.data[i] ^= 1;
            assert_int_equal(mtr_unseal(key, (struct mtr_str){first.data, i}, &plain), MTR_ECORRUPT);
        }
        assert_int_equal(plain.size, size);
    }
    mtr_buffer_release(&second);
    mtr_buffer_init(&second, MTR_SEAL_MORE_BYTES);
    assert_int_equal(mtr_seal(key, MTR_STR("x"), &second), MTR_ELIMIT);
    assert_int_equal(second.size, 0);
    mtr_buffer_release(&first);
    mtr_buffer_release(&second);
    mtr_buffer_release(&plain);
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
        cmocka_unit_test(hashes_longer),
        cmocka_unit_test(unseals_what_was_sealed),
        cmocka_unit_test(seals),
        cmocka_unit_test(encodes_base64),
        cmocka_unit_test(signs_as_standard_webhooks),
        cmocka_unit_test(draws_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
