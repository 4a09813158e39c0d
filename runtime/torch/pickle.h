/* pickle.h - a pickle machine that can build plain data and tensors, and
 * nothing else.
 *
 * It knows the opcodes that PyTorch writes, protocols 2 to 5, and a fixed list
 * of globals (objects.c), none of which is code here: each is a rule that
 * checks its arguments and makes one more value.  Whatever else a pickle asks
 * for is an error that names it and its byte, "forbidden global os.system at
 * byte 2", before anything after it is looked at.  No recursion, no growth
 * beyond the limits below, time linear in the bytes. */
#ifndef SOHO_PICKLE_H
#define SOHO_PICKLE_H

#include "runtime/data/list.h"

enum {
    PICKLE_BYTES = 16 << 20, /* of one pickle; storages lie elsewhere */
    PICKLE_VALUES = 1 << 21,
    PICKLE_CELLS = 1 << 22, /* children of all containers */
    PICKLE_MEMO = 1 << 20,
    PICKLE_STACK = 1 << 16,
    PICKLE_DEPTH = 64 /* marks, which is to say containers being filled */
};

enum PickleKind {
    PICKLE_NONE,
    PICKLE_BOOL,    /* integer */
    PICKLE_INTEGER, /* integer */
    PICKLE_LONG,    /* at, n: more than 8 bytes, little-endian */
    PICKLE_NUMBER,  /* number */
    PICKLE_TEXT,    /* at, n */
    PICKLE_TUPLE,   /* children */
    PICKLE_LIST,    /* children */
    PICKLE_DICT,    /* children: key, value, key, value; integer: ordered */
    PICKLE_GLOBAL,  /* integer: row of the list of globals */
    PICKLE_STORAGE, /* children: "storage", class, key, place, elements .. */
    PICKLE_TENSOR   /* children: storage, offset, sizes, strides .. */
};

/* Values are named by their index; children form a chain of cells. */
typedef struct PickleValue {
    u32 kind, n; /* n: children, or bytes of a text */
    u32 head, tail;
    union {
        i64 integer;
        f64 number;
        u64 at; /* byte of the pickle */
    };
} PickleValue;

typedef struct PickleCell {
    u32 value, next;
} PickleCell;

typedef struct Pickle {
    const char *path; /* for messages */
    const u8 *text;
    u64 bytes, at; /* at: what comes next */
    u64 op;        /* byte of the current opcode */
    int cut;       /* the text goes on, but no further than PICKLE_BYTES */
    List value, cell, memo, stack, mark;
} Pickle;

void pickle_start(Pickle *p, const char *path, const u8 *text, u64 bytes);
void pickle_free(Pickle *p);
/* Runs one pickle from p->at behind its STOP; *value is what it made.  May be
 * called again where several follow each other.  SOHO_BAD, SOHO_MEMORY. */
int pickle_run(Err *e, Pickle *p, u32 *value);

const PickleValue *pickle_value(const Pickle *p, u32 value);
/* The children of v into at[0..n), PLAN_NONE beyond its last one; a value of
 * another kind has none. */
void pickle_children(const Pickle *p, const PickleValue *v, u32 *at, u32 n);
/* Is v the text `word`? */
int pickle_is(const Pickle *p, const PickleValue *v, const char *word);
/* The value of a key of a dictionary, NULL: not there. */
const PickleValue *pickle_find(const Pickle *p, const PickleValue *dict,
                               const char *key);
/* The type of a storage's elements, TD_COUNT: not a storage class. */
u32 pickle_storage_type(const PickleValue *class_);
/* "a list", "the text", for messages */
const char *pickle_kind(const PickleValue *v);

#endif
