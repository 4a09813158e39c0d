/* driver.h - the CUDA driver, opened when a plan needs it: one program runs
 * with and without a GPU.
 *
 * The functions are NVIDIA's (CUDA Driver API, version 12 or 13); they are
 * declared here, so that building needs no toolkit. */
#ifndef SOHO_DRIVER_H
#define SOHO_DRIVER_H

#include "runtime/run.h"

typedef u64 DevicePtr;

/* X(member, symbol, arguments): int member(arguments), 0 is success. */
#define DRIVER_FUNCTIONS(X)                                                    \
    X(init, cuInit, (unsigned flags))                                          \
    X(error_name, cuGetErrorName, (int code, const char **text))               \
    X(version, cuDriverGetVersion, (int *version))                             \
    X(device_count, cuDeviceGetCount, (int *count))                            \
    X(device_get, cuDeviceGet, (int *device, int index))                       \
    X(device_name, cuDeviceGetName, (char *text, int bytes, int device))       \
    X(device_attribute, cuDeviceGetAttribute,                                  \
      (int *value, int attribute, int device))                                 \
    X(retain, cuDevicePrimaryCtxRetain, (void **context, int device))          \
    X(release, cuDevicePrimaryCtxRelease_v2, (int device))                     \
    X(use, cuCtxSetCurrent, (void *context))                                   \
    X(alloc, cuMemAlloc_v2, (DevicePtr * at, size_t bytes))                    \
    X(free, cuMemFree_v2, (DevicePtr at))                                      \
    X(pin, cuMemHostRegister_v2, (void *at, size_t bytes, unsigned flags))     \
    X(unpin, cuMemHostUnregister, (void *at))                                  \
    X(upload, cuMemcpyHtoDAsync_v2,                                            \
      (DevicePtr to, const void *from, size_t bytes, void *stream))            \
    X(download, cuMemcpyDtoHAsync_v2,                                          \
      (void *to, DevicePtr from, size_t bytes, void *stream))                  \
    X(copy, cuMemcpyDtoDAsync_v2,                                              \
      (DevicePtr to, DevicePtr from, size_t bytes, void *stream))              \
    X(fill_bytes, cuMemsetD8Async,                                             \
      (DevicePtr to, unsigned char byte, size_t count, void *stream))          \
    X(fill_words, cuMemsetD32Async,                                            \
      (DevicePtr to, unsigned word, size_t count, void *stream))               \
    X(stream_create, cuStreamCreate, (void **stream, unsigned flags))          \
    X(stream_destroy, cuStreamDestroy_v2, (void *stream))                      \
    X(stream_wait, cuStreamSynchronize, (void *stream))                        \
    X(stream_after, cuStreamWaitEvent,                                         \
      (void *stream, void *event, unsigned flags))                             \
    X(event_create, cuEventCreate, (void **event, unsigned flags))             \
    X(event_destroy, cuEventDestroy_v2, (void *event))                         \
    X(event_record, cuEventRecord, (void *event, void *stream))                \
    X(event_query, cuEventQuery, (void *event))                                \
    X(event_wait, cuEventSynchronize, (void *event))                           \
    X(event_between, cuEventElapsedTime, (float *ms, void *begin, void *end))  \
    X(module_load, cuModuleLoadData, (void **module, const void *image))       \
    X(module_unload, cuModuleUnload, (void *module))                           \
    X(module_function, cuModuleGetFunction,                                    \
      (void **function, void *module, const char *name))                       \
    X(function_set, cuFuncSetAttribute,                                        \
      (void *function, int attribute, int value))                              \
    X(launch, cuLaunchKernel,                                                  \
      (void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,     \
       unsigned by, unsigned bz, unsigned shared, void *stream,                \
       void **parameters, void **extra))                                       \
    X(capture_begin, cuStreamBeginCapture_v2, (void *stream, int mode))        \
    X(capture_end, cuStreamEndCapture, (void *stream, void **graph))           \
    X(graph_instantiate, cuGraphInstantiateWithFlags,                          \
      (void **exec, void *graph, unsigned long long flags))                    \
    X(graph_launch, cuGraphLaunch, (void *exec, void *stream))                 \
    X(graph_destroy, cuGraphDestroy, (void *graph))                            \
    X(exec_destroy, cuGraphExecDestroy, (void *exec))

/* Values of the driver's enumerations that are used. */
enum {
    DRIVER_NO_DEVICE = 100, /* what init may say: no GPU ... */
    DRIVER_STUB = 34,       /* ... or the toolkit's stand-in for a driver */
    DRIVER_NO_MEMORY = 2,
    DRIVER_NOT_READY = 600, /* event_query: not yet */
    DEVICE_MAJOR = 75,      /* attributes: compute capability */
    DEVICE_MINOR = 76,
    FUNCTION_SHARED = 8, /* most dynamic shared memory */
    STREAM_ALONE = 1,    /* does not wait for stream 0 */
    EVENT_NO_TIME = 2,   /* an event that only orders */
    CAPTURE_THREAD = 1   /* other threads may go on calling the driver */
};
/* Marks in the list that cuLaunchKernel takes arguments from. */
#define LAUNCH_POINTER ((void *)1)
#define LAUNCH_SIZE    ((void *)2)
#define LAUNCH_END     ((void *)0)

typedef struct Driver {
    void *library;
#define X(member, symbol, args) int(*member) args;
    DRIVER_FUNCTIONS(X)
#undef X
} Driver;

/* The driver of this machine, or the file that SOHO_LIBCUDA names, initialised;
 * once for the process.  SOHO_DEVICE: there is no GPU, and the message says why
 * and what to do. */
int driver_open(Err *e, const Plan *plan, const Driver **driver);
/* "CUDA_ERROR_OUT_OF_MEMORY (2)", or so. */
const char *driver_error(const Driver *d, int code);

#endif
