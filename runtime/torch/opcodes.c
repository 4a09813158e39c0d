/* opcodes.c - what each opcode of a pickle does, where it is allowed.
 *
 * In: the machine behind an opcode's byte.  Out: the machine behind its
 * operands. */
#include "runtime/torch/pickle_own.h"

#include <inttypes.h>
#include <string.h>

#include "soho/plan.h"

/* ---------------------------------------------------------------- operands */

/* An unsigned number of n bytes, little-endian. */
static int
take_size(Err *e, Pickle *p, u32 n, u64 *size)
{
    const u8 *bytes = NULL;

    TRY(pickle_take(e, p, n, &bytes));
    *size = 0;
    while (n-- > 0)
        *size = *size << 8 | bytes[n];
    return 0;
}

/* The next line without its end. */
static int
take_line(Err *e, Pickle *p, const u8 **line, u64 *n)
{
    const u8 *end = memchr(p->text + p->at, '\n', p->bytes - p->at);

    if (!end)
        return pickle_bad(e, p, "truncated: a line without an end");
    *line = p->text + p->at;
    *n = (u64)(end - *line);
    p->at += *n + 1;
    return 0;
}

/* Takes the last mark away; *from is where its values begin. */
static int
pop_mark(Err *e, Pickle *p, u64 *from)
{
    if (!p->mark.n)
        return pickle_bad(e, p, "no mark on the stack");
    *from = pickle_floor(p);
    p->mark.n--;
    return 0;
}

/* ----------------------------------------------------------------- opcodes */

static int
op_proto(Err *e, Pickle *p)
{
    u64 protocol = 0;

    TRY(take_size(e, p, 1, &protocol));
    if (protocol < 2 || protocol > 5)
        return pickle_bad(e, p, "protocol %" PRIu64 ", known are 2 to 5",
                          protocol);
    return 0;
}

/* Says how long a run of opcodes is; they tell that themselves. */
static int
op_frame(Err *e, Pickle *p)
{
    u64 bytes;

    return take_size(e, p, 8, &bytes);
}

static int
op_mark(Err *e, Pickle *p)
{
    u32 *to;

    if (p->mark.n >= PICKLE_DEPTH)
        return pickle_bad(e, p, "nested deeper than %d", PICKLE_DEPTH);
    to = list_add(e, &p->mark, 1);
    if (!to)
        return e->code;
    *to = (u32)p->stack.n;
    return 0;
}

static int
push_integer(Err *e, Pickle *p, u32 kind, i64 integer)
{
    PickleValue v = {.kind = kind, .integer = integer};

    return pickle_push(e, p, &v);
}

static int
op_none(Err *e, Pickle *p)
{
    return push_integer(e, p, PICKLE_NONE, 0);
}

static int
op_true(Err *e, Pickle *p)
{
    return push_integer(e, p, PICKLE_BOOL, 1);
}

static int
op_false(Err *e, Pickle *p)
{
    return push_integer(e, p, PICKLE_BOOL, 0);
}

static int
op_int4(Err *e, Pickle *p)
{
    u64 bits = 0;

    TRY(take_size(e, p, 4, &bits));
    return push_integer(e, p, PICKLE_INTEGER, (i32)(u32)bits);
}

static int
op_int1(Err *e, Pickle *p)
{
    u64 bits = 0;

    TRY(take_size(e, p, 1, &bits));
    return push_integer(e, p, PICKLE_INTEGER, (i64)bits);
}

static int
op_int2(Err *e, Pickle *p)
{
    u64 bits = 0;

    TRY(take_size(e, p, 2, &bits));
    return push_integer(e, p, PICKLE_INTEGER, (i64)bits);
}

/* Two's complement of any length; what 64 bits do not hold stays as it is. */
static int
op_long(Err *e, Pickle *p)
{
    PickleValue v = {.kind = PICKLE_LONG, .at = p->at + 1};
    const u8 *bytes = NULL;
    u64 n = 0, bits;

    TRY(take_size(e, p, 1, &n));
    TRY(pickle_take(e, p, n, &bytes));
    v.n = (u32)n;
    if (n > 8)
        return pickle_push(e, p, &v);
    bits = n && bytes[n - 1] & 0x80 ? UINT64_MAX : 0;
    while (n-- > 0)
        bits = bits << 8 | bytes[n];
    return push_integer(e, p, PICKLE_INTEGER, (i64)bits);
}

static int
op_float(Err *e, Pickle *p)
{
    PickleValue v = {.kind = PICKLE_NUMBER};
    const u8 *bytes = NULL;
    u64 bits = 0;

    TRY(pickle_take(e, p, 8, &bytes));
    for (u32 i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&v.number, &bits, sizeof bits);
    return pickle_push(e, p, &v);
}

/* A text whose length stands in front of it in `width` bytes. */
static int
push_text(Err *e, Pickle *p, u32 width)
{
    PickleValue v = {.kind = PICKLE_TEXT};
    const u8 *bytes = NULL;
    u64 n = 0;

    TRY(take_size(e, p, width, &n));
    TRY(pickle_take(e, p, n, &bytes));
    v.n = (u32)n;
    v.at = (u64)(bytes - p->text);
    return pickle_push(e, p, &v);
}

static int
op_text1(Err *e, Pickle *p)
{
    return push_text(e, p, 1);
}

static int
op_text4(Err *e, Pickle *p)
{
    return push_text(e, p, 4);
}

static int
op_dict(Err *e, Pickle *p)
{
    return push_integer(e, p, PICKLE_DICT, 0);
}

static int
op_list(Err *e, Pickle *p)
{
    return push_integer(e, p, PICKLE_LIST, 0);
}

/* A tuple of what stands on the stack from `from` on. */
static int
push_tuple(Err *e, Pickle *p, u64 from)
{
    u32 v = 0;

    TRY(push_integer(e, p, PICKLE_TUPLE, 0));
    TRY(pickle_pop(e, p, &v));
    TRY(pickle_append_from(e, p, v, from));
    return pickle_push_index(e, p, v);
}

static int
op_tuple(Err *e, Pickle *p)
{
    u64 from = 0;

    TRY(pop_mark(e, p, &from));
    return push_tuple(e, p, from);
}

/* EMPTY_TUPLE and TUPLE1 to TUPLE3. */
static int
op_tuple_n(Err *e, Pickle *p)
{
    u8 code = p->text[p->op];
    u64 n = code == ')' ? 0 : code - 0x84u;

    if (p->stack.n - pickle_floor(p) < n)
        return pickle_bad(e, p, "too few values on the stack");
    return push_tuple(e, p, p->stack.n - n);
}

/* The container on top, which has to be of this kind. */
static int
container(Err *e, Pickle *p, u32 kind, u32 *v)
{
    PickleValue want = {.kind = kind};

    TRY(pickle_top(e, p, v));
    if (pickle_value(p, *v)->kind != kind)
        return pickle_bad(e, p, "%s expected on the stack, got %s",
                          pickle_kind(&want), pickle_kind(pickle_value(p, *v)));
    return 0;
}

/* Puts the values after the container under them into it. */
static int
fill(Err *e, Pickle *p, u32 kind, u64 from)
{
    u64 all = p->stack.n;
    u32 v = 0;

    p->stack.n = from;
    TRY(container(e, p, kind, &v));
    p->stack.n = all;
    if (kind == PICKLE_DICT && (all - from) % 2)
        return pickle_bad(e, p, "a key without its value");
    return pickle_append_from(e, p, v, from);
}

static int
op_fill(Err *e, Pickle *p)
{
    u64 from = 0;

    TRY(pop_mark(e, p, &from));
    return fill(e, p, p->text[p->op] == 'u' ? PICKLE_DICT : PICKLE_LIST, from);
}

/* APPEND and SETITEM: one value, or a key and its value. */
static int
op_fill_one(Err *e, Pickle *p)
{
    int is_dict = p->text[p->op] == 's';
    u64 n = is_dict ? 2 : 1;

    if (p->stack.n - pickle_floor(p) < n)
        return pickle_bad(e, p, "too few values on the stack");
    return fill(e, p, is_dict ? PICKLE_DICT : PICKLE_LIST, p->stack.n - n);
}

/* -------------------------------------------------------------------- memo */

static int
put_memo(Err *e, Pickle *p, u64 i)
{
    u32 value = 0;

    TRY(pickle_top(e, p, &value));
    if (i >= PICKLE_MEMO)
        return pickle_bad(e, p, "memo entry %" PRIu64 ", at most %d", i,
                          PICKLE_MEMO - 1);
    if (i >= p->memo.n) {
        u64 k = i + 1 - p->memo.n;
        u32 *fresh = list_add(e, &p->memo, k);

        if (!fresh)
            return e->code;
        memset(fresh, 0xFF, k * sizeof *fresh); /* PLAN_NONE */
    }
    ((u32 *)p->memo.at)[i] = value;
    return 0;
}

/* BINPUT, LONG_BINPUT */
static int
op_put(Err *e, Pickle *p)
{
    u64 i = 0;

    TRY(take_size(e, p, p->text[p->op] == 'q' ? 1 : 4, &i));
    return put_memo(e, p, i);
}

static int
op_memoize(Err *e, Pickle *p)
{
    return put_memo(e, p, p->memo.n);
}

/* BINGET, LONG_BINGET */
static int
op_get(Err *e, Pickle *p)
{
    u64 i = 0;
    u32 value = 0;

    TRY(take_size(e, p, p->text[p->op] == 'h' ? 1 : 4, &i));
    value = i < p->memo.n ? ((u32 *)p->memo.at)[i] : PLAN_NONE;
    if (value == PLAN_NONE)
        return pickle_bad(e, p, "no memo entry %" PRIu64, i);
    return pickle_push_index(e, p, value);
}

/* ----------------------------------------------------------------- globals */

static int
op_global(Err *e, Pickle *p)
{
    const u8 *module = NULL, *name = NULL;
    u64 nmodule = 0, nname = 0;

    TRY(take_line(e, p, &module, &nmodule));
    TRY(take_line(e, p, &name, &nname));
    return pickle_global(e, p, module, nmodule, name, nname);
}

static int
op_stack_global(Err *e, Pickle *p)
{
    const PickleValue *module, *name;
    u32 a = 0, b = 0;

    TRY(pickle_pop(e, p, &b));
    TRY(pickle_pop(e, p, &a));
    module = pickle_value(p, a);
    name = pickle_value(p, b);
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return pickle_bad(e, p, "a global without a name");
    return pickle_global(e, p, p->text + module->at, module->n,
                         p->text + name->at, name->n);
}

/* INST names a class as GLOBAL does and makes one at once. */
static int
op_inst(Err *e, Pickle *p)
{
    TRY(op_global(e, p));
    return pickle_bad(e, p, "forbidden opcode INST");
}

/* ----------------------------------------------------------------- the table
 */

/* All opcodes of protocols 0 to 5 by their byte; those without a function are
 * forbidden. */
static const struct {
    const char *name;
    int (*run)(Err *e, Pickle *p);
} opcode[256] = {
    ['('] = {"MARK", op_mark},
    [')'] = {"EMPTY_TUPLE", op_tuple_n},
    ['0'] = {"POP", NULL},
    ['1'] = {"POP_MARK", NULL},
    ['2'] = {"DUP", NULL},
    ['B'] = {"BINBYTES", NULL},
    ['C'] = {"SHORT_BINBYTES", NULL},
    ['F'] = {"FLOAT", NULL},
    ['G'] = {"BINFLOAT", op_float},
    ['I'] = {"INT", NULL},
    ['J'] = {"BININT", op_int4},
    ['K'] = {"BININT1", op_int1},
    ['L'] = {"LONG", NULL},
    ['M'] = {"BININT2", op_int2},
    ['N'] = {"NONE", op_none},
    ['P'] = {"PERSID", NULL},
    ['Q'] = {"BINPERSID", pickle_storage},
    ['R'] = {"REDUCE", pickle_reduce},
    ['S'] = {"STRING", NULL},
    ['T'] = {"BINSTRING", op_text4},
    ['U'] = {"SHORT_BINSTRING", op_text1},
    ['V'] = {"UNICODE", NULL},
    ['X'] = {"BINUNICODE", op_text4},
    [']'] = {"EMPTY_LIST", op_list},
    ['a'] = {"APPEND", op_fill_one},
    ['b'] = {"BUILD", pickle_build},
    ['c'] = {"GLOBAL", op_global},
    ['d'] = {"DICT", NULL},
    ['e'] = {"APPENDS", op_fill},
    ['g'] = {"GET", NULL},
    ['h'] = {"BINGET", op_get},
    ['i'] = {"INST", op_inst},
    ['j'] = {"LONG_BINGET", op_get},
    ['l'] = {"LIST", NULL},
    ['o'] = {"OBJ", NULL},
    ['p'] = {"PUT", NULL},
    ['q'] = {"BINPUT", op_put},
    ['r'] = {"LONG_BINPUT", op_put},
    ['s'] = {"SETITEM", op_fill_one},
    ['t'] = {"TUPLE", op_tuple},
    ['u'] = {"SETITEMS", op_fill},
    ['}'] = {"EMPTY_DICT", op_dict},
    [0x80] = {"PROTO", op_proto},
    [0x81] = {"NEWOBJ", NULL},
    [0x82] = {"EXT1", NULL},
    [0x83] = {"EXT2", NULL},
    [0x84] = {"EXT4", NULL},
    [0x85] = {"TUPLE1", op_tuple_n},
    [0x86] = {"TUPLE2", op_tuple_n},
    [0x87] = {"TUPLE3", op_tuple_n},
    [0x88] = {"NEWTRUE", op_true},
    [0x89] = {"NEWFALSE", op_false},
    [0x8a] = {"LONG1", op_long},
    [0x8b] = {"LONG4", NULL},
    [0x8c] = {"SHORT_BINUNICODE", op_text1},
    [0x8d] = {"BINUNICODE8", NULL},
    [0x8e] = {"BINBYTES8", NULL},
    [0x8f] = {"EMPTY_SET", NULL},
    [0x90] = {"ADDITEMS", NULL},
    [0x91] = {"FROZENSET", NULL},
    [0x92] = {"NEWOBJ_EX", NULL},
    [0x93] = {"STACK_GLOBAL", op_stack_global},
    [0x94] = {"MEMOIZE", op_memoize},
    [0x95] = {"FRAME", op_frame},
    [0x96] = {"BYTEARRAY8", NULL},
    [0x97] = {"NEXT_BUFFER", NULL},
    [0x98] = {"READONLY_BUFFER", NULL},
};

int
pickle_opcode(Err *e, Pickle *p, u8 code)
{
    if (opcode[code].run)
        return opcode[code].run(e, p);
    if (opcode[code].name)
        return pickle_bad(e, p, "forbidden opcode %s", opcode[code].name);
    return pickle_bad(e, p, "unknown opcode 0x%02x", code);
}
