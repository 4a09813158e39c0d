/* pickle.c - the pickle machine: its values, its stack, its loop.
 *
 * In: the bytes of a pickle.  Out: values, or an error with the byte of the
 * opcode that was refused. */
#include "runtime/torch/pickle_own.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soho/plan.h"

int
pickle_bad(Err *e, const Pickle *p, const char *fmt, ...)
{
    char what[ERR_TEXT / 2];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return err_set(e, SOHO_BAD, "%s: pickle: %s at byte %" PRIu64, p->path,
                   what, p->op);
}

void
pickle_start(Pickle *p, const char *path, const u8 *text, u64 bytes)
{
    memset(p, 0, sizeof *p);
    p->path = path;
    p->cut = bytes > PICKLE_BYTES;
    p->text = text;
    p->bytes = p->cut ? PICKLE_BYTES : bytes;
    p->value.size = sizeof(PickleValue);
    p->cell.size = sizeof(PickleCell);
    p->memo.size = p->stack.size = p->mark.size = sizeof(u32);
}

void
pickle_free(Pickle *p)
{
    free(p->value.at);
    free(p->cell.at);
    free(p->memo.at);
    free(p->stack.at);
    free(p->mark.at);
    memset(p, 0, sizeof *p);
}

/* -------------------------------------------------------- values and stack */

static PickleValue *
value_at(const Pickle *p, u32 i)
{
    return (PickleValue *)p->value.at + i;
}

const PickleValue *
pickle_value(const Pickle *p, u32 value)
{
    return value_at(p, value);
}

u64
pickle_floor(const Pickle *p)
{
    return p->mark.n ? ((u32 *)p->mark.at)[p->mark.n - 1] : 0;
}

int
pickle_push_index(Err *e, Pickle *p, u32 index)
{
    u32 *to;

    if (p->stack.n >= PICKLE_STACK)
        return pickle_bad(e, p, "more than %d values on the stack",
                          PICKLE_STACK);
    to = list_add(e, &p->stack, 1);
    if (!to)
        return e->code;
    *to = index;
    return 0;
}

int
pickle_push(Err *e, Pickle *p, const PickleValue *v)
{
    PickleValue *to;

    if (p->value.n >= PICKLE_VALUES)
        return pickle_bad(e, p, "more than %d values", PICKLE_VALUES);
    to = list_add(e, &p->value, 1);
    if (!to)
        return e->code;
    *to = *v;
    return pickle_push_index(e, p, (u32)p->value.n - 1);
}

int
pickle_top(Err *e, Pickle *p, u32 *value)
{
    if (p->stack.n <= pickle_floor(p))
        return pickle_bad(e, p, "nothing on the stack");
    *value = ((u32 *)p->stack.at)[p->stack.n - 1];
    return 0;
}

int
pickle_pop(Err *e, Pickle *p, u32 *value)
{
    TRY(pickle_top(e, p, value));
    p->stack.n--;
    return 0;
}

int
pickle_append(Err *e, Pickle *p, u32 v, u32 child)
{
    PickleValue *to = value_at(p, v);
    u32 at = (u32)p->cell.n;
    PickleCell *cell;

    if (at >= PICKLE_CELLS)
        return pickle_bad(e, p, "more than %d values in containers",
                          PICKLE_CELLS);
    cell = list_add(e, &p->cell, 1);
    if (!cell)
        return e->code;
    *cell = (PickleCell){child, PLAN_NONE};
    if (to->n++)
        ((PickleCell *)p->cell.at)[to->tail].next = at;
    else
        to->head = at;
    to->tail = at;
    return 0;
}

int
pickle_append_from(Err *e, Pickle *p, u32 v, u64 from)
{
    for (u64 i = from; i < p->stack.n; i++)
        TRY(pickle_append(e, p, v, ((u32 *)p->stack.at)[i]));
    p->stack.n = from;
    return 0;
}

/* ----------------------------------------------------------------- running */

int
pickle_take(Err *e, Pickle *p, u64 n, const u8 **bytes)
{
    if (n > p->bytes - p->at && p->cut)
        return pickle_bad(e, p, "more than %d bytes", PICKLE_BYTES);
    if (n > p->bytes - p->at)
        return pickle_bad(
            e, p, "truncated: %" PRIu64 " bytes needed, %" PRIu64 " left", n,
            p->bytes - p->at);
    *bytes = p->text + p->at;
    p->at += n;
    return 0;
}

int
pickle_run(Err *e, Pickle *p, u32 *value)
{
    const u8 *code = NULL;

    p->memo.n = p->stack.n = p->mark.n = 0;
    for (;;) {
        p->op = p->at;
        TRY(pickle_take(e, p, 1, &code));
        if (*code == '.')
            break;
        TRY(pickle_opcode(e, p, *code));
    }
    if (p->mark.n || p->stack.n != 1)
        return pickle_bad(e, p, "%" PRIu64 " values at the end, expected 1",
                          p->stack.n);
    return pickle_pop(e, p, value);
}
