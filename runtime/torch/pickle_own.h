/* pickle_own.h - what pickle.c, opcodes.c and objects.c share. */
#ifndef SOHO_PICKLE_OWN_H
#define SOHO_PICKLE_OWN_H

#include "runtime/torch/pickle.h"

/* SOHO_BAD: "PATH: pickle: ... at byte N", that of the current opcode. */
int pickle_bad(Err *e, const Pickle *p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The next n bytes of the pickle. */
int pickle_take(Err *e, Pickle *p, u64 n, const u8 **bytes);
/* Height of the stack at the last mark: what lies below is out of reach. */
u64 pickle_floor(const Pickle *p);
int pickle_push(Err *e, Pickle *p, const PickleValue *v);
int pickle_push_index(Err *e, Pickle *p, u32 index);
int pickle_pop(Err *e, Pickle *p, u32 *value);
/* The value on top, which stays there. */
int pickle_top(Err *e, Pickle *p, u32 *value);
/* One child more for the container v. */
int pickle_append(Err *e, Pickle *p, u32 v, u32 child);

/* Moves stack[from..n) into the container v. */
int pickle_append_from(Err *e, Pickle *p, u32 v, u64 from);

/* opcodes.c: runs or refuses one, whose byte has been taken. */
int pickle_opcode(Err *e, Pickle *p, u8 code);

/* objects.c: GLOBAL, REDUCE, BUILD and BINPERSID without their operands. */
int pickle_global(Err *e, Pickle *p, const u8 *module, u64 nmodule,
                  const u8 *name, u64 nname);
int pickle_reduce(Err *e, Pickle *p);
int pickle_build(Err *e, Pickle *p);
int pickle_storage(Err *e, Pickle *p);

#endif
