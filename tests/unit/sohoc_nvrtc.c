/* sohoc_nvrtc.c - what NVRTC does not take is reported with the line of the
 * model that a kernel's `#line` names. */
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/nvrtc.h"

/* Is the library here?  nvrtc_open() ends the process where it is not. */
static bool
is_here(void)
{
    int status = 0;
    pid_t child = fork();

    if (!child) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        nvrtc_open();
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int
main(void)
{
    const NvrtcSource bad = {
        .name = "gen/unity0.cu",
        .text = "extern \"C\" __global__ void k(float *y)\n{\n"
                "#line 41 \"lib/a.lua\"\n    y[0] = missing;\n}\n"};
    NvrtcResult r;
    bool named;

    if (!is_here()) {
        printf("skip nvrtc/line: no libnvrtc here\n");
        return 0;
    }
    nvrtc_open();
    r = nvrtc_compile(&bad, "sm_90a");
    named = r.failed && r.log && strstr(r.log, "lib/a.lua(41)") &&
            strstr(r.log, "missing");
    if (named)
        printf("ok nvrtc/line\n");
    else
        printf("not ok nvrtc/line: %.200s\n", r.log ? r.log : "compiled");
    free(r.log);
    free(r.code);
    return !named;
}
