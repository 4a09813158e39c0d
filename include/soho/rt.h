/* rt.h - the C API of libsoho: open a plan, give it weights, run its phases.
 *
 * Functions return 0 or one of the codes of base.h; soho_message() then says
 * what, where, expected and got, and what to do.  After a success it is empty,
 * or a note on what may surprise.  One Soho is used by one
 * thread at a time.  After the first run of a phase the library allocates
 * nothing. */
#ifndef SOHO_RT_H
#define SOHO_RT_H

#include <stdint.h>

#define SOHO_API __attribute__((visibility("default")))

typedef struct Soho Soho;

/* Opens plan.bin and the code beside it, verifies both, and allocates the
 * arenas that the phases of `kinds` ("infer", "train,update,eval", NULL = all)
 * need.  *run is set even on an error (for the message) unless memory ran out;
 * close it in any case. */
SOHO_API int soho_open(const char *plan, const char *kinds, Soho **run);
SOHO_API void soho_close(Soho *run);
SOHO_API const char *soho_message(const Soho *run);

/* Starting values from the counter generator: phase `init` with this seed. */
SOHO_API int soho_init(Soho *run, uint64_t seed);

/* Reads weights (a safetensors or PyTorch file, or a checkpoint folder) by
 * name.  Every parameter and state of the plan must be there with its shape;
 * names in the file that the plan does not have are counted in *unexpected (may
 * be NULL).  A PyTorch file is read by a child process, which is waited for. */
SOHO_API int soho_load(Soho *run, const char *path, uint32_t *unexpected);

/* Writes parameters and running state under their official names (file.tmp,
 * fsync, rename). */
SOHO_API int soho_save(Soho *run, const char *path);

/* What a door or a named tensor looks like. */
typedef struct SohoTensor {
    const char *name, *dtype; /* "u8" "i32" "f32" */
    uint32_t rank;
    int64_t dim[6];
    void *data; /* host address of its first element, dense row-major */
    uint64_t bytes;
} SohoTensor;

/* Door `name` of phase `phase` ("infer@608x1024"): write inputs into .data
 * before soho_run, read outputs from it afterwards. */
SOHO_API int soho_door(Soho *run, const char *phase, const char *name,
                       SohoTensor *door);
/* A parameter, state, moment ("moment1.<name>"), gradient ("grad.<name>"): may
 * be read and written until the next phase runs; ask again behind it. */
SOHO_API int soho_tensor(Soho *run, const char *name, SohoTensor *tensor);

/* Runs one phase.  The pack phase it depends on runs first if weights changed
 * since.  `seed` and `t` (micro-batch) feed the counter generator. */
SOHO_API int soho_run(Soho *run, const char *phase);
SOHO_API void soho_step(Soho *run, uint64_t seed, uint32_t t, uint32_t window,
                        uint32_t epoch);

/* One question about one picture file: resizes, tokenizes, runs the infer
 * phase of the smallest bucket that holds the picture.  Up to `top` answers,
 * best first; text belongs to `run`, NULL where the plan has no names.
 * soho_message() says how large the picture was shown, and how many cells of
 * the grid are looked at. */
typedef struct SohoAnswer {
    uint32_t label;
    const char *text;
    float probability; /* sigmoid of the logit */
} SohoAnswer;
SOHO_API int soho_ask(Soho *run, const char *image, const char *question,
                      SohoAnswer *answer, uint32_t top);

#endif
