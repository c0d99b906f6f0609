/*
 * Names of what holds a secret, whatever its value: headers of a request, parameters of a query or a form,
 * members of a JSON body. What has such a name is shown to nobody, and its value does not stand in a
 * document: `auth` sends it, from a file.
 *
 * Upper and lower case are alike. Pure functions, any thread.
 */
#ifndef METERD_SOURCE_SECRET_NAME_H
#define METERD_SOURCE_SECRET_NAME_H

#include <stdbool.h>

#include "meterd/core/str.h"

bool mtr_secret_header(struct mtr_str name);
/* Also of signed links: Azure's shared access signature, presigned URLs of S3 and Google. */
bool mtr_secret_parameter(struct mtr_str name);

#endif
