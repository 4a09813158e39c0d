/* kernels.h - what the tests of kernels share: instances are made and compiled
 * by the compiler's own emit and build, opened, and called with 1, 2 and 3
 * threads, whose results must be equal to the bit. */
#ifndef SOHO_TESTS_KERNELS_H
#define SOHO_TESTS_KERNELS_H

#include <dlfcn.h>
#include <math.h>
#include <omp.h>

#include "compiler/sohoc.h"
#include "soho/kernel.h"

static const char *isa;
static void *library;
static int failed;

static void
check(bool good, const char *name, const char *why)
{
    if (good)
        printf("ok kernels/%s-%s\n", name, isa);
    else
        printf("not ok kernels/%s-%s: %s\n", name, isa, why);
    failed |= !good;
}

/* --------------------------------------------------------------- numbers */

static u32 state = 1;

static inline u32
draw(void)
{
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

/* n numbers in steps of 1/8 from -4 to 4, so that maxima tie. */
static inline f32 *
numbers(i64 n)
{
    f32 *x = mem_alloc((u64)n * sizeof *x);

    for (i64 i = 0; i < n; i++)
        x[i] = (f32)((i32)(draw() % 65) - 32) / 8;
    return x;
}

static inline bool
close_to(const f32 *x, const f64 *truth, i64 n, f64 bound)
{
    for (i64 i = 0; i < n; i++)
        if (!(fabs((f64)x[i] - truth[i]) <= bound * (1 + fabs(truth[i]))))
            return false;
    return true;
}

/* ----------------------------------------------------------------- calls */

#define BYTE 0x5a /* what outputs hold before a call */

/* Calls a kernel with 1, 2, 3 threads.  arg[0] is the output of `bytes`, which
 * starts as `before` (NULL: rubbish); false if the bytes differ. */
static bool
call(const char *name, SohoArg *arg, u64 bytes, const void *before)
{
    SohoKernel *kernel;
    u8 *first = mem_alloc(bytes);
    bool same = true;

    *(void **)&kernel = dlsym(library, name);
    if (!kernel)
        bug("kernels.so has no %s", name);
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        if (before)
            memcpy(arg[0].p, before, bytes);
        else
            memset(arg[0].p, BYTE, bytes);
        kernel(arg);
        if (threads == 1)
            memcpy(first, arg[0].p, bytes);
        same &= !memcmp(first, arg[0].p, bytes);
    }
    return same;
}

#define CALL(name, bytes, before, ...)                                         \
    call(name, (SohoArg[]){__VA_ARGS__}, bytes, before)
#define P(pointer)                                                             \
    {                                                                          \
        .p = (void *)(pointer)                                                 \
    }
#define I(number)                                                              \
    {                                                                          \
        .i = (number)                                                          \
    }

/* "A=1 B=2" as defines. */
static void
parse_defines(Kernel *k, const char *text)
{
    k->def = mem_alloc(32 * sizeof *k->def);
    while (*text) {
        u64 name = strcspn(text, "="), value = strcspn(text + name + 1, " ");

        k->def[k->ndef++] =
            (Define){intern_n(text, name), intern_n(text + name + 1, value)};
        text += name + 1 + value;
        text += *text == ' ';
    }
}

/* Emits, compiles and opens n kernels {name, template, defines} for an
 * instruction set, in a folder of the test's name. */
static void
open_kernels(u32 cpu, const char *test, const char *const kernel[][3], u32 n)
{
    const char *tmp = getenv("TMPDIR");
    Prog *p = mem_alloc(sizeof *p);

    isa = cpu == CPU_avx512 ? "avx512" : "avx2";
    p->opt.out = format("%s/%s_%s", tmp ? tmp : "/tmp", test, isa);
    p->opt.target = &target_cpu;
    p->opt.cpu = cpu;
    p->nkernel = n;
    p->kernel = mem_alloc(p->nkernel * sizeof *p->kernel);
    for (u32 i = 0; i < p->nkernel; i++) {
        p->kernel[i].name = kernel[i][0];
        p->kernel[i].tmpl = kernel[i][1];
        parse_defines(&p->kernel[i], kernel[i][2]);
    }
    pass_emit(p);
    pass_build(p);
    library = dlopen(format("%s/kernels.so", p->opt.out), RTLD_NOW);
    if (!library)
        bug("%s", dlerror());
}

/* Runs the test once per instruction set of this machine. */
static int
run_sets(void (*test)(u32 cpu))
{
    test(CPU_avx2);
    if (__builtin_cpu_supports("avx512vl"))
        test(CPU_avx512);
    else
        printf("skip kernels/avx512: not on this CPU\n");
    return failed;
}

#endif
