/* member.c - the name and the sides of a picture in an annotation file.
 *
 * In: a reader at the value.  Out: the value, checked: names stay below the
 * folder or archive of the pictures. */
#include "runtime/data/vqa_own.h"

#include <string.h>

enum { SEGMENT_MAX = 255 }; /* bytes between two slashes */

static int
check_segments(Json *j, u64 at, const char *name)
{
    for (const char *s = name;; s++) {
        u64 length = strcspn(s, "/");

        if (!length || json_is(s, length, ".") || json_is(s, length, ".."))
            return json_bad(j, at,
                            "file_name has an empty part, '.' or "
                            "'..'");
        if (length > SEGMENT_MAX)
            return json_bad(j, at,
                            "file_name has a part of %llu bytes, "
                            "at most %d",
                            (unsigned long long)length, SEGMENT_MAX);
        s += length;
        if (!*s)
            return 0;
    }
}

int
picture_file(Json *j, char file[PICTURE_FILE])
{
    u64 n, at = json_at(j);

    TRY(json_string(j, file, PICTURE_FILE, &n));
    if (!n)
        return json_bad(j, at, "file_name is empty");
    if (memchr(file, 0, n))
        return json_bad(j, at, "file_name has a NUL inside");
    if (memchr(file, '\\', n) || file[0] == '/')
        return json_bad(j, at,
                        "file_name has a backslash or begins "
                        "with '/'");
    return check_segments(j, at, file);
}

int
picture_side(Json *j, i32 *side)
{
    i64 value;

    TRY(json_integer(j, 0, IMAGE_MAX_SIDE, &value));
    *side = (i32)value;
    return 0;
}
