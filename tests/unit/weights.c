/* weights.c - safetensors files: what is written is read back, hostile headers
 * are refused by name, weights go to their buffers or the misfits are listed.
 * Files of the test data are judged as their manifest says. */
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "planmake.h"
#include "runtime/data/data.h"
#include "runtime/run.h"
#include "runtime/vfs.h"

static char room[64] = "/tmp/soho-weights-XXXXXX";

static const char *
in_room(const char *name)
{
    static char path[16][256];
    static u32 next;
    char *to = path[next++ % 16];

    snprintf(to, sizeof *path, "%s/%s", room, name);
    return to;
}

/* -------------------------------------------------------------- round trip */

static void
round_trip(void)
{
    static const f32 a[6] = {1, -2, 3.5f, 0, -0.0f, 6};
    static const i32 b[1] = {-7};
    static const u8 c[3] = {1, 2, 255};
    const TensorOut out[] = {
        {"layer.weight", DT_f32, 2, {2, 3}, .data = a},
        {"odd \"name\"\n", DT_u8, 1, {3}, .data = c},
        {"scalar", DT_i32, 0, {0}, .data = b},
        {"empty", DT_f32, 2, {0, 4}, .data = a},
    };
    const char *const meta[] = {"plan", "a\"b", "step", "3", NULL};
    const char *path = in_room("trip.safetensors");
    f32 got[6];
    Tensors *file = NULL;
    const TensorRow *row;
    Err e = {0};
    int same;

    check(!tensors_write(&e, path, out, 4, meta) &&
              !tensors_open(&e, path, &file),
          "write and open", e.text);
    if (!file)
        return;
    row = tensors_find(file, "layer.weight");
    same = row && row->dtype == DT_f32 && row->rank == 2 && row->dim[1] == 3 &&
           row->offset % 8 == 0 && !tensors_read(&e, file, row, got) &&
           !memcmp(got, a, sizeof a);
    row = tensors_find(file, "odd \"name\"\n");
    same = same && row && row->dtype == DT_u8 && row->bytes == 3;
    row = tensors_find(file, "scalar");
    same = same && row && row->rank == 0 && row->bytes == 4;
    check(same && tensors_count(file) == 4 && !tensors_find(file, "scala"),
          "read back", e.text);
    check(access(in_room("trip.safetensors.tmp"), F_OK) != 0, "no .tmp left",
          "it is there");
    tensors_close(file);
}

/* --------------------------------------------------------- hostile headers */

/* Writes length, header and `data` zero bytes; returns the refusal's code. */
static int
open_text(Err *e, const char *header, u64 length, u64 data)
{
    const char *path = in_room("text.safetensors");
    FILE *out = fopen(path, "wb");
    Tensors *file;

    memset(e, 0, sizeof *e);
    fwrite(&length, 8, 1, out);
    fwrite(header, 1, strlen(header), out);
    for (u64 i = 0; i < data; i++)
        fputc(0, out);
    fclose(out);
    if (!tensors_open(e, path, &file))
        tensors_close(file);
    return e->code;
}

#define T(dtype, shape, a, b)                                                  \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #a       \
    "," #b "]}"

static const struct {
    const char *name, *header, *message; /* message NULL: accepted */
    u64 data;
} header_case[] = {
    {"one tensor", "{\"a\":" T("F32", "[2]", 0, 8) "}", NULL, 8},
    {"no tensor", "{}", NULL, 0},
    {"metadata",
     "{\"__metadata__\":{\"k\":\"v\"},\"a\":" T("U8", "[]", 0, 1) "}", NULL, 1},
    {"other types", "{\"a\":" T("BF16", "[3]", 0, 6) "}", NULL, 6},
    {"unknown field",
     "{\"a\":{\"more\":[1,{}],\"dtype\":\"U8\",\"shape\":[1],"
     "\"data_offsets\":[0,1]}}",
     NULL, 1},
    {"white space before", " {}", "begins not with {", 0},
    {"twice", "{\"a\":" T("U8", "[1]", 0, 1) ",\"a\":" T("U8", "[1]", 1, 2) "}",
     "two tensors have the name a", 2},
    {"hole", "{\"a\":" T("U8", "[1]", 0, 1) ",\"b\":" T("U8", "[1]", 2, 3) "}",
     "tensor b begins at byte 2 of the data, after a hole: expected 1", 3},
    {"overlap",
     "{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 1, 3) "}",
     "over another one", 3},
    {"same bytes",
     "{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 0, 2) "}",
     "over another one", 2},
    {"short data", "{\"a\":" T("U8", "[9]", 0, 9) "}", "truncated at", 8},
    {"long data", "{\"a\":" T("U8", "[9]", 0, 9) "}",
     "1 bytes follow the last tensor", 10},
    {"data without tensors", "{}", "5 bytes follow an empty header", 5},
    {"wrong size", "{\"a\":" T("F32", "[2]", 0, 4) "}",
     "4 bytes do not fit its shape and dtype F32", 4},
    {"reversed", "{\"a\":" T("U8", "[1]", 5, 4) "}",
     "data_offsets end at 4 before 5", 5},
    {"negative", "{\"a\":" T("U8", "[1]", -1, 0) "}", "byte", 0},
    {"negative shape", "{\"a\":" T("U8", "[-1]", 0, 1) "}", "byte", 1},
    {"shape wraps", "{\"a\":" T("F32", "[4611686018427387904,4]", 0, 0) "}",
     "do not fit its shape", 0},
    {"fraction", "{\"a\":" T("U8", "[1.5]", 0, 1) "}", "byte", 1},
    {"unknown dtype", "{\"a\":" T("F33", "[1]", 0, 4) "}",
     "unknown dtype 'F33'", 4},
    {"nine dimensions", "{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}",
     "more than 8 dimensions", 1},
    {"no dtype", "{\"a\":{\"shape\":[],\"data_offsets\":[0,1]}}",
     "a tensor without 'dtype'", 1},
    {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}",
     "a tensor without 'data_offsets'", 1},
    {"dtype twice",
     "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],"
     "\"data_offsets\":[0,1]}}",
     "a second 'dtype'", 1},
    {"three offsets",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[],"
     "\"data_offsets\":[0,1,2]}}",
     "more than 2 data_offsets", 1},
    {"metadata number", "{\"__metadata__\":{\"k\":1}}", "byte", 0},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}",
     "a second __metadata__", 0},
    {"array", "[1]", "begins not with {", 0},
    {"after the end", "{} x", "expected the end of the text", 0},
};

static void
headers(void)
{
    Err e;
    char why[ERR_TEXT + 64];

    for (u32 i = 0; i < countof(header_case); i++) {
        const char *message = header_case[i].message;
        int code =
            open_text(&e, header_case[i].header, strlen(header_case[i].header),
                      header_case[i].data);

        snprintf(why, sizeof why, "expected '%s', got %d '%s'",
                 message ? message : "", code, e.text);
        check(message ? code == SOHO_BAD && strstr(e.text, message) : !code,
              header_case[i].name, why);
    }
    check(open_text(&e, "{}", (u64)100 << 21, 0) == SOHO_BAD &&
              strstr(e.text, "at most 104857600"),
          "header of 200 MB", e.text);
    check(open_text(&e, "{}", 3, 0) == SOHO_BAD &&
              strstr(e.text, "truncated at 10, need 11"),
          "header cut", e.text);
    check(open_text(&e, "", 0, 0) == SOHO_BAD, "no header", e.text);
    check(open_text(&e, "oid", 0x206e6f6973726576, 90) == SOHO_BAD &&
              strstr(e.text, "git-lfs pointer"),
          "git-lfs pointer", e.text);
}

/* ------------------------------------------------------------ into a plan */

static void
write_trained(const char *path, u32 n, u32 dtype, const char *const *meta)
{
    static const f32 data[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const TensorOut rows[] = {
        {"a.weight", DT_f32, 2, {3, 4}, .data = data},
        {"bn.running_mean", dtype, 1, {4}, .data = data},
        {"bn.num_batches_tracked", DT_i32, 0, {0}, .data = data},
        {"stranger", DT_f32, 1, {1}, .data = data},
    };
    Err e = {0};

    check(!tensors_write(&e, path, rows, n, meta), "write", e.text);
}

static void
write_some(const char *path, u32 n, u32 dtype)
{
    write_trained(path, n, dtype, NULL);
}

static Run *
open_plan(int train)
{
    static Make m;
    const char *path = in_room("plan.bin");
    Run *run = NULL;
    Err e = {0};

    make_start(&m, CPU_avx2, 1);
    m.nmeta = 0;
    m.meta[m.nmeta++] =
        (PlanMeta){make_text(&m, "model"), make_text(&m, "some.lua")};
    m.meta[m.nmeta++] =
        (PlanMeta){make_text(&m, "config.compat"), make_text(&m, "fixed")};
    make_buffer(&m, "a.weight", AR_param, RO_param, DT_f32, (i64)3, (i64)4,
                (i64)0);
    make_buffer(&m, "bn.running_mean", AR_state, RO_state, DT_f32, (i64)4,
                (i64)0);
    make_buffer(&m, "good.bn.running_mean", AR_state, RO_good, DT_f32, (i64)4,
                (i64)0);
    make_phase(&m, "infer", PH_infer);
    m.phase[0].need[AR_param] = 1; /* nothing of the parameter */
    m.phase[0].need[AR_state] = 192;
    make_phase(&m, "update", PH_update);
    make_file(&m, path);
    check(!run_open(&e, path, 1u << (train ? PH_update : PH_infer), &run),
          "open plan", e.text);
    return run;
}

/* What a file's metadata say of a key. */
static void
check_meta(const char *path, const char *key, const char *value)
{
    Tensors *file;
    const char *got = NULL;
    Err e = {0};

    if (!tensors_open(&e, path, &file)) {
        got = tensors_meta(file, key);
        check(value ? got && !strcmp(got, value) : !got, "metadata", key);
        tensors_close(file);
    } else {
        check(0, "metadata", e.text);
    }
}

/* Weights with and without a word on their mask; the plan's is "fixed". */
static void
compat_cases(void)
{
    static const char *const other[] = {"x", "", "compat", "upstr\neam", NULL};
    static const char *const same[] = {"compat", "fixed", NULL};
    const char *path = in_room("compat.safetensors");
    Run *run = open_plan(1);
    Err e = {0};

    write_trained(path, 4, DT_f32, other);
    check(!weights_load(&e, run, path, NULL) &&
              strstr(e.text, "compat.safetensors: these weights were trained "
                             "with the picture's mask of compat = upstr\\x0aeam"
                             ", the plan masks as fixed"),
          "other mask", e.text);
    write_trained(path, 4, DT_f32, same);
    check(!weights_load(&e, run, path, NULL) && !e.text[0], "same mask",
          e.text);
    write_some(path, 4, DT_f32);
    check(!weights_load(&e, run, path, NULL) && !e.text[0], "unknown mask",
          e.text);
    run_close(run);
}

static void
load_cases(void)
{
    const char *good = in_room("good.safetensors");
    const char *folder = in_room("ckpt"), *bad = in_room("bad.safetensors");
    Run *run = open_plan(1);
    u32 unexpected = 9, version = run->weights_version;
    f32 *weight = run_buffer(run, 1), *mean = run_buffer(run, 2);
    f32 *shadow = run_buffer(run, 3);
    char inside[256];
    Err e = {0};

    write_some(good, 4, DT_f32);
    check(!weights_load(&e, run, good, &unexpected) && unexpected == 1 &&
              weight[11] == 12 && mean[3] == 4 && shadow[3] == 4 &&
              run->weights_version != version,
          "load", e.text);
    mkdir(folder, 0700);
    snprintf(inside, sizeof inside, "%s/weights.safetensors", folder);
    weight[11] = -1;
    check(!weights_save(&e, run, inside), "save", e.text);
    weight[11] = 0;
    check(!weights_load(&e, run, folder, NULL) && weight[11] == -1 &&
              !e.text[0],
          "load a folder", e.text);
    check_meta(inside, "model", "some.lua");
    check_meta(inside, "compat", "fixed");
    check_meta(inside, "nothing", NULL);
    unlink(inside);
    rmdir(folder);
    write_some(bad, 1, DT_f32);
    check(weights_load(&e, run, bad, NULL) == SOHO_BAD &&
              strstr(e.text,
                     "of 2 tensors of the plan 1 are missing and 0 have "
                     "another shape or dtype: bn.running_mean missing"),
          "missing tensor", e.text);
    err_clear(&e);
    write_some(bad, 2, DT_i32);
    check(weights_load(&e, run, bad, NULL) == SOHO_BAD &&
              strstr(e.text, "bn.running_mean expected F32[4], got I32[4]"),
          "other dtype", e.text);
    err_clear(&e);
    check(weights_load(&e, run, "/nowhere", NULL) == SOHO_IO, "no file",
          e.text);
    run_close(run);
    run = open_plan(0);
    err_clear(&e);
    check(run_buffer(run, 1) == NULL && run_buffer(run, 2) != NULL &&
              !weights_load(&e, run, good, NULL),
          "load what is opened", e.text);
    check(weights_save(&e, run, good) == SOHO_USAGE &&
              strstr(e.text, "a.weight is not in memory"),
          "save what is not opened", e.text);
    run_close(run);
}

/* --------------------------------------------------------------- test data */

/* Hash of a tensor's bytes as text. */
static void
hash_of(Tensors *file, const TensorRow *row, char hex[65])
{
    u8 *data = malloc(row->bytes + 1), hash[32];
    Err e = {0};

    tensors_read(&e, file, row, data);
    EVP_Digest(data, row->bytes, hash, NULL, EVP_sha256(), NULL);
    for (u32 i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", hash[i]);
    free(data);
}

/* One tensor of expected.json: {"dtype": .., "sha256": .., "shape": ..}. */
static int
same_tensor(Json *j, Tensors *file, const char *name)
{
    const TensorRow *row = tensors_find(file, name);
    char key[32], text[80], hex[65];
    u64 n;
    int more, same = row != NULL;

    json_object(j);
    while (!json_next(j, &more) && more && !json_key(j, key, sizeof key)) {
        if (!strcmp(key, "shape")) {
            json_skip(j);
            continue;
        }
        json_string(j, text, sizeof text, &n);
        text[n] = 0;
        if (row && !strcmp(key, "sha256"))
            hash_of(file, row, hex);
        same = same &&
               !strcmp(text,
                       strcmp(key, "dtype") ? hex : tensors_dtype(row->dtype));
    }
    return same;
}

/* Are the tensors of `name` those of expected.json? */
static int
as_expected(const u8 *text, u64 bytes, const char *name, Tensors *file)
{
    char key[256];
    Err e = {0};
    Json j;
    int more, same = 0;
    u32 n = 0;

    json_start(&j, &e, "expected.json", text, bytes);
    json_object(&j);
    while (!json_next(&j, &more) && more && !json_key(&j, key, sizeof key)) {
        int ours = !strcmp(key, name);

        if (!ours) {
            json_skip(&j);
            continue;
        }
        same = 1;
        json_object(&j);
        while (!json_next(&j, &more) && more && !json_key(&j, key, sizeof key))
            same &= same_tensor(&j, file, key), n++;
        more = 1;
    }
    return same && !e.code && n == tensors_count(file);
}

static void
judge(const char *folder, const char *name, const char *verdict, const u8 *text,
      u64 bytes)
{
    char path[512], label[300];
    Tensors *file = NULL;
    Err e = {0};
    int code, good;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(label, sizeof label, "data %s", name);
    code = tensors_open(&e, path, &file);
    good = !strcmp(verdict, "accept")   ? !code
           : !strcmp(verdict, "reject") ? code == SOHO_BAD
                                        : !code || code == SOHO_BAD;
    if (good && !strcmp(verdict, "accept"))
        good = as_expected(text, bytes, name, file);
    check(good, label, code ? e.text : "accepted, or other tensors");
    tensors_close(file);
}

static void
manifest(void)
{
    const char *data = getenv("SOHO_TESTDATA");
    char folder[256], path[300], *line;
    u8 *text = NULL, *expected = NULL;
    u64 bytes, n;
    Err e = {0};

    snprintf(folder, sizeof folder, "%s/bad/safetensors",
             data ? data : "../shared/data");
    snprintf(path, sizeof path, "%s/expected.json", folder);
    if (vfs_read_file(&e, path, 1 << 24, &expected, &n)) {
        printf("skip bad/safetensors: %s\n", e.text);
        return;
    }
    snprintf(path, sizeof path, "%s/MANIFEST.tsv", folder);
    if (vfs_read_file(&e, path, 1 << 24, &text, &bytes))
        check(0, "manifest", e.text);
    line = text ? strchr((char *)text, '\n') : NULL;
    while (line && line[1]) {
        char name[200], verdict[16];

        if (sscanf(line + 1, "%199[^\t]\t%*[^\t]\t%15[^\t]", name, verdict) ==
            2)
            judge(folder, name, verdict, expected, n);
        line = strchr(line + 1, '\n');
    }
    free(text);
    free(expected);
}

int
main(void)
{
    if (!mkdtemp(room))
        return 1;
    round_trip();
    headers();
    load_cases();
    compat_cases();
    manifest();
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
