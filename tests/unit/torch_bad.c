/* torch_bad.c - PyTorch files made by hand: what is not as it has to be is
 * refused by name, and no changed or missing byte does harm. */
#include "runtime/torch/pth_own.h"
#include "torchcheck.h"

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

static i64
mutant_pread(int fd, void *to, u64 n, u64 offset)
{
    u64 left = offset < mutant.n ? mutant.n - offset : 0;

    (void)fd;
    n = n < left ? n : left;
    memcpy(to, mutant.at + offset, n);
    return (i64)n;
}

/* Reads it in this process, where harm shows, and what it has. */
static int
read_mutant(void)
{
    static u8 data[1 << 16];
    char path[] = "mutant.pth";
    Tensors file = {.path = path, .bytes = mutant.n};
    Err e = {0};

    if (!pth_read(&e, &file))
        for (u32 i = 0; i < file.n && !e.code; i++)
            if (file.row[i].bytes <= sizeof data)
                tensors_read(&e, &file, &file.row[i], data);
    free(file.row);
    free(file.names);
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
    const Vfs memory = {.pread = mutant_pread};
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
    const TensorOut row = {"w", DT_f32, 2, {2, 3}, .data = numbers()};

    one_view("w", 0, "3,2", "1,3");
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){0});
    mutate("zip: any byte changed, any length", path);
    save_zip(path, &pickle, numbers(), 96, (ZipOdd){.zip64 = 1});
    mutate("zip64: any byte changed, any length", path);
    save_stream(path, &pickle, numbers(), 96, 24);
    mutate("stream: any byte changed, any length", path);
    torch_write(&(Err){0}, path, &row, 1);
    mutate("as we write it: any byte changed, any length", path);
}

int
main(void)
{
    if (!mkdtemp(room))
        return 1;
    bad_views();
    bad_storages();
    bad_objects();
    zip_forms();
    zip_members();
    zip_overlap();
    other_files();
    mutations();
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
