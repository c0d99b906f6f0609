/*
 * Certificates that a test makes, with their keys, as files of a directory of its own.
 */
#ifndef METERD_TESTS_SUPPORT_TLS_IDENTITIES_H
#define METERD_TESTS_SUPPORT_TLS_IDENTITIES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "tests/support/directory.h"

enum { DAY_S = 86400, IDENTITY_PATH_BYTES = 256, IDENTITY_TEXT_BYTES = 16 << 10 };

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char certificate_file[IDENTITY_PATH_BYTES], key_file[IDENTITY_PATH_BYTES];
};

struct wish {
    const char *name;          /* common name */
    const char *alternatives;  /* "IP:127.0.0.1"; NULL: none */
    const struct identity *by; /* NULL: by itself */
    bool is_authority;
    long from_s, to_s;         /* from now */
};

static inline void extend_certificate(X509 *certificate, X509 *by, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, by, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void save_identity(struct identity *identity, const char *directory, const char *name)
{
    snprintf(identity->certificate_file, IDENTITY_PATH_BYTES, "%s/%s.pem", directory, name);
    snprintf(identity->key_file, IDENTITY_PATH_BYTES, "%s/%s.key", directory, name);
    FILE *file = fopen(identity->certificate_file, "w");
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    fclose(file);
    file = fopen(identity->key_file, "w");
    assert_int_equal(PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static inline void make_identity(struct identity *identity, const char *directory, struct wish wish)
{
    static long number = 0;
    identity->key = EVP_EC_gen("P-256");
    X509 *certificate = identity->certificate = X509_new();
    const struct identity *by = wish.by ? wish.by : identity;
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++number);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.to_s);
    X509_set_pubkey(certificate, identity->key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish.name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(by->certificate));
    extend_certificate(certificate, by->certificate, NID_basic_constraints, wish.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (wish.alternatives) extend_certificate(certificate, by->certificate, NID_subject_alt_name, wish.alternatives);
    assert_true(X509_sign(certificate, by->key, EVP_sha256()) > 0);
    save_identity(identity, directory, wish.name);
}

static inline void forget_identity(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static inline struct mtr_str text_of(const char *path, char out[IDENTITY_TEXT_BYTES])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const size_t size = fread(out, 1, IDENTITY_TEXT_BYTES, file);
    assert_true(size > 0 && size < IDENTITY_TEXT_BYTES);
    fclose(file);
    return (struct mtr_str){out, size};
}

#endif
