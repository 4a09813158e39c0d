/* planread.c - reads plan.bin and trusts nothing: head, size, hash, sections.
 *
 * In: a file, or bytes.  Out: a Plan whose rows were checked by planrows.c and
 * whose memory use was checked by planverify.c; or SOHO_BAD with the section,
 * row, field, expected and got.  No code beside the plan is touched. */
#include "runtime/planread.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "runtime/vfs.h"

static const char *const section_name[NSECTION] = {
#define X(name, row) #name,
    SOHO_SECTIONS(X)
#undef X
};

static const u32 row_bytes[NSECTION] = {
#define X(name, row) sizeof(row),
    SOHO_SECTIONS(X)
#undef X
};

int
plan_refuse(const Reader *r, u32 section, u64 row, const char *fmt, ...)
{
    char text[ERR_TEXT / 2];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(r->e, SOHO_BAD, "%s: %s row %" PRIu64 ": %s", r->path,
                   section_name[section], row, text);
}

/* ------------------------------------------------------------------- head */

static int
check_magic(Err *e, const char *path, const PlanHead *head)
{
    static const char *const hint[] = {"",
                                       " (its line ends were changed: copy it "
                                       "as binary)"};
    u8 text_copy = !memcmp(head->magic, "SOHO\n", 5);

    FAIL_IF(memcmp(head->magic, PLAN_MAGIC, sizeof head->magic), e, SOHO_BAD,
            "%s: not a plan: the file does not begin with SOHO's magic bytes%s",
            path, hint[text_copy]);
    FAIL_IF(head->version != PLAN_VERSION, e, SOHO_BAD,
            "%s: plan version %u, this program reads version %d: recompile "
            "with sohoc of the same release",
            path, head->version, PLAN_VERSION);
    FAIL_IF(head->probe != PLAN_PROBE, e, SOHO_BAD,
            "%s: byte-order probe 0x%08x, expected 0x%08x", path, head->probe,
            PLAN_PROBE);
    return 0;
}

/* SHA-256 of the file with the 32 bytes of the hash as 0. */
static int
check_hash(Err *e, const char *path, const u8 *data, u64 bytes)
{
    PlanHead head;
    u8 hash[32];
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    int good;

    FAIL_IF(!sum, e, SOHO_MEMORY, "%s: no memory for its checksum", path);
    memcpy(&head, data, sizeof head);
    memset(head.hash, 0, sizeof head.hash);
    good = EVP_DigestInit_ex(sum, EVP_sha256(), NULL) &&
           EVP_DigestUpdate(sum, &head, sizeof head) &&
           EVP_DigestUpdate(sum, data + sizeof head, bytes - sizeof head) &&
           EVP_DigestFinal_ex(sum, hash, NULL);
    EVP_MD_CTX_free(sum);
    FAIL_IF(!good, e, SOHO_BUG, "%s: libcrypto has no SHA-256", path);
    FAIL_IF(
        memcmp(hash, ((const PlanHead *)data)->hash, sizeof hash), e, SOHO_BAD,
        "%s: damaged: its SHA-256 begins %02x%02x%02x%02x, its head says "
        "%02x%02x%02x%02x: copy or compile it again",
        path, hash[0], hash[1], hash[2], hash[3],
        ((const PlanHead *)data)->hash[0], ((const PlanHead *)data)->hash[1],
        ((const PlanHead *)data)->hash[2], ((const PlanHead *)data)->hash[3]);
    return 0;
}

static int
check_head(Err *e, const char *path, const u8 *data, u64 bytes)
{
    const PlanHead *head = (const PlanHead *)data;

    FAIL_IF(bytes < sizeof *head, e, SOHO_BAD,
            "%s: truncated at %" PRIu64 ", need %zu bytes", path, bytes,
            sizeof *head);
    TRY(check_magic(e, path, head));
    FAIL_IF(bytes < head->file_bytes, e, SOHO_BAD,
            "%s: truncated at %" PRIu64 ", need %" PRIu64 " bytes", path, bytes,
            head->file_bytes);
    FAIL_IF(bytes > head->file_bytes, e, SOHO_BAD,
            "%s: %" PRIu64 " bytes follow the end at %" PRIu64, path,
            bytes - head->file_bytes, head->file_bytes);
    TRY(check_hash(e, path, data, bytes));
    FAIL_IF(head->target > TARGET_cuda, e, SOHO_BAD,
            "%s: target %u, expected 0 to %d", path, head->target, TARGET_cuda);
    FAIL_IF(head->cpu > CPU_avx512 ||
                (head->target == TARGET_cpu && !head->cpu),
            e, SOHO_BAD, "%s: instruction set %u does not fit target %u", path,
            head->cpu, head->target);
    FAIL_IF(head->threads < 1 || head->threads > 4096, e, SOHO_BAD,
            "%s: %u threads, expected 1 to 4096", path, head->threads);
    FAIL_IF(head->nsection != NSECTION, e, SOHO_BAD,
            "%s: %u sections, expected %d", path, head->nsection, NSECTION);
    FAIL_IF(head->spare != 0, e, SOHO_BAD,
            "%s: spare word of the head is not 0", path);
    return 0;
}

/* --------------------------------------------------------------- sections */

/* Row i of the table: its kind, size and place, and the zeros before it. */
static int
check_section(Err *e, const char *path, const u8 *data, u64 bytes, u32 i,
              const PlanSection *s, u64 *end)
{
    const char *name = section_name[i];
    u64 want, begin = align_up(*end, PLAN_ALIGN);

    FAIL_IF(s->kind != i, e, SOHO_BAD,
            "%s: section %u is of kind %u, expected %u (%s)", path, i, s->kind,
            i, name);
    FAIL_IF(s->offset != begin, e, SOHO_BAD,
            "%s: %s begins at %" PRIu64 ", expected %" PRIu64, path, name,
            s->offset, begin);
    want = (u64)s->count * row_bytes[i];
    FAIL_IF(s->bytes != want, e, SOHO_BAD,
            "%s: %s has %" PRIu64 " bytes, expected %" PRIu64
            " (%u rows of %u)",
            path, name, s->bytes, want, s->count, row_bytes[i]);
    FAIL_IF(begin > bytes || s->bytes > bytes - begin, e, SOHO_BAD,
            "%s: %s ends at %" PRIu64 ", the file at %" PRIu64, path, name,
            begin + s->bytes, bytes);
    for (; *end < begin; ++*end)
        FAIL_IF(data[*end], e, SOHO_BAD,
                "%s: byte %" PRIu64 " before %s is not 0", path, *end, name);
    *end = begin + s->bytes;
    return 0;
}

static int
check_sections(Err *e, const char *path, const u8 *data, u64 bytes)
{
    const PlanSection *s = (const PlanSection *)(data + sizeof(PlanHead));
    u64 end = sizeof(PlanHead) + NSECTION * sizeof(PlanSection);

    FAIL_IF(bytes < end, e, SOHO_BAD,
            "%s: truncated at %" PRIu64 ", need %" PRIu64 " bytes", path, bytes,
            end);
    for (u32 i = 0; i < NSECTION; i++)
        TRY(check_section(e, path, data, bytes, i, s + i, &end));
    FAIL_IF(end != bytes, e, SOHO_BAD,
            "%s: %" PRIu64 " bytes follow the last section at %" PRIu64, path,
            bytes - end, end);
    return 0;
}

/* Points the plan into the checked bytes. */
static void
point(Plan *plan, const u8 *data, u64 bytes)
{
    const PlanSection *s = (const PlanSection *)(data + sizeof(PlanHead));

    plan->bytes = bytes;
    plan->head = (const PlanHead *)data;
#define AT(kind)    ((const void *)(data + s[SEC_##kind].offset))
#define COUNT(kind) (s[SEC_##kind].count)
    plan->text = AT(STRINGS);
    plan->meta = AT(META), plan->nmeta = COUNT(META);
    plan->arena = AT(ARENAS);
    plan->buffer = AT(BUFFERS), plan->nbuffer = COUNT(BUFFERS);
    plan->blob = AT(BLOBS), plan->nblob = COUNT(BLOBS);
    plan->kernel = AT(KERNELS), plan->nkernel = COUNT(KERNELS);
    plan->gemm = AT(GEMMS), plan->ngemm = COUNT(GEMMS);
    plan->conv = AT(CONVS), plan->nconv = COUNT(CONVS);
    plan->engine = AT(ENGINES), plan->nengine = COUNT(ENGINES);
    plan->arg = AT(ARGS), plan->narg = COUNT(ARGS);
    plan->step = AT(STEPS), plan->nstep = COUNT(STEPS);
    plan->door = AT(DOORS), plan->ndoor = COUNT(DOORS);
    plan->phase = AT(PHASES), plan->nphase = COUNT(PHASES);
    plan->answer = AT(ANSWERS), plan->nanswer = COUNT(ANSWERS);
    plan->vocab = AT(VOCAB), plan->vocab_bytes = COUNT(VOCAB);
#undef AT
#undef COUNT
}

/* --------------------------------------------------------------- the doors */

int
plan_check(Err *e, const char *path, const u8 *data, u64 bytes, Plan *plan)
{
    char shown[256];
    Reader r = {.e = e, .plan = plan};
    const PlanSection *s;

    memset(plan, 0, sizeof *plan);
    r.path = err_clean(shown, sizeof shown, path, strlen(path));
    TRY(check_head(e, r.path, data, bytes));
    TRY(check_sections(e, r.path, data, bytes));
    s = (const PlanSection *)(data + sizeof(PlanHead));
    FAIL_IF(s[SEC_ARENAS].count != NARENA, e, SOHO_BAD,
            "%s: %u arenas, expected %d", r.path, s[SEC_ARENAS].count, NARENA);
    r.text_bytes = s[SEC_STRINGS].bytes;
    point(plan, data, bytes);
    plan->path = strdup(path);
    FAIL_IF(!plan->path, e, SOHO_MEMORY, "%s: no memory", r.path);
    TRY(plan_rows(&r));
    return plan_verify(e, plan);
}

int
plan_open(Err *e, const char *path, Plan *plan)
{
    u8 *data = NULL;
    u64 bytes = 0;
    int code;

    memset(plan, 0, sizeof *plan);
    TRY(vfs_read_file(e, path, PLAN_LIMIT, &data, &bytes));
    code = plan_check(e, path, data, bytes, plan);
    plan->file = data;
    return code;
}

void
plan_close(Plan *plan)
{
    free(plan->path);
    free(plan->file);
    memset(plan, 0, sizeof *plan);
}

const char *
plan_meta(const Plan *plan, const char *key)
{
    for (u32 i = 0; i < plan->nmeta; i++)
        if (!strcmp(plan_text(plan, plan->meta[i].key), key))
            return plan_text(plan, plan->meta[i].value);
    return NULL;
}

f64
plan_meta_number(const Plan *plan, const char *key, f64 missing)
{
    const char *value = plan_meta(plan, key);
    char *end;
    f64 number;

    if (!value)
        return missing;
    number = strtod(value, &end);
    return end != value && !*end ? number : missing;
}

u32
plan_phase(const Plan *plan, const char *name)
{
    for (u32 i = 0; i < plan->nphase; i++)
        if (!strcmp(plan_text(plan, plan->phase[i].name), name))
            return i;
    return PLAN_NONE;
}

u32
plan_buffer(const Plan *plan, const char *name)
{
    for (u32 i = 0; i < plan->nbuffer; i++)
        if (!strcmp(plan_text(plan, plan->buffer[i].name), name))
            return i;
    return PLAN_NONE;
}

/* "train@96x128, train@128x96" */
static void
list_phases(const Plan *plan, char *text, size_t size)
{
    size_t used = 0;

    text[0] = 0;
    for (u32 i = 0; i < plan->nphase && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                             plan_text(plan, plan->phase[i].name));
}

int
plan_find_phase(Err *e, const Plan *plan, const char *name, size_t n,
                u32 *phase)
{
    char list[ERR_TEXT / 2], shown[64];
    u32 found = 0;

    for (u32 i = 0; i < plan->nphase; i++) {
        const char *own = plan_text(plan, plan->phase[i].name);

        if (strncmp(own, name, n) || (own[n] && own[n] != '@'))
            continue;
        *phase = i;
        if (!own[n])
            return 0;
        found++;
    }
    if (found == 1)
        return 0;
    list_phases(plan, list, sizeof list);
    return err_set(e, SOHO_USAGE, "%s: %s phase '%s', it has %s", plan->path,
                   found ? "more than one" : "no",
                   err_clean(shown, sizeof shown, name, n), list);
}
