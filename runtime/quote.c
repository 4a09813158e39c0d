/* quote.c - text as a string of JSON. */
#include "runtime/quote.h"

#include <string.h>

void
quote_bytes(FILE *out, const char *s, u64 n)
{
    fputc('"', out);
    for (const char *end = s + n; s < end; s++)
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*s);
        else
            fputc(*s, out);
    fputc('"', out);
}

void
quote_json(FILE *out, const char *s)
{
    quote_bytes(out, s, strlen(s));
}
