/*
 * The records of a JSON document, and what it says around them, as its text comes: the driver of the formats
 * that are JSON, which differ in their dialect (json_plan.h).
 */
#ifndef METERD_COLLECTOR_ROWS_JSON_DOCUMENT_H
#define METERD_COLLECTOR_ROWS_JSON_DOCUMENT_H

#include "collector/rows/json_plan.h"

/* Hooks of a driver (record_format.h); dialect: borrowed until it is closed. */
int json_document_open(const struct json_dialect *dialect, struct record_out *out, void **state,
                       const char **fault) MTR_MUST_USE;
void json_document_close(void *state);
int json_document_read(void *state, struct mtr_str piece) MTR_MUST_USE;
int json_document_end(void *state) MTR_MUST_USE;

#endif
