/* ask.c - what a GPU and its libraries offer, asked where a plan could use it:
 *
 *   ask H200.json
 *
 * A line per answer: the device's properties as cuDNN has them, whether engines
 * chosen for an H200 load, the speed of plain convolutions of ResNet-18, what
 * cuDNN has for a convolution with sums of its result per channel, epilogues of
 * cuBLASLt and how exact its GELU is, what a graph's launch costs.  A question
 * that fails says so, and the next one is asked.  Exit 5: no GPU. */
#include "tests/gpu/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM = 3, ROUNDS = 9, CALLS = 4, NODES = 100 };
#define ROOM ((u64)6 << 30)

static int
by_size(const void *a, const void *b)
{
    const f32 *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

f64
ask_time(const Ask *a, int (*run)(void *own), void *own)
{
    const Driver *d = a->driver;
    f32 ms[ROUNDS];
    int bad = 0;

    for (int i = 0; i < WARM && !bad; i++)
        bad = run(own);
    for (int r = 0; r < ROUNDS && !bad; r++) {
        bad = d->event_record(a->event[0], a->stream);
        for (int i = 0; i < CALLS && !bad; i++)
            bad = run(own);
        bad = bad || d->event_record(a->event[1], a->stream) ||
              d->event_wait(a->event[1]) ||
              d->event_between(&ms[r], a->event[0], a->event[1]);
    }
    if (bad)
        return -1;
    qsort(ms, ROUNDS, sizeof *ms, by_size);
    return (f64)ms[ROUNDS / 2] / CALLS;
}

/* ------------------------------------------------------------------ graphs */

typedef struct Replay {
    const Ask *ask;
    void *exec;
} Replay;

static int
launch(void *own)
{
    const Replay *r = own;

    return r->ask->driver->graph_launch(r->exec, r->ask->stream);
}

/* A graph of n fills of 4 KiB; false: it was not captured. */
static int
capture(const Ask *a, u32 n, void **exec)
{
    const Driver *d = a->driver;
    void *graph = NULL;
    int bad = d->capture_begin(a->stream, CAPTURE_THREAD);

    for (u32 i = 0; i < n && !bad; i++)
        bad = d->fill_words(a->room, i, 1024, a->stream);
    bad = bad || d->capture_end(a->stream, &graph) ||
          d->graph_instantiate(exec, graph, 0);
    if (graph)
        d->graph_destroy(graph);
    return !bad;
}

static void
ask_graphs(const Ask *a)
{
    static const u32 nodes[] = {1, NODES};

    for (u32 i = 0; i < countof(nodes); i++) {
        Replay r = {a, NULL};
        f64 ms = capture(a, nodes[i], &r.exec) ? ask_time(a, launch, &r) : -1;

        if (ms < 0)
            printf("graph of %u fills: not captured or not launched\n",
                   nodes[i]);
        else
            printf("graph of %u fills of 4 KiB: %.1f us a launch\n", nodes[i],
                   1e3 * ms);
        if (r.exec)
            a->driver->exec_destroy(r.exec);
    }
}

/* -------------------------------------------------------------------- device
 */

/* Fills the room with halves, or floats, of 0.5 to 1 of either sign: what
 * numbers are decides how fast a GPU may run.  Not 0: it failed. */
static int
fill_room(const Ask *a)
{
    enum { WORDS = 4 << 20 };
    const u64 part = WORDS * sizeof(u32);
    u32 *word = malloc(part), x = 1;
    int bad = !word;

    for (u32 i = 0; i < WORDS && !bad; i++) {
        x = x * 1664525u + 1013904223u;
        word[i] = (x >> 8 & 0x807fu) * 0x10001u | 0x3f003f00u;
    }
    bad = bad || a->driver->upload(a->room, word, part, a->stream);
    for (u64 at = part; at + part <= a->bytes && !bad; at += part)
        bad = a->driver->copy(a->room + at, a->room, part, a->stream);
    bad = bad || a->driver->stream_wait(a->stream);
    free(word);
    return bad;
}

static int
open_device(Err *e, Ask *a)
{
    static char path[] = "ask";
    const Plan none = {.path = path};
    const Driver *d;
    void *context;
    int device;

    TRY(driver_open(e, &none, &a->driver));
    d = a->driver;
    a->bytes = ROOM;
    FAIL_IF(d->device_get(&device, 0) || d->retain(&context, device) ||
                d->use(context) || d->stream_create(&a->stream, STREAM_ALONE) ||
                d->event_create(&a->event[0], 0) ||
                d->event_create(&a->event[1], 0) ||
                d->alloc(&a->room, a->bytes) || fill_room(a),
            e, SOHO_DEVICE, "the device gives no stream, events or %llu bytes",
            (unsigned long long)a->bytes);
    return 0;
}

static char *
read_text(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = in ? calloc(1 << 16, 1) : NULL;

    if (text && !fread(text, 1, (1 << 16) - 1, in))
        *text = 0;
    if (in)
        fclose(in);
    return text;
}

int
main(int argc, char **argv)
{
    Err e = {0};
    Ask a = {0};
    char *h200;

    if (argc != 2) {
        fprintf(stderr, "usage: ask H200.json\n");
        return SOHO_USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (open_device(&e, &a)) {
        fprintf(stderr, "ask: there is no GPU to ask, or not enough of it\n");
        return e.code;
    }
    h200 = read_text(argv[1]);
    ask_convolutions(&a, h200 ? h200 : "");
    ask_products(&a);
    ask_graphs(&a);
    free(h200);
    return 0;
}
