/* nvrtc.h - NVIDIA's runtime compiler, opened where it is needed: sohoc works
 * without it. */
#ifndef SOHOC_NVRTC_H
#define SOHOC_NVRTC_H

#include "compiler/sohoc.h"

/* A CUDA C++ source, and the headers that it may include, by name. */
typedef struct NvrtcSource {
    const char *name, *text;
    const char **header, **header_name; /* texts, names */
    i32 nheader;
} NvrtcSource;

typedef struct NvrtcResult {
    int failed;
    char *log;  /* malloc'ed; what the compiler said */
    char *code; /* malloc'ed; cubin, or PTX for "compute_..."; NULL: failed */
    u64 bytes;
} NvrtcResult;

/* Opens the library.  Ends sohoc (SOHO_IO) where there is none. */
void nvrtc_open(void);
/* "13.0" */
const char *nvrtc_version(void);
/* Compiles for an architecture, "sm_90a" or "compute_90".  The log has lines of
 * ptxas for every kernel of machine code. */
NvrtcResult nvrtc_compile(const NvrtcSource *source, const char *arch);

#endif
