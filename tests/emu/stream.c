/* stream.c - the emulated driver: the device, streams, events and graphs.
 *
 * The first stream does its work at once, others as late as they may: when a
 * stream waits for an event behind it.  While a stream records, work goes into
 * a graph, and what would wait for the device is an error, as on a GPU.
 *
 * EMU_TRACE=FILE  a line per call: name and two numbers */
#include "emulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Work that is recorded, or that a stream has yet to do. */
typedef struct Graph {
    Work *work;
    uint32_t n, cap;
} Graph;

typedef struct Stream {
    bool at_once;
    Graph late;
} Stream;

typedef struct Event {
    struct timespec time;
    Stream *stream; /* it was recorded in */
} Event;

static Graph *recording;
static int sticky; /* the first error of work: later calls say it again */

void
emu_trace(const char *call, uint64_t a, uint64_t b)
{
    static FILE *out;
    const char *path = getenv("EMU_TRACE");

    if (!out && path)
        out = fopen(path, "a");
    if (out) {
        fprintf(out, "%s %llu %llu\n", call, (unsigned long long)a,
                (unsigned long long)b);
        fflush(out);
    }
}

void
emu_say(const char *what, const char *why)
{
    fprintf(stderr, "emulated GPU: %s: %s\n", what, why);
}

/* ------------------------------------------------------------------ device */

API int
cuInit(unsigned flags)
{
    (void)flags;
    return getenv("EMU_NO_DEVICE") ? atoi(getenv("EMU_NO_DEVICE")) : SUCCESS;
}

API int
cuGetErrorName(int code, const char **text)
{
    *text = code == OUT_OF_MEMORY   ? "CUDA_ERROR_OUT_OF_MEMORY"
            : code == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED"
            : code == CAPTURE_UNSUPPORTED
                ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
            : code == NOT_FOUND     ? "CUDA_ERROR_NOT_FOUND"
            : code == INVALID_IMAGE ? "CUDA_ERROR_INVALID_IMAGE"
                                    : "CUDA_ERROR_INVALID_VALUE";
    return SUCCESS;
}

API int
cuDriverGetVersion(int *version)
{
    *version = 1;
    return SUCCESS;
}

API int
cuDeviceGetCount(int *count)
{
    *count = 1;
    return SUCCESS;
}

API int
cuDeviceGet(int *device, int index)
{
    *device = index;
    return index ? INVALID_VALUE : SUCCESS;
}

API int
cuDeviceGetName(char *text, int bytes, int device)
{
    snprintf(text, (size_t)bytes, "emulated GPU %d", device);
    return SUCCESS;
}

/* Compute capability 0.1; EMU_ARCH, "9.0", says another one. */
API int
cuDeviceGetAttribute(int *value, int attribute, int device)
{
    const char *own = getenv("EMU_ARCH");

    (void)device;
    *value = attribute == 75 ? own ? atoi(own) : 0
             : attribute == 76
                 ? own && strchr(own, '.') ? atoi(strchr(own, '.') + 1) : 1
                 : 0;
    return SUCCESS;
}

API int
cuDevicePrimaryCtxRetain(void **context, int device)
{
    static int one;

    (void)device;
    *context = &one;
    return SUCCESS;
}

API int
cuDevicePrimaryCtxRelease_v2(int device)
{
    (void)device;
    return SUCCESS;
}

API int
cuCtxSetCurrent(void *context)
{
    return context ? SUCCESS : INVALID_VALUE;
}

/* ----------------------------------------------------------------- streams */

API int
cuStreamCreate(void **stream, unsigned flags)
{
    static bool others;
    Stream *s = calloc(1, sizeof *s);

    (void)flags;
    *stream = s;
    if (!s)
        return OUT_OF_MEMORY;
    s->at_once = !others;
    others = true;
    return SUCCESS;
}

static int
catch_up(Stream *s)
{
    for (uint32_t i = 0; i < s->late.n && !sticky; i++)
        sticky = s->late.work[i].run(&s->late.work[i]);
    s->late.n = 0;
    return sticky;
}

API int
cuStreamDestroy_v2(void *stream)
{
    Stream *s = stream;

    if (s)
        free(s->late.work);
    free(s);
    return SUCCESS;
}

bool
stream_records(void)
{
    return recording != NULL;
}

static int
add(Graph *to, const Work *w)
{
    if (to->n == to->cap) {
        to->cap = to->cap ? 2 * to->cap : 64;
        to->work = realloc(to->work, to->cap * sizeof *to->work);
        if (!to->work)
            return OUT_OF_MEMORY;
    }
    to->work[to->n++] = *w;
    return SUCCESS;
}

int
stream_add(void *stream, const Work *w)
{
    Stream *s = stream;

    if (!s)
        return INVALID_HANDLE;
    if (sticky)
        return sticky;
    if (recording && s->at_once)
        return add(recording, w);
    return s->at_once ? (sticky = w->run(w)) : add(&s->late, w);
}

API int
cuStreamSynchronize(void *stream)
{
    emu_trace("wait", 0, 0);
    if (recording)
        return CAPTURE_UNSUPPORTED;
    return stream ? catch_up(stream) : INVALID_HANDLE;
}

API int
cuStreamWaitEvent(void *stream, void *event, unsigned flags)
{
    Event *e = event;

    (void)flags;
    if (!stream || !e)
        return INVALID_HANDLE;
    return e->stream ? catch_up(e->stream) : SUCCESS;
}

/* ------------------------------------------------------------------ events */

API int
cuEventQuery(void *event)
{
    emu_trace("query", 0, 0);
    return event ? sticky : INVALID_HANDLE;
}

API int
cuEventSynchronize(void *event)
{
    emu_trace("wait", 0, 0);
    return event ? sticky : INVALID_HANDLE;
}

API int
cuEventCreate(void **event, unsigned flags)
{
    (void)flags;
    *event = calloc(1, sizeof(Event));
    return *event ? SUCCESS : OUT_OF_MEMORY;
}

API int
cuEventDestroy_v2(void *event)
{
    free(event);
    return SUCCESS;
}

API int
cuEventRecord(void *event, void *stream)
{
    Event *e = event;

    if (!e || !stream)
        return INVALID_HANDLE;
    clock_gettime(CLOCK_MONOTONIC, &e->time);
    e->stream = stream;
    return SUCCESS;
}

API int
cuEventElapsedTime(float *ms, void *begin, void *end)
{
    const struct timespec *a = &((const Event *)begin)->time;
    const struct timespec *b = &((const Event *)end)->time;

    *ms = (float)(b->tv_sec - a->tv_sec) * 1e3f +
          (float)(b->tv_nsec - a->tv_nsec) * 1e-6f;
    return SUCCESS;
}

/* ------------------------------------------------------------------ graphs */

API int
cuStreamBeginCapture_v2(void *stream, int mode)
{
    emu_trace("record", (uint64_t)mode, 0);
    if (recording || !stream)
        return INVALID_HANDLE;
    recording = calloc(1, sizeof *recording);
    return recording ? SUCCESS : OUT_OF_MEMORY;
}

API int
cuStreamEndCapture(void *stream, void **graph)
{
    if (!recording || !stream)
        return INVALID_HANDLE;
    *graph = recording;
    recording = NULL;
    return SUCCESS;
}

API int
cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags)
{
    const Graph *from = graph;
    Graph *to = calloc(1, sizeof *to);

    (void)flags;
    if (!to || !from)
        return INVALID_HANDLE;
    to->n = to->cap = from->n;
    to->work = malloc((from->n + 1) * sizeof *to->work);
    if (!to->work)
        return OUT_OF_MEMORY;
    if (from->n)
        memcpy(to->work, from->work, from->n * sizeof *to->work);
    *exec = to;
    return SUCCESS;
}

API int
cuGraphLaunch(void *exec, void *stream)
{
    const Graph *g = exec;

    emu_trace("graph", g ? g->n : 0, 0);
    if (!g || !stream)
        return INVALID_HANDLE;
    for (uint32_t i = 0; i < g->n && !sticky; i++)
        sticky = g->work[i].run(&g->work[i]);
    return sticky;
}

API int
cuGraphDestroy(void *graph)
{
    Graph *g = graph;

    if (g)
        free(g->work);
    free(g);
    return SUCCESS;
}

API int
cuGraphExecDestroy(void *exec)
{
    return cuGraphDestroy(exec);
}
