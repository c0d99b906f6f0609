/*
 * What the API calls of the poller and of certificates: it knows neither.
 */
#include "daemon/api/host.h"
#include "daemon/certifying.h"
#include "daemon/daemon.h"

static int control_source(void *context, const struct mtr_source_control *control, const char **fault)
{
    struct mtr_daemon *daemon = context;
    return polling_control(daemon->polling, control, fault);
}

static bool source_status(void *context, const struct mtr_source *source, struct mtr_source_status *out)
{
    struct mtr_daemon *daemon = context;
    return polling_status(daemon->polling, source, out);
}

static int read_source(void *context, const struct mtr_strand *strand, struct mtr_window range, bool is_trial,
                       const char **fault)
{
    struct mtr_daemon *daemon = context;
    return polling_ask(daemon->polling, strand, range, is_trial, fault);
}

struct looking {
    const struct mtr_strand *source;
    uint32_t index;
    struct mtr_poller_tried *out;
    bool is_one, is_file;
    struct mtr_dry_rows *rows;
    uint32_t called_off;
};

static void look_at_tried(struct mtr_poller *poller, void *context)
{
    struct looking *looking = context;
    looking->is_one = mtr_poller_tried(poller, looking->source, looking->index, looking->out);
}

static bool source_tried(void *context, const struct mtr_strand *source, uint32_t index,
                         struct mtr_poller_tried *out)
{
    struct mtr_daemon *daemon = context;
    struct looking looking = {.source = source, .index = index, .out = out};
    polling_look(daemon->polling, look_at_tried, &looking);
    return looking.is_one;
}

static void look_at_dry_rows(struct mtr_poller *poller, void *context)
{
    struct looking *looking = context;
    looking->rows = mtr_poller_dry_rows(poller, looking->source);
}

static struct mtr_dry_rows *source_dry_rows(void *context, const struct mtr_strand *source)
{
    struct mtr_daemon *daemon = context;
    struct looking looking = {.source = source};
    polling_look(daemon->polling, look_at_dry_rows, &looking);
    return looking.rows;
}

static void call_off(struct mtr_poller *poller, void *context)
{
    struct looking *looking = context;
    looking->called_off = looking->is_file ? mtr_poller_call_off_file(poller, looking->source)
                                           : mtr_poller_call_off(poller, looking->source);
}

static uint32_t call_off_source(void *context, const struct mtr_strand *source, bool is_file)
{
    struct mtr_daemon *daemon = context;
    struct looking looking = {.source = source, .is_file = is_file};
    polling_look(daemon->polling, call_off, &looking);
    return looking.called_off;
}

static int order_certificate(void *context, const struct mtr_source *source, const char **fault)
{
    struct mtr_daemon *daemon = context;
    return certifying_order(daemon->certifying, source, fault);
}

static const char *certificate_result(void *context, const struct mtr_source *source, bool *is_current)
{
    struct mtr_daemon *daemon = context;
    return certifying_result(daemon->certifying, source, is_current);
}

static int load_certificate(void *context, const struct mtr_source *source, struct mtr_buffer *out,
                            bool *is_making, bool *is_current)
{
    struct mtr_daemon *daemon = context;
    return certifying_load(daemon->certifying, source, out, is_making, is_current);
}

static bool source_reads(void *context, const struct mtr_strand *strand, struct mtr_poller_asked *out)
{
    struct mtr_daemon *daemon = context;
    return polling_asked(daemon->polling, strand, out);
}

static bool give_file(void *context, struct mtr_given_file *file)
{
    struct mtr_daemon *daemon = context;
    return polling_give(daemon->polling, file);
}

void source_calls_fill(struct mtr_api_host *host)
{
    host->source_status = source_status;
    host->read_source = read_source;
    host->source_reads = source_reads;
    host->source_tried = source_tried;
    host->source_dry_rows = source_dry_rows;
    host->call_off_source = call_off_source;
    host->give_file = give_file;
    host->order_certificate = order_certificate;
    host->load_certificate = load_certificate;
    host->certificate_result = certificate_result;
    host->control_source = control_source;
}
