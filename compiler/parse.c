/* parse.c - reads the one text form (grammar: print.c) into a program.
 *
 * The text may come from the model's process or from a stranger, so nothing in
 * it is trusted: every name, number, index, count and size is checked here,
 * and the first thing that is wrong is reported with its line.  What an op
 * makes of its inputs is not known here: infer_node checks that afterwards. */
#include <math.h>

#include "compiler/scan.h"

enum {
    MOST_TENSORS = 1 << 14,
    MOST_FUNCS = 1024,
    MOST_NODES = 1 << 18,
    MOST_META = 4096,
    MOST_ANSWERS = 1 << 20,
    MOST_GROUPS = 1 << 18,
    MOST_VOCAB = 16 << 20
};

static const char *const role_name[] = {
#define X(name) #name,
    SOHO_ROLES(X)
#undef X
};

/* ---------------------------------------------------------- program's lines */

static bool
read_meta(Reader *r)
{
    const char *key, *v;

    if (!scan_string(r, &key) || !scan_string(r, &v) || !scan_end(r))
        return false;
    if (!name_good(key) || meta_get(r->p, key) || r->p->nmeta == MOST_META)
        return scan_fail(r, "meta %s: a new name expected", key);
    meta_set(r->p, key, v);
    return true;
}

static bool
read_flag(Reader *r, Tensor *t)
{
    const char *w;
    i64 g;

    if (!scan_word(r, &w))
        return false;
    if (!strcmp(w, "trainable")) {
        t->trainable = true;
        return true;
    }
    if (!scan_take(r, '='))
        return scan_fail(r, "a value expected");
    if (!strcmp(w, "group") && scan_integer(r, 0, MAX_GROUPS - 1, &g)) {
        t->group = (i32)g;
        return true;
    }
    t->init = !strcmp(w, "fill")     ? INIT_fill
              : !strcmp(w, "normal") ? INIT_normal
                                     : INIT_none;
    return t->init ? scan_number(r, &t->value)
                   : scan_fail(r, "fill, normal, trainable or group expected");
}

static bool
read_tensor(Reader *r, u32 role)
{
    const char *name;
    Tensor *t;
    Type ty;

    if (!scan_word(r, &name) || !scan_type(r, &ty))
        return false;
    if (r->p->ntensor == MOST_TENSORS || tensor_find(r->p, name))
        return scan_fail(r, "tensor %s: a new name expected", name);
    t = tensor_add(r->p, name, ty, role, "");
    while (scan_peek(r) && scan_peek(r) != ';')
        if (!read_flag(r, t))
            return false;
    return scan_place(r, &t->place);
}

static bool
read_update(Reader *r)
{
    Update *u = &r->p->update;
    const Field fields[] = {{"clip", 'f', &u->clip, NULL},
                            {"accumulate", 'i', &u->accumulate, NULL},
                            {"loss_scale", 'f', &u->loss_scale, NULL},
                            {"dynamic", 'f', &u->dynamic, NULL},
                            {"scale_window", 'f', &u->scale_window, NULL},
                            {"max_scale", 'f', &u->max_scale, NULL}};
    if (u->accumulate)
        return scan_fail(r, "a second update");
    if (!scan_fields(r, fields, countof(fields)) || !scan_end(r))
        return false;
    return u->accumulate >= 1 ||
           scan_fail(r, "accumulate of 1 or more expected");
}

static bool
is_one_of(const char *s, const char *const *words, u32 n)
{
    for (u32 i = 0; i < n; i++)
        if (s && !strcmp(s, words[i]))
            return true;
    return false;
}

static bool
read_schedule(Reader *r)
{
    static const char *const of[] = {"lr", "momentum"};
    static const char *const policy[] = {SCHEDULE_POLICIES};
    static const char *const shape[] = {SCHEDULE_SHAPES};
    Update *u = &r->p->update;
    Schedule *s;
    u32 which;

    if (!scan_one_of(r, "lr or momentum", of, countof(of), &which))
        return false;
    s = which ? &u->momentum : &u->lr;
    if (s->policy)
        return scan_fail(r, "a second schedule of %s", of[which]);
    const Field fields[] = {{"policy", 's', &s->policy, NULL},
                            {"shape", 's', &s->shape, NULL},
#define X(name, missing, what) {#name, 'f', &s->name, NULL},
                            SCHEDULE_NUMBERS(X)
#undef X
                                {"at", 'l', s->at, &s->nat},
                            {"weight", 'l', s->weight, &s->nweight}};
    if (!scan_fields(r, fields, countof(fields)) || !scan_end(r))
        return false;
    if (!is_one_of(s->policy, policy, countof(policy)) ||
        !is_one_of(s->shape, shape, countof(shape)))
        return scan_fail(r, "a policy and the shape of a warm-up expected");
    return strcmp(s->policy, "cosine_restart") ||
           (s->nat && s->nat == s->nweight) ||
           scan_fail(r, "as many weights as lengths expected");
}

static bool
read_optim(Reader *r)
{
    Update *u = &r->p->update;
    OptGroup *g = &u->group[u->ngroup];

    if (!u->lr.policy || u->ngroup == MAX_GROUPS)
        return scan_fail(r, "at most %d groups after schedule", MAX_GROUPS);
    *g = (OptGroup){0};
    const Field fields[] = {{"rule", 's', &g->rule, NULL},
                            {"lr", 'f', &g->lr, NULL},
                            {"beta1", 'f', &g->beta1, NULL},
                            {"beta2", 'f', &g->beta2, NULL},
                            {"eps", 'f', &g->eps, NULL},
                            {"decay", 'f', &g->decay, NULL},
                            {"momentum", 'f', &g->momentum, NULL},
                            {"dampening", 'f', &g->dampening, NULL},
                            {"nesterov", 'f', &g->nesterov, NULL},
                            {"correct_bias", 'f', &g->correct_bias, NULL}};
    if (!scan_string(r, &g->pattern) ||
        !scan_fields(r, fields, countof(fields)) || !scan_place(r, &g->place))
        return false;
    if (!g->rule || (strcmp(g->rule, "adamw") && strcmp(g->rule, "sgd")))
        return scan_fail(r, "rule adamw or sgd expected");
    u->ngroup++;
    return true;
}

static bool
read_answer(Reader *r)
{
    Prog *p = r->p;
    const char *s;

    if (!scan_string(r, &s) || !scan_end(r))
        return false;
    if (p->nanswer == MOST_ANSWERS)
        return scan_fail(r, "at most %d answers", MOST_ANSWERS);
    p->answer =
        mem_grow(p->answer, p->nanswer, &p->answer_cap, sizeof *p->answer);
    p->answer[p->nanswer++] = s;
    return true;
}

static bool
read_vocab(Reader *r)
{
    Prog *p = r->p;
    i64 n;

    if (p->vocab || !scan_integer(r, 1, MOST_VOCAB, &n))
        return scan_fail(r, "one vocabulary expected");
    p->vocab = mem_alloc((u64)n);
    p->vocab_bytes = (u64)n;
    return scan_bytes(r, p->vocab, (u64)n) && scan_end(r);
}

/* ------------------------------------------------------------ phase's lines */

static bool
read_func(Reader *r)
{
    static const char *const kind[] = {
#define X(name) #name,
        SOHO_PHASES(X)
#undef X
    };
    const char *name;
    u32 k;
    Func *f;

    if (!scan_word(r, &name) ||
        !scan_one_of(r, "phase kind", kind, NPHASEKIND, &k))
        return false;
    if (func_find(r->p, name))
        return scan_fail(r, "phase %s: a new name expected", name);
    if (r->p->nfunc == MOST_FUNCS)
        return scan_fail(r, "phase %s: at most %d phases expected", name,
                         MOST_FUNCS);
    f = r->f = func_add(r->p, name, k);
    const Field fields[] = {{"batch", 'i', &f->batch, NULL},
                            {"sentences", 'i', &f->sentences, NULL},
                            {"tokens", 'i', &f->tokens, NULL},
                            {"answers", 'i', &f->answers, NULL},
                            {"height", 'i', &f->height, NULL},
                            {"width", 'i', &f->width, NULL},
                            {"pack", 'i', &f->pack, NULL}};
    return scan_fields(r, fields, countof(fields)) && scan_end(r);
}

/* "name=value" of a node, checked against the op's row. */
static bool
node_attr(Reader *r, u32 op, Attr *attrs, u32 *seen)
{
    const char *w;
    u32 n;
    int i;

    if (!scan_word(r, &w) || !scan_take(r, '='))
        return scan_fail(r, "an attribute expected");
    i = attr_find(op, w);
    if (i < 0 || *seen >> i & 1)
        return scan_fail(r, "%s: attribute %s is unknown or there twice",
                         optab[op].name, w);
    *seen |= 1u << i;
    if (optab[op].attr[i].type == 's')
        return scan_string(r, &attrs[i].str) &&
               (name_good(attrs[i].str) || scan_fail(r, "a name expected"));
    if (optab[op].attr[i].type == 'l') {
        if (!scan_list(r, attrs[i].list, &n))
            return false;
        attrs[i].n = (u8)n;
        return true;
    }
    if (!scan_number(r, &attrs[i].num))
        return false;
    if (optab[op].attr[i].type == 'i' &&
        (attrs[i].num != floor(attrs[i].num) || fabs(attrs[i].num) > 1e15))
        return scan_fail(r, "%s: %s must be an integer", optab[op].name, w);
    return true;
}

static bool
node_attrs(Reader *r, u32 op, Attr *attrs)
{
    u32 seen = 0;
    char c;

    while ((c = scan_peek(r)) && c != '"' && c != '@' && c != ';')
        if (!node_attr(r, op, attrs, &seen))
            return false;
    for (u32 i = 0; i < optab[op].nattr; i++)
        if (optab[op].attr[i].required && !(seen >> i & 1))
            return scan_fail(r, "%s: attribute %s is missing", optab[op].name,
                             optab[op].attr[i].name);
    return true;
}

/* A tensor that is read or written must be there, in the value's type. */
static bool
tensor_known(Reader *r, u32 op, const Attr *attrs, const Type *value)
{
    int i = attr_find(op, "tensor");
    const Tensor *t;

    if (i < 0)
        return true;
    t = tensor_find(r->p, attrs[i].str);
    if (!t)
        return scan_fail(r, "tensor %s is not declared", attrs[i].str);
    return (op != OP_load && op != OP_store) || type_same(value, &t->type) ||
           scan_fail(r, "tensor %s is %s", t->name, type_text(&t->type));
}

static bool
node_tail(Reader *r, const char **name, i64 *group, const char **at)
{
    *name = "";
    *group = -1;
    if (scan_peek(r) == '"' &&
        (!scan_string(r, name) ||
         (!name_good(*name) && !scan_fail(r, "bad name"))))
        return false;
    if (scan_take(r, '@') &&
        (!scan_take(r, 'g') || !scan_integer(r, 0, MOST_GROUPS, group)))
        return scan_fail(r, "a group @gN expected");
    return scan_place(r, at);
}

static bool
read_node(Reader *r)
{
    const char *start, *w, *name, *at;
    Val in[MAX_IN];
    Type out[MAX_OUT] = {{0}};
    Attr *attrs;
    i64 id, group;
    u32 nin = 0;
    int op;

    if (!r->f || r->nodes++ == MOST_NODES)
        return scan_fail(r, "nodes stand inside func, at most %d", MOST_NODES);
    if (!scan_integer(r, r->f->nnode, r->f->nnode, &id))
        return false;
    scan_peek(r);
    start = r->s;
    if (!scan_word(r, &w) || (op = op_find(w)) < 0) {
        r->s = start;
        return scan_fail(r, "the name of an op expected");
    }
    while (scan_peek(r) == '%') {
        if (nin == MAX_IN || !scan_value(r, &in[nin++]))
            return scan_fail(r, "at most %d inputs, made before", MAX_IN);
    }
    if (optab[op].nin >= 0 ? nin != (u32)optab[op].nin : !nin)
        return scan_fail(r, "%s: %d inputs expected, not %u", w, optab[op].nin,
                         nin);
    for (int k = 0; k < optab[op].nout; k++)
        if (!scan_type(r, &out[k]))
            return false;
    attrs = attrs_new((u32)op);
    if (!node_attrs(r, (u32)op, attrs) ||
        !tensor_known(r, (u32)op, attrs, out) ||
        !node_tail(r, &name, &group, &at))
        return false;
    id = node_add(r->f, (u32)op, in, nin, attrs, name, at);
    memcpy(r->f->node[id].out, out, sizeof out);
    r->f->node[id].group = (i32)group;
    return true;
}

static bool
read_out(Reader *r)
{
    Out o = {.kept = false};

    if (!r->f || !scan_word(r, &o.name) || !scan_value(r, &o.val) ||
        !scan_end(r))
        return scan_fail(r, "an output of a phase expected");
    for (u32 i = 0; i < r->f->nout; i++)
        if (!strcmp(r->f->out[i].name, o.name))
            return scan_fail(r, "output %s is there twice", o.name);
    *PUSH(r->f->out, r->f->nout, r->f->out_cap) = o;
    return true;
}

static bool
read_loss(Reader *r)
{
    return (r->f && r->f->loss == VAL_NONE && scan_value(r, &r->f->loss) &&
            scan_end(r)) ||
           scan_fail(r, "one loss of a phase expected");
}

static bool
group_nodes(Reader *r, Group *g)
{
    u32 cap = 0;
    Val v;

    while (scan_peek(r) == '%') {
        if (!scan_value(r, &v))
            return false;
        if (VAL_OUT(v) || (g->nnode && VAL_NODE(v) <= g->node[g->nnode - 1]))
            return scan_fail(r, "nodes in ascending order expected");
        *PUSH(g->node, g->nnode, cap) = VAL_NODE(v);
    }
    return true;
}

static bool
read_group(Reader *r)
{
    static const char *const kind[] = {"elem",    "row",     "column",
                                       "library", "special", "move"};
    Group g = {0};
    i64 id, first = 0, count = 0;
    u32 k;

    const Field fields[] = {{"first", 'n', &first, NULL},
                            {"count", 'n', &count, NULL}};
    if (!r->f || !scan_integer(r, r->f->ngroup, r->f->ngroup, &id) ||
        !scan_one_of(r, "group kind", kind, countof(kind), &k) ||
        !group_nodes(r, &g) || !scan_fields(r, fields, countof(fields)) ||
        !scan_end(r))
        return scan_fail(r, "the next group of a phase expected");
    g.kind = (u8)k;
    g.first = (u32)first;
    g.count = (u32)count;
    *PUSH(r->f->group, r->f->ngroup, r->f->group_cap) = g;
    return true;
}

static bool
read_end(Reader *r)
{
    if (!r->f || !scan_end(r))
        return scan_fail(r, "end without func");
    for (u32 i = 0; i < r->f->nnode; i++)
        if (r->f->node[i].group >= (i32)r->f->ngroup)
            return scan_fail(r, "%%%u is in a group that is not there", i);
    r->f = NULL;
    return true;
}

/* ------------------------------------------------------------------- driver */

static bool
read_line(Reader *r)
{
    static const struct {
        const char *word;
        bool inside; /* between func and end */
        bool (*read)(Reader *r);
    } kind[] = {{"meta", false, read_meta},
                {"update", false, read_update},
                {"schedule", false, read_schedule},
                {"optim", false, read_optim},
                {"func", false, read_func},
                {"answer", false, read_answer},
                {"vocab", false, read_vocab},
                {"out", true, read_out},
                {"loss", true, read_loss},
                {"group", true, read_group},
                {"end", true, read_end}};
    const char *w;

    if (scan_peek(r) == 0 || scan_peek(r) == '#')
        return true;
    if (scan_take(r, '%'))
        return read_node(r);
    if (!scan_word(r, &w))
        return false;
    for (u32 i = 0; i < NROLE && !r->f; i++)
        if (!strcmp(role_name[i], w))
            return read_tensor(r, i);
    for (u32 i = 0; i < countof(kind); i++)
        if (!strcmp(kind[i].word, w) && kind[i].inside == (r->f != NULL))
            return kind[i].read(r);
    return scan_fail(r, "line \"%s\" is not known, or not here", w);
}

bool
parse_prog(Prog *p, const char *name, const char *text, u64 bytes)
{
    Reader r = {.p = p, .name = name};
    const char *s = text, *end = text + bytes;

    while (s < end) {
        const char *stop = memchr(s, '\n', (u64)(end - s));

        r.s = s;
        r.end = stop ? stop : end;
        r.line++;
        s = r.end + 1;
        if (r.line == 1 && (r.end - r.s != 6 || memcmp(r.s, "soho 1", 6)))
            return scan_fail(&r, "\"soho 1\" expected");
        if (r.line > 1 && !read_line(&r))
            return false;
    }
    r.s = r.end;
    if (r.f)
        return scan_fail(&r, "phase %s has no end", r.f->name);
    return r.line > 0 || scan_fail(&r, "an empty program");
}
