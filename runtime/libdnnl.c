/* libdnnl.c - oneDNN calls: one prepared call per GEMM, convolution or packing
 * step.
 *
 * In: rows of the plan and the addresses of the step's arguments.  Out: calls
 * that run without an allocation of ours.  What this machine's oneDNN wants is
 * compared with what the compiler's wanted: other sizes, other forms of packed
 * weights or a reference implementation are an error, never a slow run. */
#include "runtime/exec.h"

#include <inttypes.h>
#include <stdlib.h>

#include "soho/onednn.h"

enum { MAX_PARTS = 2, MAX_ARGS = MAX_LIBRARY_ARGS };

struct Dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

/* A primitive with its memory objects; a backward-weights step has two. */
typedef struct Part {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[MAX_ARGS];
    int narg;
} Part;

struct LibCall {
    Part part[MAX_PARTS];
    u32 n;
};

/* The step being prepared. */
typedef struct Prepare {
    Err *e;
    Dnnl *dnnl;
    const Plan *plan;
    u32 step;
    void *const *at; /* the step's arguments, taken one after the other */
    LibCall *call;
} Prepare;

int
libdnnl_open(Err *e, const Plan *plan, Dnnl **dnnl)
{
    Dnnl *d = calloc(1, sizeof *d);

    FAIL_IF(!d, e, SOHO_MEMORY, "no memory for oneDNN");
    *dnnl = d;
    FAIL_IF(onednn_set_cpu(plan->head->cpu, plan->head->threads), e,
            SOHO_DEVICE,
            "%s: oneDNN already runs with another instruction set in this "
            "process: open this plan in a process of its own",
            plan->path);
    FAIL_IF(dnnl_engine_create(&d->engine, dnnl_cpu, 0) != dnnl_success ||
                dnnl_stream_create(&d->stream, d->engine,
                                   dnnl_stream_default_flags) != dnnl_success,
            e, SOHO_MEMORY, "oneDNN cannot make an engine");
    return 0;
}

void
libdnnl_close(Dnnl *dnnl)
{
    if (!dnnl)
        return;
    dnnl_stream_destroy(dnnl->stream);
    dnnl_engine_destroy(dnnl->engine);
    free(dnnl);
}

/* -------------------------------------------------------------- preparing */

/* Our text for a step: its number, name and place. */
static int
refuse(const Prepare *p, const char *why)
{
    const PlanStep *s = &p->plan->step[p->step];
    char name[256], place[256];

    err_clean(name, sizeof name, plan_text(p->plan, s->name),
              strlen(plan_text(p->plan, s->name)));
    err_clean(place, sizeof place, plan_text(p->plan, s->place),
              strlen(plan_text(p->plan, s->place)));
    return run_mismatch(p->e, p->plan, "step %u (%s; %s): %s", p->step, name,
                        place, why);
}

/* The plan's bytes against what the library says. */
static int
check_size(const Prepare *p, const char *what, u64 need, u64 planned, int exact)
{
    char why[128];

    if (exact ? need == planned : need <= planned)
        return 0;
    snprintf(why, sizeof why,
             "oneDNN needs %" PRIu64 " bytes of %s here, the plan has %" PRIu64,
             need, what, planned);
    return refuse(p, why);
}

/* Packed weights here against the plan's: steps share them by their form. */
static int
check_packed(const Prepare *p, u64 bytes, u64 planned, u64 form,
             u64 planned_form)
{
    TRY(check_size(p, "packed weights", bytes, planned, 1));
    if (form == planned_form)
        return 0;
    return refuse(p, "oneDNN lays out packed weights otherwise here than where "
                     "the plan was made");
}

static int
check_gemm(const Prepare *p, const PlanGemm *g, const_dnnl_primitive_desc_t pd)
{
    return check_packed(p, onednn_gemm_packed(g, pd), g->packed,
                        onednn_gemm_form(g, pd), g->form);
}

static int
check_conv(const Prepare *p, const PlanConv *c, const_dnnl_primitive_desc_t pd)
{
    return check_packed(p, onednn_conv_packed(c, pd), c->packed,
                        onednn_conv_form(c, pd), c->form);
}

/* Gives the part its next memory object, at the step's next argument. */
static int
bind(Prepare *p, Part *part, int arg, const dnnl_memory_desc_t *md)
{
    dnnl_exec_arg_t *to = &part->arg[part->narg];

    FAIL_IF(dnnl_memory_create(&to->memory, md, p->dnnl->engine, *p->at) !=
                dnnl_success,
            p->e, SOHO_MEMORY, "no memory for a oneDNN argument");
    to->arg = arg;
    part->narg++;
    p->at++;
    return 0;
}

/* Compiles the next part of the call from its descriptor, which it frees. */
static int
add_part(Prepare *p, dnnl_primitive_desc_t pd, Part **part)
{
    Part *next = &p->call->part[p->call->n++];
    dnnl_status_t status = dnnl_primitive_create(&next->primitive, pd);

    *part = next;
    FAIL_IF(status != dnnl_success, p->e, SOHO_MEMORY,
            "oneDNN cannot make step %u", p->step);
    return 0;
}

/* Post-operations take their place in the order of onednn_attr(). */
static int
residual_arg(u32 post)
{
    return DNNL_ARG_ATTR_MULTIPLE_POST_OP(post & POST_accum ? 1 : 0) |
           DNNL_ARG_SRC_1;
}

/* result, two sources, [bias], [residual], [scratch]. */
static int
bind_forward(Prepare *p, const_dnnl_primitive_desc_t pd, Part *part, u32 post,
             u64 scratch)
{
    TRY(bind(p, part, DNNL_ARG_DST, onednn_md(pd, dnnl_query_dst_md)));
    TRY(bind(p, part, DNNL_ARG_SRC, onednn_md(pd, dnnl_query_src_md)));
    TRY(bind(p, part, DNNL_ARG_WEIGHTS, onednn_md(pd, dnnl_query_weights_md)));
    if (post & POST_bias)
        TRY(bind(p, part, DNNL_ARG_BIAS,
                 dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1)));
    if (post & POST_add)
        TRY(bind(p, part, residual_arg(post),
                 onednn_md(pd, dnnl_query_dst_md)));
    if (scratch)
        TRY(bind(p, part, DNNL_ARG_SCRATCHPAD,
                 onednn_md(pd, dnnl_query_scratchpad_md)));
    return 0;
}

static int
bind_data(Prepare *p, const_dnnl_primitive_desc_t pd, Part *part, u64 scratch)
{
    TRY(bind(p, part, DNNL_ARG_DIFF_SRC,
             onednn_md(pd, dnnl_query_diff_src_md)));
    TRY(bind(p, part, DNNL_ARG_DIFF_DST,
             onednn_md(pd, dnnl_query_diff_dst_md)));
    TRY(bind(p, part, DNNL_ARG_WEIGHTS, onednn_md(pd, dnnl_query_weights_md)));
    if (scratch)
        TRY(bind(p, part, DNNL_ARG_SCRATCHPAD,
                 onednn_md(pd, dnnl_query_scratchpad_md)));
    return 0;
}

/* dw x dy [packed] [scratch]: the gradient is made in the library's form and
 * copied, or added, to its plain place. */
static int
bind_weights(Prepare *p, const_dnnl_primitive_desc_t pd, Part *part,
             const PlanConv *c)
{
    void *const *at = p->at;
    const dnnl_memory_desc_t *dw = onednn_md(pd, dnnl_query_diff_weights_md);
    dnnl_memory_desc_t plain;
    dnnl_primitive_desc_t copy;

    p->at = at + (c->packed ? 3 : 0);
    TRY(bind(p, part, DNNL_ARG_DIFF_WEIGHTS, dw));
    p->at = at + 1;
    TRY(bind(p, part, DNNL_ARG_SRC, onednn_md(pd, dnnl_query_src_md)));
    TRY(bind(p, part, DNNL_ARG_DIFF_DST,
             onednn_md(pd, dnnl_query_diff_dst_md)));
    p->at = at + (c->packed ? 4 : 3);
    if (c->scratch)
        TRY(bind(p, part, DNNL_ARG_SCRATCHPAD,
                 onednn_md(pd, dnnl_query_scratchpad_md)));
    if (!c->packed)
        return 0;
    onednn_conv_w(c, 0, &plain);
    if (onednn_reorder(p->dnnl->engine, dw, &plain, c->post & POST_accum,
                       &copy))
        return refuse(p, "oneDNN cannot unpack the gradient");
    if (!add_part(p, copy, &part)) {
        p->at = at + 3;
        if (!bind(p, part, DNNL_ARG_FROM, dw)) {
            p->at = at;
            bind(p, part, DNNL_ARG_TO, &plain);
        }
    }
    dnnl_primitive_desc_destroy(copy);
    return p->e->code;
}

static int
prepare_gemm(Prepare *p, const PlanGemm *g, const_dnnl_primitive_desc_t pd)
{
    Part *part;

    TRY(check_gemm(p, g, pd));
    TRY(check_size(p, "scratch", onednn_scratch(pd), g->scratch, 0));
    TRY(add_part(p, (dnnl_primitive_desc_t)pd, &part));
    return bind_forward(p, pd, part, g->post, g->scratch);
}

static int
prepare_conv(Prepare *p, const PlanConv *c, const_dnnl_primitive_desc_t pd)
{
    Part *part;

    TRY(check_conv(p, c, pd));
    TRY(check_size(p, "scratch", onednn_scratch(pd), c->scratch, 0));
    TRY(add_part(p, (dnnl_primitive_desc_t)pd, &part));
    if (c->dir == 0)
        return bind_forward(p, pd, part, c->post, c->scratch);
    if (c->dir == 1)
        return bind_data(p, pd, part, c->scratch);
    return bind_weights(p, pd, part, c);
}

/* packed, plain: a copy into the form that the product wants. */
static int
prepare_pack(Prepare *p, const dnnl_memory_desc_t *plain,
             const dnnl_memory_desc_t *packed)
{
    dnnl_primitive_desc_t pd;
    Part *part;

    if (onednn_reorder(p->dnnl->engine, plain, packed, 0, &pd))
        return refuse(p, "oneDNN cannot pack the weights");
    if (!add_part(p, pd, &part) && !bind(p, part, DNNL_ARG_TO, packed))
        bind(p, part, DNNL_ARG_FROM, plain);
    dnnl_primitive_desc_destroy(pd);
    return p->e->code;
}

static int
prepare_step(Prepare *p)
{
    const PlanStep *s = &p->plan->step[p->step];
    int gemm = s->kind == ST_gemm || s->kind == ST_pack_gemm;
    const PlanGemm *g = gemm ? &p->plan->gemm[s->what] : NULL;
    const PlanConv *c = gemm ? NULL : &p->plan->conv[s->what];
    dnnl_memory_desc_t plain;
    dnnl_primitive_desc_t pd;
    int code = gemm ? onednn_gemm(p->dnnl->engine, g, &pd)
                    : onednn_conv(p->dnnl->engine, c, &pd);

    if (code)
        return refuse(p, onednn_reason(code));
    if (s->kind == ST_gemm) {
        prepare_gemm(p, g, pd);
    } else if (s->kind == ST_conv) {
        prepare_conv(p, c, pd);
    } else {
        if (gemm)
            onednn_gemm_b(g, &plain);
        else
            onednn_conv_w(c, 0, &plain);
        if (!(gemm ? check_gemm(p, g, pd) : check_conv(p, c, pd)))
            prepare_pack(p, &plain, onednn_md(pd, dnnl_query_weights_md));
    }
    dnnl_primitive_desc_destroy(pd);
    return p->e->code;
}

int
libdnnl_prepare(Err *e, Dnnl *dnnl, const Plan *plan, u32 i, void *const *at,
                LibCall **call)
{
    Prepare p = {.e = e, .dnnl = dnnl, .plan = plan, .step = i, .at = at};

    *call = p.call = calloc(1, sizeof **call);
    FAIL_IF(!p.call, e, SOHO_MEMORY, "no memory for step %u", i);
    return prepare_step(&p);
}

void
libdnnl_forget(LibCall *call)
{
    if (!call)
        return;
    for (u32 i = 0; i < call->n; i++) {
        Part *part = &call->part[i];

        for (int k = 0; k < part->narg; k++)
            dnnl_memory_destroy(part->arg[k].memory);
        dnnl_primitive_destroy(part->primitive);
    }
    free(call);
}

int
libdnnl_run(Dnnl *dnnl, const LibCall *call)
{
    for (u32 i = 0; i < call->n; i++) {
        const Part *part = &call->part[i];
        dnnl_status_t status = dnnl_primitive_execute(
            part->primitive, dnnl->stream, part->narg, part->arg);

        if (status != dnnl_success)
            return status == dnnl_out_of_memory ? SOHO_MEMORY : SOHO_BUG;
    }
    return 0;
}
