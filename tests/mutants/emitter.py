"""What a receiver gets: messages, their answers, the pull feed and its acknowledgements. What follows a restore is in restore.py. Rows as __main__.py says."""
EMITTER = "rater/emitter/"

MUTANTS = {
    "a message goes out before that is durable": (
        EMITTER + "outbox.c", "    if (!rc && step.changed) {\n        rc = mtr_charges_commit(step.txn);\n",
        "    if (!rc && step.changed) {\n        rc = send_departures(&step);\n        outbox->departure_count = 0;\n        if (!rc) rc = mtr_charges_commit(step.txn);\n", "test_outbox$"),
    "a draft goes to who wants none": (
        EMITTER + "outbox.c", "charge->status != MTR_CHARGE_DRAFT || forming->destination->drafts;", "charge->status != MTR_CHARGE_DRAFT || forming->driver;", "test_outbox$"),
    "the receiver's wait is not heeded": (
        EMITTER + "outbox.c", "return wait > retry_after_us ? wait : retry_after_us;", "return wait;", "test_outbox$"),
    "a crash behind the sending leaves no doubt": (
        EMITTER + "outbox.c", "        message->uncertain_us = message->attempted_us; /* a crash */\n", "        message->uncertain_us = 0;\n", "test_outbox$"),
    "a redirect is a delivery": (
        EMITTER + "webhook.c", "if ((status >= 200 && status < 300) || status == 409) return MTR_DELIVERED;", "if ((status >= 200 && status < 400) || status == 409) return MTR_DELIVERED;",
        "test_outbox$"),
    "who says that it has it already rejects it": (
        EMITTER + "webhook.c", "|| status == 409) return MTR_DELIVERED;", "|| status == 299) return MTR_DELIVERED;", "test_outbox$"),
    "what can never be sent is tried for ever": (
        EMITTER + "webhook.c", "case MTR_OUTCOME_UNSENDABLE: return MTR_DELIVERY_REJECTED;", "case MTR_OUTCOME_UNSENDABLE: return MTR_DELIVERY_RETRY;", "test_outbox$"),
    "a store's lock goes when a document names it": (
        "lib/net/secret_open.c", "const int fd = open(path, O_PATH | O_CLOEXEC);", "const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);", "test_secret_open"),
    "a document opens what is meterd's": (
        "lib/net/secret_open.c", "if (is_below(path, kept_out)) return MTR_SECRET_OURS;", "if (is_below(kept_out, path)) return MTR_SECRET_OURS;", "test_secret_open"),
    "a secret may stand in a directory of a longer name": (
        "lib/net/secret_open.c", "strncmp(path, directory, size) == 0 && path[size] == '/'", "strncmp(path, directory, size) == 0", "test_secret_open"),
    "a document names a pipe": (
        "lib/net/secret_open.c", "    if (!S_ISREG(status.st_mode)) return MTR_SECRET_NO_FILE;\n", "", "test_secret_open"),
    "a failing receiver has surely not taken it": (
        EMITTER + "webhook.c", "return MTR_DELIVERY_RETRY_UNCERTAIN;\n    return MTR_DELIVERY_REJECTED;", "return MTR_DELIVERY_RETRY;\n    return MTR_DELIVERY_REJECTED;", "test_outbox$"),
    "half an answer is a delivery": (
        "lib/net/http_exchange.c", "(!exchange->has_all_headers || answer->status < 200)", "answer->status < 200", "test_http_broken"),
    "a signature is of any time": (
        "lib/net/crypto.c", "struct mtr_str pieces[] = {id, MTR_STR(\".\"), timestamp, MTR_STR(\".\"), body};", "struct mtr_str pieces[] = {id, MTR_STR(\".\"), MTR_STR(\".\"), body};\n    (void)timestamp;",
        "test_crypto"),
    "a page begins with the last charge of the one before": (
        "lib/store/charges/charges.c", "    lmdb_put_u64(from, after + 1);\n", "    lmdb_put_u64(from, after + !after);\n", "test_pull$"),
    "a page has one charge more": (
        EMITTER + "feed.c", "(wanted && pull->given == pull->request.limit)", "(wanted && pull->given > pull->request.limit)", "test_pull$"),
    "a page that is full is the last": (
        EMITTER + "feed.c", "pull->is_done = pull->has_more = true;", "pull->is_done = true;", "test_pull$"),
    "a page of messages begins with the last of the one before": (
        "lib/store/charges/charges_outbox.c", "    if (after == UINT64_MAX) return MTR_OK;\n    message_key(from, destination, after + 1);",
        "    if (after == UINT64_MAX) return MTR_OK;\n    message_key(from, destination, after + !after);", "test_outbox_pages"),
    "a charge is told before that is marked": (
        EMITTER + "feed.c", "charge->number >= pull->request.hidden_from)", "charge->number > pull->request.hidden_from)", "test_pull$"),
    "an acknowledgement is one of all before": (
        EMITTER + "feed.c", "return rc || next != charge.number ? rc : move_cursor(txn, &consumer);", "consumer.up_to = charge.number;\n    return rc || next > charge.number ? rc : move_cursor(txn, &consumer);",
        "test_pull$"),
    "what was acknowledged comes again": (
        EMITTER + "feed.c", "           !mtr_charges_has_ack(pulling->txn, request->consumer, charge->number);", "           mtr_charges_has_ack(pulling->txn, request->consumer, 0) || charge;", "test_pull$"),
    "a cursor moves over what was not acknowledged": (
        EMITTER + "feed.c", "           mtr_charges_has_ack(txn, consumer->name, next))", "           (mtr_charges_has_ack(txn, consumer->name, next) || next))", "test_pull$"),
}
