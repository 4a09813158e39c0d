/* options.c - the compiler's command line.
 *
 * In: argv.  Out: Options with every default filled in, so that nothing later
 * looks at this machine.  A wrong command line ends with exit code 2. */
#include <errno.h>
#include <sched.h>

#include "compiler/sohoc.h"

static const Target *const targets[] = {&target_cpu, &target_cuda,
                                        &target_null};

enum {
    OPT_out,
    OPT_target,
    OPT_arch,
    OPT_cpu,
    OPT_threads,
    OPT_set,
    OPT_keep,
    OPT_dump,
    OPT_stop,
    OPT_guard,
    OPT_ptxas,
    OPT_ops,
    OPT_why,
    OPT_no_fuse,
    OPT_no_cse,
    OPT_no_reuse,
    OPT_without,
    OPT_help
};

static const struct Flag {
    const char *word, *value, *help;
} flags[] = {
    [OPT_out] = {"-o", "DIR", "folder of plan.bin and its code files"},
    [OPT_target] = {"-t", "TARGET",
                    "cpu (if not given), cuda or null; ? lists them"},
    [OPT_arch] = {"--arch", "NAMES",
                  "cuda: sm_80, sm_90a, sm_100 ... or ptx_80"},
    [OPT_cpu] = {"--cpu", "ISA",
                 "avx2 or avx512; if not given: this machine's"},
    [OPT_threads] = {"--threads", "N", "threads the plan is made for"},
    [OPT_set] = {"--set", "KEY=VALUE",
                 "override a field of the model's config"},
    [OPT_keep] = {"--keep", "NAMES", "values that fusion must not remove"},
    [OPT_dump] = {"-d", "PASSES",
                  "print after these passes and stop; all: into "
                  "DIR/dump; ? lists them"},
    [OPT_stop] = {"-S", NULL, "stop before the code is compiled"},
    [OPT_guard] = {"-g", NULL, "guard bytes between placed buffers"},
    [OPT_ptxas] = {"--ptxas", NULL,
                   "cuda: registers, shared memory and spills of kernels"},
    [OPT_ops] = {"--ops", NULL, "print the manual of the operations"},
    [OPT_why] = {"--why", "NODE", "what each pass makes of nodes of this name"},
    [OPT_no_fuse] = {"--no-fuse", NULL, "test: one kernel per node"},
    [OPT_no_cse] = {"--no-cse", NULL, "test: keep equal computations"},
    [OPT_no_reuse] = {"--no-reuse", NULL, "test: a place for every value"},
    [OPT_without] = {"--without", "PASSES", "test: leave these passes out"},
    [OPT_help] = {"--help", NULL, "this text"},
};

/* Pass words and jobs, for -d. */
static const struct {
    const char *word, *job;
} passes[] = {
    {"front", "the graph as the model gives it"},
#define PASS(word, needs, gives, job) {#word, job},
#include "compiler/pass.def"
};

/* Passes that only make a plan better: without one of them it computes the
 * same. */
static const char *const optional[] = {"prune", "stem",      "fold", "hoist",
                                       "cse",   "recompute", "dce",  "order"};

static void
print_help(void)
{
    printf("usage: sohoc MODEL.lua -o DIR [options]\n\n"
           "Compiles a model into DIR/plan.bin for soho-rt.\n\n");
    for (u32 i = 0; i < countof(flags); i++)
        printf("  %-10s %-10s %s\n", flags[i].word,
               flags[i].value ? flags[i].value : "", flags[i].help);
}

static void
print_passes(void)
{
    for (u32 i = 0; i < countof(passes); i++)
        printf("%-10s %s\n", passes[i].word, passes[i].job);
}

static void
print_targets(void)
{
    for (u32 i = 0; i < countof(targets); i++)
        printf("%-10s %s\n", targets[i]->name, targets[i]->help);
}

/* A number from 1 to `most`. */
static i32
count_of(const char *word, const char *text, i32 most)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 1 || n > most)
        die(SOHO_USAGE, "%s %s: a number from 1 to %d is expected", word, text,
            most);
    return (i32)n;
}

static const Target *
target_of(const char *name)
{
    if (!strcmp(name, "?")) {
        print_targets();
        exit(0);
    }
    for (u32 i = 0; i < countof(targets); i++)
        if (!strcmp(name, targets[i]->name))
            return targets[i];
    die(SOHO_USAGE,
        "-t %s: this sohoc has no such target; `sohoc -t ?` lists "
        "those it has",
        name);
}

static u32
cpu_of(const char *name)
{
    if (!strcmp(name, "avx2"))
        return CPU_avx2;
    if (!strcmp(name, "avx512"))
        return CPU_avx512;
    die(SOHO_USAGE, "--cpu %s: avx2 or avx512 is expected", name);
}

/* Splits "a,b" and appends the parts. */
static void
append_words(const char *word, const char *text, const char **list, u32 *n)
{
    for (;;) {
        u64 len = strcspn(text, ",");

        if (!len)
            die(SOHO_USAGE, "%s: an empty name", word);
        if (*n == MAX_KEEP)
            die(SOHO_USAGE, "%s: more than %d names", word, MAX_KEEP);
        list[(*n)++] = intern_n(text, len);
        if (!text[len])
            return;
        text += len + 1;
    }
}

static void
check_dump(const char *words)
{
    const char *list[MAX_KEEP], *known[countof(passes) + 1];
    u32 n = 0, nknown = 0;

    if (!strcmp(words, "?")) {
        print_passes();
        exit(0);
    }
    known[nknown++] = "all";
    for (u32 i = 0; i < countof(passes); i++)
        known[nknown++] = passes[i].word;
    append_words("-d", words, list, &n);
    for (u32 i = 0; i < n; i++) {
        const char *best = nearest(list[i], known, nknown);

        if (!best || strcmp(best, list[i]))
            die(SOHO_USAGE, "-d %s: no such pass%s%s; `sohoc -d ?` lists them",
                list[i], best ? ", did you mean " : "", best ? best : "");
    }
}

static void
leave_out(Options *o, const char *words)
{
    const char *list[MAX_KEEP], *best;
    u32 n = 0;

    append_words("--without", words, list, &n);
    for (u32 i = 0; i < n; i++) {
        best = nearest(list[i], optional, countof(optional));
        if (!best || strcmp(best, list[i]))
            die(SOHO_USAGE, "--without %s: no pass that can be left out%s%s",
                list[i], best ? ", did you mean " : "", best ? best : "");
        for (u32 k = 0; k < countof(optional); k++)
            if (!strcmp(optional[k], list[i]))
                o->without[k] = optional[k];
    }
}

static void
take_set(Options *o, const char *text)
{
    if (!strchr(text, '=') || *text == '=')
        die(SOHO_USAGE, "--set %s: key=value is expected", text);
    if (o->nset == MAX_KEEP)
        die(SOHO_USAGE, "--set: more than %d", MAX_KEEP);
    o->set[o->nset++] = text;
}

static void
take_archs(Options *o, const char *words)
{
    const char *list[MAX_KEEP];
    u32 n = 0;

    append_words("--arch", words, list, &n);
    for (u32 i = 0; i < n; i++)
        cuda_arch(o, list[i]);
}

static void
take_flag(Options *o, u32 flag, const char *value)
{
    switch (flag) {
    case OPT_out:
        o->out = value;
        break;
    case OPT_target:
        o->target = target_of(value);
        break;
    case OPT_arch:
        take_archs(o, value);
        break;
    case OPT_ptxas:
        o->ptxas = true;
        break;
    case OPT_cpu:
        o->cpu = cpu_of(value);
        break;
    case OPT_threads:
        o->threads = count_of("--threads", value, 1024);
        break;
    case OPT_set:
        take_set(o, value);
        break;
    case OPT_keep:
        append_words("--keep", value, o->keep, &o->nkeep);
        break;
    case OPT_dump:
        check_dump(o->dump = value);
        break;
    case OPT_stop:
        o->stop_before_build = true;
        break;
    case OPT_guard:
        o->guard = true;
        break;
    case OPT_ops:
        ops_print(stdout);
        exit(0);
    case OPT_why:
        o->why = value;
        break;
    case OPT_no_fuse:
        o->no_fuse = true;
        break;
    case OPT_no_cse:
        leave_out(o, "cse");
        break;
    case OPT_no_reuse:
        o->no_reuse = true;
        break;
    case OPT_without:
        leave_out(o, value);
        break;
    case OPT_help:
        print_help();
        exit(0);
    default:
        bug("option %u has no case", flag);
    }
}

/* Row of `flags`; *value is what follows '=' in "--word=value". */
static u32
flag_of(const char *arg, const char **value)
{
    const char *words[countof(flags)], *best;
    u64 len = strcspn(arg, "=");

    *value = arg[len] ? arg + len + 1 : NULL;
    for (u32 i = 0; i < countof(flags); i++) {
        words[i] = flags[i].word;
        if (strlen(words[i]) == len && !memcmp(words[i], arg, len))
            return i;
    }
    best = nearest(arg, words, countof(words));
    die(SOHO_USAGE, "unknown option %s%s%s; `sohoc --help` lists them", arg,
        best ? ", did you mean " : "", best ? best : "");
}

/* The instruction set and threads of this machine, where none was given. */
static void
fill_machine(Options *o)
{
    cpu_set_t set;

    if (!o->threads)
        o->threads =
            sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    if (o->cpu)
        return;
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        o->cpu = CPU_avx512;
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        o->cpu = CPU_avx2;
    else
        die(SOHO_DEVICE, "this machine has no AVX2, which target cpu needs; "
                         "give --cpu to compile for another machine");
}

void
options_read(Options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        u32 flag;

        if (argv[i][0] != '-') {
            if (o->model)
                die(SOHO_USAGE, "two models, %s and %s: one is expected",
                    o->model, argv[i]);
            o->model = argv[i];
            continue;
        }
        flag = flag_of(argv[i], &value);
        if (!flags[flag].value && value)
            die(SOHO_USAGE, "%s takes no value", flags[flag].word);
        if (flags[flag].value && !value) {
            if (i + 1 == argc)
                die(SOHO_USAGE, "%s: %s is missing", flags[flag].word,
                    flags[flag].value);
            value = argv[++i];
        }
        take_flag(o, flag, value);
    }
    if (!o->model)
        die(SOHO_USAGE, "no model; `sohoc --help` says how to call it");
    if (!o->target)
        o->target = &target_cpu;
    if (o->target->id == TARGET_cuda)
        cuda_defaults(o);
    else if (o->narch || o->ptxas)
        die(SOHO_USAGE, "%s: target %s has no architectures; give -t cuda",
            o->narch ? "--arch" : "--ptxas", o->target->name);
    if (o->target->id == TARGET_cpu)
        fill_machine(o);
    else if (o->cpu)
        die(SOHO_USAGE, "--cpu: target %s runs on no CPU; leave it out",
            o->target->name);
    else if (!o->threads)
        o->threads = 1;
    if (!o->out && (!o->dump || !strcmp(o->dump, "all")))
        die(SOHO_USAGE, "no output folder; give -o DIR");
}
