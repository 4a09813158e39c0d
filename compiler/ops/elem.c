/* elem.c - element-wise ops with numpy broadcasting, and their gradients.
 * The formulas of the values stand in ops.def, those of the gradients here. */
#include "compiler/sohoc.h"

static bool
join(const Node *n, Type *to, const Type *t)
{
    Type a = *to;
    Type wide = a.rank >= t->rank ? a : *t;
    for (u32 i = 0; i < wide.rank; i++) {
        i32 x = i < a.rank ? a.dim[a.rank - 1 - i] : 1;
        i32 y = i < t->rank ? t->dim[t->rank - 1 - i] : 1;
        if (x != y && x != 1 && y != 1) {
            diag_err(n->place, "%s: shapes %s and %s do not agree",
                     optab[n->op].name, type_text(&a), type_text(t));
            return false;
        }
        wide.dim[wide.rank - 1 - i] = x > y ? x : y;
    }
    *to = wide;
    return true;
}

static bool
infer(Func *f, Node *n)
{
    Type t = type_of(f, n->in[0]);
    for (u32 i = 0; i < n->nin; i++) {
        Type in = type_of(f, n->in[i]);
        if (in.dtype != DT_f32 && n->op != OP_float) {
            diag_err(n->place, "%s: input %u is %s, expected f32 (op.float)",
                     optab[n->op].name, i + 1, type_text(&in));
            return false;
        }
        if (i && !join(n, &t, &in))
            return false;
    }
    if (n->op == OP_dropout) {
        f64 p = attr_f(n, "p");
        if (!(p >= 0 && p < 1)) {
            diag_err(n->place, "dropout: p is %g, expected 0 <= p < 1", p);
            return false;
        }
    }
    t.dtype = DT_f32;
    n->out[0] = t;
    return true;
}

/* dy * (a > b) or dy * !(a > b), for maximum and minimum. */
static void
grad_choice(Grad *g, const Node *n, Val dy, bool first_if_greater)
{
    Build *b = &g->b;
    Val greater = emit2(b, OP_greater, n->in[0], n->in[1]);
    Val other = emit2(b, OP_sub, emit_literal(b, 1), greater);
    Val one = emit2(b, OP_mul, dy, greater);
    Val two = emit2(b, OP_mul, dy, other);
    grad_add(g, n->in[0], first_if_greater ? one : two);
    grad_add(g, n->in[1], first_if_greater ? two : one);
}

/* y = a / b */
static void
grad_div(Grad *g, const Node *n, Val y, Val dy)
{
    Build *b = &g->b;
    Val da = emit2(b, OP_div, dy, n->in[1]);
    grad_add(g, n->in[0], da);
    grad_add(g, n->in[1], emit1(b, OP_neg, emit2(b, OP_mul, da, y)));
}

/* A parameter, or some one below the other. */
static bool
is_weight(const Func *f, Val v)
{
    const Node *n = node_of(f, where(f, v).base);
    bool all = n->op == OP_concat;
    for (u32 i = 0; all && i < n->nin; i++)
        all = is_weight(f, n->in[i]);
    return all || n->op == OP_load;
}

/* Gradients of activations are rounded where those are, for they are kept as
 * long; those of parameters are sums over a batch and stay as they are. */
static Val
grad_half(Build *b, const Node *n, Val dy)
{
    return is_weight(b->f, n->in[0]) ? dy : emit1(b, OP_half, dy);
}

/* d y / d a of ops with one input, given a and y. */
static Val
slope(Build *b, u32 op, Val a, Val y)
{
    switch (op) {
    case OP_exp:
        return y;
    case OP_log:
        return emit2(b, OP_div, emit_literal(b, 1), a);
    case OP_sqrt:
        return emit2(b, OP_div, emit_literal(b, 0.5), y);
    case OP_rsqrt:
        return emit2(b, OP_mul, emit_literal(b, -0.5),
                     emit2(b, OP_mul, y, emit2(b, OP_mul, y, y)));
    case OP_sigmoid:
        return emit2(b, OP_mul, y, emit2(b, OP_sub, emit_literal(b, 1), y));
    case OP_gelu:
        return emit1(b, OP_gelu_slope, a);
    case OP_softplus:
        return emit1(b, OP_sigmoid, a);
    default:
        bug("%s has no slope", optab[op].name);
    }
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Build *b = &g->b;
    Node n = b->f->node[node]; /* a copy: emitting moves the nodes */
    Val y = VAL(node, 0);
    switch (n.op) {
    case OP_add:
        grad_add(g, n.in[0], dy);
        grad_add(g, n.in[1], dy);
        break;
    case OP_sub:
        grad_add(g, n.in[0], dy);
        grad_add(g, n.in[1], emit1(b, OP_neg, dy));
        break;
    case OP_mul:
        grad_add(g, n.in[0], emit2(b, OP_mul, dy, n.in[1]));
        grad_add(g, n.in[1], emit2(b, OP_mul, dy, n.in[0]));
        break;
    case OP_div:
        grad_div(g, &n, y, dy);
        break;
    case OP_maximum:
        grad_choice(g, &n, dy, true);
        break;
    case OP_minimum:
        grad_choice(g, &n, dy, false);
        break;
    case OP_neg:
        grad_add(g, n.in[0], emit1(b, OP_neg, dy));
        break;
    case OP_relu:
        grad_add(g, n.in[0], emit2(b, OP_gate, dy, y));
        break;
    case OP_gate:
        grad_add(g, n.in[0], emit2(b, OP_gate, dy, n.in[1]));
        break;
    case OP_half:
        grad_add(g, n.in[0], grad_half(b, &n, dy));
        break;
    case OP_dropout: /* the same site draws the same numbers again */
        grad_add(g, n.in[0], emit_attrs(b, OP_dropout, &dy, 1, n.attr));
        break;
    case OP_greater: /* constant almost everywhere */
    case OP_equal:
    case OP_floor:
    case OP_float:
    case OP_stop:
        break;
    default:
        grad_add(g, n.in[0], emit2(b, OP_mul, dy, slope(b, n.op, n.in[0], y)));
    }
}

/* `stop` has done its work once the gradients are there. */
static Val
expand(Build *b, const Node *n, const Val *in)
{
    (void)b;
    (void)n;
    return in[0];
}

const Family family_elem = {infer, grad, expand};
