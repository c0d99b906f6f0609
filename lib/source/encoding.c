/*
 * iconv is asked whether it could; nothing is converted here.
 */
#include "meterd/source/encoding.h"

#include <iconv.h>

bool mtr_encoding_is_known(const char *encoding)
{
    const iconv_t converter = iconv_open("UTF-8", encoding);
    if (converter == (iconv_t)-1) return false;
    (void)iconv_close(converter);
    return true;
}
