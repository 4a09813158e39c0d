/* front.h - the parts of the front end, for one another.  All but front.c run
 * in the model's process: one Lua state, one program that grows. */
#ifndef FRONT_H
#define FRONT_H

#include <lauxlib.h>
#include <lua.h>

#include "compiler/sohoc.h"

enum { MOST_LIBRARIES = 64, MOST_SOURCE = 1 << 20 };

/* A file of the model: "soho_tiny.lua", "lib/nn.lua". */
typedef struct Source {
    const char *file, *text;
    u64 bytes;
} Source;

typedef struct Front {
    Prog *p;
    Source model, library[MOST_LIBRARIES];
    u32 nlibrary;
    i32 func;            /* index of the phase that is being built, or -1 */
    u32 serial;          /* counts phases, so that a tensor knows its own */
    u32 nodes;           /* made so far, against a limit */
    lua_CFunction phase; /* what Lua knows as phase() */
    u32 words;           /* lines of --set vocab=FILE */
} Front;
extern Front front; /* lua_run.c */

/* names.c: reads the files of --set answers=FILE and vocab=FILE into p. */
void names_read(Prog *p);

/* sandbox.c: closes files, sets limits, refuses system calls but writing. */
void sandbox_enter(int pipe);

/* lua_run.c: runs the model into front.p; does not come back on an error. */
void lua_run(void);
/* Raises a Lua error with this text at the place of the running Lua line. */
int lua_fail(lua_State *L, const char *fmt, ...);
const char *lua_place(lua_State *L); /* chain of the running Lua lines */
/* Keys of the table at index, as a fresh Lua list on the stack: integers
 * ascending, then strings bytewise; another kind of key is an error. */
void lua_sorted_keys(lua_State *L, int index);
/* "number", "table", or the text of a short value, for messages. */
const char *lua_got(lua_State *L, int index);
/* " (did you mean 'x'?)" or "" */
const char *lua_guess(const char *word, const char *const *words, u32 n);
int lua_by_name(const void *a, const void *b); /* qsort of const char * */
/* An integer from least to most at index, else an error naming `what`. */
i64 lua_int(lua_State *L, int index, const char *what, i64 least, i64 most);
f64 lua_finite(lua_State *L, int index, const char *what);

/* lua_lib.c: the names a model sees of Lua's own libraries. */
void lua_lib_open(lua_State *L);
void lua_lib_close(lua_State *L); /* from now on no new globals */

/* lua_op.c: op.NAME{...} */
void lua_op_open(lua_State *L);
Func *lua_func(lua_State *L, const char *what); /* being built, or an error */
/* Appends a node at the running line, infers it; an error ends the model. */
Val lua_node(lua_State *L, u32 op, const Val *in, u32 nin, const Attr *attrs,
             const char *name);

/* lua_tensor.c: tensors, their operators and methods */
void lua_tensor_open(lua_State *L);
void lua_push_tensor(lua_State *L, Val v, const char *state);
Val lua_tensor(lua_State *L, int index, const char *what); /* number: literal */

/* lua_config.c: config{...} and --set */
void lua_config_open(lua_State *L);
void lua_config_finish(void); /* --set without a config is an error */
/* A field's number while a phase is built; 0 if there is none. */
i64 lua_config_int(const char *name);
u32 lua_config_buckets(i32 (*size)[2], u32 most); /* {height, width} */
/* Fields of the table at index stand in for the config's until the end. */
void lua_config_override(lua_State *L, int index);
void lua_config_end_override(void);

/* lua_phase.c: param, state, init, phase, door, training */
void lua_phase_open(lua_State *L);

/* lua_fields.c: tables whose fields are all known */
typedef struct LuaField {
    const char *name;
    /* n number, i integer, b boolean: an f64; l list of at most MAX_LIST
     * numbers; w one of `words`: a const char *; o read by someone else */
    char type;
    void *to;
    f64 least, most; /* of numbers */
    u32 *count;      /* of a list */
    const char *const *words;
    u32 nwords;
    bool given; /* out: the table has it */
} LuaField;
/* Reads the table at index into the fields' places; a field that is not there
 * leaves its place as it was.  `what` begins messages. */
void lua_fields(lua_State *L, int index, const char *what, LuaField *field,
                u32 n);
bool lua_given(const LuaField *field, u32 n, const char *name);

/* lua_schedule.c: fields of a schedule, and what goes with each policy */
enum { SCHEDULE_FIELDS = 19 };
u32 lua_schedule_fields(Schedule *s, LuaField field[SCHEDULE_FIELDS]);
void lua_schedule_check(lua_State *L, const char *what, Schedule *s,
                        const LuaField *field, u32 n);
/* The table at index is a schedule of momentum. */
void lua_schedule_momentum(lua_State *L, int index, Schedule *s);

/* lua_update.c: phase("update", table); the table is at index 2 */
int lua_update(lua_State *L);

#endif
