/*
 * Files that manifests and listings name, as stories (tests/support/source/paging_stories.h): counted, whole, each once, and
 * asked for anew when their links are too old.
 */
#include "collector/source/paging/paging.h"

#include "tests/support/source/paging_stories.h"

static void test_manifest(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    static const uint16_t expired[] = {403, 410};
    const struct mtr_paging_parts parts = {.list = MTR_STR("blobs[]"), .url = MTR_STR("url"), .size = MTR_STR("size"), .md5 = MTR_STR("md5"),
                                           .count = MTR_STR("n"), .etag = MTR_STR("etag"), .expired = expired, .expired_count = 2};
    static const struct story stories[] = {
        {"0 n=2 etag=e1 part=/a?s=1 part=https://files.example/b|5|6", "", "[] NEXT [https://api.example/a?s=1] NEXT [https://files.example/b] END", "e1"},
        {"0 n=0 etag=e1", "", "[] END", "e1"},
        {"0 n=0 etag=e1", "=", "[] UNCHANGED", "e1"},
        {"0 n=1 etag=e1 part=/a|5", "=", "[] NEXT [https://api.example/a] END", "e1"},
        {"0 n=1 etag=e1 part=/a?s=2", "=", "[] UNCHANGED", "e1"},
        {"0 n=1 etag=e2 part=/a|5", "=", "[] NEXT [https://api.example/a] END", "e2"},
        /* The version is that of before, and the parts are not. */
        {"0 n=1 etag=e2 part=/a,7|5 bytes=7", "=", "[] NEXT [https://api.example/a] END", "e2"},
        {"0 n=1 etag=e2 part=/a,8|5 bytes=8", "=", "[] NEXT [https://api.example/a] END", "e2"},
        {"0 n=1 etag=e2 part=/a,8,d41d8cd98f00b204e9800998ecf8427e|5 bytes=8", "=", "[] NEXT [https://api.example/a] END", "e2"},
        {"0 n=2 etag=e2 part=/a,8 part=/b,9|5 bytes=8|6 bytes=9", "=", "[] NEXT [https://api.example/a] NEXT [https://api.example/b] END", "e2"},
        {"0 n=2 etag=e2 part=/b,9 part=/a,8", "=", "[] UNCHANGED", "e2"},
        {"0 n=2 etag=e2 part=/a,9 part=/b,10|5 bytes=9|6 bytes=10", "=", "[] NEXT [https://api.example/a] NEXT [https://api.example/b] END", "e2"},
        {"0 n=1 etag=e1 part=/a,7", "e1", "[] UNCHANGED", "e1"}, /* as earlier editions wrote it */
        {"0 n=1 etag=e1 part=/a,7", "=", "[] UNCHANGED", "e1"},
        {"0 n=1 etag=e1 part=/a,8|5 bytes=8", "=", "[] NEXT [https://api.example/a] END", "e1"},
        {"0 n=3 part=/a part=/b", "", "[] FAILED:incomplete", NULL},
        {"0 part=/a part=/b", "", "[] FAILED:incomplete", NULL}, /* it does not say how many */
        {"0 n=2 part=/a part=/a", "", "[] FAILED:loop", NULL},
        {"0 n=1 part=https://evil.example/a", "", "[] FAILED:link", NULL},
        {"0 n=1 part=/a,7|5 bytes=7", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,7|5 bytes=6", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        {"0 n=1 part=/a,0,d41d8cd98f00b204e9800998ecf8427E|5", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,0,1B2M2Y8AsgTpgAmY7PhCfg==|5", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,0,\"d41d8cd98f00b204e9800998ecf8427e\"|5", "", "[] NEXT [https://api.example/a] END", NULL},
        {"0 n=1 part=/a,0,d41d8cd98f00b204e9800998ecf8427f|5", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        {"0 n=1 part=/a,0,1B2M2Y8AsgTpgAmY7PhCfh==|5", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        {"0 n=1 part=/a,0,xyz|5", "", "[] NEXT [https://api.example/a] FAILED:incomplete", NULL},
        /* Links go old: the manifest is asked anew, and the part that came stays. */
        {"0 n=2 etag=e1 part=/a?s=1 part=/b?s=1|5|0 status=403|0 n=2 etag=e1 part=/a?s=2 part=/b?s=2|6", "",
         "[] NEXT [https://api.example/a?s=1] NEXT [https://api.example/b?s=1] EXPIRED [] NEXT [https://api.example/b?s=2] END", "e1"},
        {"0 n=2 etag=e1 part=/a part=/b|5|0 status=410|0 n=2 etag=e2 part=/a part=/b", "",
         "[] NEXT [https://api.example/a] NEXT [https://api.example/b] EXPIRED [] RESTART", NULL},
        {"0 n=2 etag=e1 part=/a part=/b|5|0 status=410|0 n=2 etag=e1 part=/b part=/a", "",
         "[] NEXT [https://api.example/a] NEXT [https://api.example/b] EXPIRED [] RESTART", NULL},
        {"0 n=1 part=/a|0 status=404", "", "[] NEXT [https://api.example/a] END", NULL}, /* not one of those */
        {"none", "", "[] NONE", NULL},
        {"none n=1 part=/a", "", "[] NONE:incomplete", NULL},
        {"0 n=2 etag=e1 part=/a part=/b|5|0 status=403|none", "",
         "[] NEXT [https://api.example/a] NEXT [https://api.example/b] EXPIRED [] NONE:incomplete", NULL},
    };
    source.paging.parts = &parts;
    TELL(source, stories);
}

/* As Microsoft's: names, a root and a token that stand in the manifest. */
static void test_manifest_with_a_root(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    const struct mtr_paging_parts parts = {.list = MTR_STR("blobs[]"), .url = MTR_STR("name"), .root = MTR_STR("root"),
                                           .token_query = MTR_STR("sas")};
    static const struct story stories[] = {
        {"0 root=https://files.example/run/7 sas=sv=1&sig=a%2Fb part=p0.gz part=x/p1.gz|5|6", "",
         "[] NEXT [https://files.example/run/7/p0.gz?sv=1&sig=a%2Fb] NEXT [https://files.example/run/7/x/p1.gz?sv=1&sig=a%2Fb] END", ""},
        {"0 root=https://a.b.below.example/ sas=?t part=p?v=2|5", "", "[] NEXT [https://a.b.below.example/p?v=2&t] END", ""},
        {"0 root=/files part=p|5", "", "[] NEXT [https://api.example/files/p] END", ""},
        {"0 part=p|5", "", "[] NEXT [https://api.example/v2/p] END", ""},
        {"0 root=https://evil.example part=p", "", "[] FAILED:link", NULL},
        {"0 root=https://below.example part=p", "", "[] FAILED:link", NULL}, /* *.below.example is below it */
        {"0 root=https://evilbelow.example part=p", "", "[] FAILED:link", NULL},
        {"0 root=https://files.example@evil.example part=p", "", "[] FAILED:link", NULL},
    };
    source.paging.parts = &parts;
    TELL(source, stories);
}

/* As AWS's: bare texts. Of a cost and usage report keys below its bucket, of a data export whole addresses, which are no URLs. */
static void test_manifest_of_bare_texts(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    const struct mtr_paging_parts keys = {.list = MTR_STR("reportKeys[]"), .item = MTR_STR("."), .url = MTR_STR("/bucket/{item}"),
                                          .url_is_template = true, .etag = MTR_STR("assemblyId")};
    static const struct story of_keys[] = {
        {"0 assemblyId=e1 part=a/x-1.csv.gz part=a/x-2.csv.gz|5|6", "", "[] NEXT [item=a/x-1.csv.gz] NEXT [item=a/x-2.csv.gz] END", "e1"},
        {"0 assemblyId=e1 part=a/x-1.csv.gz part=a/x-2.csv.gz", "=", "[] UNCHANGED", "e1"},
        {"0 assemblyId=e1 part=a part=a", "", "[] FAILED:loop", NULL},
    };
    const struct mtr_paging_parts addresses = {.list = MTR_STR("dataFiles[]"), .url = MTR_STR("."), .etag = MTR_STR("executionId")};
    static const struct story of_addresses[] = {
        {"0 executionId=e1 part=s3://acme/f/P=2026-01/x?a#1%.gz|5", "", "[] NEXT [https://api.example/s3/acme/f/P%3D2026-01/x%3Fa%231%25.gz] END", "e1"},
        {"0 part=s3://acme/../../x|5", "", "[] NEXT [https://api.example/x] END", ""},
        {"0 part=s4://acme/x", "", "[] FAILED:link", NULL},
    };
    source.paging.parts = &keys;
    TELL(source, of_keys);
    source.paging.parts = &addresses;
    source.base.url = MTR_STR("https://api.example/s3");
    TELL(source, of_addresses);
}

/* A job's manifest is a member of the answer that says that it is done, and so is all that it says. */
static void test_manifest_of_a_job(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    const struct mtr_source_job job = {.result = MTR_JOB_MANIFEST, .result_path = MTR_STR("result.location")};
    const struct mtr_paging_parts parts = {.list = MTR_STR("blobs[]"), .url = MTR_STR("name"), .root = MTR_STR("root"), .count = MTR_STR("n"),
                                           .etag = MTR_STR("[\"e.tag\"]")};
    static const struct story stories[] = {
        {"0 result.location.n=1 result.location[\"e.tag\"]=e1 result.location.root=https://files.example/c part=a|5", "",
         "[] NEXT [https://files.example/c/a] END", "e1"},
        {"0 n=1 root=https://files.example/c part=a", "", "[] FAILED:incomplete", NULL},
    };
    source.paging.parts = &parts;
    source.job = &job;
    TELL(source, stories);
    struct paging *paging;
    assert_int_equal(paging_open(&source, MTR_STR(""), &paging), MTR_OK);
    assert_true(mtr_str_equal(paging_list(paging)->format.rows, MTR_STR("result.location.blobs[]")));
    paging_close(paging);
}

static void test_listing(void **state)
{
    (void)state;
    struct mtr_source source = source_of(MTR_PAGING_PARTS);
    static const uint16_t expired[] = {403};
    const struct mtr_paging_parts parts = {.is_s3_list = true, .token = MTR_STR("NextContinuationToken"), .expired = expired, .expired_count = 1,
                                           .send = {MTR_SEND_QUERY, MTR_STR("continuation-token")},
                                           .url = MTR_STR("/bucket/{item}"), .url_is_template = true, .item = MTR_STR("Key")};
    static const struct story stories[] = {
        {"0 NextContinuationToken=t part=a/x.csv,7|0 part=b/y.csv,8|1 bytes=7|1 bytes=8", "",
         "[] NEXT [query.continuation-token=t] NEXT [item=a/x.csv] NEXT [item=b/y.csv] END", ""},
        {"0 NextContinuationToken=t part=a,7|0 NextContinuationToken=t part=b,7", "", "[] NEXT [query.continuation-token=t] FAILED:loop", NULL},
        {"0 part=a,7|1 bytes=8", "", "[] NEXT [item=a] FAILED:incomplete", NULL},
        /* A listing that is made anew has its tokens again. */
        {"0 NextContinuationToken=t part=a,7|0 part=b,8|0 status=403|0 NextContinuationToken=t part=a,7|0 part=b,8|1 bytes=7|1 bytes=8", "",
         "[] NEXT [query.continuation-token=t] NEXT [item=a] EXPIRED [] NEXT [query.continuation-token=t] NEXT [item=a] NEXT [item=b] END", NULL},
        {"0", "", "[] END", NULL},
        {"0 part=a/,0 part=a/x,7|1 bytes=7", "", "[] NEXT [item=a/x] END", NULL}, /* a folder that a console made */
        /* An object that was written anew since it was listed. */
        {"0 part=a,7,\"1f\"|1 bytes=7 tag=\"1f\"", "", "[] NEXT [item=a] END", NULL},
        {"0 part=a,7,\"1f\"|1 bytes=9 tag=\"2e\"", "", "[] NEXT [item=a] RESTART", NULL},
        {"0 part=a,7,\"1f\"|1 bytes=7 tag=W/\"2e\"", "", "[] NEXT [item=a] END", NULL}, /* weak: nothing to compare */
    };
    source.paging.parts = &parts;
    TELL(source, stories);
    struct paging *paging;
    assert_int_equal(paging_open(&source, MTR_STR(""), &paging), MTR_OK);
    const struct paging_list *list = paging_list(paging);
    assert_int_equal(list->format.kind, MTR_ROWS_S3_LIST);
    assert_int_equal(list->column_count, 3);
    assert_true(mtr_str_equal(list->columns[0], MTR_STR("Key")) && mtr_str_equal(list->columns[1], MTR_STR("Size")) &&
                mtr_str_equal(list->columns[2], MTR_STR("ETag")));
    paging_close(paging);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_manifest_with_a_root),
        cmocka_unit_test(test_manifest_of_bare_texts),
        cmocka_unit_test(test_manifest_of_a_job),
        cmocka_unit_test(test_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
