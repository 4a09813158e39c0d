/* update.c - the phases `update` and `init`, made by grad from the model's
 * optimiser groups and starting values.
 *
 * update: schedule, global norm with finite check, the loss's scale, one
 * optimiser kernel per group over the group's whole range, commit of the
 * state. */
#include "compiler/sohoc.h"

static i32
group_of(const Update *u, const char *name)
{
    for (u32 i = 0; i < u->ngroup; i++)
        if (glob(u->group[i].pattern, name))
            return (i32)i;
    return -1;
}

static void
add_twin(Prog *p, const Tensor *of, const char *prefix, u32 role)
{
    Tensor *t = tensor_add(p, format("%s%s", prefix, of->name), of->type, role,
                           of->place);
    t->group = of->group;
}

/* Groups, gradients' groups and moments of every parameter that trains.  A
 * group may serve frozen ones alone: its rule has nothing to do, then. */
static void
assign_groups(Prog *p)
{
    Update *u = &p->update;
    bool matches[MAX_GROUPS] = {false};
    for (u32 i = 0, n = p->ntensor; i < n; i++) {
        if (p->tensor[i].role != RO_param)
            continue;
        Tensor *g = tensor_find(p, format("grad.%s", p->tensor[i].name));
        i32 k = group_of(u, p->tensor[i].name);
        if (k >= 0)
            matches[k] = true;
        if (!g)
            continue;
        if (k < 0)
            die(SOHO_BAD, "%s: error: no optimiser group matches %s",
                p->opt.model, p->tensor[i].name);
        u->group[k].nparam++;
        g->group = p->tensor[i].group = k;
        Tensor param = p->tensor[i]; /* adding moves the table */
        add_twin(p, &param, "moment1.", RO_moment);
        if (!strcmp(u->group[k].rule, "adamw"))
            add_twin(p, &param, "moment2.", RO_moment);
    }
    for (u32 k = 0; k < u->ngroup; k++) {
        if (!matches[k])
            die(SOHO_BAD,
                "%s: error: optimiser group '%s' matches no parameter",
                u->group[k].place, u->group[k].pattern);
        meta_set(p, format("update.group%u", k + 1),
                 format("%s %s lr %g, %u parameters", u->group[k].pattern,
                        u->group[k].rule, u->group[k].lr, u->group[k].nparam));
    }
}

static void
set_list(Attr *attrs, const char *name, const f64 *list, u32 n)
{
    Attr *a = &attrs[attr_find(OP_schedule, name)];
    a->n = (u8)n;
    memcpy(a->list, list, n * sizeof *list);
}

static void
emit_schedule(Build *b, const Schedule *s, const char *of)
{
    Attr *a = attrs_new(OP_schedule);
    attr_set_s(a, OP_schedule, "of", of);
    attr_set_s(a, OP_schedule, "policy", s->policy);
    attr_set_s(a, OP_schedule, "shape", s->shape);
#define X(name, missing, what) attr_set_f(a, OP_schedule, #name, s->name);
    SCHEDULE_NUMBERS(X)
#undef X
    set_list(a, "at", s->at, s->nat);
    set_list(a, "weight", s->weight, s->nweight);
    emit_attrs(b, OP_schedule, NULL, 0, a);
}

static void
emit_rule(Build *b, const Update *u, u32 index)
{
    const OptGroup *g = &u->group[index];
    u32 op = strcmp(g->rule, "sgd") ? OP_adamw : OP_sgd;
    Attr *a = attrs_new(op);
    attr_set_f(a, op, "group", index);
    attr_set_f(a, op, "lr", g->lr);
    attr_set_f(a, op, "decay", g->decay);
    attr_set_f(a, op, "lr_add", u->lr.min_lr > 0);
    if (op == OP_sgd) {
        attr_set_f(a, op, "momentum", g->momentum);
        attr_set_f(a, op, "dampening", g->dampening);
        attr_set_f(a, op, "nesterov", g->nesterov);
        attr_set_f(a, op, "moves", u->momentum.policy != NULL);
    } else {
        attr_set_f(a, op, "beta1", g->beta1);
        attr_set_f(a, op, "beta2", g->beta2);
        attr_set_f(a, op, "eps", g->eps);
        attr_set_f(a, op, "correct_bias", g->correct_bias);
    }
    b->place = g->place;
    emit_attrs(b, op, NULL, 0, a);
}

static void
emit_rescale(Build *b, const Update *u)
{
    Attr *a = attrs_new(OP_rescale);
    attr_set_f(a, OP_rescale, "start", u->loss_scale);
    attr_set_f(a, OP_rescale, "limit", u->clip);
    attr_set_f(a, OP_rescale, "dynamic", u->dynamic);
    attr_set_f(a, OP_rescale, "window", u->scale_window);
    attr_set_f(a, OP_rescale, "most", u->max_scale);
    emit_attrs(b, OP_rescale, NULL, 0, a);
}

static void
build_update(Prog *p)
{
    const Update *u = &p->update;
    Func *f = func_add(p, "update", PH_update);
    Build b = {p, f, "update", meta_get(p, "model")};
    emit_schedule(&b, &u->lr, "lr");
    if (u->momentum.policy)
        emit_schedule(&b, &u->momentum, "momentum");
    Attr *a = attrs_new(OP_grad_norm);
    attr_set_f(a, OP_grad_norm, "limit", u->clip);
    emit_attrs(&b, OP_grad_norm, NULL, 0, a);
    if (u->loss_scale > 0)
        emit_rescale(&b, u);
    for (u32 i = 0; i < u->ngroup; i++)
        if (u->group[i].nparam)
            emit_rule(&b, u, i);
    emit_attrs(&b, OP_commit, NULL, 0, NULL);
}

/* Starting values; running state starts in both slots. */
static void
build_init(Prog *p)
{
    Func *f = func_add(p, "init", PH_init);
    Build b = {p, f, "init", meta_get(p, "model")};
    for (u32 i = 0; i < p->ntensor; i++) {
        const Tensor *t = &p->tensor[i];
        bool normal = t->init == INIT_normal;
        u32 op = normal ? OP_normal : OP_fill;
        Attr *a = attrs_new(op);
        attr_set_s(a, op, "tensor", t->name);
        attr_set_f(a, op, normal ? "std" : "value", t->value);
        b.place = t->place;
        b.name = t->name;
        emit_attrs(&b, op, NULL, 0, a);
    }
}

/* Trained state has a second slot that holds the last good values. */
static void
add_good_slots(Prog *p)
{
    for (u32 i = 0, n = p->ntensor; i < n; i++)
        if (p->tensor[i].role == RO_state) {
            Tensor live = p->tensor[i];
            add_twin(p, &live, "good.", RO_good);
            Tensor *good = &p->tensor[p->ntensor - 1];
            good->init = live.init;
            good->value = live.value;
        }
}

/* The runtime counts windows by config.accumulate; where that is something
 * else, or nothing, the plan says it itself. */
static void
say_accumulate(Prog *p)
{
    const char *config = meta_get(p, "config.accumulate");
    i32 n = p->update.accumulate;
    if (config ? atoi(config) != n : n > 1)
        meta_set(p, "update.accumulate", format("%d", n));
}

void
update_build(Prog *p)
{
    bool train = false;
    for (u32 i = 0; i < p->nfunc; i++)
        train |= p->func[i].kind == PH_train;
    if (train) {
        if (!p->update.ngroup)
            die(SOHO_BAD, "%s: error: phase train without phase update",
                p->opt.model);
        say_accumulate(p);
        assign_groups(p);
        add_good_slots(p);
        build_update(p);
    }
    build_init(p);
}
