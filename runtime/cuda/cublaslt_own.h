/* cublaslt_own.h - cuBLASLt as it is opened: functions, constants, handles, for
 * what calls it by itself.  They are NVIDIA's (version 12 or 13), declared here,
 * so that building needs no toolkit. */
#ifndef SOHO_CUBLASLT_OWN_H
#define SOHO_CUBLASLT_OWN_H

#include "runtime/cuda/cublaslt.h"

/* X(name, arguments): int cublasLtNAME(arguments), 0 is success. */
#define LT_FUNCTIONS(X)                                                        \
    X(Create, (void **handle))                                                 \
    X(Destroy, (void *handle))                                                 \
    X(MatmulDescCreate, (void **desc, int compute, int scale))                 \
    X(MatmulDescDestroy, (void *desc))                                         \
    X(MatmulDescSetAttribute,                                                  \
      (void *desc, int name, const void *value, size_t bytes))                 \
    X(MatrixLayoutCreate,                                                      \
      (void **layout, int type, u64 rows, u64 columns, i64 ld))                \
    X(MatrixLayoutDestroy, (void *layout))                                     \
    X(MatrixLayoutSetAttribute,                                                \
      (void *layout, int name, const void *value, size_t bytes))               \
    X(MatmulPreferenceCreate, (void **preference))                             \
    X(MatmulPreferenceDestroy, (void *preference))                             \
    X(MatmulPreferenceSetAttribute,                                            \
      (void *preference, int name, const void *value, size_t bytes))           \
    X(MatmulAlgoGetHeuristic,                                                  \
      (void *handle, void *desc, void *a, void *b, void *c, void *d,           \
       void *preference, int most, struct LtAlgo *found, int *n))              \
    X(Matmul, (void *handle, void *desc, const void *alpha, DevicePtr a,       \
               void *la, DevicePtr b, void *lb, const void *beta, DevicePtr c, \
               void *lc, DevicePtr d, void *ld, const struct LtAlgo *algo,     \
               DevicePtr workspace, size_t bytes, void *stream))

/* What the heuristics answer: an algorithm, opaque, and what it needs. */
typedef struct LtAlgo {
    u64 data[8];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
} LtAlgo;

enum {
    LT_F32 = 0,
    LT_F16 = 2,
    LT_BF16 = 14,
    LT_COMPUTE_F32 = 68,
    LT_COMPUTE_TF32 = 77,
    LT_TURN_A = 3, /* attributes of a product */
    LT_TURN_B = 4,
    LT_EPILOGUE = 7,
    LT_BIAS = 8,
    LT_BIAS_TYPE = 26,
    LT_AUX = 11, /* what GELU was made of, and its leading dimension */
    LT_AUX_LD = 12,
    LT_BATCH = 5, /* attributes of a layout */
    LT_BATCH_STEP = 6,
    LT_WORKSPACE = 1,    /* of a preference */
    LT_ALIGNED = 5,      /* + 0 to 3: left, right, added, result */
    LT_ADDS_NOTHING = 1, /* epilogues */
    LT_ADDS_RELU = 2,
    LT_ADDS_BIAS = 4
};

struct CublasLt {
    void *library, *handle;
    size_t (*GetVersion)(void);
#define X(name, args) int(*name) args;
    LT_FUNCTIONS(X)
#undef X
};

#endif
