/*
 * JSON Schemas of the API, by name: components/schemas of the OpenAPI document. Private to daemon/.
 */
#ifndef METERD_DAEMON_API_SCHEMAS_H
#define METERD_DAEMON_API_SCHEMAS_H

struct mtr_api_schema {
    const char *name;
    const char *json;
};

extern const struct mtr_api_schema mtr_api_schemas[]; /* ends with name NULL */

#endif
