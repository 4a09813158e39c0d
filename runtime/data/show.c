/* show.c - `data image` and `data zip`: checksums of what the readers made of
 * a file, so that a test or a doubtful user can compare them.
 *
 *   data image [--long L --short S [--normalise]] FILE...
 *     FILE WxH sha256:HEX [resized WxH sha256:HEX [normalised WxH sha256:HEX]]
 *     The bytes are BGR rows (OpenCV's order); normalised: little-endian
 *     float32, planes R G B, padded with 0 to multiples of 32.
 *   data zip FILE...
 *     NAME BYTES HEX for each good member, then `digest HEX`: the first half
 *     of the SHA-256 over (name, a 0 byte, the member's SHA-256). */
#include "runtime/data/show.h"
#include "runtime/data/data.h"
#include "runtime/vfs.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { SHA = 32, FILE_LIMIT = 1 << 30, MULTIPLE = 32 };

typedef struct Options {
    i32 longest, shortest; /* 0: do not resize */
    int normalise;
} Options;

static void
print_hex(FILE *out, const u8 *bytes, int n)
{
    for (int i = 0; i < n; i++)
        fprintf(out, "%02x", bytes[i]);
}

static void
print_sum(FILE *out, i32 w, i32 h, EVP_MD_CTX *sum)
{
    u8 sha[SHA];

    EVP_DigestFinal_ex(sum, sha, NULL);
    fprintf(out, " %dx%d sha256:", w, h);
    print_hex(out, sha, SHA);
}

static int
start_sum(Err *e, EVP_MD_CTX **sum)
{
    *sum = EVP_MD_CTX_new();
    FAIL_IF(!*sum || !EVP_DigestInit_ex(*sum, EVP_sha256(), NULL), e,
            SOHO_MEMORY, "no memory for a checksum");
    return 0;
}

/* ------------------------------------------------------------------ image */

static int
show_pixels(Err *e, FILE *out, const Image *image)
{
    u64 n = (u64)image->w * 3;
    u8 *bgr = malloc(n);
    EVP_MD_CTX *sum = NULL;

    if (!bgr)
        err_set(e, SOHO_MEMORY, "no memory for a row");
    else if (!start_sum(e, &sum)) {
        for (i32 y = 0; y < image->h; y++) {
            const u8 *rgb = image->rgb + (u64)y * n;

            for (u64 i = 0; i < n; i++)
                bgr[i] = rgb[i + 2 - 2 * (i % 3)];
            EVP_DigestUpdate(sum, bgr, n);
        }
        print_sum(out, image->w, image->h, sum);
    }
    EVP_MD_CTX_free(sum);
    free(bgr);
    return e->code;
}

/* The network's own input step is on the device; this is its arithmetic once
 * more, for comparison with the official pipeline's numbers. */
static int
show_normalised(Err *e, FILE *out, const Image *image)
{
    static const f32 mean[3] = {123.675f, 116.28f, 103.53f};
    static const f32 std[3] = {58.395f, 57.12f, 57.375f};
    i32 w = (i32)align_up((u64)image->w, MULTIPLE);
    i32 h = (i32)align_up((u64)image->h, MULTIPLE);
    f32 *row = malloc((u64)w * sizeof *row);
    EVP_MD_CTX *sum = NULL;

    if (!row)
        err_set(e, SOHO_MEMORY, "no memory for a row");
    else if (!start_sum(e, &sum)) {
        for (i32 i = 0; i < 3 * h; i++) {
            i32 c = i / h, y = i % h;
            const u8 *rgb = image->rgb + (i64)y * image->w * 3 + c;

            memset(row, 0, (u64)w * sizeof *row);
            for (i32 x = 0; y < image->h && x < image->w; x++)
                row[x] = ((f32)rgb[3 * x] - mean[c]) / std[c];
            EVP_DigestUpdate(sum, row, (u64)w * sizeof *row);
        }
        fprintf(out, " normalised");
        print_sum(out, w, h, sum);
    }
    EVP_MD_CTX_free(sum);
    free(row);
    return e->code;
}

static int
show_resized(Err *e, FILE *out, const Options *o, const Image *image)
{
    Image small = {0};
    void *scratch;

    image_target(image->h, image->w, o->longest, o->shortest, &small.h,
                 &small.w);
    scratch = malloc(resize_scratch(image->h, image->w, small.h, small.w));
    small.rgb = malloc((u64)small.w * (u64)small.h * 3);
    if (!scratch || !small.rgb) {
        err_set(e, SOHO_MEMORY, "no memory for %d x %d pixels", small.w,
                small.h);
    } else {
        resize_u8(image->rgb, image->h, image->w, small.rgb, small.h, small.w,
                  (u64)small.w * 3, scratch);
        fprintf(out, " resized");
        show_pixels(e, out, &small);
    }
    if (!e->code && o->normalise)
        show_normalised(e, out, &small);
    image_free(&small);
    free(scratch);
    return e->code;
}

static int
show_one_image(Err *e, const char *path, const Options *o, FILE *out)
{
    char clean[512];
    u8 *data;
    u64 bytes;
    Image image;

    TRY(vfs_read_file(e, path, FILE_LIMIT, &data, &bytes));
    image_decode(e, path, data, bytes, &image);
    free(data);
    if (e->code)
        return e->code;
    fprintf(out, "%s", err_clean(clean, sizeof clean, path, strlen(path)));
    show_pixels(e, out, &image);
    if (!e->code && o->longest)
        show_resized(e, out, o, &image);
    fprintf(out, "\n");
    image_free(&image);
    return e->code;
}

/* -------------------------------------------------------------------- zip */

static int
is_folder_name(const char *name)
{
    return name[strlen(name) - 1] == '/';
}

/* Prints one good member and adds it to the archive's digest. */
static int
show_member(Err *e, Zip *zip, u64 i, EVP_MD_CTX *digest, FILE *out)
{
    const char *name = zip_name(zip, i);
    char clean[512];
    u8 *data, sha[SHA];
    u64 bytes;

    TRY(zip_read_index(e, zip, i, &data, &bytes));
    EVP_Digest(data, bytes, sha, NULL, EVP_sha256(), NULL);
    free(data);
    EVP_DigestUpdate(digest, name, strlen(name) + 1);
    EVP_DigestUpdate(digest, sha, SHA);
    fprintf(out, "%s %llu ", err_clean(clean, sizeof clean, name, strlen(name)),
            (unsigned long long)bytes);
    print_hex(out, sha, SHA);
    fprintf(out, "\n");
    return 0;
}

/* All members; each damaged one is a line on stderr. */
static int
show_members(Err *e, Zip *zip, const char *path, EVP_MD_CTX *digest, FILE *out)
{
    char clean[512];
    u64 bad = 0;
    u8 sha[SHA];

    for (u64 i = 0; i < zip_count(zip); i++) {
        Err one = {0};

        if (is_folder_name(zip_name(zip, i)) ||
            !show_member(&one, zip, i, digest, out))
            continue;
        fprintf(stderr, "%s\n", one.text);
        bad++;
    }
    EVP_DigestFinal_ex(digest, sha, NULL);
    fprintf(out, "digest ");
    print_hex(out, sha, SHA / 2);
    fprintf(out, "\n");
    FAIL_IF(bad, e, SOHO_BAD, "%s: %llu of %llu members cannot be read",
            err_clean(clean, sizeof clean, path, strlen(path)),
            (unsigned long long)bad, (unsigned long long)zip_count(zip));
    return 0;
}

static int
show_one_zip(Err *e, const char *path, const Options *o, FILE *out)
{
    EVP_MD_CTX *digest;
    Zip *zip;

    (void)o;
    TRY(zip_open_at(e, path, &zip));
    if (!start_sum(e, &digest))
        show_members(e, zip, path, digest, out);
    EVP_MD_CTX_free(digest);
    zip_close_at(zip);
    return e->code;
}

/* --------------------------------------------------------------- commands */

/* Of several files, one that fails does not hide the others. */
static int
show_files(Err *e, int n, char **file, const Options *o, FILE *out,
           int (*show)(Err *, const char *, const Options *, FILE *))
{
    int bad = 0, code = 0;

    if (n == 1)
        return show(e, file[0], o, out);
    for (int i = 0; i < n; i++) {
        Err one = {0};

        if (!show(&one, file[i], o, out))
            continue;
        fprintf(stderr, "%s\n", one.text);
        code = code ? code : one.code;
        bad++;
    }
    FAIL_IF(bad, e, code, "%d of %d files cannot be read", bad, n);
    return 0;
}

static int
take_size(Err *e, const char *option, const char *text, i32 *size)
{
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : 0;

    FAIL_IF(!end || *end || n < 1 || n > IMAGE_MAX_SIDE, e, SOHO_USAGE,
            "data image: %s needs a number from 1 to %d", option,
            IMAGE_MAX_SIDE);
    *size = (i32)n;
    return 0;
}

int
show_image(Err *e, int argc, char **argv, FILE *out)
{
    Options o = {0};
    int i = 1;

    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        if (!strcmp(argv[i], "--normalise")) {
            o.normalise = 1;
            continue;
        }
        if (!strcmp(argv[i], "--long"))
            TRY(take_size(e, argv[i], argv[i + 1], &o.longest));
        else if (!strcmp(argv[i], "--short"))
            TRY(take_size(e, argv[i], argv[i + 1], &o.shortest));
        else
            return err_set(e, SOHO_USAGE, "data image: unknown option %s",
                           argv[i]);
        i++;
    }
    FAIL_IF(i == argc || !o.longest != !o.shortest ||
                (o.normalise && !o.longest),
            e, SOHO_USAGE,
            "data image: expected FILE..., with --normalise both --long and "
            "--short, else both or none (soho-rt data image --help)");
    return show_files(e, argc - i, argv + i, &o, out, show_one_image);
}

int
show_zip(Err *e, int argc, char **argv, FILE *out)
{
    FAIL_IF(argc < 2, e, SOHO_USAGE,
            "data zip: expected FILE... (soho-rt data zip --help)");
    return show_files(e, argc - 1, argv + 1, NULL, out, show_one_zip);
}
