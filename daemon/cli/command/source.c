/*
 * meterd source: what is done with the sources of usage, by a verb (source_verb.h).
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/commands.h"

static const struct source_verb *const verbs[] = {
    &source_verb_list,    &source_verb_windows, &source_verb_show,   &source_verb_test,   &source_verb_record,
    &source_verb_certify, &source_verb_run,     &source_verb_pause,  &source_verb_resume, &source_verb_accept,
    &source_verb_replay,  &source_verb_progress, NULL,
};

static const struct source_verb *find_verb(const char *name)
{
    for (const struct source_verb *const *verb = verbs; *verb; verb++)
        if (!strcmp((*verb)->name, name)) return *verb;
    return NULL;
}

static int say_verbs(const char *name)
{
    fprintf(stderr, "meterd source: say");
    for (const struct source_verb *const *verb = verbs; *verb; verb++)
        fprintf(stderr, "%s `%s%s%s`",
                verb == verbs ? ""
                : verb[1]     ? ","
                              : " or",
                (*verb)->name, *(*verb)->arguments ? " " : "", (*verb)->arguments);
    fprintf(stderr, ", not `%s`\n", name);
    return MTR_EXIT_USAGE;
}

static bool is_in(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* An option that would be left aside in silence is refused: somebody meant it. */
static bool check_options(const struct cli_invocation *invocation, const struct source_verb *verb)
{
    static const char *const of_all[] = {"url", "cacert", "cert", "cert-key", "key-file", NULL};
    for (uint32_t i = 0; i < invocation->option_count; i++) {
        const struct cli_option *option = invocation->options[i].option;
        const bool is_common = option == cli_find_option(NULL, mtr_str_from(option->name), 0);
        if (is_common || is_in(of_all, option->name) || is_in(verb->options, option->name)) continue;
        fprintf(stderr, "meterd source: --%s means nothing to `%s`: leave it out\n", option->name,
                verb->name);
        return false;
    }
    return true;
}

static int run(const struct cli_invocation *invocation)
{
    const struct source_verb *verb = find_verb(invocation->arguments[0]);
    if (!verb) return say_verbs(invocation->arguments[0]);
    const uint32_t count = invocation->argument_count - 1;
    if (count < verb->arguments_min || count > verb->arguments_max) {
        fprintf(stderr, "meterd source: say `%s%s%s`\n", verb->name, *verb->arguments ? " " : "",
                verb->arguments);
        return MTR_EXIT_USAGE;
    }
    if (count && !invocation->arguments[1][0]) {
        fprintf(stderr, "meterd source: `%s` of which source? the name that was given is empty\n",
                verb->name);
        return MTR_EXIT_USAGE;
    }
    return check_options(invocation, verb) ? verb->run(invocation) : MTR_EXIT_USAGE;
}

static const struct cli_option options[] = {
    {"from", 0, "TIME",
     "windows, replay: those that begin then or later; test, record, certify, run: from the window that "
     "holds it; accept: it"},
    {"to", 0, "TIME",
     "test, record, run: up to the window that ends here (default: one window); replay: that begin before"},
    {"each", 0, "VALUE…",
     "test, record, certify, accept, replay: this one of for_each (default: test, certify: the first; else "
     "all)"},
    {"dry-run", 0, NULL,
     "run, replay: says what would be new, changed, gone, refused and held, and what it would bill; stores "
     "nothing"},
    {"cancel", 0, NULL, "run: calls off what was asked for and is not read yet"},
    {"accept", 0, NULL, "replay: takes also what would be suspect"},
    {"once", 0, NULL, "progress: says it once, and does not wait"},
    {"answers", 0, "DIRECTORY", "test: from a recording, without a vendor, a network and secrets"},
    {"source", 0, "KEY", "test, record, certify: which of the sources of FILE"},
    {"sandbox", 0, "URL", "certify: asks there, in the place of the document's base_url"},
    {"after", 0, "N|TIME", "list: sources after this number; windows: those behind the one of this start"},
    {"after-each", 0, "VALUE", "windows: beside --after, of this value of for_each"},
    {"limit", 'n', "N", "list, windows: at most so many rows (default 1000)"},
    CLI_JSON_OPTION,
    CLI_CLIENT_OPTIONS,
    {0},
};

const struct cli_command cli_source = {
    .name = "source",
    .arguments = "VERB [ARGUMENT…]",
    .arguments_min = 1,
    .arguments_max = 64,
    .doc = "sources of usage: how they stand, and the ledger of their windows",
    .text = "`list`: what the poller does with each source, and its alarm. FOR EACH: the requests that its "
            "`for_each` makes,\n1 without; READINGS, FAILED, ROWS are since the daemon started.\n\n"
            "`windows KEY`: what was read of each window, and what that proved. REPEATED: rows of its last "
            "good reading that\nwere equal to another one: such are counted once.\n\n"
            "`show KEY`: all of one source: its document, how it stands, what was read last, and what was "
            "not taken.\n\n"
            "`pause KEY`: nothing more is asked of the vendor, over restarts, until `resume KEY`.\n\n"
            "`accept KEY`: windows that wait for further readings to say the same (suspect, or to be said "
            "again)\nare read at once, and taken if they still say what was seen.\n\n"
            "`test FILE|KEY`: reads from the vendor what the document asks for, by the code of the poller, "
            "and writes nothing:\n"
            "requests with their secrets masked, pages, rows, proofs, the first events, and what the intake "
            "would say of each row.\n"
            "A FILE is drafted upon the catalog of the data directory, where that can be read, or upon the "
            "further files.\n\n"
            "`record FILE|KEY DIRECTORY`: the same, and keeps the answers, without secrets, as files that\n"
            "`test --answers` reads instead of the vendor.\n\n"
            "`certify FILE|KEY`: what the vendor's API was seen to do, probe by probe: borders, pages, "
            "parts, repeated readings,\n"
            "wrong secrets, empty windows, unknown accounts. Some dozens of requests; --json has the "
            "evidence.\n"
            "Of a KEY the daemon makes it, keeps it, and makes it again each week, and looks also whether "
            "the vendor restates\nwhat was read. With --sandbox it is of the vendor's sandbox, and says "
            "so.\n\n"
            "`run KEY --from TIME --to TIME`: the daemon reads these windows now, also settled ones, and "
            "it is waited for:\n"
            "while the vendor is away it says why, and when it is tried again. Ctrl-C ends the waiting, and "
            "the daemon goes on;\n`run KEY --cancel` calls off what is not read yet.\n"
            "With --dry-run it asks the vendor as well, says what would change, be refused and held, and "
            "what that would bill, and stores nothing.\n\n"
            "`replay KEY`: the pages that were kept of windows with rows in quarantine are mapped once more, "
            "by the document\nand the catalog of now, and the difference is taken; --from and --to name "
            "other windows. The vendor is not asked.\n"
            "Refused where the pages are not what the window has: a newer reading was not taken, rows have "
            "moved,\nor `pages.keep` is over. It waits for a reading that is under way, and says so; Ctrl-C "
            "calls off what has not begun.\n\n"
            "`progress KEY`: how many of the windows that are over have been read, until all are: how far a "
            "backfill is.\n",
    .exits = "0 ok, 1 failed: a reading not taken, rows refused; 64 wrong usage, 75 daemon or vendor away, "
             "78 bad document, 130 Ctrl-C",
    .options = options,
    .run = run,
};
