/* run.c - opening and running a plan with compiled kernels: code is checked
 * before it is loaded, machines are compared, copies of weights are made anew
 * exactly when what they were made of has changed. */
#include <sys/stat.h>
#include <unistd.h>

#include "libcheck.h"
#include "runtime/vfs.h"

static char room[64] = "/tmp/soho-run-XXXXXX";
static char plan_path[128], code_path[128];

/* pack: copy[0] = 2 weight[0], copy[1] counts the packs.
 * infer: y[i] = n + copy[0] + x[i].  train: state += 1.  update: weight += 1.
 */
static const char source[] =
    "typedef union { void *p; long long i; } A;\n"
    "void pack(const A *a) { float *c = a[0].p, *w = a[1].p, *n = a[2].p;\n"
    "  c[0] = 2 * w[0]; n[0] += 1; c[1] = n[0]; }\n"
    "void infer(const A *a) { float *y = a[0].p, *x = a[1].p, *c = a[2].p;\n"
    "  for (long long i = 0; i < 4; i++) y[i] = a[3].i + c[0] + x[i];\n"
    "  y[4] = c[1]; }\n"
    "void add(const A *a) { ((float *)a[0].p)[0] += 1; }\n";

enum { BUF_step, BUF_weight, BUF_state, BUF_count, BUF_copy, BUF_x, BUF_y };
enum { PHASE_pack, PHASE_infer, PHASE_train, PHASE_update };

static void
add_code(Make *m)
{
    u8 *data = NULL;
    u64 bytes = 0;
    Err e = {0};

    vfs_read_file(&e, code_path, 1 << 20, &data, &bytes);
    m->blob[0] = (PlanBlob){.name = make_text(m, "kernels.so"), .bytes = bytes};
    EVP_Digest(data, bytes, m->blob[0].sha256, NULL, EVP_sha256(), NULL);
    m->nblob = 1;
    free(data);
    static const char *const symbol[] = {"pack", "infer", "add"};

    for (u32 i = 0; i < countof(symbol); i++)
        m->kernel[m->nkernel++] =
            (PlanKernel){.symbol = make_text(m, symbol[i])};
}

static void
make_plan(Make *m)
{
    make_start(m, CPU_avx2, 1);
    m->meta[m->nmeta++] =
        (PlanMeta){make_text(m, "model"), make_text(m, "models/x.lua")};
    make_buffer(m, "weight", AR_param, RO_param, DT_f32, (i64)1, (i64)0);
    make_buffer(m, "mean", AR_state, RO_state, DT_f32, (i64)1, (i64)0);
    make_buffer(m, "count", AR_grad, RO_grad, DT_f32, (i64)1, (i64)0);
    make_buffer(m, "copy", AR_const, RO_const, DT_f32, (i64)2, (i64)0);
    add_code(m);
    make_phase(m, "pack", PH_pack);
    make_step(m, ST_kernel, 0, "pack");
    make_arg(m, ACCESS_w, BUF_copy, 0);
    make_arg(m, ACCESS_r, BUF_weight, 0);
    make_arg(m, ACCESS_rw, BUF_count, 0);
    make_phase(m, "infer@2x2", PH_infer);
    m->phase[PHASE_infer].pack = PHASE_pack;
    make_buffer(m, "x", AR_io, RO_input, DT_f32, (i64)4, (i64)0);
    make_buffer(m, "y", AR_io, RO_output, DT_f32, (i64)5, (i64)0);
    make_door(m, "x", BUF_x, 0);
    make_door(m, "y", BUF_y, 1);
    make_step(m, ST_kernel, 1, "infer");
    make_arg(m, ACCESS_w, BUF_y, 0);
    make_arg(m, ACCESS_r, BUF_x, 0);
    make_arg(m, ACCESS_r, BUF_copy, 0);
    make_int(m, 1000);
    make_phase(m, "train", PH_train);
    make_step(m, ST_kernel, 2, "add");
    make_arg(m, ACCESS_rw, BUF_state, 0);
    make_phase(m, "update", PH_update);
    make_step(m, ST_kernel, 2, "add");
    make_arg(m, ACCESS_rw, BUF_weight, 0);
}

static int
compile(void)
{
    char path[128], command[512];
    FILE *out;

    snprintf(path, sizeof path, "%s/kernels.c", room);
    out = fopen(path, "w");
    fputs(source, out);
    fclose(out);
    snprintf(command, sizeof command, "cc -shared -fPIC -o %s %s 2>/dev/null",
             code_path, path);
    return system(command) == 0;
}

/* Runs infer through the C API; y[0] and the number of packs so far. */
static int
infer_gives(Soho *soho, f32 first, f32 packs)
{
    SohoTensor x, y;

    if (soho_door(soho, "infer@2x2", "x", &x) ||
        soho_door(soho, "infer@2x2", "y", &y) || soho_run(soho, "infer@2x2"))
        return 0;
    return ((f32 *)y.data)[0] == first && ((f32 *)y.data)[4] == packs;
}

static void
run_phases(void)
{
    Soho *soho;
    SohoTensor t = {0};
    int code = soho_open(plan_path, NULL, &soho);

    check(!code, "open", soho_message(soho));
    if (code) {
        soho_close(soho);
        return;
    }
    check(!soho_tensor(soho, "weight", &t) && t.rank == 1 && t.dim[0] == 1 &&
              !strcmp(t.dtype, "f32") && t.bytes == 4,
          "tensor", soho_message(soho));
    *(f32 *)t.data = 7;
    check(infer_gives(soho, 1014, 1), "first run packs", soho_message(soho));
    check(infer_gives(soho, 1014, 1), "second run does not", "it packed again");
    check(!soho_run(soho, "train") && infer_gives(soho, 1014, 1),
          "other state does not matter", "it packed again");
    check(!soho_run(soho, "update") && infer_gives(soho, 1016, 2),
          "new weights do", "old copies");
    run_weights_changed((Run *)soho);
    check(infer_gives(soho, 1016, 3), "so do weights from outside",
          "old copies");
    check(soho_run(soho, "infer") == SOHO_USAGE &&
              soho_door(soho, "train", "x", &t) == SOHO_USAGE &&
              soho_tensor(soho, "nothing", &t) == SOHO_USAGE &&
              strstr(soho_message(soho), "has no tensor 'nothing'"),
          "unknown names", soho_message(soho));
    check(soho_init(soho, 1) == SOHO_BAD, "no init phase", "it ran");
    soho_close(soho);
    check(soho_open(plan_path, "infer,evil", &soho) == SOHO_USAGE &&
              strstr(soho_message(soho), "'evil' is no kind of phase"),
          "unknown kind", soho_message(soho));
    soho_close(soho);
    check(!soho_open(plan_path, "infer", &soho) &&
              soho_run(soho, "update") == SOHO_USAGE &&
              strstr(soho_message(soho), "phase update was not opened"),
          "only what was opened", soho_message(soho));
    soho_close(soho);
}

/* Opening the changed plan fails with this code and text. */
static void
refused(Make *m, const char *name, int code, const char *text)
{
    Run *run = NULL;
    Err e = {0};
    char why[ERR_TEXT + 128];

    make_file(m, plan_path);
    run_open(&e, plan_path, 0, &run);
    snprintf(why, sizeof why, "expected %d '%s', got %d '%s'", code, text,
             e.code, e.text);
    check(e.code == code && strstr(e.text, text) && !run, name, why);
}

static u32
avx2_only(void)
{
    return CPU_avx2;
}

static void
refusals(void)
{
    static Make m;
    u32 (*cpu)(void) = run_cpu;

    make_plan(&m);
    m.blob[0].sha256[31] ^= 1;
    refused(&m, "other code", SOHO_BAD, "kernels.so: its SHA-256 begins");
    m.blob[0].bytes--;
    refused(&m, "code of another size", SOHO_BAD, "the plan was made with");
    make_plan(&m);
    m.kernel[2].symbol = make_text(&m, "absent");
    refused(&m, "kernel missing", SOHO_BAD, "exports no kernel absent");
    make_plan(&m);
    m.blob[0].name = make_text(&m, "absent.so");
    refused(&m, "code missing", SOHO_IO, "absent.so: cannot open");
    make_plan(&m);
    m.head.threads = 4096;
    refused(&m, "more threads", SOHO_DEVICE,
            "made for 4096 threads, this process may use");
    make_plan(&m);
    m.head.cpu = CPU_avx512;
    run_cpu = avx2_only;
    refused(&m, "better CPU", SOHO_DEVICE,
            "made for avx512, this CPU has avx2: compile it for this machine: "
            "sohoc models/x.lua -o");
    run_cpu = cpu;
    make_plan(&m);
    m.head.target = TARGET_cuda;
    m.head.cpu = 0;
    m.blob[0].arch = 90;
    for (u32 i = 0; i < m.nkernel; i++)
        m.kernel[i].blob = PLAN_NONE, m.kernel[i].block = 32;
    for (u32 i = 0; i < m.nstep; i++)
        m.step[i].grid = m.step[i].kind == ST_kernel;
    refused(&m, "for a GPU", SOHO_DEVICE, "made for a GPU");
    make_plan(&m);
    m.phase[PHASE_train].need[AR_act] = m.arena[AR_act].bytes = (u64)1 << 46;
    refused(&m, "too much memory", SOHO_MEMORY, "no memory for the");
}

/* A GEMM whose packed weights are not this library's. */
static void
sizes(void)
{
    static Make m;
    PlanGemm g = {.dtype = {DT_f32, DT_f32, DT_f32, DT_f32},
                  .nb = {1, 1},
                  .m = 8,
                  .n = 8,
                  .k = 8,
                  .a_stride = {0, 0, 8, 1},
                  .b_stride = {0, 0, 8, 1},
                  .c_stride = {0, 0, 8, 1},
                  .post = POST_packed,
                  .packed = 64};

    make_start(&m, CPU_avx2, 1);
    make_buffer(&m, "b", AR_param, RO_param, DT_f32, (i64)64, (i64)0);
    make_buffer(&m, "p", AR_const, RO_const, DT_f32, (i64)64, (i64)0);
    m.gemm[m.ngemm++] = g;
    make_phase(&m, "pack", PH_pack);
    make_step(&m, ST_pack_gemm, 0, "neck.linear");
    make_arg(&m, ACCESS_w, 2, 0);
    make_arg(&m, ACCESS_r, 1, 0);
    refused(&m, "other sizes", SOHO_DEVICE,
            "step 0 (neck.linear; test.lua:2): oneDNN needs 256 bytes of "
            "packed weights here, the plan has 64");
    m.gemm[0].packed = 256;
    m.gemm[0].form = 1;
    refused(&m, "other form", SOHO_DEVICE,
            "step 0 (neck.linear; test.lua:2): oneDNN lays out packed weights "
            "otherwise here than where the plan was made");
    m.gemm[0].a_stride[3] = 2; /* no dimension of unit stride */
    m.gemm[0].a_stride[2] = 16;
    refused(&m, "reference implementation", SOHO_DEVICE,
            "oneDNN has only a reference implementation");
}

int
main(void)
{
    static Make m;

    if (!mkdtemp(room))
        return 1;
    snprintf(plan_path, sizeof plan_path, "%s/plan.bin", room);
    snprintf(code_path, sizeof code_path, "%s/kernels.so", room);
    if (!compile()) {
        printf("skip run: no C compiler\n");
    } else {
        make_plan(&m);
        make_file(&m, plan_path);
        run_phases();
        refusals();
        sizes();
    }
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
