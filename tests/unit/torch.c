/* torch.c - PyTorch files made by hand: every form that is accepted gives its
 * elements; what is written is what is read. */
#include <math.h>

#include "torchcheck.h"

/* Both formats with the pickle and 24 floats hold these. */
static void
both_hold(const char *label, const char *name, const f32 *want, u32 n)
{
    const char *path = in_room("view.pth");
    char text[128];
    Err e;

    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    snprintf(text, sizeof text, "zip: %s", label);
    check(holds(&e, path, name, DT_f32, want, n * sizeof *want), text, e.text);
    save_stream(path, &pickle, numbers(), 96, 24);
    snprintf(text, sizeof text, "stream: %s", label);
    check(holds(&e, path, name, DT_f32, want, n * sizeof *want), text, e.text);
}

/* ------------------------------------------------------------------- views */

static void
views(void)
{
    const f32 *x = numbers();
    const f32 turned[6] = {x[0], x[3], x[1], x[4], x[2], x[5]};
    const f32 slice[4] = {x[5], x[6], x[9], x[10]};
    const f32 again[6] = {x[2], x[2], x[2], x[3], x[3], x[3]};
    const f32 step[3] = {x[1], x[8], x[15]};

    one_view("w", 0, "2,3,4", "12,4,1");
    both_hold("whole", "w", x, 24);
    one_view("w", 4, "5", "1");
    both_hold("offset", "w", x + 4, 5);
    one_view("w", 0, "3,2", "1,3");
    both_hold("transposed", "w", turned, 6);
    one_view("w", 5, "2,2", "4,1");
    both_hold("slice", "w", slice, 4);
    one_view("w", 2, "2,3", "1,0");
    both_hold("expanded", "w", again, 6);
    one_view("w", 1, "3", "7");
    both_hold("every seventh", "w", step, 3);
    one_view("w", 23, "", "");
    both_hold("a single number", "w", x + 23, 1);
    one_view("w", 24, "2,0", "1,1");
    both_hold("empty", "w", x, 0);
    one_view("w", 3, "1,4,1", "99,1,0");
    both_hold("strides of size 1", "w", x + 3, 4);
}

/* --------------------------------------------------------- forms of pickles */

static void
protocol_4(void)
{
    pickle.n = 0;
    pk(&pickle, "\x80\x04\x95");
    blob_number(&pickle, 200, 8); /* FRAME */
    pk(&pickle, "\x8c\x0b"
                "collections\x94\x8c\x0b"
                "OrderedDict\x94\x93\x94)R\x94(\x8c\x01w\x94\x8c\x0c"
                "torch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93\x94"
                "((\x8c\x07storage\x94\x8c\x05torch\x94\x8c\x0c"
                "FloatStorage\x94\x93\x94\x8c\x01"
                "0\x94\x8c\x03"
                "cpu\x94K\x18t\x94QK\x01K\x02\x85\x94K\x01\x85\x94\x89");
    pk(&pickle, "h\x02)Rt\x94Ru.");
}

static void
forms(void)
{
    const f32 *x = numbers();

    protocol_4();
    both_hold("protocol 4", "w", x + 1, 2);

    pickle.n = 0; /* a whole checkpoint around it, and its wrapper's prefix */
    pk(&pickle, "\x80\x02}(");
    pk_text(&pickle, "meta");
    pk(&pickle, "}(U\x05"
                "epochK\x07U\x04timeU\x05 now U\x04listNG\x3f\xf8\x01\x01\x01"
                "\x01\x01\x01]u");
    pk_text(&pickle, "state_dict");
    pk(&pickle, "ccollections\nOrderedDict\n)R(");
    pk_text(&pickle, "module.w");
    pk_tensor(&pickle, "FloatStorage", "0", 24, 0, "2", "1");
    pk_text(&pickle, "module.b");
    pk_tensor(&pickle, "FloatStorage", "0", 24, 2, "2", "1");
    pk(&pickle, "u}");
    pk_text(&pickle, "_metadata");
    pk(&pickle, "ccollections\nOrderedDict\n)Rsb");
    pk_text(&pickle, "optimizer");
    pk(&pickle, "}U\x05stateK\x01su.");
    both_hold("checkpoint, module., _metadata", "w", x, 2);
    both_hold("two views of one storage", "b", x + 2, 2);

    pickle.n = 0; /* OrderedDict([[name, tensor]]), _rebuild_tensor */
    pk(&pickle, "\x80\x02"
                "ccollections\nOrderedDict\n]](U\x01w"
                "ctorch._utils\n_rebuild_tensor\n(");
    pk_storage(&pickle, "FloatStorage", "0", 24);
    pk(&pickle, "K\x01K\x03\x85K\x02\x85tRea\x85R.");
    both_hold("as Python 2 wrote it", "w", (const f32[]){x[1], x[3], x[5]}, 3);

    pickle.n = 0; /* parameter, Size, memo by 4 bytes */
    pk(&pickle, "\x80\x02}U\x01wr\x01\x02\x03");
    blob_number(&pickle, 0, 1);
    pk(&pickle, "ctorch._utils\n_rebuild_parameter\n(");
    pk(&pickle, "ctorch._utils\n_rebuild_tensor_v2\n(");
    pk_storage(&pickle, "FloatStorage", "0", 24);
    pk(&pickle, "K\x02"
                "ctorch\nSize\nK\x02\x85\x85RK\x01\x85\x89}}tR\x88}tRs.");
    both_hold("parameter", "w", x + 2, 2);
}

static void
notes(void)
{
    const char *path = in_room("note.pth");
    Tensors *file = NULL;
    Err e = {0};

    pickle.n = 0;
    pk(&pickle, "\x80\x02}(");
    pk_text(&pickle, "meta");
    pk(&pickle, "}");
    pk_text(&pickle, "state_dict");
    pk(&pickle, "}(");
    pk_text(&pickle, "module.w");
    pk_tensor(&pickle, "FloatStorage", "0", 24, 0, "2", "1");
    pk_text(&pickle, "version");
    pk(&pickle, "K\x01uu.");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    check(!tensors_open(&e, path, &file) && tensors_count(file) == 1 &&
              !strcmp(tensors_note(file),
                      "passed over: meta; 1 entries that are no tensors; "
                      "module. taken off all names"),
          "what was passed over", file ? tensors_note(file) : e.text);
    tensors_close(file);
}

/* ------------------------------------------------------------------- types */

static void
types(void)
{
    static const struct {
        const char *name;
        u32 dtype, bytes;
    } type[] = {
#define X(class_, dtype) {#class_, dtype, 0},
        TORCH_STORAGES(X)
#undef X
    };
    const char *path = in_room("type.pth");
    char label[64];
    Err e;

    for (u32 i = 0; i < countof(type); i++) {
        u64 size = tensors_dtype_bytes(type[i].dtype);

        pickle.n = 0;
        pk(&pickle, "\x80\x02}U\x01w");
        pk_tensor(&pickle, type[i].name, "0", 3, 1, "2", "1");
        pk(&pickle, "s.");
        snprintf(label, sizeof label, "%s is %s", type[i].name,
                 tensors_dtype(type[i].dtype));
        save_stream(path, &pickle, numbers(), 3 * size, 3);
        check(holds(&e, path, "w", type[i].dtype, (const u8 *)numbers() + size,
                    2 * size),
              label, e.text);
    }
}

/* Numbers of every precision as single ones. */
static void
singles(void)
{
    static const u16 half[] = {0x3C00, 0xC000, 0x0001, 0x83FF, 0x0400,
                               0x7BFF, 0x7C00, 0xFC00, 0x8000, 0x3555};
    static const f32 half_want[] = {
        1,     -2,       0x1p-24f,  -0x1.ff8p-15f, 0x1p-14f,
        65504, INFINITY, -INFINITY, -0.0f,         0x1.554p-2f};
    static const u16 bfloat[] = {0x3F80, 0xC040, 0x0001, 0x7F7F};
    static const f32 bfloat_want[] = {1, -3, 0x1p-133f, 0x1.fep127f};
    static const f64 wide[] = {1.0 / 3, -0x1p-150, 1e300};
    static const f32 wide_want[] = {0x1.555556p-2f, -0.0f, INFINITY};
    const struct {
        const char *class_;
        const void *data, *want;
        u64 bytes;
        u32 n;
    } row[] = {
        {"HalfStorage", half, half_want, sizeof half, countof(half)},
        {"BFloat16Storage", bfloat, bfloat_want, sizeof bfloat,
         countof(bfloat)},
        {"DoubleStorage", wide, wide_want, sizeof wide, countof(wide)},
    };
    const char *path = in_room("single.pth");
    char sizes[16];
    f32 got[16];

    for (u32 i = 0; i < countof(row); i++) {
        Tensors *file = NULL;
        Err e = {0};

        pickle.n = 0;
        snprintf(sizes, sizeof sizes, "%u", row[i].n);
        pk(&pickle, "\x80\x02}U\x01w");
        pk_tensor(&pickle, row[i].class_, "0", row[i].n, 0, sizes, "1");
        pk(&pickle, "s.");
        save_zip(path, &pickle, row[i].data, row[i].bytes, (ZipOdd){0});
        check(!tensors_open(&e, path, &file) &&
                  !tensors_read_f32(&e, file, tensors_row(file, 0), got) &&
                  !memcmp(got, row[i].want, row[i].n * sizeof *got),
              row[i].class_, e.code ? e.text : "other numbers");
        tensors_close(file);
    }
}

/* ----------------------------------------------------------------- writing */

static void
writes(void)
{
    static const i64 count[1] = {7};
    static const u16 half[3] = {1, 2, 3};
    const TensorOut rows[] = {
        {"a.weight", DT_f32, 2, {2, 3}, .data = numbers()},
        {"bn.num_batches_tracked", TD_i64, 0, {0}, .data = count},
        {"empty", DT_f32, 2, {0, 4}, .data = numbers()},
        {"half \xc3\xa4", DT_f16, 1, {3}, .data = half},
    };
    const TensorOut strange[] = {{"u", TD_u16, 1, {1}, .data = half}};
    const char *path = in_room("out.pth"), *again = in_room("again.pth");
    u8 *a = NULL, *b = NULL;
    u64 na = 0, nb = 0;
    Err e = {0};

    check(!torch_write(&e, path, rows, countof(rows)) &&
              !torch_write(&e, again, rows, countof(rows)),
          "write", e.text);
    vfs_read_file(&e, path, 1 << 16, &a, &na);
    vfs_read_file(&e, again, 1 << 16, &b, &nb);
    check(na && na == nb && !memcmp(a, b, na), "the same bytes twice", e.text);
    free(a);
    free(b);
    check(holds(&e, path, "a.weight", DT_f32, numbers(), 24) &&
              holds(&e, path, "bn.num_batches_tracked", TD_i64, count, 8) &&
              holds(&e, path, "empty", DT_f32, NULL, 0) &&
              holds(&e, path, "half \xc3\xa4", DT_f16, half, 6),
          "read what was written", e.text);
    check(access(in_room("out.pth.tmp"), F_OK) != 0, "no .tmp left",
          "it is there");
    err_clear(&e);
    check(torch_write(&e, path, strange, 1) == SOHO_BAD &&
              strstr(e.text, "tensor u: PyTorch has no type U16"),
          "a type that PyTorch has not", e.text);
    err_clear(&e);
    check(torch_write(&e, "/nowhere/x.pth", rows, 1) == SOHO_IO,
          "no folder to write to", e.text);
}

int
main(void)
{
    if (!mkdtemp(room))
        return 1;
    views();
    forms();
    notes();
    types();
    singles();
    writes();
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
