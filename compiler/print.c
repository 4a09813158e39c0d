/* print.c - the one text form of a program: what the model's process hands to
 * the compiler, what -d shows, what golden tests compare.  parse.c is its
 * mirror.
 *
 *   program = "soho 1" line*
 *   line    = "meta" string string                          key, value
 *           | role name type init? flag* place              a tensor
 *           | "update" attr*
 *           | "schedule" ("lr" | "momentum") attr*
 *           | "optim" string attr* place                    pattern of names
 *           | "func" name kind attr* node* fact* "end"
 *           | "answer" string | "vocab" bytes hex           at the end
 *           | "#" anything                                  for eyes only
 *   role    = "param" | "state" | "const" | "grad" | ...      RO_*
 *   init    = "fill=" number | "normal=" number
 *   flag    = "trainable" | "group=" number
 *   node    = value op value* type* attr* string? ("@g" number)? place
 *   fact    = "out" name value | "loss" value
 *           | "group" number kind value* attr*
 *   value   = "%" node ("." output)?      nodes are numbered from 0 without
 * gaps type    = dtype "[" (number ("," number)*)? "]" attr    = word "="
 * (number | string | "[" (number ("," number)*)? "]") place   = (";" file ":"
 * line (" < " file ":" line)*)? string  = '"' characters, \" \\ and \xNN for
 * control bytes '"'
 *
 * An attribute at its default is left out.  Numbers read back exactly.  What
 * lowering adds (buffers, kernels, steps) is printed by steps.c. */
#include <math.h>

#include "compiler/sohoc.h"

static const char *const role_name[] = {
#define X(name) #name,
    SOHO_ROLES(X)
#undef X
};
static const char *const phase_name[] = {
#define X(name) #name,
    SOHO_PHASES(X)
#undef X
};
static const char *const group_name[] = {"elem",    "row",     "column",
                                         "library", "special", "move"};

/* The shortest of the forms that read back as the same number. */
static void
put_number(FILE *out, f64 v)
{
    char text[40];

    snprintf(text, sizeof text, "%.0f", v);
    for (int digits = strtod(text, NULL) == v && fabs(v) < 1e15 ? 18 : 6;
         digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    fputs(text, out);
}

static void
put_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if ((u8)*s < 0x20 || *s == 0x7f)
            fprintf(out, "\\x%02x", (u8)*s);
        else
            fputc(*s, out);
    }
    fputc('"', out);
}

static void
put_list(FILE *out, const f64 *list, u32 n)
{
    fputc('[', out);
    for (u32 i = 0; i < n; i++) {
        if (i)
            fputc(',', out);
        put_number(out, list[i]);
    }
    fputc(']', out);
}

static void
put_attr(FILE *out, const char *name, f64 v)
{
    fprintf(out, " %s=", name);
    put_number(out, v);
}

static void
put_value(FILE *out, Val v)
{
    fprintf(out, " %%%u", VAL_NODE(v));
    if (VAL_OUT(v))
        fprintf(out, ".%u", VAL_OUT(v));
}

static void
put_place(FILE *out, const char *place)
{
    if (place && *place)
        fprintf(out, "  ; %s", place);
    fputc('\n', out);
}

/* ---------------------------------------------------------------- program */

static void
put_tensor(FILE *out, const Tensor *t)
{
    fprintf(out, "%s %s %s", role_name[t->role], t->name, type_text(&t->type));
    if (t->init != INIT_none)
        put_attr(out, t->init == INIT_fill ? "fill" : "normal", t->value);
    if (t->trainable)
        fputs(" trainable", out);
    if (t->group >= 0)
        put_attr(out, "group", t->group);
    put_place(out, t->place);
}

static void
put_schedule(FILE *out, const char *of, const Schedule *s)
{
    if (!s->policy)
        return;
    fprintf(out, "schedule %s policy=", of);
    put_string(out, s->policy);
    fputs(" shape=", out);
    put_string(out, s->shape);
#define X(name, missing, what) put_attr(out, #name, s->name);
    SCHEDULE_NUMBERS(X)
#undef X
    fputs(" at=", out);
    put_list(out, s->at, s->nat);
    fputs(" weight=", out);
    put_list(out, s->weight, s->nweight);
    fputc('\n', out);
}

static void
put_update(FILE *out, const Update *u)
{
    if (!u->ngroup)
        return;
    fputs("update", out);
    put_attr(out, "clip", u->clip);
    put_attr(out, "accumulate", u->accumulate);
    put_attr(out, "loss_scale", u->loss_scale);
    put_attr(out, "dynamic", u->dynamic);
    put_attr(out, "scale_window", u->scale_window);
    put_attr(out, "max_scale", u->max_scale);
    fputc('\n', out);
    put_schedule(out, "lr", &u->lr);
    put_schedule(out, "momentum", &u->momentum);
    for (u32 i = 0; i < u->ngroup; i++) {
        const OptGroup *g = &u->group[i];

        fputs("optim ", out);
        put_string(out, g->pattern);
        fputs(" rule=", out);
        put_string(out, g->rule);
        put_attr(out, "lr", g->lr);
        put_attr(out, "beta1", g->beta1);
        put_attr(out, "beta2", g->beta2);
        put_attr(out, "eps", g->eps);
        put_attr(out, "decay", g->decay);
        put_attr(out, "momentum", g->momentum);
        put_attr(out, "dampening", g->dampening);
        put_attr(out, "nesterov", g->nesterov);
        put_attr(out, "correct_bias", g->correct_bias);
        put_place(out, g->place);
    }
}

static void
put_names(FILE *out, const Prog *p)
{
    for (u32 i = 0; i < p->nanswer; i++) {
        fputs("answer ", out);
        put_string(out, p->answer[i]);
        fputc('\n', out);
    }
    if (!p->vocab_bytes)
        return;
    fprintf(out, "vocab %llu ", (unsigned long long)p->vocab_bytes);
    for (u64 i = 0; i < p->vocab_bytes; i++)
        fprintf(out, "%02x", p->vocab[i]);
    fputc('\n', out);
}

/* ------------------------------------------------------------------ phase */

static bool
is_default(const AttrSpec *spec, const Attr *a)
{
    return !spec->required &&
           (spec->type == 'l' ? !a->n : a->num == spec->missing);
}

static void
put_node_attrs(FILE *out, const Node *n)
{
    const Op *op = &optab[n->op];
    const char *before = "  ";

    for (u32 i = 0; i < op->nattr; i++) {
        const AttrSpec *spec = &op->attr[i];
        const Attr *a = &n->attr[i];

        if (is_default(spec, a))
            continue;
        fprintf(out, "%s%s=", before, spec->name);
        before = " ";
        if (spec->type == 's')
            put_string(out, a->str ? a->str : "");
        else if (spec->type == 'l')
            put_list(out, a->list, a->n);
        else
            put_number(out, a->num);
    }
}

static void
put_node(FILE *out, const Func *f, u32 id)
{
    const Node *n = &f->node[id];

    fprintf(out, "%%%u %s", id, optab[n->op].name);
    for (u32 i = 0; i < n->nin; i++)
        put_value(out, n->in[i]);
    for (u32 i = 0; i < n->nout; i++)
        fprintf(out, "%s%s", i ? " " : "  ", type_text(&n->out[i]));
    put_node_attrs(out, n);
    if (*n->name) {
        fputs("  ", out);
        put_string(out, n->name);
    }
    if (n->group >= 0)
        fprintf(out, "  @g%d", n->group);
    put_place(out, n->place);
}

static void
put_group(FILE *out, u32 id, const Group *g)
{
    fprintf(out, "group %u %s", id, group_name[g->kind]);
    for (u32 i = 0; i < g->nnode; i++)
        put_value(out, VAL(g->node[i], 0));
    put_attr(out, "first", (f64)g->first);
    put_attr(out, "count", (f64)g->count);
    fputc('\n', out);
}

void
print_func(const Func *f, FILE *out)
{
    fprintf(out, "func %s %s", f->name, phase_name[f->kind]);
    put_attr(out, "batch", f->batch);
    put_attr(out, "sentences", f->sentences);
    put_attr(out, "tokens", f->tokens);
    put_attr(out, "answers", f->answers);
    put_attr(out, "height", f->height);
    put_attr(out, "width", f->width);
    if (f->pack >= 0)
        put_attr(out, "pack", f->pack);
    fputc('\n', out);
    for (u32 i = 0; i < f->nnode; i++)
        put_node(out, f, i);
    for (u32 i = 0; i < f->nout; i++) {
        fprintf(out, "out %s", f->out[i].name);
        put_value(out, f->out[i].val);
        fputc('\n', out);
    }
    if (f->loss != VAL_NONE) {
        fputs("loss", out);
        put_value(out, f->loss);
        fputc('\n', out);
    }
    for (u32 i = 0; i < f->ngroup; i++)
        put_group(out, i, &f->group[i]);
    fputs("end\n", out);
}

void
print_prog(const Prog *p, FILE *out)
{
    fputs("soho 1\n", out);
    for (u32 i = 0; i < p->nmeta; i++) {
        fputs("meta ", out);
        put_string(out, p->meta[i].key);
        fputc(' ', out);
        put_string(out, p->meta[i].value);
        fputc('\n', out);
    }
    for (u32 i = 0; i < p->ntensor; i++)
        put_tensor(out, &p->tensor[i]);
    put_update(out, &p->update);
    for (u32 i = 0; i < p->nfunc; i++)
        print_func(&p->func[i], out);
    put_names(out, p);
}
