/* cublaslt.h - products of a plan by NVIDIA's cuBLASLt. */
#ifndef SOHO_CUBLASLT_H
#define SOHO_CUBLASLT_H

#include "runtime/cuda/driver.h"

/* A product as cuBLASLt sees it: matrices whose columns are contiguous.
 * d [rows,columns] = left [rows,inner] * right [inner,columns], each of them
 * transposed in memory where `turned` says so; `batch` of them at fixed
 * distances in elements, and `times` such calls. */
typedef struct GemmShape {
    i64 rows, columns, inner;
    u8 left, right; /* which operand of the row it is: 1 a, 2 b */
    u8 left_turned, right_turned;
    i64 left_ld, right_ld, d_ld;
    i64 batch, left_step, right_step, d_step;
    i64 times, left_jump, right_jump, d_jump;
} GemmShape;

/* Finds the shape of a row; 0: no dimension of some operand is contiguous. */
int gemm_shape(const PlanGemm *g, GemmShape *s);

typedef struct CublasLt CublasLt;
typedef struct GemmCall GemmCall; /* a prepared product */

/* Opens the library (libcublasLt.so.13 or .12).  SOHO_DEVICE: there is none. */
int cublaslt_open(Err *e, const Plan *plan, CublasLt **lt);
void cublaslt_close(CublasLt *lt);
size_t cublaslt_version(const CublasLt *lt); /* 0: not open */
/* Takes the nth algorithm that the heuristics propose for a row whose arguments
 * lie at `at`.  SOHO_DEVICE: there is none. */
int cublaslt_prepare(Err *e, CublasLt *lt, const PlanGemm *g,
                     const DevicePtr *at, u32 nth, GemmCall **call);
void cublaslt_forget(CublasLt *lt, GemmCall *call);
/* Runs it on a stream; 0, or what the library said. */
int cublaslt_run(CublasLt *lt, const GemmCall *call, void *stream);

#endif
