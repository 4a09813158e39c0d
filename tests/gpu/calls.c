/* calls.c - counts the calls that soho-rt makes of the CUDA driver.
 *
 * A library that SOHO_LIBCUDA may name: each function of driver.h is there,
 * counts and jumps into the driver's own.  SOHO_CALLS=FILE gets a line per
 * function when the program ends: name, number of calls.  For x86-64. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/cuda/driver.h"

/* Real addresses, counts, and the functions that are found by name. */
#define X(member, symbol, args)                                                \
    void *real_##symbol;                                                       \
    u64 calls_##symbol;                                                        \
    __asm__(".globl " #symbol "\n.type " #symbol ", @function\n" #symbol ":\n" \
            "    movq calls_" #symbol "@GOTPCREL(%rip), %r11\n"                \
            "    lock incq (%r11)\n"                                           \
            "    movq real_" #symbol "@GOTPCREL(%rip), %r11\n"                 \
            "    jmp *(%r11)\n");
DRIVER_FUNCTIONS(X)
#undef X

__attribute__((constructor)) static void
find(void)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

#define X(member, symbol, args)                                                \
    real_##symbol = driver ? dlsym(driver, #symbol) : NULL;
    DRIVER_FUNCTIONS(X)
#undef X
}

__attribute__((destructor)) static void
tell(void)
{
    const char *path = getenv("SOHO_CALLS");
    FILE *out = path ? fopen(path, "w") : NULL;

    if (!out)
        return;
#define X(member, symbol, args)                                                \
    fprintf(out, "%s %llu\n", #symbol, (unsigned long long)calls_##symbol);
    DRIVER_FUNCTIONS(X)
#undef X
    fclose(out);
}
