/* ptxas.c - what NVIDIA's assembler says of each kernel, as a table: registers,
 * shared memory, spills.  A kernel that spills is worth a warning. */
#include <ctype.h>

#include "compiler/sohoc.h"

typedef struct Use {
    char name[128];
    u32 registers, shared, stores, loads; /* bytes spilled */
} Use;

/* The number that stands before `words` in the line, or 0. */
static u32
number_before(const char *line, const char *words)
{
    const char *at = strstr(line, words);

    if (!at)
        return 0;
    while (at > line && at[-1] == ' ')
        at--;
    while (at > line && isdigit((u8)at[-1]))
        at--;
    return (u32)strtoul(at, NULL, 10);
}

/* "... entry function 'NAME' for ..." */
static bool
read_name(const char *line, Use *u)
{
    const char *at = strstr(line, "entry function '");

    if (!at)
        return false;
    snprintf(u->name, sizeof u->name, "%.*s", (int)strcspn(at + 16, "'"),
             at + 16);
    return true;
}

static void
print_use(const char *arch, const Use *u, bool all)
{
    if (all)
        printf("%-8s %-48s %4u registers %6u bytes shared %5u spilled\n", arch,
               u->name, u->registers, u->shared, u->stores + u->loads);
    if (u->stores + u->loads)
        fprintf(stderr, "warning: %s: kernel %s spills %u bytes of registers\n",
                arch, u->name, u->stores + u->loads);
}

void
ptxas_print(const char *arch, const char *log, bool all)
{
    Use use = {.name = ""};

    for (const char *s = log; *s; s += strcspn(s, "\n"), s += *s == '\n') {
        const char *line = intern_n(s, strcspn(s, "\n"));

        if (read_name(line, &use))
            continue;
        if (strstr(line, "spill stores")) {
            use.stores = number_before(line, "bytes spill stores");
            use.loads = number_before(line, "bytes spill loads");
        }
        if (*use.name && strstr(line, "Used ")) {
            use.registers = number_before(line, "registers");
            use.shared = number_before(line, "bytes smem");
            print_use(arch, &use, all);
            use = (Use){.name = ""};
        }
    }
}
