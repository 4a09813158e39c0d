/* torch.c - PyTorch files made by hand: every form that is accepted gives its
 * elements, every form that is not is refused by name, no changed or missing
 * byte does harm; what is written is what is read. */
#include <math.h>
#include <unistd.h>

#include "runtime/tensors.h"
#include "runtime/torch/torch.h"
#include "runtime/vfs.h"
#include "torchmake.h"

static int failed;
static char room[64] = "/tmp/soho-torch-XXXXXX";
static Blob pickle;

static void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok %s\n", name);
    else
        printf("not ok %s: %s\n", name, why);
    failed |= !good;
}

static const char *
in_room(const char *name)
{
    static char path[4][256];
    static u32 next;
    char *to = path[next++ % 4];

    snprintf(to, sizeof *path, "%s/%s", room, name);
    return to;
}

/* 0.5, 1.5, 2.5 ... */
static const f32 *
numbers(void)
{
    static f32 x[64];

    for (u32 i = 0; i < countof(x); i++)
        x[i] = (f32)i + 0.5f;
    return x;
}

/* A dictionary of one view of storage 0, which has 24 floats. */
static void
one_view(const char *name, i64 offset, const char *sizes, const char *strides)
{
    pickle.n = 0;
    pk(&pickle, "\x80\x02}");
    pk_text(&pickle, name);
    pk_tensor(&pickle, "FloatStorage", "0", 24, offset, sizes, strides);
    pk(&pickle, "s.");
}

/* Opens the file and compares one tensor; `want` NULL: only its being there. */
static int
holds(Err *e, const char *path, const char *name, u32 dtype, const void *want,
      u64 bytes)
{
    Tensors *file;
    const TensorRow *row;
    u8 got[1024];
    int same;

    *e = (Err){0};
    if (tensors_open(e, path, &file))
        return 0;
    row = tensors_find(file, name);
    same = row && row->dtype == dtype && row->bytes == bytes &&
           bytes <= sizeof got && !tensors_read(e, file, row, got) &&
           (!want || !memcmp(got, want, bytes));
    tensors_close(file);
    return same;
}

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

/* ----------------------------------------------------------------- refusals */

static void
refused(const char *label, const char *path, const char *message)
{
    Tensors *file = NULL;
    Err e = {0};
    char why[ERR_TEXT + 300];
    int code = tensors_open(&e, path, &file);

    snprintf(why, sizeof why, "expected '%s', got %d '%s'", message, code,
             e.text);
    check(code == SOHO_BAD && strstr(e.text, message), label, why);
    tensors_close(file);
}

static void
bad_views(void)
{
    static const struct {
        const char *name;
        i64 offset;
        const char *sizes, *strides, *message;
    } bad[] = {
        {"offset beyond", 25, "0", "1", "outside of its storage"},
        {"one element too many", 1, "24", "1", "outside of its storage"},
        {"negative offset", -1, "2", "1", "outside of its storage"},
        {"negative size", 0, "-2", "1", "none negative"},
        {"negative stride", 8, "2", "-1", "none negative"},
        {"sizes without strides", 0, "2,2", "1", "as many strides"},
        {"nine sizes", 0, "1,1,1,1,1,1,1,1,1", "1,1,1,1,1,1,1,1,1",
         "at most 8 sizes"},
        {"size that wraps", 0, "4611686018427387904,4", "1,1",
         "outside of its storage"},
        {"stride that wraps", 0, "3,3", "4611686018427387904,1",
         "outside of its storage"},
        {"10^12 elements", 0, "1000000000000", "0",
         "more than four times the file's bytes"},
    };
    const char *path = in_room("bad.pth");

    for (u32 i = 0; i < countof(bad); i++) {
        one_view("w", bad[i].offset, bad[i].sizes, bad[i].strides);
        save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
        refused(bad[i].name, path, bad[i].message);
    }
}

/* A dictionary of this tensor and no other. */
static void
one_storage(const char *name, const char *key, i64 elements)
{
    pickle.n = 0;
    pk(&pickle, "\x80\x02}");
    pk_text(&pickle, name);
    pk_tensor(&pickle, "FloatStorage", key, elements, 0, "2", "1");
    pk(&pickle, "s.");
}

static void
bad_storages(void)
{
    const char *path = in_room("bad.pth");

    one_storage("w", "../../etc/passwd", 24);
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("key that climbs", path, "has no storage ../../etc/passwd");
    one_storage("w", "0", 25);
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("zip: storage too short", path,
            "storage 0 has 96 bytes, expected 100");
    save_stream(path, &pickle, numbers(), 96, 24);
    refused("stream: storage too short", path, "a storage of 24 elements");
    save_stream(path, &pickle, numbers(), 96, 25);
    refused("stream: storage cut", path, "truncated at");
    one_storage("w", "0", (i64)1 << 61);
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("2^61 elements", path, "more elements than the file holds");
    one_storage("w", "0", -1);
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("-1 elements", path, "more elements than the file holds");
    one_storage("w", "1", 24);
    save_stream(path, &pickle, numbers(), 96, 24);
    refused("stream: another key", path, "a list of storages unlike");
    one_storage("w", "0", 24);
    save_stream(path, &pickle, numbers(), 100, 24);
    refused("stream: bytes behind", path, "4 bytes follow the last storage");
}

static void
bad_objects(void)
{
    static const struct {
        const char *name, *object, *message;
    } bad[] = {
        {"a number", "K\x01.", "no tensors found: it holds a number"},
        {"a list", "].", "no tensors found: it holds a list"},
        {"None", "N.", "no tensors found: it holds None"},
        {"an empty dictionary", "}.", "its dictionary is empty"},
        {"no tensor",
         "}(U\x05modelK\x01U\x05"
         "epochK\x02u.",
         "its dictionary has the keys model, epoch"},
        {"itself",
         "}q\x01U\x01"
         "ah\x01s.",
         "has the keys a"},
    };
    const char *path = in_room("bad.pth");

    for (u32 i = 0; i < countof(bad); i++) {
        pickle.n = 0;
        pk(&pickle, "\x80\x02");
        pk(&pickle, bad[i].object);
        save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
        refused(bad[i].name, path, bad[i].message);
    }
    one_view("", 0, "1", "1");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("no name", path, "a tensor's name of 0 bytes");
    one_view("a\x1b[31m", 0, "1", "1");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("escape in a name", path, "tensor a\\x1b[31m: control characters");
    one_view("a\xff", 0, "1", "1");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("name that is no UTF-8", path, "tensor a\\xff");
    pickle.n = 0;
    pk(&pickle, "\x80\x02}(");
    for (u32 i = 0; i < 2; i++) {
        pk_text(&pickle, "twin");
        pk_tensor(&pickle, "FloatStorage", "0", 24, 0, "2", "1");
    }
    pk(&pickle, "u.");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    refused("two of a name", path, "two tensors have the name twin");
}

/* --------------------------------------------------------------- zip forms */

static void
zip_forms(void)
{
    const char *path = in_room("zip.pth");
    const struct {
        const char *name, *message; /* NULL: accepted */
        ZipOdd odd;
    } form[] = {
        {"zip64", NULL, {.zip64 = 1}},
        {"data descriptors", NULL, {.descriptor = 1}},
        {"compressed", "is compressed", {.method = 8}},
        {"encrypted", "is encrypted", {.flags = 1}},
        {"wrong CRC", "is damaged: its CRC is", {.crc_xor = 1}},
        {"other name in front",
         "unlike its directory entry",
         {.other_name = 1}},
    };
    Err e;

    one_view("w", 0, "24", "1");
    for (u32 i = 0; i < countof(form); i++) {
        save_zip(path, &pickle, numbers(), 96, form[i].odd);
        if (form[i].message)
            refused(form[i].name, path, form[i].message);
        else
            check(holds(&e, path, "w", DT_f32, numbers(), 96), form[i].name,
                  e.text);
    }
}

/* Archives of other members than save_zip makes. */
static void
zip_members(void)
{
    static const struct {
        const char *name, *member, *text, *message;
    } row[] = {
        {"byte order little", "a/byteorder", "little", NULL},
        {"byte order big", "a/byteorder", "big", "its byte order is big"},
        {"version 11", "a/version", "11\n", "version 11 of the format"},
        {"version x", "a/version", "x", "version x of the format"},
        {"two pickles", "b/data.pkl", "\x80\x02}.", "with two data.pkl"},
        {"two of a name", "a/data/0", "x", "two members have the name"},
        {"another member", "b/c/data.pkl", "cos\nsystem\n.", NULL},
    };
    const char *path = in_room("zip.pth");
    static ZipMake z;
    Err e;

    one_view("w", 0, "24", "1");
    for (u32 i = 0; i < countof(row); i++) {
        memset(&z, 0, sizeof z);
        zm_member(&z, "a/data.pkl", pickle.at, pickle.n);
        zm_member(&z, "a/data/0", numbers(), 96);
        zm_member(&z, row[i].member, row[i].text, strlen(row[i].text));
        zm_end(&z);
        save(path, &z.file);
        if (row[i].message)
            refused(row[i].name, path, row[i].message);
        else
            check(holds(&e, path, "w", DT_f32, numbers(), 96), row[i].name,
                  e.text);
    }
    memset(&z, 0, sizeof z);
    zm_member(&z, "data.txt", "x", 1);
    zm_end(&z);
    save(path, &z.file);
    refused("another archive", path, "a zip archive without data.pkl");
}

/* One member lies in another one. */
static void
zip_overlap(void)
{
    const char *path = in_room("zip.pth");
    static ZipMake z;

    one_view("w", 0, "24", "1");
    memset(&z, 0, sizeof z);
    zm_member(&z, "a/data.pkl", pickle.at, pickle.n);
    zm_member(&z, "a/data/0", numbers(), 96);
    z.directory.at[24]++; /* the first one's size, its stored one stays */
    zm_end(&z);
    save(path, &z.file);
    refused("sizes that differ", path, "is compressed");
    z.file.n = z.directory.n = z.members = 0;
    zm_member(&z, "a/data.pkl", pickle.at, pickle.n);
    zm_member(&z, "a/data/0", numbers(), 96);
    for (u32 i = 20; i <= 24; i += 4) /* both sizes of the first member */
        z.directory.at[i] = (u8)(z.directory.at[i] + 1);
    zm_end(&z);
    save(path, &z.file);
    refused("a member over another one", path, "member over another one");
}

/* ---------------------------------------------------------- not PyTorch's */

static void
other_files(void)
{
    static const struct {
        const char *name, *file, *bytes, *message;
    } row[] = {
        {"empty file", "x.pth", "", "empty file"},
        {"web page", "x.pth", "<?xml version='1.0'?>", "it is a web page"},
        {"git-lfs pointer", "x.bin", "version https://git-lfs.github.com/",
         "it is a git-lfs pointer"},
        {"text pickle", "x.pkl", "cos\nsystem\n(S'id'\ntR.",
         "forbidden global os.system at byte 0"},
        {"bare pickle", "x.pt",
         "\x80\x02]K\x01"
         "a.",
         "it is a pickle of a list, expected a file of torch.save"},
        {"zip cut", "x.pth", "PK\x03\x04 and not much more",
         "truncated zip archive"},
        {"zip by the other name", "x.safetensors", "PK\x03\x04 and more so",
         "it is a zip archive; give it a name that ends in .pth"},
    };

    for (u32 i = 0; i < countof(row); i++) {
        const char *path = in_room(row[i].file);

        pickle.n = 0;
        pk(&pickle, row[i].bytes);
        save(path, &pickle);
        refused(row[i].name, path, row[i].message);
    }
    stream_start(&pickle);
    pickle.at[pickle.n - 3] = 0x89; /* little_endian: False */
    save(in_room("x.pth"), &pickle);
    refused("stream: big-endian", in_room("x.pth"), "little-endian machine");
    stream_start(&pickle);
    pickle.at[18] = 1; /* of 1001 */
    save(in_room("x.pth"), &pickle);
    refused("stream: unknown protocol", in_room("x.pth"), "expected 1001");
}

/* --------------------------------------------------------------- mutations */

/* The one file that there is while mutations are read. */
static Blob mutant;

static int
mutant_open(const char *path, int flags, int mode)
{
    (void)path;
    (void)flags;
    (void)mode;
    return 0;
}

static int
mutant_close(int fd)
{
    return fd;
}

static i64
mutant_pread(int fd, void *to, u64 n, u64 offset)
{
    u64 left = offset < mutant.n ? mutant.n - offset : 0;

    (void)fd;
    n = n < left ? n : left;
    memcpy(to, mutant.at + offset, n);
    return (i64)n;
}

static i64
mutant_size(int fd)
{
    (void)fd;
    return (i64)mutant.n;
}

/* Opens it, and reads what it has if it opens. */
static int
read_mutant(void)
{
    static u8 data[1 << 16];
    Tensors *file;
    Err e = {0};

    if (tensors_open(&e, "mutant.pth", &file))
        return e.code;
    for (u32 i = 0; i < tensors_count(file) && !e.code; i++) {
        const TensorRow *row = tensors_row(file, i);

        if (row->bytes <= sizeof data)
            tensors_read(&e, file, row, data);
    }
    tensors_close(file);
    return e.code;
}

/* Every byte changed in three ways, and every length below the whole. */
static void
mutate(const char *label, const char *path)
{
    static const u8 change[] = {0xFF, 0x01, 0x80};
    u8 *whole = NULL;
    u64 bytes = 0;
    u32 odd = 0, long_ = 0;
    const Vfs *system = vfs;
    const Vfs memory = {.open = mutant_open,
                        .close = mutant_close,
                        .pread = mutant_pread,
                        .size = mutant_size};
    char why[64];
    Err e = {0};

    vfs_read_file(&e, path, 1 << 16, &whole, &bytes);
    vfs = &memory;
    for (u64 i = 0; i < bytes; i++) {
        for (u32 k = 0; k < countof(change); k++) {
            mutant.n = 0;
            blob_raw(&mutant, whole, bytes);
            mutant.at[i] ^= change[k];
            odd += read_mutant() % SOHO_BAD != 0; /* 0 or SOHO_BAD */
        }
        mutant.n = i;
        long_ += read_mutant() != SOHO_BAD;
    }
    vfs = system;
    snprintf(why, sizeof why, "%u other codes, %u cut ones read", odd, long_);
    check(bytes && !odd && !long_, label, why);
    free(whole);
}

static void
mutations(void)
{
    const char *path = in_room("mutant.pth");

    one_view("w", 0, "3,2", "1,3");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    mutate("zip: any byte changed, any length", path);
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){.zip64 = 1});
    mutate("zip64: any byte changed, any length", path);
    save_stream(path, &pickle, numbers(), 96, 24);
    mutate("stream: any byte changed, any length", path);
    protocol_4();
    save_stream(path, &pickle, numbers(), 96, 24);
    mutate("protocol 4: any byte changed, any length", path);
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
        {"half \xc3\xa4", TD_f16, 1, {3}, .data = half},
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
              holds(&e, path, "half \xc3\xa4", TD_f16, half, 6),
          "read what was written", e.text);
    check(access(in_room("out.pth.tmp"), F_OK) != 0, "no .tmp left",
          "it is there");
    mutate("written: any byte changed, any length", path);
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
    bad_views();
    bad_storages();
    bad_objects();
    zip_forms();
    zip_members();
    zip_overlap();
    other_files();
    mutations();
    writes();
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
