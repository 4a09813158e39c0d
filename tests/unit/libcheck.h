/* libcheck.h - what the tests of library steps share: numbers, doors, and one
 * process per instruction set. */
#ifndef LIBCHECK_H
#define LIBCHECK_H

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "planmake.h"
#include "runtime/run.h"
#include "soho/onednn.h"

static dnnl_engine_t engine;

/* Numbers in [-1,1) that repeat with no short period. */
static inline f32
lib_value(u32 i, u32 salt)
{
    u32 x = i * 2654435761u + salt * 40503u;

    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (f32)(x >> 8) / (1 << 23) - 1;
}

/* Fills a buffer (none: 0) of an open plan; returns its numbers. */
static inline f32 *
lib_fill(Run *run, u32 buffer, u32 salt)
{
    f32 *x = run_buffer(run, buffer);
    u64 n = run->plan.buffer[buffer].bytes / sizeof *x;

    for (u64 i = 0; buffer && i < n; i++)
        x[i] = lib_value((u32)i, salt);
    return x;
}

/* A door of f32 numbers of the newest phase. */
static inline u32
lib_door(Make *m, const char *phase, const char *name, u32 out, i64 elements)
{
    char text[64];

    snprintf(text, sizeof text, "%s.%s", phase, name);
    return make_door(m, name,
                     make_buffer(m, text, AR_io, out ? RO_output : RO_input,
                                 DT_f32, elements, (i64)0),
                     out);
}

static inline void
lib_start(Make *m, u32 cpu)
{
    u32 threads = omp_get_num_procs() < 2 ? 1 : 2;

    printf("# %s\n", cpu == CPU_avx2 ? "avx2" : "avx512");
    onednn_set_cpu(cpu, threads);
    dnnl_engine_create(&engine, dnnl_cpu, 0);
    make_start(m, cpu, threads);
}

/* Writes, opens and removes the plan; NULL after a failed check. */
static inline Run *
lib_open(Make *m)
{
    char path[] = "/tmp/soho-lib-XXXXXX";
    Run *run;
    Err e = {0};

    close(mkstemp(path));
    make_file(m, path);
    check(!run_open(&e, path, 0, &run), "open", e.text);
    unlink(path);
    return run;
}

/* oneDNN chooses its instruction set once per process. */
static inline int
lib_each_cpu(int (*test)(u32 cpu))
{
    const u32 cpu[] = {CPU_avx2, CPU_avx512};

    for (u32 i = 0; i < countof(cpu); i++) {
        int status = 1;
        pid_t child;

        if (i == 1 && !__builtin_cpu_supports("avx512vl")) {
            printf("skip avx512: this CPU has none\n");
            continue;
        }
        fflush(stdout);
        child = fork();
        if (child == 0) {
            status = test(cpu[i]);
            fflush(stdout);
            _exit(status);
        }
        waitpid(child, &status, 0);
        if (!WIFEXITED(status))
            check(0, "process", "died of a signal");
        failed |= status != 0;
    }
    return failed;
}

#endif
