/* stream.c - the emulated driver: the device, streams, events and graphs.
 *
 * A stream does its work at once.  While it records, work goes into a graph,
 * and what would wait for the device is an error, as on a GPU.
 *
 * EMU_TRACE=FILE  a line per call: name and two numbers */
#include "emulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Graph {
    Work *work;
    uint32_t n, cap;
} Graph;

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
    (void)flags;
    *stream = malloc(1);
    return *stream ? SUCCESS : OUT_OF_MEMORY;
}

API int
cuStreamDestroy_v2(void *stream)
{
    free(stream);
    return SUCCESS;
}

bool
stream_records(void)
{
    return recording != NULL;
}

int
stream_add(void *stream, const Work *w)
{
    if (!stream)
        return INVALID_HANDLE;
    if (sticky)
        return sticky;
    if (!recording)
        return sticky = w->run(w);
    if (recording->n == recording->cap) {
        recording->cap = recording->cap ? 2 * recording->cap : 64;
        recording->work =
            realloc(recording->work, recording->cap * sizeof *recording->work);
        if (!recording->work)
            return OUT_OF_MEMORY;
    }
    recording->work[recording->n++] = *w;
    return SUCCESS;
}

API int
cuStreamSynchronize(void *stream)
{
    emu_trace("wait", 0, 0);
    if (recording)
        return CAPTURE_UNSUPPORTED;
    return stream ? sticky : INVALID_HANDLE;
}

/* ------------------------------------------------------------------ events */

API int
cuEventCreate(void **event, unsigned flags)
{
    (void)flags;
    *event = calloc(1, sizeof(struct timespec));
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
    clock_gettime(CLOCK_MONOTONIC, event);
    return stream ? SUCCESS : INVALID_HANDLE;
}

API int
cuEventElapsedTime(float *ms, void *begin, void *end)
{
    const struct timespec *a = begin, *b = end;

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
