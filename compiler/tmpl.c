/* tmpl.c - templates, and what an instance of one looks like.
 *
 * The files of templates/ and kernel.h are built into the program
 * (build/embed.c, made by the Makefile).  In: Kernel.  Out: a source file:
 *
 *   comment      from which template, for which job
 *   #define ...  what is special about this kernel
 *   body         the template without its defaults (#ifndef NAME .. #endif),
 *                lines put in at its slots: //@slot WORD
 *   #undef ...   every macro of the two above, so that several instances can
 *                be compiled in one go
 *
 * `#line` directives make the C compiler speak of the template's lines, and of
 * the model's lines for what was put in. */
#include <ctype.h>

#include "compiler/sohoc.h"

/* Writes text that comes from a user's names: what could end a comment, a
 * string or a line becomes '_'. */
static void
put_safe(const char *s, FILE *out)
{
    for (; *s; s++)
        fputc(isalnum((u8)*s) || strchr(" .,:;<>()[]/+-_", *s) ? *s : '_', out);
}

static void
put_line(const char *file, u64 n, u32 line, FILE *out)
{
    fprintf(out, "#line %u \"", line);
    put_safe(intern_n(file, n), out);
    fprintf(out, "\"\n");
}

/* "file:line" of the place "file:line < ...", interned, or NULL. */
static const char *
innermost(const char *place)
{
    const char *end = place ? strstr(place, " < ") : NULL;

    return !place ? NULL
                  : intern_n(place, end ? (u64)(end - place) : strlen(place));
}

/* `#line` for "file:line", if the place names a line. */
static void
put_place(const char *place, FILE *out)
{
    const char *colon = strrchr(place, ':');
    long line = colon ? strtol(colon + 1, NULL, 10) : 0;

    if (line > 0)
        put_line(place, (u64)(colon - place), (u32)line, out);
}

/* The lines for a slot.  A run of lines of one place shares a `#line`: the C
 * compiler counts on from it, so it may speak of a line a little further down,
 * but kernels can be read. */
static void
put_slot(const Kernel *k, const char *slot, u64 indent, FILE *out)
{
    const char *last = NULL;

    for (u32 i = 0; i < k->nsplice; i++) {
        const Splice *line = &k->splice[i];
        const char *place;

        if (strcmp(line->slot, slot))
            continue;
        place = innermost(line->place);
        if (place && place != last)
            put_place(place, out);
        last = place;
        fprintf(out, "%*s%s\n", (int)indent, "", line->text);
    }
}

/* The word after `prefix` if the line, without its indentation, begins so;
 * interned, else NULL. */
static const char *
word_after(const char *line, u64 n, const char *prefix)
{
    const char *s = line, *end = line + n, *word;
    u64 len = strlen(prefix);

    while (s < end && *s == ' ')
        s++;
    if ((u64)(end - s) <= len || memcmp(s, prefix, len))
        return NULL;
    for (word = s += len; s < end && (isalnum((u8)*s) || *s == '_'); s++)
        ;
    return intern_n(word, (u64)(s - word));
}

static u64
indent_of(const char *line)
{
    return strspn(line, " ");
}

/* Names already undefined, interned. */
typedef struct Undef {
    const char **name;
    u32 n, cap;
} Undef;

static void
undef(Undef *u, const char *name, FILE *out)
{
    for (u32 i = 0; i < u->n; i++)
        if (u->name[i] == name)
            return;
    *PUSH(u->name, u->n, u->cap) = name;
    fprintf(out, "#undef %s\n", name);
}

static void
put_undefs(const Kernel *k, const char *text, FILE *out)
{
    Undef u = {0};

    undef(&u, intern("NAME"), out);
    for (u32 i = 0; i < k->ndef; i++)
        undef(&u, intern(k->def[i].name), out);
    for (const char *s = text; *s; s += strcspn(s, "\n") + 1) {
        const char *name = word_after(s, strcspn(s, "\n"), "#define ");

        if (name)
            undef(&u, name, out);
    }
}

/* The template's lines.  A region that is not line by line the template's is
 * followed by a `#line`.  Marks in `used` the splices that found a slot. */
static void
put_body(const Kernel *k, const char *path, const char *text, bool *used,
         FILE *out)
{
    bool skip = false, lost = true;
    u32 line = 1;

    for (const char *s = text; *s; s += strcspn(s, "\n") + 1, line++) {
        u64 n = strcspn(s, "\n");
        const char *slot = word_after(s, n, "//@slot ");

        for (u32 i = 0; slot && i < k->nsplice; i++)
            used[i] |= !strcmp(k->splice[i].slot, slot);
        skip |= n == 12 && !memcmp(s, "#ifndef NAME", n);
        if (skip || slot) {
            lost = true;
            skip &= !(n == 6 && !memcmp(s, "#endif", n));
            if (slot)
                put_slot(k, slot, indent_of(s), out);
            continue;
        }
        if (lost)
            put_line(path, strlen(path), line, out);
        lost = false;
        fprintf(out, "%.*s\n", (int)n, s);
    }
}

/* A target's own template, or what all targets share. */
static const char *
path_of(const Target *t, const Kernel *k)
{
    const char *own =
        format("templates/%s/%s.%s", t->folder, k->tmpl, t->suffix);

    return tmpl_text(own) ? own : format("templates/%s.c", k->tmpl);
}

static void
put_instance(const Target *t, const Kernel *k, FILE *out)
{
    const char *path = path_of(t, k), *text = tmpl_text(path);
    bool *used = mem_alloc(k->nsplice);

    if (!text)
        bug("kernel %s: there is no template %s", k->name, path);
    fprintf(out, "/* made by sohoc from %s for ", path);
    put_safe(k->job ? k->job : k->name, out);
    if (k->place && *k->place) {
        fprintf(out, "\n * (");
        put_safe(k->place, out);
        fprintf(out, ")");
    }
    fprintf(out, " */\n#define NAME %s\n", k->name);
    for (u32 i = 0; i < k->ndef; i++)
        fprintf(out, "#define %s %s\n", k->def[i].name, k->def[i].value);
    put_body(k, path, text, used, out);
    for (u32 i = 0; i < k->nsplice; i++)
        if (!used[i])
            bug("kernel %s: %s has no slot %s", k->name, path,
                k->splice[i].slot);
    put_undefs(k, text, out);
}

char *
tmpl_instance(const Target *t, const Kernel *k, u64 *bytes)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        die(SOHO_MEMORY, "out of memory: source of kernel %s", k->name);
    put_instance(t, k, out);
    if (fclose(out))
        die(SOHO_MEMORY, "out of memory: source of kernel %s", k->name);
    *bytes = n;
    return text;
}

const char *
tmpl_text(const char *path)
{
    for (const Embed *e = embed_files; e->path; e++)
        if (!strcmp(e->path, path))
            return e->text;
    return NULL;
}
