/* checkpoint.c - saves that fail or die at every single file operation: the
 * newest whole checkpoint or the one before is always found, with its bytes;
 * damage is noticed; only our own folders go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "runtime/checkpoint.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

/* --------------------------------------------- a table that fails or dies */

enum { NEVER = 1 << 30 };
static const Vfs *real;
static int op_count, op_stop = NEVER; /* the operation that does not happen */
static int dies, sticky; /* the process ends there; all later fail */
static int reason = EIO;

static int
stops(void)
{
    int n = op_count++;

    if (n < op_stop || (n > op_stop && !sticky))
        return 0;
    if (dies)
        _exit(9);
    errno = reason;
    return 1;
}

static int
f_open(const char *path, int flags, int mode)
{
    return stops() ? -1 : real->open(path, flags, mode);
}

static i64
f_pread(int fd, void *to, u64 n, u64 offset)
{
    return stops() ? -1 : real->pread(fd, to, n, offset);
}

/* A write that stops leaves half of its bytes. */
static i64
f_write(int fd, const void *from, u64 n)
{
    if (op_count == op_stop)
        (void)!real->write(fd, from, n / 2);
    return stops() ? -1 : real->write(fd, from, n);
}

static int
f_fsync(int fd)
{
    (void)fd; /* what a dead process wrote is in the page cache */
    return stops() ? -1 : 0;
}

static int
f_rename(const char *from, const char *to)
{
    return stops() ? -1 : real->rename(from, to);
}

static int
f_unlink(const char *path)
{
    return stops() ? -1 : real->unlink(path);
}

static int
f_rmdir(const char *path)
{
    return stops() ? -1 : real->rmdir(path);
}

static int
f_mkdir(const char *path, int mode)
{
    return stops() ? -1 : real->mkdir(path, mode);
}

static i64 space_left = -1;

static i64
f_space(const char *path)
{
    (void)path;
    return space_left;
}

static Vfs faulty;

static void
stop_at(int n, int die, int stay, int why)
{
    op_count = 0;
    op_stop = n;
    dies = die;
    sticky = stay;
    reason = why;
}

/* -------------------------------------------------- a run with two parts */

static char folder[64] = "/tmp/soho-checkpoint-XXXXXX";

static int
write_part(Err *e, void *context, const char *path)
{
    char text[3000];

    memset(text, 'a' + *(const int *)context, sizeof text);
    return replace_file(e, path, text, sizeof text);
}

static const CheckpointPart parts[] = {{"weights.safetensors", write_part},
                                       {"train.safetensors", write_part}};

static int
save(Err *e, int step)
{
    Progress p = {.step = (u64)step, .t = 2 * (u64)step, .seed = ~0ull};

    p.meters[2] = 0.1;
    p.best = -1;
    p.plan[31] = 7;
    return checkpoint_save(e, folder, &p, parts, countof(parts), &step, 6000,
                           2);
}

/* The step of the newest whole checkpoint after a new start; -1: none, -2: its
 * parts are not those of that step. */
static int
newest(void)
{
    Err e = {0};
    Found found;
    int lock;
    char path[PATH_MAX + 32];
    u8 *data;
    u64 bytes;
    int step;

    if (checkpoint_lock(&e, folder, &lock))
        return -3;
    vfs->close(lock);
    if (checkpoint_find(&e, folder, &found))
        return -3;
    if (!found.path[0])
        return -1;
    step = (int)found.progress.step;
    snprintf(path, sizeof path, "%s/train.safetensors", found.path);
    if (vfs_read_file(&e, path, 1 << 20, &data, &bytes))
        return -2;
    if (bytes != 3000 || data[0] != 'a' + step || found.progress.seed != ~0ull)
        step = -2;
    free(data);
    return step;
}

static int
exists(const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !access(path, F_OK);
}

static void
wipe(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        exit(1);
}

/* Two older checkpoints, so that the third save has one to prune. */
static void
start(void)
{
    Err e = {0};

    stop_at(NEVER, 0, 0, 0);
    wipe();
    if (save(&e, 1) || save(&e, 2)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
}

/* -------------------------------------------------------------- the tests */

static void
keeps(void)
{
    Err e = {0};
    Found found;
    char path[PATH_MAX];

    start();
    check(newest() == 2, "checkpoint/saves", "step 2 is not found");
    mkdir(strcat(strcpy(path, folder), "/ckpt-0"), 0777);
    mkdir(strcat(strcpy(path, folder), "/ckpt-x"), 0777);
    check(!save(&e, 3) && newest() == 3 && !exists("ckpt-1") &&
              exists("ckpt-2") && exists("ckpt-3"),
          "checkpoint/keeps-two", "not just 2 and 3 are left");
    check(exists("ckpt-0") && exists("ckpt-x"), "checkpoint/leaves-others",
          "a folder without a manifest went");
    check(!checkpoint_find(&e, folder, &found) && found.progress.t == 6 &&
              found.progress.meters[2] == 0.1 && found.progress.best == -1 &&
              found.progress.plan[31] == 7,
          "checkpoint/keeps-counters", "a field came back changed");
    check(!checkpoint_weights(&e, folder, path) && !strcmp(path, found.path),
          "checkpoint/weights-of-run", "not the newest of the run folder");
}

/* The n-th operation ends the process, for every n until the save is done. */
static void
kills(void)
{
    int good = 1, points = 0, before = 0;

    for (int n = 0; good; n++) {
        int status, found;
        pid_t child;

        start();
        fflush(stdout);
        child = fork();
        if (!child) {
            Err e = {0};

            stop_at(n, 1, 1, 0);
            _exit(save(&e, 3) != 0);
        }
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            break;
        found = newest();
        before += found == 2;
        good &= found == 2 || found == 3;
        good &= !exists("ckpt-3.tmp") && !exists("ckpt-1.tmp");
        points++;
    }
    printf("# killed before each of %d file operations: %d times the older "
           "checkpoint, %d times the new one\n",
           points, before, points - before);
    check(good && points > 30, "checkpoint/survives-kills",
          "a kill lost the run or left a .tmp folder");
}

/* The n-th operation fails, once or with all after it. */
static void
faults(int stay, int why, const char *name)
{
    int good = 1, errors = 0;

    for (int n = 0; good; n++) {
        Err e = {0};
        int code, done, found;

        start();
        stop_at(n, 0, stay, why);
        code = save(&e, 3);
        done = op_count <= n;
        stop_at(NEVER, 0, 0, 0);
        found = newest();
        errors += code != 0;
        good &= code == 0 || (code == SOHO_IO && e.text[0]);
        good &= found == 3 || (found == 2 && code);
        err_clear(&e);
        good &= !save(&e, 4) && newest() == 4;
        if (done)
            break;
    }
    check(good && errors > 30, name,
          "a failed operation lost a checkpoint or was not told");
}

static void
damages(void)
{
    Err e = {0};
    Found found;
    char path[PATH_MAX];
    int good = 1;

    for (int at = 0; at < 3000; at += 499) {
        FILE *file;

        start();
        snprintf(path, sizeof path, "%s/ckpt-2/train.safetensors", folder);
        file = fopen(path, "r+");
        if (!file || fseek(file, at, SEEK_SET) || fputc('z', file) == EOF ||
            fclose(file))
            exit(1);
        good &= !checkpoint_find(&e, folder, &found) && found.damaged == 1 &&
                found.progress.step == 1 &&
                strstr(found.why.text, "ckpt-2/train.safetensors");
    }
    check(good, "checkpoint/falls-back", "a damaged byte was not noticed");
    check(!save(&e, 2) && newest() == 2, "checkpoint/replaces-damaged",
          "the damaged folder was not replaced");
    truncate(path, 2999);
    check(!checkpoint_find(&e, folder, &found) && found.damaged == 1,
          "checkpoint/short-file", "a short file was not noticed");
}

/* Every byte of the manifest taken away or changed. */
static void
manifests(void)
{
    Err e = {0};
    Progress p;
    char path[PATH_MAX], where[PATH_MAX];
    u8 *text;
    u64 bytes;
    int cut = 1, changed = 1;

    start();
    snprintf(where, sizeof where, "%s/ckpt-2", folder);
    snprintf(path, sizeof path, "%s/ckpt-2/manifest.json", folder);
    if (vfs_read_file(&e, path, 1 << 20, &text, &bytes))
        exit(1);
    for (u64 n = 0; n + 2 < bytes; n++) {
        FILE *file = fopen(path, "w");

        fwrite(text, 1, n, file);
        fclose(file);
        err_clear(&e);
        cut &= checkpoint_verify(&e, where, &p) == SOHO_BAD;
    }
    for (u64 i = 0; i < bytes; i++) {
        FILE *file = fopen(path, "w");

        text[i] ^= 0x80;
        fwrite(text, 1, bytes, file);
        fclose(file);
        text[i] ^= 0x80;
        err_clear(&e);
        changed &= checkpoint_verify(&e, where, &p) == SOHO_BAD;
    }
    free(text);
    check(cut, "checkpoint/cut-manifest", "a cut manifest was taken");
    check(changed, "checkpoint/changed-manifest", "a changed one was taken");
}

static void
locks(void)
{
    Err e = {0};
    char pid[32];
    int lock, second;

    start();
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    check(!checkpoint_lock(&e, folder, &lock), "checkpoint/lock", e.text);
    check(checkpoint_lock(&e, folder, &second) == SOHO_IO &&
              strstr(e.text, pid),
          "checkpoint/lock-names-holder", e.text);
    vfs->close(lock);
    err_clear(&e);
    check(!checkpoint_lock(&e, folder, &lock), "checkpoint/lock-again", e.text);
    vfs->close(lock);
    space_left = 6000;
    check(save(&e, 3) == SOHO_IO && strstr(e.text, "6600") && newest() == 2,
          "checkpoint/space", "a save began without room");
    space_left = -1;
}

int
main(void)
{
    if (!mkdtemp(folder))
        return 1;
    real = vfs;
    faulty = (Vfs){f_open,   real->close, f_pread, f_write, f_fsync, real->size,
                   f_rename, f_unlink,    f_rmdir, f_mkdir, f_space};
    vfs = &faulty;
    keeps();
    kills();
    faults(0, EIO, "checkpoint/eio-once");
    faults(1, ENOSPC, "checkpoint/enospc-from-then-on");
    damages();
    manifests();
    locks();
    wipe();
    rmdir(folder);
    return failed;
}
