/* planread.c - a small plan is read; cut at every byte, with every bit turned
 * over, or with one field wrong under a right hash it is refused by name. */
#include "check.h"
#include "planmake.h"
#include "runtime/run.h"

/* ------------------------------------------------------------ a good plan */

/* Rows of the plan that the cases below change. */
enum {
    BUF_step,
    BUF_weight,
    BUF_grad,
    BUF_packed,
    BUF_x,
    BUF_y,
    BUF_h,
    BUF_g,
    BUF_d,
    BUF_dy,
    BUF_all
};
enum { PHASE_pack, PHASE_infer, PHASE_train };
enum { STEP_pack, STEP_gemm, STEP_kernel, STEP_gelu, STEP_fill, STEP_conv };

static void
add_gemm(Make *m)
{
    m->gemm[m->ngemm++] = (PlanGemm){.dtype = {DT_f32, DT_f32, DT_f32, DT_f32},
                                     .nb = {1, 1},
                                     .m = 3,
                                     .n = 5,
                                     .k = 4,
                                     .a_stride = {0, 0, 4, 1},
                                     .b_stride = {0, 0, 5, 1},
                                     .c_stride = {0, 0, 5, 1},
                                     .post = POST_packed,
                                     .packed = 128};
    m->conv[m->nconv++] = (PlanConv){.dtype = {DT_f32, DT_f32, DT_f32, DT_f32},
                                     .n = 1,
                                     .h = 3,
                                     .w = 3,
                                     .ci = 1,
                                     .oh = 2,
                                     .ow = 3,
                                     .co = 1,
                                     .kh = 2,
                                     .kw = 1,
                                     .stride = {1, 1},
                                     .dilation = {1, 1},
                                     .groups = 1,
                                     .dir = 2};
}

static void
add_tables(Make *m)
{
    m->meta[m->nmeta++] =
        (PlanMeta){make_text(m, "model"), make_text(m, "test.lua")};
    m->meta[m->nmeta++] =
        (PlanMeta){make_text(m, "config.batch"), make_text(m, "3")};
    m->blob[m->nblob++] =
        (PlanBlob){.name = make_text(m, "kernels.so"), .bytes = 100};
    m->kernel[m->nkernel++] = (PlanKernel){.symbol = make_text(m, "add_one")};
    m->kernel[m->nkernel++] = (PlanKernel){.symbol = make_text(m, "gelu_n2")};
    m->answer[m->nanswer++] = make_text(m, "yes");
    memcpy(m->vocab, "[PAD]\n[UNK]\n", m->nvocab = 12);
}

/* pack: packed <- weight.  infer: h = x * packed; g = h + 1; y = gelu(g) in the
 * place of h.  train: fill d; grad += conv(d, dy). */
static void
add_phases(Make *m)
{
    make_phase(m, "pack", PH_pack);
    make_step(m, ST_pack_gemm, 0, "pack");
    make_arg(m, ACCESS_w, BUF_packed, 0);
    make_arg(m, ACCESS_r, BUF_weight, 0);

    make_phase(m, "infer@3x4", PH_infer);
    m->phase[PHASE_infer].pack = PHASE_pack;
    make_buffer(m, "infer.x", AR_io, RO_input, DT_f32, (i64)3, (i64)4, (i64)0);
    make_buffer(m, "infer.y", AR_io, RO_output, DT_f32, (i64)3, (i64)5, (i64)0);
    make_door(m, "x", BUF_x, 0);
    make_door(m, "y", BUF_y, 1);
    make_buffer(m, "h", AR_act, RO_act, DT_f32, (i64)3, (i64)5, (i64)0);
    make_buffer(m, "g", AR_act, RO_act, DT_f32, (i64)3, (i64)5, (i64)0);
    make_step(m, ST_gemm, 0, "gemm");
    make_arg(m, ACCESS_w, BUF_h, 0);
    make_arg(m, ACCESS_r, BUF_x, 0);
    make_arg(m, ACCESS_r, BUF_packed, 0);
    make_step(m, ST_kernel, 0, "add_one");
    make_arg(m, ACCESS_w, BUF_g, 0);
    make_arg(m, ACCESS_r, BUF_h, 0);
    make_int(m, 15);
    make_step(m, ST_kernel, 1, "gelu");
    make_arg(m, ACCESS_w, BUF_y, 0);
    make_arg(m, ACCESS_r, BUF_g, 0);

    make_phase(m, "train", PH_train);
    make_buffer(m, "d", AR_act, RO_act, DT_f32, (i64)9, (i64)0);
    make_buffer(m, "train.dy", AR_io, RO_input, DT_f32, (i64)6, (i64)0);
    make_door(m, "dy", BUF_dy, 0);
    make_step(m, ST_fill, 0, "fill");
    make_arg(m, ACCESS_w, BUF_d, 0);
    make_int(m, 36);
    make_int(m, 0x3f800000);
    make_step(m, ST_conv, 0, "conv");
    make_arg(m, ACCESS_w, BUF_grad, 0);
    make_arg(m, ACCESS_r, BUF_d, 0);
    make_arg(m, ACCESS_r, BUF_dy, 0);
}

static void
make_good(Make *m)
{
    make_start(m, CPU_avx2, 1);
    make_buffer(m, "linear.weight", AR_param, RO_param, DT_f32, (i64)4, (i64)5,
                (i64)0);
    make_buffer(m, "grad.linear.weight", AR_grad, RO_grad, DT_f32, (i64)4,
                (i64)5, (i64)0);
    make_buffer(m, "packed", AR_const, RO_const, DT_u8, (i64)128, (i64)0);
    add_gemm(m);
    add_tables(m);
    add_phases(m);
    make_buffer(m, "range.grad", AR_grad, RO_range, DT_f32, (i64)20, (i64)0);
    m->buffer[BUF_all].offset = 0;
    m->arena[AR_grad].bytes = 128;
}

static int
read_bytes(const u8 *data, u64 bytes, Err *e)
{
    Plan plan;

    memset(e, 0, sizeof *e);
    plan_check(e, "test.bin", data, bytes, &plan);
    plan_close(&plan);
    return e->code;
}

/* -------------------------------------------------------------- one field */

/* Finds a place in the rows; what a case does to it. */
typedef struct Case {
    const char *name, *message; /* a part of the refusal */
    void (*change)(Make *m);
} Case;

/* CASE(name, message, change): a row of the table and its function; without a
 * message the plan stays good. */
/* clang-format off */
#define CASES(CASE)                                                            \
    CASE(arena_count, "bytes 128 + 64 of an arena of 190",                     \
         m->arena[AR_act].bytes = 190)                                         \
    CASE(arena_huge, "ARENAS row 0: 70368744177665 bytes",                     \
         m->arena[0].bytes = ((u64)1 << 46) + 1)                               \
    CASE(buffer_arena, "arena 6 of 6", m->buffer[BUF_h].arena = NARENA)        \
    CASE(buffer_dtype, "dtype 5 of 5", m->buffer[BUF_h].dtype = NDTYPE)        \
    CASE(buffer_rank, "rank 7, expected at most 6", m->buffer[BUF_h].rank = 7) \
    CASE(buffer_role, "role 12 of 12", m->buffer[BUF_h].role = NROLE)          \
    CASE(buffer_dim_0, "dimension 1 is 0", m->buffer[BUF_h].dim[1] = 0)        \
    CASE(buffer_dim_negative, "dimension 0 is -1",                             \
         m->buffer[BUF_h].dim[0] = -1)                                         \
    CASE(buffer_dim_unused, "dimension 5 is 1", m->buffer[BUF_h].dim[5] = 1)   \
    CASE(buffer_dim_wraps, "dimensions of more than",                          \
         m->buffer[BUF_h].dim[0] = INT64_MAX)                                  \
    CASE(buffer_bytes, "dimensions need 60 bytes, got 59",                     \
         m->buffer[BUF_h].bytes = 59)                                          \
    CASE(buffer_offset, "offset 32 is no multiple of 64",                      \
         m->buffer[BUF_h].offset = 32)                                         \
    CASE(buffer_end, "of an arena of 192", m->buffer[BUF_g].offset = 192)      \
    CASE(buffer_end_wraps, "of an arena of 192",                               \
         m->buffer[BUF_g].offset = ~(u64)63)                                   \
    CASE(buffer_phase, "phase 3, expected one of the plan's",                  \
         m->buffer[BUF_h].phase = 3)                                           \
    CASE(buffer_no_phase, "expected none", m->buffer[BUF_weight].phase = 1)    \
    CASE(buffer_name, "name is 'a/b', expected",                               \
         m->buffer[BUF_h].name = make_text(m, "a/b"))                          \
    CASE(buffer_no_name, "name is '', expected", m->buffer[BUF_h].name = 0)    \
    CASE(buffer_name_text, "name is text 4294967295 of",                       \
         m->buffer[BUF_h].name = ~0u)                                          \
    CASE(buffer_same_name, "name 'h' is that of row 6 too",                    \
         m->buffer[BUF_g].name = m->buffer[BUF_h].name)                        \
    CASE(buffer_place, "place is text 99999 of",                               \
         m->buffer[BUF_h].place = 99999)                                       \
    CASE(range_in_act, "a range over arena 3",                                 \
         m->buffer[BUF_h].role = RO_range)                                     \
    CASE(step_block_moved, "expected 128 at the start of state",               \
         m->arena[AR_state].bytes = 256; m->buffer[BUF_step].offset = 64)      \
    CASE(step_block_missing, "0 step blocks, expected 1",                      \
         m->buffer[BUF_step].role = RO_state)                                  \
    CASE(step_block_twice, "2 step blocks, expected 1",                        \
         make_buffer(m, "s2", AR_state, RO_step, DT_u8, (i64)128, (i64)0);     \
         m->buffer[m->nbuffer - 1].offset = 0)                                 \
    CASE(owned_overlap, "overlaps row",                                        \
         make_buffer(m, "p2", AR_param, RO_param, DT_f32, (i64)3, (i64)0);     \
         m->buffer[m->nbuffer - 1].offset = 64)                                \
    CASE(blob_path, "name is '../k.so', expected",                             \
         m->blob[0].name = make_text(m, "../k.so"))                            \
    CASE(blob_dots, "name begins with a dot",                                  \
         m->blob[0].name = make_text(m, ".."))                                 \
    CASE(kernel_symbol, "symbol is 'a.b', expected",                           \
         m->kernel[0].symbol = make_text(m, "a.b"))                            \
    CASE(kernel_twice, "name 'add_one' is that of row 0 too",                  \
         m->kernel[1].symbol = m->kernel[0].symbol)                            \
    CASE(kernel_blob, "blob 1 of 1", m->kernel[0].blob = 1)                    \
    CASE(gemm_size_0, "GEMMS row 0: size 2 is 0", m->gemm[0].m = 0)            \
    CASE(gemm_size_huge, "size 4 is 2147483649",                               \
         m->gemm[0].k = ((i64)1 << 31) + 1)                                    \
    CASE(gemm_stride, "stride 2 of b is -5", m->gemm[0].b_stride[2] = -5)      \
    CASE(gemm_result, "stride 3 of the result is 0",                           \
         m->gemm[0].c_stride[3] = 0)                                           \
    CASE(gemm_post, "post-operations 0xa0", m->gemm[0].post |= 128)            \
    CASE(gemm_posts, "both relu and gelu",                                     \
         m->gemm[0].post |= POST_relu | POST_gelu)                             \
    CASE(gemm_packed, "0 packed bytes do not fit", m->gemm[0].packed = 0)      \
    CASE(gemm_large, "argument 1 (a) touches 64 bytes, its buffer has 48",     \
         m->buffer[BUF_x].bytes = 48; m->gemm[0].a_stride[2] = 6)              \
    CASE(gemm_wraps, "argument 0 (result) touches 18446744073709551615 bytes", \
         m->gemm[0].m = 1 << 30;                                               \
         m->gemm[0].c_stride[2] = m->gemm[0].c_stride[3] = (i64)1 << 40;       \
         m->gemm[0].nb[0] = m->gemm[0].nb[1] = 1 << 30;                        \
         m->gemm[0].c_stride[0] = m->gemm[0].c_stride[1] = (i64)1 << 40)       \
    CASE(conv_size, "CONVS row 0: size 4 is -1", m->conv[0].oh = -1)           \
    CASE(conv_shape, "result 3 x 3, expected 2 x 3", m->conv[0].oh = 3)        \
    CASE(conv_pad, "padding 0 is -1", m->conv[0].pad[0] = -1)                  \
    CASE(conv_groups, "2 groups do not divide 1", m->conv[0].groups = 2)       \
    CASE(conv_dir, "direction 3", m->conv[0].dir = 3)                          \
    CASE(conv_post, "post-operations 0x2 in direction 2",                      \
         m->conv[0].post = POST_bias)                                          \
    CASE(conv_large, "argument 1 (x) touches",                                 \
         m->conv[0].h = 30; m->conv[0].kh = 29)                                \
    CASE(arg_kind, "ARGS row 0: kind 3", m->arg[0].kind = 3)                   \
    CASE(arg_mode, "mode 0, expected 1 to 3", m->arg[0].mode = 0)              \
    CASE(arg_spare, "spare is 1", m->arg[0].spare = 1)                         \
    CASE(arg_buffer, "buffer 9001 of 11", m->arg[0].buffer = 9001)             \
    CASE(arg_offset, "offset 128 into a buffer of 128", m->arg[0].value = 128) \
    CASE(arg_negative, "offset -4 into a buffer", m->arg[0].value = -4)        \
    CASE(arg_element, "offset 2 is inside an element", m->arg[1].value = 2)    \
    CASE(arg_number, "a number with mode 1",                                   \
         m->arg[m->step[STEP_kernel].arg + 2].mode = 1)                        \
    CASE(step_kind, "STEPS row 1: kind 6 of 6",                                \
         m->step[STEP_gemm].kind = NSTEPKIND)                                  \
    CASE(step_what, "names row 2 of 2", m->step[STEP_kernel].what = 2)         \
    CASE(step_args, "arguments 4294967295 + 3 of",                             \
         m->step[STEP_kernel].arg = ~0u)                                       \
    CASE(step_many_args, "300 arguments, at most 256",                         \
         m->step[STEP_kernel].narg = 300)                                      \
    CASE(step_operands, "2 arguments, expected 3",                             \
         m->step[STEP_gemm].narg = 2)                                          \
    CASE(step_mode, "argument 0 (result) has mode 3, expected 2",              \
         m->arg[m->step[STEP_gemm].arg].mode = ACCESS_rw)                      \
    CASE(step_number, "argument 1 (x) is a number",                            \
         m->arg[m->step[STEP_conv].arg + 1] = (PlanArg){.kind = ARG_int})      \
    CASE(fill_bytes, "fills 68 bytes of 64",                                   \
         m->arg[m->step[STEP_fill].arg + 1].value = 68)                        \
    CASE(fill_word, "word 4294967296",                                         \
         m->arg[m->step[STEP_fill].arg + 2].value = (i64)1 << 32)              \
    CASE(phase_steps, "row 1: steps 0 + 3 of 6, expected to begin at 1",       \
         m->phase[PHASE_infer].step = 0)                                       \
    CASE(phase_more_steps, "steps 4 + 3 of 6",                                 \
         m->phase[PHASE_train].nstep = 3)                                      \
    CASE(phase_fewer_steps, "phases have 5 steps",                             \
         m->phase[PHASE_train].nstep = 1)                                      \
    CASE(phase_doors, "doors 2 + 2 of 3", m->phase[PHASE_train].ndoor = 2)     \
    CASE(phase_kind, "kind 6 of 6", m->phase[PHASE_train].kind = NPHASEKIND)   \
    CASE(phase_pack, "pack names phase 2, which is no pack phase",             \
         m->phase[PHASE_infer].pack = PHASE_train)                             \
    CASE(phase_pack_pack, "a pack phase that needs pack phase 0",              \
         m->phase[PHASE_pack].pack = PHASE_pack)                               \
    CASE(phase_name, "name is 'a b', expected",                                \
         m->phase[PHASE_train].name = make_text(m, "a b"))                     \
    CASE(phase_twice, "name 'pack' is that of row 0 too",                      \
         m->phase[PHASE_train].name = m->phase[PHASE_pack].name)               \
    CASE(phase_size, "size 0 is -2", m->phase[PHASE_train].batch = -2)         \
    CASE(phase_need, "needs 999 bytes of arena 3, which has 192",              \
         m->phase[PHASE_train].need[AR_act] = 999)                             \
    CASE(phase_need_little, "step 1 uses buffer 6 up to 64 of arena 3, the "   \
         "phase opens 63", m->phase[PHASE_infer].need[AR_act] = 63)            \
    CASE(phase_stranger, "step 5 uses buffer 6 of phase 1",                    \
         m->arg[m->step[STEP_conv].arg + 1].buffer = BUF_h)                    \
    CASE(door_buffer, "DOORS row 0: buffer 99 of 11", m->door[0].buffer = 99)  \
    CASE(door_arena, "buffer 6 is not in the io arena of phase 1",             \
         m->door[0].buffer = BUF_h)                                            \
    CASE(door_out, "out 2", m->door[0].out = 2)                                \
    CASE(door_twice, "name 'x' is that of row 0 too",                          \
         m->door[1].name = m->door[0].name)                                    \
    CASE(answer, "ANSWERS row 0: name is text", m->answer[0] = ~0u)            \
    CASE(meta_twice, "name 'model' is that of row 0 too",                      \
         m->meta[1].key = m->meta[0].key)                                      \
    CASE(read_unwritten, "reads what nobody wrote: g",                         \
         m->arg[m->step[STEP_kernel].arg].mode = ACCESS_r)                     \
    CASE(update_unwritten, "reads what nobody wrote: g",                       \
         m->arg[m->step[STEP_kernel].arg].mode = ACCESS_rw)                    \
    CASE(unpacked, "reads what nobody wrote: packed",                          \
         m->phase[PHASE_infer].pack = PLAN_NONE)                               \
    CASE(const_outside, "is in no pack phase but writes packed",               \
         m->arg[m->step[STEP_gelu].arg].buffer = BUF_packed;                   \
         m->arg[m->step[STEP_gelu].arg + 1].buffer = BUF_h)                    \
    CASE(out_unwritten, "is the end, and nobody wrote infer.y",                \
         m->arg[m->step[STEP_gelu].arg].buffer = BUF_g;                        \
         m->arg[m->step[STEP_gelu].arg + 1].buffer = BUF_h) \
    CASE(kernel_in_place, NULL, m->buffer[BUF_g].offset = 0)                   \
    CASE(kernel_beside, "writes g over h",                                     \
         m->buffer[BUF_h].bytes = 128; m->buffer[BUF_g].offset = 64)           \
    CASE(still_read, "step 2 writes g over h",                                 \
         m->buffer[BUF_g].offset = 0;                                          \
         m->arg[m->step[STEP_gelu].arg + 1].buffer = BUF_h)                    \
    CASE(doors_overlap, "(infer.y) at 0 overlaps row 4 (infer.x)",             \
         m->buffer[BUF_y].offset = 0)

/* clang-format on */

#define CASE(name, message, change)                                            \
    static void change_##name(Make *m)                                         \
    {                                                                          \
        change;                                                                \
    }
CASES(CASE)
#undef CASE

static const Case cases[] = {
#define CASE(name, message, change) {#name, message, change_##name},
    CASES(CASE)
#undef CASE
};

/* A changed plan with the right hash. */
static void
try_case(const Case *c)
{
    static Make m;
    u64 bytes;
    u8 *data;
    char why[ERR_TEXT + 64];
    Err e;

    make_good(&m);
    /* needs are those of the good plan, so that arenas can be changed */
    for (u32 i = 0; i < m.nphase; i++)
        for (u32 k = 0; k < NARENA; k++)
            m.phase[i].need[k] = m.arena[k].bytes;
    c->change(&m);
    data = make_bytes(&m, &bytes);
    read_bytes(data, bytes, &e);
    snprintf(why, sizeof why, "expected '%s', got %d '%s'",
             c->message ? c->message : "", e.code, e.text);
    check(c->message ? e.code == SOHO_BAD && strstr(e.text, c->message)
                     : e.code == 0,
          c->name, why);
    free(data);
}

/* ------------------------------------------------------- head and sections */

typedef struct HeadCase {
    const char *name, *message;
    u32 offset, size; /* of the number that is replaced */
    u64 value;
    int hash; /* made right again */
} HeadCase;

#define HEAD(field) offsetof(PlanHead, field), sizeof(((PlanHead *)0)->field)
#define TABLE(kind, field)                                                     \
    sizeof(PlanHead) + SEC_##kind * sizeof(PlanSection) +                      \
        offsetof(PlanSection, field),                                          \
        sizeof(((PlanSection *)0)->field)

static const HeadCase head_cases[] = {
    {"magic", "does not begin with SOHO's magic", 0, 4, 0x12345678, 1},
    {"text copy", "line ends were changed", 4, 4, 0x0a1a0a0a, 1},
    {"version", "plan version 4, this program reads version 3", HEAD(version),
     4, 1},
    {"probe", "byte-order probe 0x04030201, expected 0x01020304", HEAD(probe),
     0x04030201, 1},
    {"target", "target 3, expected 0 to 2", HEAD(target), 3, 1},
    {"cpu", "instruction set 3 does not fit target 1", HEAD(cpu), 3, 1},
    {"no cpu", "instruction set 0 does not fit target 1", HEAD(cpu), 0, 1},
    {"threads", "0 threads, expected 1 to 4096", HEAD(threads), 0, 1},
    {"sections", "13 sections, expected 15", HEAD(nsection), 13, 1},
    {"size", "truncated at", HEAD(file_bytes), (u64)1 << 40, 1},
    {"size less", "bytes follow the end at 64", HEAD(file_bytes), 64, 1},
    {"spare", "spare word of the head is not 0", HEAD(spare), 1, 1},
    {"hash", "damaged: its SHA-256 begins", HEAD(threads), 2, 0},
    {"section kind", "section 3 is of kind 4", TABLE(BUFFERS, kind), 4, 1},
    {"section count", "BUFFERS has", TABLE(BUFFERS, count), 12, 1},
    {"section count huge", "BUFFERS has", TABLE(BUFFERS, count), ~0u, 1},
    {"section offset", "BUFFERS begins at 64, expected", TABLE(BUFFERS, offset),
     64, 1},
    {"section bytes", "BUFFERS has 18446744073709551615 bytes",
     TABLE(BUFFERS, bytes), UINT64_MAX, 1},
    {"padding", "before STRINGS is not 0", sizeof(PlanHead) + NSECTION * 24, 1,
     1, 1},
};

static void
try_head(const HeadCase *c, const u8 *good, u64 bytes)
{
    u8 *data = malloc(bytes);
    char why[ERR_TEXT + 64];
    Err e;

    memcpy(data, good, bytes);
    memcpy(data + c->offset, &c->value, c->size);
    if (c->hash)
        make_hash(data, bytes);
    read_bytes(data, bytes, &e);
    snprintf(why, sizeof why, "expected '%s', got %d '%s'", c->message, e.code,
             e.text);
    check(e.code == SOHO_BAD && strstr(e.text, c->message), c->name, why);
    free(data);
}

/* ------------------------------------------------------------ many damages */

static void
try_cuts(const u8 *good, u64 bytes)
{
    u64 wrong = 0;
    char why[64];
    Err e;

    for (u64 n = 0; n < bytes; n++) {
        u8 *data = malloc(n + 1); /* exactly n bytes for a sanitizer */

        memcpy(data, good, n);
        wrong += read_bytes(data, n, &e) != SOHO_BAD ||
                 !strstr(e.text, "truncated at");
        free(data);
    }
    snprintf(why, sizeof why, "%llu were not refused as truncated",
             (unsigned long long)wrong);
    check(!wrong, "cut at every byte", why);
}

static void
try_bits(const u8 *good, u64 bytes)
{
    u8 *data = malloc(bytes);
    u64 wrong = 0;
    char why[64];
    Err e;

    memcpy(data, good, bytes);
    for (u64 i = 0; i < bytes * 8; i++) {
        data[i / 8] ^= (u8)(1u << i % 8);
        wrong += read_bytes(data, bytes, &e) != SOHO_BAD;
        data[i / 8] ^= (u8)(1u << i % 8);
    }
    snprintf(why, sizeof why, "%llu were not refused",
             (unsigned long long)wrong);
    check(!wrong, "every bit turned over", why);
    free(data);
}

/* Edges of integers in every word, under a right hash: an answer, no crash. */
static void
try_edges(const u8 *good, u64 bytes)
{
    static const u64 edge[] = {0,
                               1,
                               0x7fffffff,
                               0x80000000,
                               0x80000001,
                               0xffffffff,
                               0x100000000,
                               0x100000001,
                               0x7fffffffffffffff,
                               0xffffffffffffffff};
    u8 *data = malloc(bytes);
    u64 odd = 0;
    char why[64];
    Err e;

    for (u64 at = 0; at + 8 <= bytes; at += 4)
        for (u32 k = 0; k < countof(edge) * 2; k++) {
            memcpy(data, good, bytes);
            memcpy(data + at, &edge[k / 2], k % 2 ? 4 : 8);
            make_hash(data, bytes);
            read_bytes(data, bytes, &e);
            odd += e.code != 0 && e.code != SOHO_BAD;
        }
    snprintf(why, sizeof why, "%llu other codes", (unsigned long long)odd);
    check(!odd, "integer edges in every word", why);
    free(data);
}

/* The disassembly names what is in the plan. */
static void
try_show(const u8 *good, u64 bytes)
{
    static const char *const line[] = {
        "plan version 3 target cpu avx2 threads 1\n",
        "meta model test.lua\n",
        "buffer linear.weight param+0x0 f32[4,5] 128 bytes param  ; test.lua:1",
        "phase infer@3x4 infer steps 3 after pack\n",
        "step 1 gemm 1x3x5x4",
        "step 2 kernel add_one  act+0x40 <- act+0x0 15",
        "door out y io+0x40 f32[3,5]\n"};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    Plan plan;
    Err e = {0};
    u32 missing = 0;

    check(!plan_check(&e, "test.bin", good, bytes, &plan), "good plan", e.text);
    plan_show(&plan, out);
    check(!strcmp(plan_meta(&plan, "config.batch"), "3") &&
              plan_meta_number(&plan, "config.batch", 0) == 3 &&
              plan_meta_number(&plan, "model", 7) == 7 &&
              !plan_meta(&plan, "nothing") && plan_phase(&plan, "train") == 2 &&
              plan_buffer(&plan, "h") == BUF_h,
          "lookups", "a name was not found");
    plan_close(&plan);
    fclose(out);
    for (u32 i = 0; i < countof(line); i++)
        if (!strstr(text, line[i]))
            missing = i + 1;
    check(!missing, "disassembly", missing ? line[missing - 1] : "");
    free(text);
}

int
main(void)
{
    static Make m;
    u64 bytes;
    u8 *good;

    make_good(&m);
    good = make_bytes(&m, &bytes);
    try_show(good, bytes);
    for (u32 i = 0; i < countof(head_cases); i++)
        try_head(&head_cases[i], good, bytes);
    for (u32 i = 0; i < countof(cases); i++)
        try_case(&cases[i]);
    try_cuts(good, bytes);
    try_bits(good, bytes);
    try_edges(good, bytes);
    free(good);
    return failed;
}
