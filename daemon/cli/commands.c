/*
 * One row per command and option. --help, the manual page and shell completion come out of these rows.
 */
#include "daemon/cli/command.h"

#include "daemon/cli/client.h"

#define END {NULL, 0, NULL, NULL}
#define JSON {"json", 0, NULL, "print JSON, money and quantities as strings"}

const struct mtr_option mtr_common_options[] = {
    {"config", 'c', "FILE",
     "configuration (default: METERD_CONFIG, or /etc/meterd/meterd.yaml when it exists)"},
    {"set", 0, "SECTION.KEY=VALUE", "one configuration value; beats environment and file; repeatable"},
    {"help", 'h', NULL, "print this help"},
    {"version", 'V', NULL, "print the version"},
    END,
};

static const struct mtr_option run_options[] = {
    END,
};
static const struct mtr_option check_options[] = {
    JSON,
    END,
};
static const struct mtr_option apply_options[] = {
    {"dry-run", 0, NULL, "check and say what would change"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option get_options[] = {
    {"revision", 'r', "N", "this revision of the document (default: the newest)"},
    {"revisions", 0, NULL, "list every revision of the document"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option key_options[] = {
    {"vendor", 0, "KEY", "bind the key to this vendor (needed for scope ingest)"},
    {"scope", 0, "SCOPE", "ingest, query, billing or admin; repeatable"},
    {"disable", 0, NULL, "disable the key instead of making it"},
    {"out", 0, "FILE", "write the secret to FILE (mode 0600) instead of printing it"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option send_options[] = {
    {"format", 0, "FORMAT", "ndjson (default), json or msgpack: what the file holds, sent as it is"},
    {"batch", 0, "N", "events per request (default 1000)"},
    {"compress", 0, "CODING", "zstd, gzip or none (default)"},
    {"errors", 0, "N", "problems to print (default 10)"},
    {"attempts", 0, "N", "tries per request before giving up (default 8)"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option import_options[] = {
    {"map", 'm', "FILE", "column mapping (YAML)"},
    {"format", 0, "FORMAT", "csv or ndjson (default: by the file's name)"},
    {"batch", 0, "N", "events per request (default 5000)"},
    {"errors", 0, "N", "problems to print (default 10)"},
    {"attempts", 0, "N", "tries per request before giving up (default 8)"},
    {"dry-run", 0, NULL, "print the first events instead of sending"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option events_options[] = {
    {"from-seq", 0, "N", "first sequence number (default: the oldest that is kept)"},
    {"to-seq", 0, "N", "last sequence number (default: the newest)"},
    {"subscription", 's', "KEY", "only events of this subscription"},
    {"limit", 'n', "N", "how many (default: all of the range)"},
    {"json", 0, NULL, "print JSON, one event a line"},
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option usage_options[] = {
    {"subscription", 's', "KEY", "only this subscription"},
    {"customer", 0, "NAME", "only this customer"},
    {"vendor", 0, "KEY", "only this vendor"},
    {"meter", 'm', "KEY", "only this meter"},
    {"from", 0, "TIME", "RFC 3339 time, or a date: its midnight in the zone (default: 30 days ago)"},
    {"to", 0, "TIME", "exclusive (default: now)"},
    {"window", 'w', "WINDOW", "hour, day, month or total (default: day)"},
    {"zone", 0, "ZONE", "days and months of this time zone (default: the subscription's own)"},
    {"group-by", 'g', "NAME",
     "subscription, customer, vendor, meter or a dimension; repeatable (default: subscription, meter)"},
    {"csv", 0, NULL, "print CSV"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option charges_options[] = {
    {"subscription", 's', "KEY", "only this subscription"},
    {"after", 0, "N", "charges after this number"},
    {"limit", 'n', "N", "how many (default 100)"},
    {"csv", 0, NULL, "print CSV"},
    {"outbox", 0, NULL, "the messages to destinations and their states instead"},
    {"retry", 0, "MESSAGE", "send a rejected or unknown message again"},
    {"delivered", 0, "MESSAGE", "mark an unknown message as delivered"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option credits_options[] = {
    {"subscription", 's', "KEY", "of this subscription"},
    {"customer", 0, "KEY", "or of all subscriptions of this customer"},
    {"at", 0, "TIME", "allowances of the billing periods of that time (default: now)"},
    {"after", 0, "N", "of a customer: go on behind this one"},
    {"limit", 'n', "N", "no further subscription once there are this many rows (default 1000)"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option margins_options[] = {
    {"losses", 0, NULL, "only lines that cost more than is charged for them"},
    {"subscription", 's', "KEY", "only this subscription"},
    {"customer", 0, "KEY", "only this customer"},
    {"from", 0, "TIME", "only periods that begin then or later"},
    {"after", 0, "N", "go on behind this one"},
    {"limit", 'n', "N", "no further subscription once there are this many lines (default 1000)"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option import_rates_options[] = {
    {"format", 0, "BANK", "ecb (European Central Bank) or cbr (Bank of Russia): whose XML it is"},
    {"source", 0, "KEY", "name of the source, as tariffs ask for it (default: the bank's)"},
    {"since", 0, "DATE", "only rates of this day and later"},
    {"print", 0, NULL, "print the documents instead of applying them; needs no daemon"},
    {"dry-run", 0, NULL, "check and say what would change"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option explain_options[] = {
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option price_options[] = {
    {"quantity", 'q', "N",
     "decimal quantity of the component; METER=N, repeatable, of a component with several meters"},
    {"component", 0, "KEY", "which component (default: the only one with a meter)"},
    {"at", 0, "TIME", "which version (default: the newest; with --what-if each in its time)"},
    {"dim", 0, "NAME=VALUE", "a dimension of the usage; repeatable"},
    {"currency", 0, "CODE",
     "charged in this currency: one of the tariff's prices, or exchanged (default: the tariff's own)"},
    {"subscription", 0, "KEY",
     "with the prices of its own; of a stored one with its customer's and in its currency; with --what-if: "
     "only this one"},
    {"cost", 0, "TARIFF",
     "what the same use costs the seller under this tariff (a file, or a key beside the other), and the "
     "margin"},
    {"series", 0, "FILE",
     "CSV with a header, or NDJSON: quantity, time, component, meter and dimensions; rows with times are "
     "priced by months"},
    {"zone", 0, "ZONE", "time zone of the series' months, days and hours, and of --at (default: UTC)"},
    {"curve", 0, NULL,
     "plot the amount against the quantity, from 0 to --quantity, with the borders of tiers marked"},
    {"csv", 0, NULL, "with --curve: the points as CSV; with --what-if: the periods"},
    {"rates", 0, "FILE",
     "catalog file with `rates`, to exchange with instead of the stored ones; repeatable"},
    {"rate", 0, "CODE=N@DATE",
     "1 of the tariff's currency is N of this one that day, as USD=1.0842@2026-11-20; repeatable"},
    {"credit", 0, "AMOUNT[:PRIORITY[:EXPIRES]]", "prepaid money, as 50:1:2026-03-01; repeatable"},
    {"trace", 0, NULL, "each step of the computation"},
    {"what-if", 0, NULL,
     "price the stored usage of the tariff's subscriptions under this draft, beside what the stored tariff "
     "makes of it"},
    {"from", 0, "TIME", "with --what-if: periods that begin at this time or later (default: all)"},
    {"to", 0, "TIME", "with --what-if: periods that begin before this time (default: now)"},
    {"tariff", 0, "KEY",
     "of a file with several; with --what-if the stored tariff whose place the draft takes (default: its "
     "key)"},
    {"vendor", 0, "KEY", "with --what-if: only this vendor's subscriptions"},
    {"customer", 0, "KEY", "with the prices of its own; with --what-if: only this customer's subscriptions"},
    JSON,
    MTR_CLIENT_OPTIONS,
    END,
};
static const struct mtr_option audit_options[] = {
    {"log", 0, NULL, "also verify the hash of every block and the chain"},
    JSON,
    END,
};
static const struct mtr_option rebuild_options[] = {
    {"verify", 0, NULL, "fold into a temporary store and compare; change nothing"},
    JSON,
    END,
};
static const struct mtr_option backup_options[] = {
    JSON,
    END,
};
static const struct mtr_option reference_options[] = {
    END,
};
static const struct mtr_option version_options[] = {
    JSON,
    END,
};

const struct mtr_command mtr_commands[] = {
    {"run", "", 0, 0, "run the daemon in the foreground",
     "Collects, aggregates, rates and delivers until SIGTERM or SIGINT, which drain. SIGHUP reloads the "
     "configuration;\n"
     "a bad one is reported and the old one kept. The first start writes "
     "<data>/admin.key.\n",
     run_options, command_run},
    {"check", "[FILE…]", 0, 64, "check the configuration, and catalog documents or tariffs",
     "Says file, line and column of each finding. Without errors: exit 0, else 78. Catalog documents are "
     "checked as one catalog of their\n"
     "own, so a file must hold, or be given with, what it refers to. A "
     "file that is one tariff is checked by itself.\n"
     "Tariffs are "
     "compared with "
     "those stored in "
     "the data "
     "directory, where "
     "it can be read: "
     "versions that "
     "would change the "
     "past are warned "
     "of.\n",
     check_options, command_check},
    {"apply", "FILE…", 1, 64, "apply catalog documents (YAML or JSON; - is standard input)",
     "A file holds lists of documents under vendors, services, meters, tariffs, subscriptions, api_keys, "
     "destinations, credits and rates. Each\n"
     "file is one change: all of it, or nothing. What is there "
     "already stays; the same file again changes nothing.\n",
     apply_options, command_apply},
    {"get", "KIND [KEY]", 1, 2,
     "show catalog documents: vendor, service, meter, tariff, subscription, api_key, destination, credit, "
     "rate",
     "Without KEY a list; with KEY the document, in the form that `meterd apply` takes.\n", get_options,
     command_get},
    {"key", "NAME", 1, 1, "make an API key: prints its secret once",
     "Vendors push events with a key of scope ingest: meterd key NAME --vendor V --scope ingest. The daemon "
     "keeps only a hash of the\n"
     "secret. The same NAME again makes a new secret, and the old one is no "
     "longer accepted.\n",
     key_options, command_key},
    {"send", "[FILE…]", 0, 64, "push events from files or standard input",
     "The events are those of docs/guide-vendors.md. A request that fails for a passing reason is sent again "
     "as it was; sending a file\n"
     "twice counts it once. Exit 1 when an event needs fixing, 75 when the "
     "daemon could not be reached.\n",
     send_options, command_send},
    {"import", "FILE…", 1, 64, "import CSV or NDJSON with a column mapping",
     "config/import-focus.yaml is a mapping with every key commented. Ids come from the rows: importing a "
     "file again counts nothing twice.\n",
     import_options, command_import},
    {"import-rates", "FILE…", 1, 64, "import a central bank's rates of exchange, from files or addresses",
     "FILE may be an address: https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml with --format "
     "ecb,\n"
     "https://www.cbr.ru/scripts/XML_daily.asp with --format cbr. Each day becomes a document of its own; "
     "the same rates again change nothing.\n",
     import_rates_options, command_import_rates},
    {"events", "", 0, 0, "show raw events as the log keeps them", NULL, events_options, command_events},
    {"usage", "", 0, 0, "show usage",
     "For example: meterd usage --window month --from 2026-01-01 --group-by customer --group-by region\n",
     usage_options, command_usage},
    {"charges", "", 0, 0, "show charges, or the outbox",
     "A charge is a difference: the sum of a line's charges is what it costs. `meterd explain NUMBER` shows "
     "how one came about.\n",
     charges_options, command_charges},
    {"credits", "", 0, 0, "allowances and prepaid credits: granted, drawn, left",
     "Name a subscription or a customer.\n", credits_options, command_credits},
    {"margins", "", 0, 0, "what is charged of each line, what it costs the seller, and what is left", NULL,
     margins_options, command_margins},
    {"explain", "CHARGE", 1, 1, "why this charge: tariff, every step, and the log range it came from",
     "CHARGE is a charge's number or id, as `meterd charges` shows them.\n", explain_options,
     command_explain},
    {"price", "TARIFF", 1, 1,
     "price a quantity, or all stored usage, under a tariff file or a tariff of the catalog; writes nothing",
     "For example: meterd price compute.yaml --component vcpu --quantity 150.5 --dim region=eu --trace\n"
     "With --what-if the stored usage is priced again, in the data directory of the configuration; a daemon "
     "may run there. Nothing is written:\n"
     "meterd price draft.yaml --what-if --from 2026-01-01 --to 2026-04-01\n",
     price_options, command_price},
    {"audit", "", 0, 0, "check the laws: usage against the log, charges against usage",
     "Folds the log again and compares: rollups bit for bit, and every line's charges with its price. Runs "
     "beside a daemon at work and\n"
     "changes nothing. Exit 0 when all holds, else 1 with the findings.\n",
     audit_options, command_audit},
    {"rebuild", "", 0, 0,
     "fold the log again into new rollups (daemon stopped), or --verify beside a running one",
     "Charges stay as they are; the daemon compares them with the new rollups at its next start and corrects "
     "what differs.\n",
     rebuild_options, command_rebuild},
    {"backup", "DIRECTORY", 1, 1,
     "copy the stores of a running or stopped daemon, charges first and the log last",
     "DIRECTORY is made and must not exist. To restore: stop the daemon, put the copy where data.directory "
     "points, start it.\n",
     backup_options, command_backup},
    {"reference", "TOPIC", 1, 1, "print a reference: config, config-schema, commands, completion or metrics",
     NULL, reference_options, command_reference},
    {"version", "", 0, 0, "print the version", NULL, version_options, command_version},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};
