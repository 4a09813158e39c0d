/* verify.c - checks after every pass what Prog.state promises; shares no code
 * with the passes.
 *
 * In: the Prog.  Out: nothing, or bug() with the pass, the phase, the node or
 * step, and what is broken. */
#include <inttypes.h>

#include "compiler/sohoc.h"

static const char *after; /* word of the pass that ran last */

/* Where the checks are: phase, and a node or step of it. */
typedef struct At {
    const Func *f;
    const char *what; /* "node", "step" */
    u32 row;
    const char *place;
} At;

#define CHECK(at, ok, ...)                                                     \
    do {                                                                       \
        if (!(ok))                                                             \
            broken(at, format(__VA_ARGS__));                                   \
    } while (0)

static _Noreturn void
broken(const At *at, const char *text)
{
    const char *where = "";

    if (at && at->what)
        where = format(" %s: %s %u (%s):", at->f->name, at->what, at->row,
                       at->place ? at->place : "no place");
    else if (at)
        where = format(" %s:", at->f->name);
    bug("after %s:%s %s", after, where, text);
}

/* ------------------------------------------------------------------- graph */

static void
check_val(const At *at, u32 limit, Val v)
{
    u32 id = VAL_NODE(v);

    CHECK(at, id < limit, "uses node %u, expected one before %u", id, limit);
    CHECK(at, VAL_OUT(v) < at->f->node[id].nout,
          "uses output %u of node %u, which has %u", VAL_OUT(v), id,
          at->f->node[id].nout);
}

static void
check_node(const Func *f, u32 i, bool small)
{
    const Node *n = &f->node[i];
    At at = {f, "node", i, n->place};
    const Op *op;

    CHECK(&at, n->op < NOP, "operation %u of %d", n->op, NOP);
    op = &optab[n->op];
    CHECK(&at, op->nin < 0 ? n->nin >= 1 : n->nin == op->nin,
          "%s has %u inputs, expected %d", op->name, n->nin, op->nin);
    CHECK(&at, n->nin <= MAX_IN, "%s has %u inputs", op->name, n->nin);
    CHECK(&at, n->nout == op->nout, "%s has %u outputs, expected %d", op->name,
          n->nout, op->nout);
    CHECK(&at, !op->nattr || n->attr, "%s has no attributes", op->name);
    for (u32 k = 0; k < op->nattr; k++)
        CHECK(&at, op->attr[k].type != 's' || n->attr[k].str,
              "attribute %s of %s has no text", op->attr[k].name, op->name);
    for (u32 k = 0; k < n->nin; k++)
        check_val(&at, i, n->in[k]);
    CHECK(&at, n->name && n->place, "%s has no name or no place", op->name);
    CHECK(&at, !small || op->kind != KIND_composite, "%s is composite",
          op->name);
}

static void
check_func(const Prog *p, u32 i)
{
    const Func *f = &p->func[i];
    At at = {f, NULL, 0, NULL};

    for (u32 k = 0; k < i; k++)
        CHECK(&at, p->func[k].name != f->name, "two phases of this name");
    CHECK(&at, f->kind < NPHASEKIND, "kind %u of %d", f->kind, NPHASEKIND);
    CHECK(&at,
          f->pack == -1 || (f->pack >= 0 && (u32)f->pack < p->nfunc &&
                            p->func[f->pack].kind == PH_pack),
          "its pack phase is %d", f->pack);
    for (u32 k = 0; k < f->nnode; k++)
        check_node(f, k, p->state & HAS_SMALL);
    for (u32 k = 0; k < f->nout; k++) {
        check_val(&at, f->nnode, f->out[k].val);
        for (u32 j = 0; j < k; j++)
            CHECK(&at, f->out[j].name != f->out[k].name,
                  "two outputs are named %s", f->out[k].name);
    }
    if (f->loss != VAL_NONE)
        check_val(&at, f->nnode, f->loss);
}

/* Infers every node again, on a copy, and compares. */
static void
check_types(const Func *f)
{
    Func copy = *f;

    copy.node = malloc((f->nnode + 1) * sizeof *copy.node);
    if (!copy.node)
        die(SOHO_MEMORY, "out of memory: verifying %s", f->name);
    if (f->nnode)
        memcpy(copy.node, f->node, f->nnode * sizeof *copy.node);
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        At at = {f, "node", i, n->place};

        CHECK(&at, infer_node(&copy, i), "%s cannot be inferred again",
              optab[n->op].name);
        for (u32 k = 0; k < n->nout; k++)
            CHECK(&at, type_same(&n->out[k], &copy.node[i].out[k]),
                  "%s has type %s, expected %s", optab[n->op].name,
                  type_text(&n->out[k]), type_text(&copy.node[i].out[k]));
    }
    free(copy.node);
}

/* ------------------------------------------------------------------ groups */

static void
check_members(const Func *f)
{
    u32 listed = 0, grouped = 0;

    for (u32 g = 0; g < f->ngroup; g++)
        for (u32 k = 0; k < f->group[g].nnode; k++) {
            u32 id = f->group[g].node[k];
            At at = {f, "group", g, NULL};

            CHECK(&at, id < f->nnode, "lists node %u of %u", id, f->nnode);
            CHECK(&at, f->node[id].group == (i32)g,
                  "lists node %u, which says group %d", id, f->node[id].group);
            CHECK(&at, !k || f->group[g].node[k - 1] < id,
                  "its nodes do not ascend at %u", id);
            listed++;
        }
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        At at = {f, "node", i, n->place};
        u32 kind = optab[n->op].kind;

        CHECK(&at, n->group >= -1 && n->group < (i32)f->ngroup,
              "group %d of %u", n->group, f->ngroup);
        CHECK(&at, n->group >= 0 || kind == KIND_view || kind == KIND_leaf,
              "%s is in no group", optab[n->op].name);
        grouped += n->group >= 0;
    }
    CHECK(&(At){.f = f}, listed == grouped,
          "groups list %u nodes, %u nodes have a group", listed, grouped);
}

/* The group that makes the value, seen through views; -1: a leaf. */
static i32
maker(const Func *f, Val v)
{
    const Node *n = &f->node[VAL_NODE(v)];

    while (n->group < 0 && n->nin)
        n = &f->node[VAL_NODE(n->in[0])];
    return n->group;
}

/* Some order of the groups has every input before its user: walks from each
 * group along inputs; coming back to one that is being walked is a circle. */
static void
walk_group(const Func *f, u32 g, u8 *seen)
{
    const Group *group = &f->group[g];
    At at = {f, "group", g, f->node[group->node[0]].place};

    CHECK(&at, seen[g] != 1, "depends on itself through other groups");
    if (seen[g])
        return;
    seen[g] = 1;
    for (u32 k = 0; k < group->nnode; k++) {
        const Node *n = &f->node[group->node[k]];

        for (u32 j = 0; j < n->nin; j++) {
            i32 from = maker(f, n->in[j]);

            if (from >= 0 && (u32)from != g)
                walk_group(f, (u32)from, seen);
        }
    }
    seen[g] = 2;
}

static void
check_groups(const Func *f)
{
    u8 *seen = mem_alloc(f->ngroup);

    check_members(f);
    for (u32 g = 0; g < f->ngroup; g++) {
        CHECK(&(At){.f = f}, f->group[g].nnode, "group %u has no node", g);
        walk_group(f, g, seen);
    }
}

/* ------------------------------------------------------------------- steps */

static void
check_arg(const Prog *p, const At *at, u32 k, const PlanArg *a)
{
    const Buf *b;
    i32 func = (i32)(at->f - p->func);

    CHECK(at, a->kind == ARG_int || a->kind == ARG_buffer,
          "argument %u is of kind %u", k, a->kind);
    if (a->kind == ARG_int && !a->spare)
        return;
    CHECK(at, a->buffer < p->nbuf, "argument %u is buffer %u of %u", k,
          a->buffer, p->nbuf);
    b = &p->buf[a->buffer];
    if (a->kind == ARG_int) {
        CHECK(at, b->role == RO_range,
              "argument %u is the length of %s, which is no range", k, b->name);
        return;
    }
    CHECK(at, a->mode >= ACCESS_r && a->mode <= ACCESS_rw,
          "argument %u has mode %u", k, a->mode);
    CHECK(at, b->func == -1 || b->func == func,
          "argument %u is %s of another phase", k, b->name);
    CHECK(at,
          a->value >= 0 &&
              (b->role == RO_range ? a->value == 0 : (u64)a->value < b->bytes),
          "argument %u is byte %" PRId64 " of %s, which has %" PRIu64, k,
          a->value, b->name, b->bytes);
}

static void
check_steps(const Prog *p, const Func *f)
{
    const u32 rows[NSTEPKIND] = {p->nkernel, p->ngemm, p->nconv,
                                 p->ngemm,   p->nconv, 1};

    for (u32 i = 0; i < f->nstep; i++) {
        const Step *s = &f->step[i];
        At at = {f, "step", i, s->place};

        CHECK(&at, s->kind < NSTEPKIND, "kind %u of %d", s->kind, NSTEPKIND);
        CHECK(&at, s->what < rows[s->kind], "row %u of %u", s->what,
              rows[s->kind]);
        for (u32 k = 0; k < s->narg; k++)
            check_arg(p, &at, k, &s->arg[k]);
    }
}

static void
check_bufs(const Prog *p)
{
    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];
        bool local = b->arena == AR_act || b->arena == AR_io;

        CHECK(NULL, b->arena < NARENA && b->role < NROLE,
              "buffer %s: arena %u, role %u", b->name, b->arena, b->role);
        CHECK(NULL, local == (b->func >= 0) && b->func < (i32)p->nfunc,
              "buffer %s: phase %d", b->name, b->func);
        CHECK(NULL, b->role == RO_range || b->bytes == type_bytes(&b->type),
              "buffer %s: %" PRIu64 " bytes of %s", b->name, b->bytes,
              type_text(&b->type));
        CHECK(NULL, b->role != RO_range || !local, "range %s in arena %u",
              b->name, b->arena);
        for (u32 k = 0; k < i; k++)
            CHECK(NULL, p->buf[k].name != b->name, "two buffers are named %s",
                  b->name);
    }
}

/* ------------------------------------------------------------------- order */

/* What is written in `f` before anybody reads it has a first write; `written`
 * of const buffers holds what pack phases gave. */
static void
check_reads(const Prog *p, const Func *f, bool *written)
{
    for (u32 i = 0; i < f->nstep; i++) {
        const Step *s = &f->step[i];
        At at = {f, "step", i, s->place};

        for (u32 mode = ACCESS_r; mode <= ACCESS_w; mode++)
            for (u32 k = 0; k < s->narg; k++) {
                const PlanArg *a = &s->arg[k];
                const Buf *b = &p->buf[a->buffer];
                bool local = b->arena == AR_act || b->arena == AR_const ||
                             b->role == RO_output;

                if (a->kind != ARG_buffer || !(a->mode & mode))
                    continue;
                CHECK(&at, mode == ACCESS_w || !local || written[a->buffer],
                      "reads %s before it is written", b->name);
                CHECK(&at,
                      mode == ACCESS_r || b->arena != AR_const ||
                          f->kind == PH_pack,
                      "writes %s outside of pack", b->name);
                written[a->buffer] |= mode == ACCESS_w;
            }
    }
    for (u32 i = 0; i < p->nbuf; i++)
        CHECK(&(At){.f = f},
              p->buf[i].role != RO_output || &p->func[p->buf[i].func] != f ||
                  written[i],
              "nobody writes door %s", p->buf[i].name);
}

/* Const values that the pack phase of f writes. */
static void
add_packed(const Prog *p, const Func *f, bool *written)
{
    const Func *pack = f->pack < 0 ? NULL : &p->func[f->pack];

    for (u32 i = 0; pack && i < pack->nstep; i++)
        for (u32 k = 0; k < pack->step[i].narg; k++) {
            const PlanArg *a = &pack->step[i].arg[k];

            if (a->kind == ARG_buffer && a->mode & ACCESS_w &&
                p->buf[a->buffer].arena == AR_const)
                written[a->buffer] = true;
        }
}

static void
check_order(const Prog *p, const Func *f)
{
    bool *written = mem_alloc(p->nbuf * sizeof *written);

    add_packed(p, f, written);
    check_reads(p, f, written);
}

/* -------------------------------------------------------------------------- */

void
verify(const Prog *p, const char *word)
{
    after = word;
    for (u32 i = 0; i < p->nfunc; i++) {
        const Func *f = &p->func[i];

        check_func(p, i);
        if (p->state & HAS_SHAPES)
            check_types(f);
        if (p->state & HAS_GROUPS)
            check_groups(f);
        if (p->state & HAS_STEPS) {
            check_steps(p, f);
            check_order(p, f);
        }
    }
    if (p->state & HAS_STEPS) {
        check_bufs(p);
        verify_versions(p, word);
    }
    if (p->state & HAS_PLACE)
        verify_place(p, word);
}
