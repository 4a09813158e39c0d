/* split.c - `soho-rt data split`: parts a data folder that has only one split
 * into training and unseen pictures.
 *
 * In: train_data_vqa.json and its zip archive or folder; with --captions what
 * pre-training reads, too.  Out, in another folder: the same for "train" and
 * "val", vocab.txt (WordPiece: the words of the training questions and
 * captions), answers.txt (in label order).
 *
 * An annotation file is the source's own text less the items of the other
 * part, so that nothing in it changes.  Pictures are grouped by the SHA-256 of
 * their bytes, and whole groups are drawn: neither a picture nor a copy of it
 * is in both parts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/cmd.h"
#include "runtime/data/split_own.h"
#include "runtime/random.h"

const char *const split_part[PARTS] = {"train", "val"};

/* PARTS: in none. */
static u32
part_of(const Splitter *s, const Item *item)
{
    return item->group == ITEM_NONE ? PARTS : s->group[item->group].part;
}

/* ------------------------------------------------------------------ reading */

/* Makes s->words from the vocabulary as far as it is known. */
static int
open_words(Err *e, Splitter *s)
{
    Bytes text = {.n = 0};

    words_close(s->words);
    s->words = NULL;
    vocab_print(s->vocab, &text);
    if (text.failed)
        err_set(e, SOHO_MEMORY, "no memory for a vocabulary");
    else
        words_open(e, "vocab.txt", text.data, text.n, &s->words);
    bytes_free(&text);
    s->plan.words = s->words;
    return e->code;
}

/* The same for the captions. */
static int
read_captions(Err *e, Splitter *s)
{
    const PlanData plan = {.captions = 1};
    Vqa set;

    if (!s->spec->captions)
        return 0;
    FAIL_IF(!dataset_json(&plan, s->spec->data, "train", s->captions), e,
            SOHO_IO, "%s: no such file; leave out --captions", s->captions);
    TRY(caps_open(e, s->captions, s->words, TOKENS, 0, 0, &set));
    vqa_close(&set);
    return items_open(e, s->captions, &s->said);
}

/* Opens the source the way training does, which checks all of it, and then
 * finds the places of its items. */
static int
read_source(Err *e, Splitter *s)
{
    DataWanted wanted = {.folder = &s->spec->data,
                         .nfolder = 1,
                         .images = &s->spec->images,
                         .nimages = s->spec->images != NULL,
                         .split = "train"};
    char path[PATH_MAX];

    FAIL_IF(snprintf(path, sizeof path, "%s/train_data_vqa.json",
                     s->spec->data) >= (int)sizeof path,
            e, SOHO_IO, "--data: the path is too long");
    TRY(vqa_answers(e, path, &s->answer, &s->plan.answers));
    s->plan.names = (const char **)s->answer;
    s->plan.tokens = TOKENS;
    s->vocab = vocab_open(e);
    TRY(e->code);
    TRY(open_words(e, s));
    TRY(dataset_open(e, &s->plan, &wanted, 0, &s->source));
    TRY(items_open(e, s->source.part->json, &s->items));
    return read_captions(e, s);
}

/* ------------------------------------------------------------------ drawing */

static int
by_file(const void *a, const void *b)
{
    const Item *x = *(Item *const *)a, *y = *(Item *const *)b;
    int c = strcmp(x->file, y->file);

    return c ? c : (x > y) - (x < y);
}

static int
by_digest(const void *a, const void *b)
{
    const Item *x = *(Item *const *)a, *y = *(Item *const *)b;
    int c = memcmp(x->digest, y->digest, sizeof x->digest);

    return c ? c : (x > y) - (x < y);
}

static int
read_picture(Err *e, const Splitter *s, const char *file, u8 **data, u64 *bytes)
{
    const char *prefix = s->source.part->prefix;
    char member[ITEM_FILE + sizeof s->source.part->prefix + 1];

    snprintf(member, sizeof member, "%s%s%s", prefix, prefix[0] ? "/" : "",
             file);
    return zip_read(e, s->source.part->images, member, data, bytes);
}

/* Fills in the digests; each picture is read once. */
static int
digest_pictures(Err *e, Splitter *s)
{
    qsort(s->order, items_count(&s->items), sizeof *s->order, by_file);
    for (u64 i = 0; i < items_count(&s->items); i++) {
        Item *item = s->order[i], *before = i ? s->order[i - 1] : NULL;
        u8 *data;
        u64 bytes;

        item->again = before && !strcmp(before->file, item->file);
        if (item->again) {
            memcpy(item->digest, before->digest, sizeof item->digest);
            continue;
        }
        TRY(read_picture(e, s, item->file, &data, &bytes));
        digest_bytes(e, data, bytes, item->digest);
        free(data);
        TRY(e->code);
        s->npicture++;
    }
    return 0;
}

/* Numbers the groups in the order of their digests, so that they do not depend
 * on the order of the file. */
static void
group_pictures(Splitter *s)
{
    qsort(s->order, items_count(&s->items), sizeof *s->order, by_digest);
    for (u64 i = 0; i < items_count(&s->items); i++) {
        Item *item = s->order[i];

        if (!i ||
            memcmp(s->order[i - 1]->digest, item->digest, sizeof item->digest))
            s->group[s->ngroup++] = (Group){.part = TRAIN};
        item->group = s->ngroup - 1;
        s->group[item->group].pictures += !item->again;
    }
}

/* Draws groups by lot until the unseen part has its share of pictures. */
static int
draw_groups(Err *e, Splitter *s)
{
    f64 wanted = s->spec->share * s->npicture + 0.5;
    u32 left;

    FAIL_IF(s->ngroup < 2, e, SOHO_BAD,
            "%s: two different pictures are the least to split, it has %u",
            s->source.part->pictures, s->ngroup);
    left = (u32)max_i64(1, min_i64(s->npicture - 1, (i64)wanted));
    for (u32 i = 0; i < s->ngroup; i++)
        s->turn[i] = i;
    random_shuffle(s->spec->seed, random_site("data.split"), 0, 0, s->turn,
                   s->ngroup);
    for (u32 i = 0; i < s->ngroup; i++) {
        Group *group = &s->group[s->turn[i]];

        if (group->pictures > left)
            continue;
        group->part = UNSEEN;
        left -= group->pictures;
    }
    return 0;
}

static int
has_name(const void *name, const void *item)
{
    return strcmp(name, (*(Item *const *)item)->file);
}

/* Captions go where the questions about their picture are. */
static void
join_captions(Splitter *s)
{
    u64 n = items_count(&s->items);

    qsort(s->order, n, sizeof *s->order, by_file);
    for (u64 i = 0; i < items_count(&s->said); i++) {
        Item *item = items_at(&s->said, i);
        Item **asked =
            bsearch(item->file, s->order, n, sizeof *s->order, has_name);

        item->group = asked ? (*asked)->group : ITEM_NONE;
    }
}

/* Both parts must have something to ask, or to say. */
static int
check_parts(Err *e, const Splitter *s, const Items *items, const char *path,
            const char *what)
{
    u32 has[PARTS + 1] = {0};

    for (u64 i = 0; i < items_count(items); i++)
        has[part_of(s, items_at(items, i))] += items_at(items, i)->nwords > 0;
    for (u32 part = 0; part < PARTS; part++)
        FAIL_IF(!has[part], e, SOHO_BAD,
                "%s: no %s about the pictures drawn for \"%s\"; give --val "
                "another share, or --seed another number",
                path, what, split_part[part]);
    return 0;
}

static int
draw(Err *e, Splitter *s)
{
    u64 n = items_count(&s->items);

    s->order = calloc(n + 1, sizeof *s->order);
    s->group = calloc(n + 1, sizeof *s->group);
    s->turn = calloc(n + 1, sizeof *s->turn);
    FAIL_IF(!s->order || !s->group || !s->turn, e, SOHO_MEMORY,
            "%s: no memory to split it", s->source.part->json);
    for (u64 i = 0; i < n; i++)
        s->order[i] = items_at(&s->items, i);
    TRY(digest_pictures(e, s));
    group_pictures(s);
    TRY(draw_groups(e, s));
    TRY(check_parts(e, s, &s->items, s->source.part->json, "question"));
    if (!s->spec->captions)
        return 0;
    join_captions(s);
    return check_parts(e, s, &s->said, s->captions, "caption");
}

static int
add_words(Err *e, Splitter *s, const Items *items)
{
    for (u64 i = 0; i < items_count(items); i++) {
        const Item *item = items_at(items, i);

        if (part_of(s, item) == TRAIN)
            TRY(vocab_add(e, s->vocab,
                          (const char *)items->sentences.data + item->words,
                          item->nwords));
    }
    return 0;
}

/* The words of the training part, and of nothing else. */
static int
gather_words(Err *e, Splitter *s)
{
    TRY(add_words(e, s, &s->items));
    TRY(add_words(e, s, &s->said));
    vocab_sort(s->vocab);
    return open_words(e, s);
}

/* ------------------------------------------------------------------ writing */

static int
add_pictures(Err *e, const Splitter *s, u32 part, PackZip *zip)
{
    char member[ITEM_FILE + 16];

    for (u64 i = 0; i < items_count(&s->items); i++) {
        const Item *item = items_at(&s->items, i);
        u8 *data;
        u64 bytes;

        if (item->again || part_of(s, item) != part)
            continue;
        snprintf(member, sizeof member, "%s2014/%s", split_part[part],
                 item->file);
        TRY(read_picture(e, s, item->file, &data, &bytes));
        pack_member(zip, member, data, bytes, 0);
        free(data);
        TRY(e->code);
    }
    return 0;
}

/* The path of a part's file, OUT/PART NAME. */
static int
part_path(Err *e, const Splitter *s, u32 part, const char *name,
          char path[PATH_MAX])
{
    FAIL_IF(snprintf(path, PATH_MAX, "%s/%s%s", s->spec->out, split_part[part],
                     name) >= PATH_MAX,
            e, SOHO_IO, "--out: the path is too long");
    return 0;
}

static int
write_pictures(Err *e, const Splitter *s, u32 part)
{
    PackZip zip;
    char path[PATH_MAX];

    TRY(part_path(e, s, part, "2014.zip", path));
    TRY(pack_open(e, &zip, path));
    add_pictures(e, s, part, &zip);
    return pack_close(&zip);
}

/* The text around the items, and those of a part. */
static int
put_items(const Splitter *s, const Items *items, u32 part, Replace *to)
{
    const char *gap = "\n";

    TRY(items_copy(items, 0, items->head, to));
    for (u64 i = 0; i < items_count(items); i++) {
        const Item *item = items_at(items, i);

        if (part_of(s, item) != part)
            continue;
        TRY(replace_put(to, gap, strlen(gap)));
        TRY(items_copy(items, item->start, item->end, to));
        gap = ",\n";
    }
    TRY(replace_put(to, "\n", 1));
    return items_copy(items, items->tail, items->bytes, to);
}

/* `form`: how the file's name ends. */
static int
write_items(Err *e, const Splitter *s, const Items *items, u32 part,
            const char *form)
{
    Replace file;
    char path[PATH_MAX];

    TRY(part_path(e, s, part, form, path));
    TRY(replace_open(e, &file, path));
    put_items(s, items, part, &file);
    return replace_close(&file);
}

static int
write_words(Err *e, const Splitter *s)
{
    Bytes words = {.n = 0}, answers = {.n = 0};

    vocab_print(s->vocab, &words);
    for (u32 i = 0; i < s->plan.answers; i++) {
        bytes_add(&answers, s->answer[i], strlen(s->answer[i]));
        bytes_add(&answers, "\n", 1);
    }
    if (!pack_file(e, s->spec->out, "vocab.txt", &words))
        pack_file(e, s->spec->out, "answers.txt", &answers);
    bytes_free(&words);
    bytes_free(&answers);
    return e->code;
}

/* An answer has to be a line of answers.txt. */
static int
check_answers(Err *e, const Splitter *s)
{
    for (u32 i = 0; i < s->plan.answers; i++)
        FAIL_IF(!s->answer[i][0] || strpbrk(s->answer[i], "\r\n"), e, SOHO_BAD,
                "%s: answer %u is %s, it cannot be a line of answers.txt",
                s->source.part->json, i,
                s->answer[i][0] ? "of several lines" : "empty");
    return 0;
}

/* Two names of one folder would overwrite what is being read. */
static int
check_folder(Err *e, const SplitSpec *spec)
{
    struct stat from, to;

    TRY(pack_folder(e, spec->out));
    FAIL_IF(!stat(spec->data, &from) && !stat(spec->out, &to) &&
                from.st_dev == to.st_dev && from.st_ino == to.st_ino,
            e, SOHO_USAGE, "--out: %s is the folder that is read; name another",
            spec->out);
    return 0;
}

static int
write_all(Err *e, const Splitter *s)
{
    TRY(check_folder(e, s->spec));
    for (u32 part = 0; part < PARTS; part++) {
        TRY(write_pictures(e, s, part));
        TRY(write_items(e, s, &s->items, part, QUESTIONS));
        if (s->spec->captions)
            TRY(write_items(e, s, &s->said, part, SENTENCES));
    }
    return write_words(e, s);
}

static int
split(Err *e, Splitter *s, SplitReport *report)
{
    TRY(read_source(e, s));
    TRY(check_answers(e, s));
    TRY(draw(e, s));
    TRY(gather_words(e, s));
    TRY(write_all(e, s));
    return split_measure(e, s, report);
}

int
split_make(Err *e, const SplitSpec *spec, SplitReport *report)
{
    Splitter s = {.spec = spec, .items.fd = -1, .said.fd = -1};

    *report = (SplitReport){.twins = 0};
    split(e, &s, report);
    dataset_close(&s.source);
    words_close(s.words);
    vocab_close(s.vocab);
    items_close(&s.items);
    items_close(&s.said);
    free(s.answer);
    free(s.order);
    free(s.group);
    free(s.turn);
    return e->code;
}

/* ------------------------------------------------------------------ command */

int
cmd_split(int argc, char **argv)
{
    SplitSpec spec = {.share = 0.1, .seed = 1};
    const Option options[] = {
        {OPT_TEXT, "--data", "DIR", &spec.data, 1,
         "folder with train_data_vqa.json and its pictures"},
        {OPT_TEXT, "--out", "DIR", &spec.out, 1, "folder to write"},
        {OPT_NUMBER, "--val", "SHARE", &spec.share, 0,
         "part of the pictures that becomes unseen (0.1)"},
        {OPT_COUNT, "--seed", "N", &spec.seed, 0, "other draws (1)"},
        {OPT_TEXT, "--images", "PATH", &spec.images, 0,
         "archive, folder or index of the pictures"},
        {OPT_FLAG, "--captions", NULL, &spec.captions, 0,
         "part train_data_caps.json, what pre-training reads, too"},
        {.kind = OPT_END},
    };
    SplitReport report;
    Err e = {0};
    static char word[] = "data split"; /* for messages */
    int code;

    argv[0] = word;
    code = cmd_options(options,
                       "Parts a data set into training and unseen pictures.",
                       argc, argv);
    if (code >= 0)
        return code;
    if (!(spec.share > 0 && spec.share < 1))
        err_set(&e, SOHO_USAGE, "--val: a share between 0 and 1 expected");
    if (e.code || split_make(&e, &spec, &report))
        return cmd_fail(word, &e);
    split_print(&spec, &report);
    return 0;
}
