/* cmd_data.c - `soho-rt data WORD ...`: makes data sets, and shows what the
 * readers make of one file.
 *
 * In: argv.  Out: what the word's own function prints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cmd.h"
#include "runtime/data/buckets.h"
#include "runtime/data/captions.h"
#include "runtime/data/shapes.h"
#include "runtime/data/show.h"
#include "runtime/data/split.h"
#include "runtime/data/vqa2.h"
#include "runtime/digest.h"
#include "runtime/run.h"

/* NAME DTYPE [SHAPE] sha256:HEX */
static int
show_row(Err *e, Tensors *file, const TensorRow *row, FILE *out)
{
    u8 *data = malloc(row->bytes + 1), digest[DIGEST_BYTES];
    char name[PLAN_NAME + 1], hex[DIGEST_HEX];

    FAIL_IF(!data, e, SOHO_MEMORY, "no memory for %" PRIu64 " bytes",
            row->bytes);
    if (!tensors_read(e, file, row, data) &&
        !digest_bytes(e, data, row->bytes, digest)) {
        fprintf(out, "%s %s [",
                err_clean(name, sizeof name, row->name, strlen(row->name)),
                tensors_dtype(row->dtype));
        for (u32 i = 0; i < row->rank; i++)
            fprintf(out, i ? ",%" PRId64 : "%" PRId64, row->dim[i]);
        fprintf(out, "] sha256:%s\n", digest_hex(hex, digest));
    }
    free(data);
    return e->code;
}

/* data tensors FILE...: stops at the first file that is refused. */
static int
show_tensors(Err *e, int argc, char **argv, FILE *out)
{
    for (int i = 1; i < argc && !e->code; i++) {
        Tensors *file;

        if (tensors_open(e, argv[i], &file))
            break;
        for (u32 k = 0; k < tensors_count(file) && !e->code; k++)
            show_row(e, file, tensors_row(file, k), out);
        tensors_close(file);
    }
    return e->code;
}

/* Words with options of their own kind run by themselves. */
static const struct Word {
    const char *name, *job;
    int (*run)(int argc, char **argv);
    int (*show)(Err *e, int argc, char **argv, FILE *out);
    const char *usage;
} words[] = {
    {"shapes", "make a data set of coloured shapes", cmd_shapes, NULL, NULL},
    {"split", "part a data set into training and unseen", cmd_split, NULL,
     NULL},
    {"vqa2", "official VQA v2 files become a split of a data set", cmd_vqa2,
     NULL, NULL},
    {"captions", "captions become pre-training data", cmd_captions, NULL, NULL},
    {"buckets", "choose padded sizes for a data set", cmd_buckets, NULL, NULL},
    {"image", "size and checksum of decoded pictures", NULL, show_image,
     "[--long L --short S [--normalise]] FILE..."},
    {"zip", "members of an archive and their checksums", NULL, show_zip,
     "FILE..."},
    {"tokens", "ids of questions", NULL, show_tokens,
     "--vocab F [--cap N] TEXT... | --file LINES"},
    {"answers", "normal forms of answers, as `score` compares them", NULL,
     show_answers, "TEXT... | --file LINES"},
    {"json", "check JSON or a set of questions", NULL, show_json,
     "[--vqa --answers N | --captions [--qa | --qa-ans]] [--vocab F [--tokens "
     "N] "
     "[--test]] "
     "FILE..."},
    {"tensors", "rows of a file of weights and their checksums", NULL,
     show_tensors, "FILE..."},
};

static int
help(FILE *out)
{
    fputs("usage: soho-rt data WORD ...\n", out);
    for (u32 i = 0; i < countof(words); i++)
        fprintf(out, "  %-10s %s\n", words[i].name, words[i].job);
    fputs("soho-rt data WORD --help says how to call it.\n", out);
    return out == stdout ? 0 : SOHO_USAGE;
}

static int
run_word(const struct Word *w, int argc, char **argv)
{
    Err e = {0};

    if (w->run)
        return w->run(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "--help")) {
        printf("usage: soho-rt data %s %s\n", w->name, w->usage);
        return 0;
    }
    return w->show(&e, argc, argv, stdout) ? cmd_fail("data", &e) : 0;
}

int
cmd_data(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--help"))
        return help(stdout);
    for (u32 i = 0; argc > 1 && i < countof(words); i++)
        if (!strcmp(argv[1], words[i].name))
            return run_word(&words[i], argc - 1, argv + 1);
    if (argc > 1)
        fprintf(stderr, "soho-rt data: unknown word '%s'\n", argv[1]);
    return help(stderr);
}
