/* checkpoint.c - writing, finding, verifying and pruning checkpoint folders.
 *
 * In: a run folder, counters, functions that write the parts.  Out: folders
 * whose name ends in a number only when everything in them is on the disk.
 *
 * A folder leaves as it came: it is renamed to .tmp first, so a process killed
 * at any moment leaves whole checkpoints and .tmp folders, nothing between. */
#include "runtime/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/manifest.h"
#include "runtime/vfs.h"

/* SOHO_IO with errno's reason; `doing` is a verb. */
static int
fail(Err *e, const char *doing, const char *path)
{
    return err_set(e, SOHO_IO, "%s: cannot %s: %s", path, doing,
                   strerror(errno));
}

/* ----------------------------------------------------------------- names */

/* "RUN/ckpt-STEP" and an ending into PATH_MAX bytes. */
static int
name_folder(Err *e, char *path, const char *run, u64 step, const char *ending)
{
    int n = snprintf(path, PATH_MAX, "%s/ckpt-%llu%s", run,
                     (unsigned long long)step, ending);

    FAIL_IF(n >= PATH_MAX, e, SOHO_IO, "%.64s...: path too long", run);
    return 0;
}

/* What follows "ckpt-<digits>" in a folder's name, or NULL for other names. */
static const char *
parse_name(const char *name, u64 *step)
{
    char *end;

    if (strncmp(name, "ckpt-", 5) || name[5] < '0' || name[5] > '9')
        return NULL;
    errno = 0;
    *step = strtoull(name + 5, &end, 10);
    return errno ? NULL : end;
}

static int
is_folder(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISDIR(st.st_mode);
}

static int
newest_first(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;

    return x < y ? 1 : -(x > y);
}

enum { STEPS_MAX = 4096 }; /* checkpoints looked at in one run folder */

/* The steps of the folders RUN/ckpt-STEP that hold a manifest, newest first:
 * other things in the folder are not ours. */
static int
list_steps(Err *e, const char *run, u64 step[STEPS_MAX], u32 *n)
{
    DIR *dir = opendir(run);
    struct dirent *entry;
    char path[PATH_MAX];

    *n = 0;
    if (!dir)
        return fail(e, "read folder", run);
    while (*n < STEPS_MAX && (entry = readdir(dir))) {
        u64 at;
        const char *rest = parse_name(entry->d_name, &at);

        if (!rest || *rest || name_folder(e, path, run, at, "/" MANIFEST))
            continue;
        if (!access(path, F_OK))
            step[(*n)++] = at;
    }
    closedir(dir);
    qsort(step, *n, sizeof *step, newest_first);
    return e->code;
}

/* ------------------------------------------------------------------ lock */

/* Removes every ckpt-STEP.tmp and ckpt-STEP.old.tmp of the run folder. */
static int
drop_leftovers(Err *e, const char *run)
{
    DIR *dir = opendir(run);
    struct dirent *entry;
    char path[PATH_MAX];

    if (!dir)
        return fail(e, "read folder", run);
    while (!e->code && (entry = readdir(dir))) {
        u64 step;
        const char *rest = parse_name(entry->d_name, &step);

        if (!rest || (strcmp(rest, ".tmp") && strcmp(rest, ".old.tmp")))
            continue;
        if (!name_folder(e, path, run, step, rest) && is_folder(path))
            vfs_remove_dir(e, path);
    }
    closedir(dir);
    return e->code;
}

/* Locks the open file or says whose it is. */
static int
take_lock(Err *e, const char *path, int fd)
{
    char holder[16] = "";

    if (!flock(fd, LOCK_EX | LOCK_NB)) {
        int n = snprintf(holder, sizeof holder, "%-11ld\n", (long)getpid());

        return vfs_write_all(e, fd, path, holder, (u64)n);
    }
    if (errno != EWOULDBLOCK)
        return fail(e, "lock", path);
    vfs->pread(fd, holder, sizeof holder - 1, 0);
    return err_set(e, SOHO_IO,
                   "%s: process %ld trains in this folder; wait for it, or "
                   "choose another --run",
                   path, strtol(holder, NULL, 10));
}

int
checkpoint_lock(Err *e, const char *run, int *lock)
{
    char path[PATH_MAX];

    *lock = -1;
    FAIL_IF(snprintf(path, sizeof path, "%s/lock", run) >= (int)sizeof path, e,
            SOHO_IO, "%.64s...: path too long", run);
    if (vfs->mkdir(run, 0777) && errno != EEXIST)
        return fail(e, "make folder", run);
    *lock = vfs->open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
    if (*lock < 0)
        return fail(e, "open", path);
    if (!take_lock(e, path, *lock))
        drop_leftovers(e, run);
    if (e->code) {
        vfs->close(*lock);
        *lock = -1;
    }
    return e->code;
}

void
checkpoint_unlock(int lock)
{
    if (lock >= 0)
        vfs->close(lock);
}

/* ------------------------------------------------------------------ save */

/* Writes the parts and the manifest into `folder`, all of it on the disk. */
static int
fill_folder(Err *e, const char *folder, const Progress *progress,
            const CheckpointPart *part, u32 npart, void *context)
{
    ManifestFile file[MANIFEST_FILES] = {{.bytes = 0}};
    char path[PATH_MAX];

    FAIL_IF(npart > MANIFEST_FILES, e, SOHO_BUG, "%s: %u parts, at most %d",
            folder, npart, MANIFEST_FILES);
    for (u32 i = 0; i < npart; i++) {
        FAIL_IF(snprintf(path, sizeof path, "%s/%s", folder, part[i].name) >=
                    (int)sizeof path,
                e, SOHO_IO, "%.64s...: path too long", folder);
        TRY(part[i].write(e, context, path));
        snprintf(file[i].name, sizeof file[i].name, "%s", part[i].name);
        TRY(digest_file(e, path, file[i].digest, &file[i].bytes));
    }
    TRY(manifest_write(e, folder, progress, file, npart));
    return vfs_sync_dir(e, folder);
}

/* Gives the finished folder its name; one of that name that is there already
 * (a damaged one that a resume passed over) makes room. */
static int
settle(Err *e, const char *run, u64 step, const char *fresh, const char *last)
{
    char old[PATH_MAX];
    int had = is_folder(last);

    TRY(name_folder(e, old, run, step, ".old.tmp"));
    if (had && vfs->rename(last, old))
        return fail(e, "rename", last);
    if (vfs->rename(fresh, last))
        return fail(e, "rename to", last);
    TRY(vfs_sync_dir(e, run));
    return had ? vfs_remove_dir(e, old) : 0;
}

/* Removes the checkpoints older than `step` but the newest keep-1 of them. */
static int
prune(Err *e, const char *run, u64 step, u32 keep)
{
    u64 have[STEPS_MAX];
    char path[PATH_MAX], leaving[PATH_MAX];
    u32 n, older = 0;

    TRY(list_steps(e, run, have, &n));
    for (u32 i = 0; i < n; i++) {
        if (have[i] >= step || ++older < keep)
            continue;
        TRY(name_folder(e, path, run, have[i], ""));
        TRY(name_folder(e, leaving, run, have[i], ".tmp"));
        if (vfs->rename(path, leaving))
            return fail(e, "rename", path);
        TRY(vfs_remove_dir(e, leaving));
    }
    return 0;
}

/* A tenth more than the files need must be free; a file system that does not
 * tell is trusted. */
static int
check_space(Err *e, const char *run, u64 bytes)
{
    i64 have = vfs->space(run);
    u64 need = bytes + bytes / 10;

    FAIL_IF(have >= 0 && (u64)have < need, e, SOHO_IO,
            "%s: a checkpoint needs %llu bytes, %lld are free", run,
            (unsigned long long)need, (long long)have);
    return 0;
}

int
checkpoint_save(Err *e, const char *run, const Progress *progress,
                const CheckpointPart *part, u32 npart, void *context, u64 bytes,
                u32 keep)
{
    char fresh[PATH_MAX], last[PATH_MAX];
    Progress again;
    Err ignored = {0};

    TRY(name_folder(e, fresh, run, progress->step, ".tmp"));
    TRY(name_folder(e, last, run, progress->step, ""));
    TRY(check_space(e, run, bytes));
    if (is_folder(fresh)) /* of a save that failed */
        TRY(vfs_remove_dir(e, fresh));
    if (vfs->mkdir(fresh, 0777))
        return fail(e, "make folder", fresh);
    if (fill_folder(e, fresh, progress, part, npart, context) ||
        settle(e, run, progress->step, fresh, last)) {
        vfs_remove_dir(&ignored, fresh);
        return e->code;
    }
    if (checkpoint_verify(e, last, &again)) {
        if (!vfs->rename(last, fresh))
            vfs_remove_dir(&ignored, fresh);
        return err_at(e, "read again after writing");
    }
    return prune(e, run, progress->step, keep);
}

/* ------------------------------------------------------------------ find */

int
checkpoint_verify(Err *e, const char *folder, Progress *progress)
{
    ManifestFile file[MANIFEST_FILES];
    char path[PATH_MAX], want[DIGEST_HEX], got[DIGEST_HEX];
    u8 digest[DIGEST_BYTES];
    u64 bytes;
    u32 n;

    TRY(manifest_read(e, folder, progress, file, &n));
    for (u32 i = 0; i < n; i++) {
        FAIL_IF(snprintf(path, sizeof path, "%s/%s", folder, file[i].name) >=
                    (int)sizeof path,
                e, SOHO_IO, "%.64s...: path too long", folder);
        TRY(digest_file(e, path, digest, &bytes));
        FAIL_IF(bytes != file[i].bytes, e, SOHO_BAD,
                "%s: %llu bytes, the manifest says %llu", path,
                (unsigned long long)bytes, (unsigned long long)file[i].bytes);
        FAIL_IF(memcmp(digest, file[i].digest, sizeof digest), e, SOHO_BAD,
                "%s: SHA-256 is %s, the manifest says %s", path,
                digest_hex(got, digest), digest_hex(want, file[i].digest));
    }
    return 0;
}

int
checkpoint_find(Err *e, const char *run, Found *found)
{
    u64 step[STEPS_MAX];
    u32 n;

    memset(found, 0, sizeof *found);
    TRY(list_steps(e, run, step, &n));
    for (u32 i = 0; i < n; i++) {
        Err bad = {0};

        TRY(name_folder(e, found->path, run, step[i], ""));
        if (!checkpoint_verify(&bad, found->path, &found->progress))
            return 0;
        if (found->damaged++ == 0)
            found->why = bad;
    }
    found->path[0] = 0;
    return 0;
}

int
checkpoint_weights(Err *e, const char *path, char found[PATH_MAX])
{
    Found run;
    int n = snprintf(found, PATH_MAX, "%s/" MANIFEST, path);

    FAIL_IF(n >= PATH_MAX, e, SOHO_IO, "%.64s...: path too long", path);
    if (!is_folder(path) || !access(found, F_OK)) {
        snprintf(found, PATH_MAX, "%s", path);
        return 0;
    }
    TRY(checkpoint_find(e, path, &run));
    if (!run.path[0] && run.damaged)
        return err_set(e, SOHO_BAD, "%s: no whole checkpoint: %s", path,
                       run.why.text);
    FAIL_IF(!run.path[0], e, SOHO_BAD,
            "%s: neither a checkpoint folder nor a run folder with one", path);
    memcpy(found, run.path, PATH_MAX);
    return 0;
}
