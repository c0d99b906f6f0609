/*
 * Replays a fuzz target without libFuzzer: every file of its corpus, then seeded mutations of them. Linked
 * with each fuzz_*.c in every preset, so that the sanitizers see the corpus in each run of the suite.
 *
 *   replay_fuzz_x CORPUS_DIRECTORY MUTATIONS      METERD_SEED=n chooses another seed
 *
 * The input under test stands in the file replay_fuzz_x.input of the working directory as well; it is left
 * behind when the target dies.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 64 << 10, FILES_MAX = 4096, CHANGES_MAX = 6 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input corpus[FILES_MAX];
static size_t corpus_count;
static struct random_source source;
static uint8_t *evidence; /* shared with the file that is left behind */

static void add_file(const char *directory, const char *name)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof(path) || corpus_count == FILES_MAX) return;
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    if (!file || !data) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    corpus[corpus_count++] = (struct input){data, fread(data, 1, INPUT_BYTES_MAX, file)};
    fclose(file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A target without a corpus starts from the empty input. */
static void load_corpus(const char *directory)
{
    static uint8_t nothing[1];
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') add_file(directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (corpus_count == 0) corpus[corpus_count++] = (struct input){nothing, 0};
}

static size_t remove_run(uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    size_t at = random_below(&source, size), count = 1 + random_below(&source, size - at);
    memmove(data + at, data + at + count, size - at - count);
    return size - count;
}

/* A run of another corpus file, or of itself, put in somewhere. */
static size_t insert_run(uint8_t *data, size_t size)
{
    const struct input *other = &corpus[random_below(&source, corpus_count)];
    if (other->size == 0) return size;
    size_t from = random_below(&source, other->size), count = 1 + random_below(&source, other->size - from),
           at = random_below(&source, size + 1);
    if (count > INPUT_BYTES_MAX - size) count = INPUT_BYTES_MAX - size;
    memmove(data + at + count, data + at, size - at);
    memcpy(data + at, other->data + from, count);
    return size + count;
}

static size_t insert_byte(uint8_t *data, size_t size)
{
    static const uint8_t interesting[] = {0x00, 0x7f, 0x80, 0xc1, 0xcb, 0xdb, 0xdd, 0xdf, 0xff, '"',
                                          '\\', '[',  ']',  '{',  '}',  ',',  ':',  '\n', '0',  '-'};
    if (size == INPUT_BYTES_MAX) return size;
    size_t at = random_below(&source, size + 1);
    memmove(data + at + 1, data + at, size - at);
    data[at] = random_below(&source, 2) ? interesting[random_below(&source, sizeof(interesting))] : (uint8_t)random_below(&source, 256);
    return size + 1;
}

static size_t mutate(uint8_t *data, size_t size)
{
    uint64_t changes = 1 + random_below(&source, CHANGES_MAX);
    for (uint64_t i = 0; i < changes; i++) {
        switch (random_below(&source, 6)) {
        case 0: if (size) data[random_below(&source, size)] ^= (uint8_t)(1u << random_below(&source, 8)); break;
        case 1: if (size) data[random_below(&source, size)] = (uint8_t)random_below(&source, 256); break;
        case 2: size = random_below(&source, size + 1); break;
        case 3: size = remove_run(data, size); break;
        case 4: size = insert_run(data, size); break;
        default: size = insert_byte(data, size); break;
        }
    }
    return size;
}

static void run(const uint8_t *data, size_t size, int file)
{
    if (size) memcpy(evidence, data, size);
    if (ftruncate(file, (off_t)size)) exit(1);
    LLVMFuzzerTestOneInput(data, size);
    if (ftruncate(file, INPUT_BYTES_MAX)) exit(1);
}

int main(int argc, char **argv)
{
    const char *seed_text = getenv("METERD_SEED"), *name = strrchr(argv[0], '/');
    char path[256];
    if (argc != 3) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY MUTATIONS\n", argv[0]);
        return 64;
    }
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1, mutations = strtoull(argv[2], NULL, 10);
    snprintf(path, sizeof(path), "%.200s.input", name ? name + 1 : argv[0]);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || ftruncate(file, INPUT_BYTES_MAX)) return 1;
    evidence = mmap(NULL, INPUT_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (evidence == MAP_FAILED) return 1;
    load_corpus(argv[1]);
    printf("%zu files, %" PRIu64 " mutations, METERD_SEED=%" PRIu64 "\n", corpus_count, mutations, seed);
    fflush(stdout);
    for (size_t i = 0; i < corpus_count; i++) run(corpus[i].data, corpus[i].size, file);
    static uint8_t data[INPUT_BYTES_MAX];
    source.state = seed;
    for (uint64_t i = 0; i < mutations; i++) {
        const struct input *base = &corpus[random_below(&source, corpus_count)];
        if (base->size) memcpy(data, base->data, base->size);
        run(data, mutate(data, base->size), file);
    }
    unlink(path);
    return 0;
}
