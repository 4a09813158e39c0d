/* cp437.c - names in the first code page of the PC, in which a zip archive has
 * them that does not say UTF-8. */
#include "runtime/data/zip_own.h"

#include <stdlib.h>
#include <string.h>

/* Each of the upper 128 characters takes 2 or 3 bytes of UTF-8. */
char *
cp437_to_utf8(const char *name)
{
    static const char upper[] =
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»"
        "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
        "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
    char *copy = malloc(3 * strlen(name) + 1), *to = copy;

    for (const char *s = name; copy && *s; s++) {
        const char *from = upper;

        if (!(*s & 0x80)) {
            *to++ = *s;
            continue;
        }
        for (int skip = *s & 0x7f; skip > 0; skip--)
            from += (*from & 0x20) ? 3 : 2;
        for (int left = (*from & 0x20) ? 3 : 2; left > 0; left--)
            *to++ = *from++;
    }
    if (copy)
        *to = 0;
    return copy;
}
