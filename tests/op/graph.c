/* graph.c - reads the dump of `sohoc -d front`: tensors, phases, nodes.
 *
 * In: the text form (its grammar stands in the compiler's print.c).  Out: a
 * Ref with room for every value.  Places and names of nodes are left out. */
#include "tests/op/ref.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *file;
static int line;

static _Noreturn void
fail(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void *
room(int64_t n, size_t size)
{
    void *p = calloc((size_t)n + 1, size);

    if (!p)
        fail("out of memory");
    return p;
}

/* The next word of *s, cut off with 0; strings and lists are one word. */
static char *
word(char **s)
{
    char *from = *s + strspn(*s, " "), *p = from;
    bool text = false;

    for (; *p && (text || *p != ' '); p++)
        if (*p == '"')
            text = !text;
    *s = *p ? p + 1 : p;
    *p = 0;
    return from;
}

/* "f32[2,3]" */
static bool
read_shape(const char *s, Shape *to)
{
    size_t n = strcspn(s, "[");
    char *end;

    *to = (Shape){.rank = 0};
    if (n < 2 || n > 3 || !strchr("fiu", *s) || !isdigit((uint8_t)s[1]))
        return false;
    memcpy(to->dtype, s, n);
    s += n + (s[n] == '[' && s[n + 1] == ']'); /* "f32[]": one number */
    for (; *s == '[' || *s == ','; s = end) {
        if (to->rank == REF_RANK)
            return false;
        to->dim[to->rank++] = strtoll(s + 1, &end, 10);
    }
    return !*s || !strcmp(s, "]");
}

int64_t
shape_count(const Shape *s)
{
    int64_t n = 1;

    for (int i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

RefTensor *
ref_tensor(Ref *r, const char *name)
{
    for (int i = 0; i < r->ntensor; i++)
        if (!strcmp(r->tensor[i].name, name))
            return &r->tensor[i];
    return NULL;
}

static void
read_tensor(Ref *r, bool param, char *s)
{
    RefTensor *t;

    r->tensor = realloc(r->tensor, (size_t)(r->ntensor + 1) * sizeof *t);
    if (!r->tensor)
        fail("out of memory");
    t = &r->tensor[r->ntensor++];
    *t = (RefTensor){.name = strdup(word(&s)), .param = param};
    if (!read_shape(word(&s), &t->shape))
        fail("tensor %s: a type expected", t->name);
    t->trainable = strstr(s, " trainable") != NULL;
    t->value = room(shape_count(&t->shape), sizeof *t->value);
}

static RefPhase *
read_phase(Ref *r, char *s)
{
    RefPhase *p;

    r->phase = realloc(r->phase, (size_t)(r->nphase + 1) * sizeof *p);
    if (!r->phase)
        fail("out of memory");
    p = &r->phase[r->nphase++];
    *p = (RefPhase){.name = strdup(word(&s))};
    snprintf(p->kind, sizeof p->kind, "%s", word(&s));
    return p;
}

/* "%12.1" */
static RefVal
read_value(const char *s)
{
    RefVal v = {0, 0};

    if (sscanf(s, "%%%d.%d", &v.node, &v.out) < 1)
        fail("a value expected, got '%s'", s);
    return v;
}

static void
read_node(Ref *r, RefPhase *p, char *s)
{
    RefNode *n;

    p->node = realloc(p->node, (size_t)(p->nnode + 1) * sizeof *n);
    if (!p->node)
        fail("out of memory");
    n = &p->node[p->nnode++];
    *n = (RefNode){.op = strdup(word(&s))};
    for (char *w = word(&s); *w && *w != ';'; w = word(&s)) {
        if (*w == '%' && n->nin < REF_IN)
            n->in[n->nin++] = read_value(w);
        else if (strchr(w, '=') && *w != '"' && n->nattr < REF_ATTR)
            n->attr[n->nattr++] = strdup(w);
        else if (*w != '"' &&
                 (n->nout == REF_OUT || !read_shape(w, &n->shape[n->nout++])))
            fail("'%s' is not known here", w);
    }
    for (int k = 0; k < n->nout; k++)
        n->v[k] = room(shape_count(&n->shape[k]), sizeof(double));
    if (!strcmp(n->op, "load") || !strcmp(n->op, "store")) {
        n->tensor = ref_tensor(r, attr_text(n, "tensor"));
        if (!n->tensor)
            fail("%s of an unknown tensor", n->op);
    }
}

static void
read_out(RefPhase *p, char *s)
{
    if (p->nout == (int)(sizeof p->out / sizeof *p->out))
        fail("too many outputs");
    p->out[p->nout].name = strdup(word(&s));
    p->out[p->nout++].val = read_value(word(&s));
}

Ref *
ref_read(const char *path)
{
    Ref *r = room(1, sizeof *r);
    RefPhase *p = NULL;
    FILE *f = fopen(path, "r");
    char *text = NULL, *s;
    size_t size = 0;

    file = path;
    if (!f)
        fail("cannot open");
    for (line = 1; getline(&text, &size, f) > 0; line++) {
        text[strcspn(text, "\n")] = 0;
        s = text;
        if (*s == '%' && p) {
            word(&s);
            read_node(r, p, s);
            continue;
        }
        const char *w = word(&s);
        if (!strcmp(w, "param") || !strcmp(w, "state"))
            read_tensor(r, *w == 'p', s);
        else if (!strcmp(w, "update") && strstr(s, "accumulate="))
            r->accumulate = atoi(strstr(s, "accumulate=") + 11);
        else if (!strcmp(w, "func"))
            p = read_phase(r, s);
        else if (!strcmp(w, "out") && p)
            read_out(p, s);
    }
    free(text);
    fclose(f);
    return r;
}

/* -------------------------------------------------------------- attributes */

/* What stands behind "name=", or NULL. */
static const char *
find_attr(const RefNode *n, const char *name)
{
    size_t len = strlen(name);

    for (int i = 0; i < n->nattr; i++)
        if (!strncmp(n->attr[i], name, len) && n->attr[i][len] == '=')
            return n->attr[i] + len + 1;
    return NULL;
}

double
attr_number(const RefNode *n, const char *name, double missing)
{
    const char *s = find_attr(n, name);

    return s ? strtod(s, NULL) : missing;
}

int
attr_list(const RefNode *n, const char *name, double *to)
{
    const char *s = find_attr(n, name);
    char *end;
    int count = 0;

    while (s && (*s == '[' || *s == ',') && s[1] != ']' && count < REF_LIST) {
        to[count++] = strtod(s + 1, &end);
        s = end;
    }
    return count;
}

const char *
attr_text(const RefNode *n, const char *name)
{
    static char text[300];
    const char *s = find_attr(n, name);

    snprintf(text, sizeof text, "%s", s ? s + 1 : "");
    text[strcspn(text, "\"")] = 0;
    return text;
}

const Shape *
in_shape(const Ref *r, const RefNode *n, int k)
{
    return &r->now->node[n->in[k].node].shape[n->in[k].out];
}

double *
in_value(const Ref *r, const RefNode *n, int k)
{
    return r->now->node[n->in[k].node].v[n->in[k].out];
}
