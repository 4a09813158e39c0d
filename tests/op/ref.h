/* ref.h - a model in double precision, to compare the compiler with: the graph
 * as `sohoc -d front` prints it, and each op's formula as its textbook has it.
 *
 * Nothing here is shared with the compiler or its templates: graph.c reads the
 * dump, formula.c, window.c and layer.c compute, gradient.c takes central
 * differences.  Every number is a double, also bytes and indices. */
#ifndef REF_H
#define REF_H

#include <stdbool.h>
#include <stdint.h>

enum { REF_RANK = 6, REF_IN = 8, REF_OUT = 2, REF_ATTR = 8, REF_LIST = 8 };

typedef struct Shape {
    char dtype[4]; /* "f32" "i32" "u8" */
    int rank;
    int64_t dim[REF_RANK];
} Shape;

/* A parameter or state. */
typedef struct RefTensor {
    char *name;
    Shape shape;
    bool param, trainable;
    double *value; /* what a phase reads */
    double *next;  /* what it wrote; NULL: nothing */
} RefTensor;

/* The result `out` of node `node`. */
typedef struct RefVal {
    int node, out;
} RefVal;

typedef struct Ref Ref;
typedef struct RefNode RefNode;
typedef void RefOp(Ref *r, RefNode *n);

struct RefNode {
    char *op;
    int nin, nout, nattr;
    RefVal in[REF_IN];
    Shape shape[REF_OUT];
    char *attr[REF_ATTR]; /* "stride=2" */
    double *v[REF_OUT];
    RefTensor *tensor; /* of load and store */
    double *kept;      /* gather: row `skip`, which has no gradient */
    bool moved;        /* depends on the tensor that is moved */
    RefOp *compute;
};

typedef struct RefPhase {
    char *name, kind[8];
    RefNode *node;
    int nnode;
    struct {
        char *name;
        RefVal val;
    } out[8];
    int nout;
} RefPhase;

struct Ref {
    RefTensor *tensor;
    RefPhase *phase;
    int ntensor, nphase;
    int accumulate;     /* micro-batches per update */
    RefPhase *now;      /* the phase that is computed */
    uint64_t seed;      /* of dropout ... */
    uint32_t t;         /* ... at this micro-batch */
    bool f16;           /* op half rounds to that, not to bf16 */
    RefTensor *moved;   /* one of its elements is moved; NULL: nothing is */
    uint64_t branches;  /* hash of which side every kink was on */
};

/* graph.c: exits with a message where the text is not as expected. */
Ref *ref_read(const char *path);
int64_t shape_count(const Shape *s);
RefTensor *ref_tensor(Ref *r, const char *name); /* NULL: there is none */
double attr_number(const RefNode *n, const char *name, double missing);
int attr_list(const RefNode *n, const char *name, double *to); /* its length */
/* Text of a string attribute in a static buffer. */
const char *attr_text(const RefNode *n, const char *name);
const Shape *in_shape(const Ref *r, const RefNode *n, int k);
double *in_value(const Ref *r, const RefNode *n, int k);

/* formula.c: computes the nodes of r->now, or those that depend on r->moved;
 * doors hold what was put into v. */
void ref_compute(Ref *r);
/* Notes the side of a kink, so that differences across it are found. */
static inline void
ref_branch(Ref *r, uint64_t side)
{
    r->branches = (r->branches ^ side) * 0x100000001b3u;
}

/* The functions of window.c and layer.c. */
RefOp ref_matmul, ref_linear, ref_softmax, ref_layer_norm, ref_batch_norm;
RefOp ref_bce, ref_cross_entropy, ref_pick_max, ref_arg_max, ref_uniform;
RefOp ref_gather, ref_scatter_add;
RefOp ref_conv2d, ref_conv2d_dx, ref_conv2d_dw, ref_max_pool, ref_max_pool_dx;
RefOp ref_normalise, ref_valid_mask, ref_sine_position, ref_dropout;

/* layer.c: word i of a site from the counter generator (Philox4x32-10). */
uint32_t ref_draw(uint64_t seed, uint32_t site, uint32_t t, uint32_t i);

/* gradient.c: d sum(weight * value of `y`) / d element `at` of the tensor, by
 * a central difference over 2h; false where a kink lies between the points. */
bool ref_slope(Ref *r, RefTensor *t, int64_t at, double h, RefVal y,
               const double *weight, double *slope);

#endif
