/* shapes.c - the made data set: pictures that show what the answers say,
 * disjoint draws, answers that cannot be guessed, equal bytes from equal seeds,
 * files that the readers take, and a disk that fills up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "runtime/data/data.h"
#include "runtime/data/shapes.h"
#include "runtime/vfs.h"

static char room[64]; /* the test's own folder */

static const char *
in_room(const char *name)
{
    static char path[2][128];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", room, name);
    return path[turn];
}

static int
make(const char *name, u32 train, u32 unseen, u64 seed, i32 w, i32 h,
     ShapesReport *report)
{
    ShapesSpec spec = {in_room(name), {train, unseen}, seed, w, h};
    Err e = {0};

    if (shapes_make(&e, &spec, report))
        printf("# %s\n", e.text);
    return e.code;
}

/* Full size, small pictures: the figures that the data set promises. */
static void
promises(void)
{
    ShapesReport r;
    char why[128];

    check(!make("full", 3000, 500, 1, 64, 48, &r), "shapes/makes-full-size",
          "failed");
    snprintf(why, sizeof why, "guess %.1f %%", 100 * r.guess);
    check(r.guess > 0.2 && r.guess <= 0.45, "shapes/guess-at-most-45", why);
    snprintf(why, sizeof why, "%u shared", r.shared);
    check(r.shared == 0 && r.triples[0] > 150 && r.triples[1] > 40,
          "shapes/draws-are-disjoint", why);
    check(r.questions[0] >= 6 * 3000 && r.questions[1] >= 6 * 500,
          "shapes/six-questions-and-more", "too few questions");
    check(r.jpegs[0] > 1300 && r.jpegs[0] < 1700 && r.landscapes[0] > 1300 &&
              r.landscapes[0] < 1700,
          "shapes/kinds-of-files-are-mixed", "not half and half");
}

/* The same from the scenes themselves, and other seeds split otherwise. */
static void
split(void)
{
    ShapesSpec spec = {NULL, {0, 0}, 7, 128, 96};
    u8 part_of[TRIPLES], other[TRIPLES], seen[2][TRIPLES] = {{0}};
    u32 shared = 0, unseen = 0;

    scene_split(7, part_of);
    scene_split(8, other);
    for (u32 part = 0; part < 2; part++)
        for (u32 i = 0; i < 2000; i++) {
            Scene s;

            scene_draw(&spec, part_of, part, i, &s);
            for (u32 k = 0; k < s.count; k++)
                seen[part][item_triple(s.item[k])] = 1;
        }
    for (u32 t = 0; t < TRIPLES; t++) {
        shared += seen[0][t] && seen[1][t];
        unseen += seen[1][t];
    }
    check(shared == 0 && unseen == KINDS * COLORS * UNSEEN_PLACES,
          "shapes/split-holds-in-scenes", "a triple is in both parts");
    check(memcmp(part_of, other, TRIPLES) != 0, "shapes/seed-moves-the-split",
          "seeds 7 and 8 split alike");
}

/* Each yes/no text: as many yes as no. */
static void
balance(void)
{
    enum { N = 600 };
    ShapesSpec spec = {NULL, {N, 0}, 3, 128, 96};
    Scene *scene = calloc(N, sizeof *scene);
    Asked *asked = calloc(N, SLOTS * sizeof *asked);
    u8 part_of[TRIPLES];
    int surplus[TEXTS] = {0}, good = 1;
    u32 n;

    scene_split(3, part_of);
    for (u32 i = 0; i < N; i++)
        scene_draw(&spec, part_of, 0, i, &scene[i]);
    n = ask_all(scene, N, asked);
    for (u32 i = 0; i < n; i++)
        if (ask_is_yes_no(asked[i].text))
            surplus[asked[i].text] +=
                strcmp(ask_answer(asked[i].answer), "yes") ? -1 : 1;
    for (u32 t = 0; t < TEXTS; t++)
        good &= surplus[t] == 0;
    check(good && n > 6 * N, "shapes/yes-and-no-are-even", "a text leans");
    free(scene);
    free(asked);
}

static const char *const files[] = {"train2014.zip",       "val2014.zip",
                                    "train_data_vqa.json", "val_data_vqa.json",
                                    "vocab.txt",           "answers.txt"};

static int
same_files(const char *a, const char *b)
{
    int same = 1;

    for (u32 i = 0; i < countof(files); i++) {
        u8 *x = NULL, *y = NULL;
        u64 nx = 0, ny = 0;
        char path[2][256];
        Err e = {0};

        snprintf(path[0], sizeof path[0], "%s/%s", in_room(a), files[i]);
        snprintf(path[1], sizeof path[1], "%s/%s", in_room(b), files[i]);
        same &= !vfs_read_file(&e, path[0], 1 << 28, &x, &nx) &&
                !vfs_read_file(&e, path[1], 1 << 28, &y, &ny) && nx == ny &&
                !memcmp(x, y, nx);
        free(x);
        free(y);
    }
    return same;
}

static void
repeats(void)
{
    ShapesReport r;
    int made = !make("a", 60, 20, 5, 128, 96, &r) &&
               !make("b", 60, 20, 5, 128, 96, &r) &&
               !make("c", 60, 20, 6, 128, 96, &r);

    check(made && same_files("a", "b"), "shapes/same-seed-same-bytes",
          "the files of two runs differ");
    check(made && !same_files("a", "c"), "shapes/other-seed-other-bytes",
          "another seed changed nothing");
}

/* Does the picture show red where the file says yes to "a red shape"? */
static int
truthful(Zip *zip, const char *line, u32 *asked)
{
    static const char want[] = "\"is there a red shape?\"";
    const char *q = strstr(line, want), *name = strstr(line, "file_name\":\"");
    char member[96];
    u8 *data = NULL;
    u64 bytes;
    u32 red = 0;
    Image image = {0};
    Err e = {0};

    if (!q || !name)
        return 1;
    snprintf(member, sizeof member, "train2014/%.17s", name + 12);
    if (zip_read(&e, zip, member, &data, &bytes) ||
        image_decode(&e, member, data, bytes, &image)) {
        printf("# %s\n", e.text);
        free(data);
        return 0;
    }
    for (i32 i = 0; i < image.w * image.h; i++) {
        const u8 *p = image.rgb + 3 * i;

        red += p[0] > 150 && p[1] < 100 && p[2] < 100;
    }
    free(data);
    image_free(&image);
    ++*asked;
    return (red > 15) == (atoi(strstr(q, "labels\":[") + 9) == 1);
}

static void
pictures(void)
{
    u8 *text = NULL;
    u64 bytes;
    u32 asked = 0, wrong = 0;
    Zip *zip = NULL;
    Err e = {0};
    char path[256];

    snprintf(path, sizeof path, "%s/train2014.zip", in_room("full"));
    if (zip_open_at(&e, path, &zip))
        printf("# %s\n", e.text);
    snprintf(path, sizeof path, "%s/train_data_vqa.json", in_room("full"));
    if (zip && !vfs_read_file(&e, path, 1 << 28, &text, &bytes))
        for (char *rest = NULL, *line = strtok_r((char *)text, "\n", &rest);
             line; line = strtok_r(NULL, "\n", &rest))
            wrong += !truthful(zip, line, &asked);
    check(asked > 100 && wrong == 0, "shapes/pictures-show-the-answers",
          "a picture contradicts \"is there a red shape?\"");
    free(text);
    zip_close_at(zip);
}

/* The set opens with its own vocabulary and answers; no word is unknown. */
static void
readable(void)
{
    u8 *text = NULL;
    u64 bytes;
    Words *words = NULL;
    const char *names[ANSWERS];
    Vqa set = {0};
    Err e = {0};
    char path[256];
    u32 unknown = 0;

    for (u32 a = 0; a < ANSWERS; a++)
        names[a] = ask_answer(a);
    snprintf(path, sizeof path, "%s/vocab.txt", in_room("full"));
    if (vfs_read_file(&e, path, 1 << 20, &text, &bytes) ||
        words_open(&e, path, text, bytes, &words))
        printf("# %s\n", e.text);
    snprintf(path, sizeof path, "%s/val_data_vqa.json", in_room("full"));
    if (words && vqa_open(&e, path, words, 16, ANSWERS, names, 1, &set))
        printf("# %s\n", e.text);
    for (u32 i = 0; i < set.nquestion; i++)
        for (u32 k = 0; k < set.question[i].ntoken; k++)
            unknown += set.token[set.question[i].token + k] == 1;
    check(set.npicture == 500 && set.nquestion > 3000 && unknown == 0,
          "shapes/opens-as-a-data-set", "not read, or an unknown word");
    vqa_close(&set);
    words_close(words);
    free(text);
}

/* ------------------------------------------------------------- full disk */

static i64 disk_left;
static const Vfs *system_vfs;

static i64
small_disk(int fd, const void *from, u64 n)
{
    if (disk_left <= 0) {
        errno = ENOSPC;
        return -1;
    }
    n = n < (u64)disk_left ? n : (u64)disk_left;
    disk_left -= (i64)n;
    return system_vfs->write(fd, from, n);
}

static void
full_disk(void)
{
    Vfs faulty = *vfs;
    ShapesSpec spec = {in_room("disk"), {20, 10}, 1, 64, 48};
    ShapesReport r;
    int clear = 1, whole = 1;

    system_vfs = vfs;
    faulty.write = small_disk;
    vfs = &faulty;
    for (i64 size = 0; size < 60000; size += 7000) {
        Err e = {0};

        disk_left = size;
        clear &= shapes_make(&e, &spec, &r) == SOHO_IO &&
                 strstr(e.text, "No space left") != NULL;
        for (u32 i = 0; i < countof(files); i++) {
            char path[256];

            snprintf(path, sizeof path, "%s/%s.tmp", spec.out, files[i]);
            whole &= access(path, F_OK) != 0;
        }
    }
    vfs = system_vfs;
    check(clear, "shapes/full-disk-is-an-error", "no clear error");
    check(whole, "shapes/full-disk-leaves-no-part", "a .tmp file stayed");
}

static void
clean_up(void)
{
    static const char *const made[] = {"full", "a", "b", "c", "disk"};

    for (u32 i = 0; i < countof(made); i++) {
        Err e = {0};

        vfs_remove_dir(&e, in_room(made[i]));
    }
    rmdir(room);
}

int
main(void)
{
    snprintf(room, sizeof room, "%s", "/tmp/soho-shapes-XXXXXX");
    if (!mkdtemp(room))
        return 1;
    promises();
    split();
    balance();
    repeats();
    pictures();
    readable();
    full_disk();
    clean_up();
    return failed;
}
