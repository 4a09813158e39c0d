/* sohoc.c - the compiler's main program: the loop over the passes, dumps.
 *
 * In: MODEL.lua and options.  Out: a folder with plan.bin, the code files that
 * it names and gen/, or dumps; exit codes are those of soho/base.h. */
#include <errno.h>
#include <time.h>

#include "compiler/sohoc.h"

static const struct Row {
    const char *word;
    u32 needs, gives;
    void (*run)(Prog *p);
} rows[] = {
#define SHAPES                        HAS_SHAPES
#define GRAD                          HAS_GRAD
#define SMALL                         HAS_SMALL
#define GROUPS                        HAS_GROUPS
#define STEPS                         HAS_STEPS
#define ORDER                         HAS_ORDER
#define PLACE                         HAS_PLACE
#define CODE                          HAS_CODE
#define BLOB                          HAS_BLOB
#define PASS(word, needs, gives, job) {#word, needs, gives, pass_##word},
#include "compiler/pass.def"
};

/* ------------------------------------------------------------------ dumps */

static void
print_state(const Prog *p, FILE *out)
{
    if (p->state & HAS_STEPS)
        print_steps(p, out);
    else
        print_prog(p, out);
}

/* Whether the comma-separated list names the word. */
static bool
names_word(const char *list, const char *word)
{
    u64 n = strlen(word);

    for (; list; list = strchr(list, ',')) {
        list += *list == ',';
        if (!strncmp(list, word, n) && (!list[n] || list[n] == ','))
            return true;
    }
    return false;
}

static void
write_dump(const Prog *p, u32 number, const char *word)
{
    const char *dir = format("%s/dump", p->opt.out);
    const char *path = format("%s/%02u-%s.txt", dir, number, word);
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);

    if (!f)
        die(SOHO_MEMORY, "out of memory: the dump of %s", word);
    print_state(p, f);
    if (fclose(f))
        die(SOHO_MEMORY, "out of memory: the dump of %s", word);
    if (!make_dirs(dir) || !file_write(path, text, bytes))
        die(SOHO_IO, "%s: cannot write: %s", path, strerror(errno));
    free(text);
}

/* Dumps what -d asks for; true: this was the last one, stop. */
static bool
dump(const Prog *p, u32 number, const char *word, u32 *left)
{
    const char *words = p->opt.dump;

    if (!words)
        return false;
    if (!strcmp(words, "all")) {
        write_dump(p, number, word);
        return false;
    }
    if (!names_word(words, word))
        return false;
    if (strchr(words, ','))
        printf("# after %s\n", word);
    print_state(p, stdout);
    return --*left == 0;
}

/* How many passes -d names. */
static u32
dump_count(const char *words)
{
    u32 n = words && names_word(words, "front");

    for (u32 i = 0; words && i < countof(rows); i++)
        n += names_word(words, rows[i].word);
    return n;
}

/* -------------------------------------------------------------------- why */

/* Nodes (later steps) of that name, one line each, and the first place. */
static const char *
why_text(const Prog *p, const char **place)
{
    const char *name = p->opt.why;
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    const char *s;

    if (!f)
        die(SOHO_MEMORY, "out of memory: --why");
    for (u32 i = 0; i < p->nfunc; i++) {
        const Func *g = &p->func[i];

        for (u32 k = 0; k < g->nnode && !(p->state & HAS_STEPS); k++) {
            const Node *n = &g->node[k];

            if (!glob(name, n->name))
                continue;
            *place = *place ? *place : n->place;
            fprintf(f, "  %s %%%u %s", g->name, k, optab[n->op].name);
            if (n->nout && p->state & HAS_SHAPES)
                fprintf(f, " %s", type_text(&n->out[0]));
            if (p->state & HAS_GROUPS && n->group >= 0)
                fprintf(f, " @g%d", n->group);
            fputc('\n', f);
        }
        for (u32 k = 0; k < g->nstep; k++)
            if (glob(name, g->step[k].name))
                fprintf(f, "  %s step %u %s\n", g->name, k, g->step[k].name);
    }
    fclose(f);
    s = intern_n(text, bytes);
    free(text);
    return s;
}

/* Prints what the pass made of the nodes --why names, if that changed. */
static void
why(const Prog *p, const char *word)
{
    static const char *last;
    const char *place = NULL, *text;

    if (!p->opt.why)
        return;
    text = why_text(p, &place);
    if (!last && !*text)
        die(SOHO_USAGE, "--why %s: the model has no node of this name",
            p->opt.why);
    if (!last)
        printf("%s: made at %s\n", p->opt.why, place);
    if (text != last)
        printf("after %s:\n%s", word, *text ? text : "  none\n");
    last = text;
}

/* ----------------------------------------------------------------- driver */

static const char *
state_text(u32 bits)
{
    static const char *const word[] = {"SHAPES", "GRAD",  "SMALL",
                                       "GROUPS", "STEPS", "ORDER",
                                       "PLACE",  "CODE",  "BLOB"};
    const char *text = "";

    for (u32 i = 0; i < countof(word); i++)
        if (bits & 1u << i)
            text = format("%s%s%s", text, *text ? " " : "", word[i]);
    return text;
}

/* Dumps come before the verifier, so that what it refuses can be read.  true:
 * the dump was the last one wanted. */
static bool
finish(Prog *p, u32 number, const char *word, u32 *left)
{
    bool stop = dump(p, number, word, left);

    fflush(stdout);
    verify(p, word);
    why(p, word);
    return stop;
}

static bool
is_left_out(const Prog *p, const char *word)
{
    for (u32 i = 0; i < MAX_OPTIONAL; i++)
        if (p->opt.without[i] && !strcmp(p->opt.without[i], word))
            return true;
    return false;
}

/* Runs all passes; false: it stopped before the last. */
static bool
run_passes(Prog *p)
{
    u32 left = dump_count(p->opt.dump);

    if (finish(p, 0, "front", &left))
        return false;
    for (u32 i = 0; i < countof(rows); i++) {
        const struct Row *row = &rows[i];

        if (p->opt.stop_before_build && !strcmp(row->word, "build"))
            return false;
        diag_pass = row->word;
        if (row->needs & ~p->state)
            bug("pass %s needs %s", row->word,
                state_text(row->needs & ~p->state));
        if (!is_left_out(p, row->word))
            row->run(p);
        if (diag_count())
            exit(SOHO_BAD);
        p->state |= row->gives;
        if (finish(p, i + 1, row->word, &left))
            return false;
    }
    return true;
}

static f64
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec * 1e-9;
}

static void
print_summary(const Prog *p, f64 took)
{
    static const char *const arena[] = {
#define X(name, what) #name,
        SOHO_ARENAS(X)
#undef X
    };
    u32 nstep = 0;

    for (u32 i = 0; i < p->nfunc; i++)
        nstep += p->func[i].nstep;
    printf("%s/plan.bin: target %s", p->opt.out, p->opt.target->name);
    if (p->opt.cpu)
        printf(" %s", p->opt.cpu == CPU_avx512 ? "avx512" : "avx2");
    static const char *const field[] = {"compat", "precision"};
    for (u32 i = 0; i < countof(field); i++) {
        const char *value = meta_get(p, format("config.%s", field[i]));
        if (value)
            printf(", %s %s", field[i], value);
    }
    printf(", %d thread%s; %u phases, %u steps, %u kernels; bytes",
           p->opt.threads, p->opt.threads == 1 ? "" : "s", p->nfunc, nstep,
           p->nkernel);
    for (u32 i = 0; i < NARENA; i++)
        printf(" %s %llu", arena[i], (unsigned long long)p->need[i]);
    printf("; %.1f s\n", took);
}

int
main(int argc, char **argv)
{
    static Prog p;
    f64 start = seconds();

    ops_init();
    options_read(&p.opt, argc, argv);
    front_read(&p);
    if (p.opt.out && !make_dirs(p.opt.out))
        die(SOHO_IO, "%s: cannot make the folder: %s", p.opt.out,
            strerror(errno));
    if (run_passes(&p))
        print_summary(&p, seconds() - start);
    if (fflush(stdout) || ferror(stdout))
        die(SOHO_IO, "standard output: cannot write: %s", strerror(errno));
    return 0;
}
