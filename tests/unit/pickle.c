/* pickle.c - the pickle machine: every opcode and global that is not allowed
 * is refused by name and byte, nothing makes it recurse, grow without bound or
 * read past its end. */
#include <sys/resource.h>
#include <time.h>

#include "check.h"
#include "runtime/torch/pickle.h"
#include "torchmake.h"

/* Runs the bytes from memory that ends with them. */
static int
run(Err *e, const u8 *bytes, u64 n)
{
    u8 *exact = malloc(n ? n : 1);
    Pickle p;
    u32 value;

    memcpy(exact, bytes, n);
    *e = (Err){0};
    pickle_start(&p, "x.pkl", exact, n);
    pickle_run(e, &p, &value);
    pickle_free(&p);
    free(exact);
    return e->code;
}

static int
refuses(Err *e, const Blob *b, const char *message)
{
    return run(e, b->at, b->n) == SOHO_BAD && strstr(e->text, message);
}

/* ----------------------------------------------------------------- opcodes */

/* All that PyTorch writes; STOP among them. */
static const u8 allowed[] = "().GJKMNQRTUX]abcehijqrstu}\x80\x85\x86\x87\x88"
                            "\x89\x8a\x8c\x93\x94\x95";

static void
opcodes(void)
{
    char why[ERR_TEXT + 64] = "";
    Err e;
    u32 refused = 0;

    for (u32 code = 0; code < 256; code++) {
        const u8 bytes[] = {0x80, 2, (u8)code, 'a', '\n', 'b', '\n', 0, 0, 0};

        run(&e, bytes, sizeof bytes);
        if (code && memchr(allowed, (int)code, sizeof allowed - 1))
            continue;
        if (e.code == SOHO_BAD && strstr(e.text, "opcode") &&
            strstr(e.text, "at byte 2"))
            refused++;
        else
            snprintf(why, sizeof why, "0x%02x: %s", code, e.text);
    }
    if (!why[0])
        snprintf(why, sizeof why, "%u are refused", refused);
    check(refused == 256 - (sizeof allowed - 1), "forbidden opcodes", why);
}

/* ----------------------------------------------------------------- globals */

static const char *const bad_global[][2] = {
    {"os", "system"},
    {"posix", "system"},
    {"nt", "system"},
    {"os", "popen"},
    {"os", "execv"},
    {"os", "remove"},
    {"subprocess", "Popen"},
    {"subprocess", "check_output"},
    {"builtins", "eval"},
    {"builtins", "exec"},
    {"builtins", "getattr"},
    {"builtins", "open"},
    {"builtins", "__import__"},
    {"__builtin__", "eval"},
    {"__builtin__", "globals"},
    {"builtins", "dict"},
    {"sys", "modules"},
    {"socket", "create_connection"},
    {"urllib.request", "urlopen"},
    {"webbrowser", "open"},
    {"runpy", "_run_code"},
    {"pip", "main"},
    {"pty", "spawn"},
    {"timeit", "timeit"},
    {"cProfile", "run"},
    {"importlib", "import_module"},
    {"types", "CodeType"},
    {"types", "FunctionType"},
    {"marshal", "loads"},
    {"pickle", "loads"},
    {"_pickle", "loads"},
    {"copyreg", "_reconstructor"},
    {"copy_reg", "_reconstructor"},
    {"operator", "attrgetter"},
    {"operator", "methodcaller"},
    {"functools", "partial"},
    {"code", "interact"},
    {"bdb", "Bdb.run"},
    {"asyncio", "run"},
    {"ctypes", "CDLL"},
    {"shutil", "rmtree"},
    {"tempfile", "mkstemp"},
    {"numpy", "load"},
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy.testing._private.utils", "runstring"},
    {"torch", "load"},
    {"torch", "hub.load"},
    {"torch", "_utils._rebuild_tensor_v2"},
    {"torch._utils", "_rebuild_tensor_v2.__globals__"},
    {"torch._utils", "_import_dotted_name"},
    {"torch.storage", "_load_from_bytes"},
    {"torch.jit", "load"},
    {"torch.nn.modules.linear", "Linear"},
    {"torch._inductor.codecache", "compile_file"},
    {"collections", "OrderedDict "},
    {"collections", "ordereddict"},
    {"Collections", "OrderedDict"},
    {"collections.abc", "OrderedDict"},
    {"", ""},
    {"torch", ""},
    {"", "FloatStorage"},
};

/* The same global by the three opcodes that can name one. */
static void
name_global(Blob *b, u32 form, const char *module, const char *name)
{
    b->n = 0;
    pk(b, "\x80\x04");
    if (form == 2) {
        pk_text(b, module);
        pk_text(b, name);
        pk(b, "\x93)R.");
        return;
    }
    pk(b, form == 0 ? "c" : "(i");
    pk(b, module);
    pk(b, "\n");
    pk(b, name);
    pk(b, form == 0 ? "\n)R." : "\n.");
}

static void
globals(void)
{
    static const char *const form_name[] = {"GLOBAL", "INST", "STACK_GLOBAL"};
    static Blob b;
    char want[256], why[ERR_TEXT + 300], label[64];
    Err e;

    for (u32 form = 0; form < 3; form++) {
        why[0] = 0;
        for (u32 i = 0; i < countof(bad_global) && !why[0]; i++) {
            const char *module = bad_global[i][0], *name = bad_global[i][1];
            u64 byte = form == 0   ? 2
                       : form == 1 ? 3
                                   : 12 + strlen(module) + strlen(name);

            name_global(&b, form, module, name);
            snprintf(want, sizeof want,
                     "x.pkl: pickle: forbidden global %s.%s at byte %llu",
                     module, name, (unsigned long long)byte);
            if (!refuses(&e, &b, want))
                snprintf(why, sizeof why, "%s: %s", want, e.text);
        }
        snprintf(label, sizeof label, "forbidden globals by %s",
                 form_name[form]);
        check(!why[0], label, why);
    }
    b.n = 0;
    pk(&b, "\x80\x02"
           "cos\x1b[31m\nsys\x9btem\n.");
    check(refuses(&e, &b, "forbidden global os\\x1b[31m.sys\\x9btem"),
          "escape sequences are shown", e.text);
}

/* ---------------------------------------------------------------- mistakes */

static const struct {
    const char *name, *bytes, *message; /* bytes without 0 */
} mistake[] = {
    {"nothing", "", "truncated"},
    {"no STOP", "\x80\x02N", "truncated"},
    {"protocol 200", "\x80\xc8N.", "protocol 200, known are 2 to 5"},
    {"STOP on nothing", "\x80\x02.", "0 values at the end"},
    {"STOP early", "\x80\x02NN.", "2 values at the end"},
    {"STOP in a mark", "\x80\x02N(.", "at the end"},
    {"TUPLE without mark", "\x80\x02Nt.", "no mark"},
    {"APPENDS without mark", "\x80\x02]e.", "no mark"},
    {"SETITEMS of one", "\x80\x02}(Nu.", "a key without its value"},
    {"SETITEM below a mark", "\x80\x02}(NNs.", "nothing on the stack"},
    {"TUPLE2 below a mark", "\x80\x02N(N\x86.", "too few values"},
    {"APPEND to nothing", "\x80\x02Na.", "nothing on the stack"},
    {"APPEND to a dictionary", "\x80\x02}Na.",
     "a list expected on the stack, got a dictionary"},
    {"SETITEM of a list", "\x80\x02]NNs.", "a dictionary expected"},
    {"memo of nothing", "\x80\x02q\x01.", "nothing on the stack"},
    {"memo entry not there", "\x80\x02h\x07.", "no memo entry 7"},
    {"memo gap", "\x80\x02Nq\x05h\x03.", "no memo entry 3"},
    {"memo entry of 4294967295", "\x80\x02Nr\xff\xff\xff\xff.",
     "memo entry 4294967295"},
    {"LONG_BINGET of 4294967295", "\x80\x02j\xff\xff\xff\xff.",
     "no memo entry 4294967295"},
    {"text of 4 GB",
     "\x80\x02X\xff\xff\xff\xff"
     "abc.",
     "truncated: 4294967295 bytes needed, 4 left"},
    {"text cut",
     "\x80\x02U\x05"
     "ab",
     "truncated: 5 bytes needed, 2 left"},
    {"number cut", "\x80\x02J\x01\x01", "truncated: 4 bytes needed"},
    {"large number cut", "\x80\x02\x8a\xff\x01", "truncated: 255 bytes"},
    {"GLOBAL cut",
     "\x80\x02"
     "ccollections",
     "a line without an end"},
    {"GLOBAL cut in the name",
     "\x80\x02"
     "ccollections\nOrdered",
     "a line without an end"},
    {"STACK_GLOBAL of numbers", "\x80\x04K\x01K\x02\x93.",
     "a global without a name"},
    {"REDUCE of a number", "\x80\x02K\x01)R.",
     "REDUCE of a number with a tuple"},
    {"REDUCE of a text", "\x80\x02U\x02os)R.", "REDUCE of a text"},
    {"REDUCE with a list",
     "\x80\x02"
     "ccollections\nOrderedDict\n]R.",
     "with a list"},
    {"REDUCE of a storage class",
     "\x80\x02"
     "ctorch\nFloatStorage\n)R.",
     "forbidden call of torch.FloatStorage"},
    {"REDUCE of a tensor without any",
     "\x80\x02"
     "ctorch._utils\n_rebuild_tensor_v2\n)R.",
     "wrong arguments of torch._utils._rebuild_tensor_v2"},
    {"tensor of numbers",
     "\x80\x02"
     "ctorch._utils\n_rebuild_tensor\n(K\x01K\x02))tR.",
     "wrong arguments"},
    {"parameter of a number",
     "\x80\x02"
     "ctorch._utils\n_rebuild_parameter\nK\x01\x88N\x87R.",
     "wrong arguments"},
    {"Size of a number",
     "\x80\x02"
     "ctorch\nSize\nK\x01\x85R.",
     "wrong arguments of torch.Size"},
    {"OrderedDict of a number",
     "\x80\x02"
     "ccollections\nOrderedDict\nK\x01\x85R.",
     "wrong arguments of collections.OrderedDict"},
    {"OrderedDict of triples",
     "\x80\x02"
     "ccollections\nOrderedDict\n](NNN\x87"
     "e\x85R.",
     "wrong arguments of collections.OrderedDict"},
    {"BUILD of a class",
     "\x80\x02"
     "ccollections\nOrderedDict\n}b.",
     "forbidden BUILD of a class with a dictionary"},
    {"BUILD of a plain dictionary", "\x80\x02}}b.", "forbidden BUILD"},
    {"BUILD with a tuple",
     "\x80\x02"
     "ccollections\nOrderedDict\n)R(N}tb.",
     "forbidden BUILD of a dictionary with a tuple"},
    {"persistent number", "\x80\x02K\x01Q.", "forbidden persistent id"},
    {"persistent module", "\x80\x02(U\x06moduleU\x01xU\x01yU\x01zK\x01tQ.",
     "forbidden persistent id"},
    {"persistent dictionary",
     "\x80\x02(U\x07storage"
     "ccollections\nOrderedDict\nU\x01"
     "0U\x03"
     "cpuK\x01tQ.",
     "forbidden persistent id"},
    {"storage in another one",
     "\x80\x02(U\x07storage"
     "ctorch\nFloatStorage\nU\x01"
     "0U\x03"
     "cpuK\x01)tQ.",
     "a storage inside another one"},
};

static void
mistakes(void)
{
    Err e;

    for (u32 i = 0; i < countof(mistake); i++) {
        static Blob b;

        b.n = 0;
        pk(&b, mistake[i].bytes);
        check(refuses(&e, &b, mistake[i].message), mistake[i].name, e.text);
    }
}

/* ------------------------------------------------------------------- plain */

/* What checkpoints hold beside tensors. */
static void
plain(void)
{
    static Blob b;
    Err e;

    b.n = 0;
    pk(&b, "\x80\x02}(");
    pk_text(&b, "epoch");
    pk(&b, "K\x07");
    pk_text(&b, "lr");
    pk(&b, "G\x3f\xf8\x01\x01\x01\x01\x01\x01");
    pk_text(&b, "list");
    pk(&b, "](N\x88\x89J\xff\xff\xff\xffM\x01\x02\x8a\x01\xff"
           "eu.");
    check(!run(&e, b.at, b.n), "plain data", e.text);
}

/* ------------------------------------------------------------------ limits */

static f64
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + 1e-9 * (f64)t.tv_nsec;
}

/* k times the same opcodes in front of what is refused or not. */
static int
repeat(Err *e, const char *before, const char *opcodes, u32 k,
       const char *after)
{
    static Blob b;

    b.n = 0;
    pk(&b, before);
    for (u32 i = 0; i < k; i++)
        pk(&b, opcodes);
    pk(&b, after);
    return run(e, b.at, b.n);
}

/* 30 levels of ten references to the level below, all in one tuple. */
static int
laugh(Err *e)
{
    static Blob b;

    b.n = 0;
    pk(&b, "\x80\x02(]q\x01");
    for (u32 level = 1; level <= 30; level++) {
        pk(&b, "(");
        for (u32 i = 0; i < 10; i++) {
            pk(&b, "h");
            blob_number(&b, level, 1);
        }
        pk(&b, "tq");
        blob_number(&b, level + 1, 1);
    }
    pk(&b, "t.");
    return run(e, b.at, b.n);
}

static void
limits(void)
{
    f64 began = seconds();
    Err e;

    check(repeat(&e, "\x80\x02", "](", 100000, ".") == SOHO_BAD &&
              strstr(e.text, "nested deeper than 64"),
          "100000 nested lists", e.text);
    check(repeat(&e, "\x80\x02]", "]a", 100000, ".") == 0, "flat lists",
          e.text);
    check(repeat(&e, "\x80\x02N", "\x85", 300000, ".") == 0,
          "300000 nested tuples: no recursion", e.text);
    check(repeat(&e, "\x80\x02", "N", 100000, ".") == SOHO_BAD &&
              strstr(e.text, "values on the stack"),
          "100000 values on the stack", e.text);
    check(repeat(&e, "\x80\x02N", "\x85\x94", 200000, ".") == 0,
          "200000 memo entries", e.text);
    check(repeat(&e,
                 "\x80\x02}q\x01U\x01"
                 "ah\x01s",
                 "", 0, ".") == 0,
          "a dictionary in itself", e.text);
    check(!laugh(&e), "10^30 references to one list", e.text);
    check(seconds() - began < 20, "no hang", "more than 20 s");
}

/* An OrderedDict of a long list again and again: the product of both. */
static void
product(void)
{
    static Blob b;
    struct rusage use;
    Err e;

    b.n = 0;
    pk(&b, "\x80\x02](");
    for (u32 i = 0; i < 20000; i++)
        pk(&b, "NN\x86");
    pk(&b, "e\x85q\x01(");
    for (u32 i = 0; i < 20000; i++)
        pk(&b, "ccollections\nOrderedDict\nh\x01R");
    pk(&b, "t.");
    check(refuses(&e, &b, "values in containers"), "copies of a long list",
          e.text);
    getrusage(RUSAGE_SELF, &use);
    check(use.ru_maxrss < 600 * 1024, "memory stays below 600 MB", "more");
}

int
main(void)
{
    opcodes();
    globals();
    mistakes();
    plain();
    limits();
    product();
    return failed;
}
