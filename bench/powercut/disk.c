/* A disk that forgets what was not synced. Loaded before the C library (LD_PRELOAD).
 *
 * Writes to files of POWERCUT_FOLDER go through, so that the program reads what it wrote. What the
 * disk holds is kept in files of the same names in POWERCUT_KEPT: fsync and fdatasync bring there
 * every range that was written since the last one, and the length. With POWERCUT_SEED other than 0
 * about a quarter of the writes reach the disk at once, so that later ones are there and earlier
 * ones are not. unlink counts at once. One thread at a time: SQLite's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_RANGES 65536
#define MAX_FILES 16

struct range { off_t at; size_t length; };
struct file {
    char name[NAME_MAX + 1];
    int all; /* more ranges than are noted: everything may have changed */
    size_t count;
    struct range ranges[MAX_RANGES];
};

static struct file files[MAX_FILES];
static size_t known;
static unsigned int seed;

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

__attribute__((constructor)) static void begin(void)
{
    const char *given = getenv("POWERCUT_SEED");
    seed = given ? (unsigned int)strtoul(given, NULL, 10) : 0;
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
}

static void fail(const char *what)
{
    perror(what);
    _exit(97); /* a disk that does not work must not let a test pass */
}

/* The name inside the folder, or NULL for any other path. The shared memory of the WAL index is
 * memory: it is in no disk's keeping. */
static const char *name_in_folder(const char *path)
{
    const char *folder = getenv("POWERCUT_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length) || path[length] != '/')
        return NULL;
    const char *name = path + length + 1;
    size_t of_name = strlen(name);
    if (of_name > 4 && !strcmp(name + of_name - 4, "-shm"))
        return NULL;
    return strchr(name, '/') ? NULL : name;
}

static struct file *file_of(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = 0;
    const char *name = name_in_folder(path);
    if (!name)
        return NULL;
    for (size_t n = 0; n < known; n++)
        if (!strcmp(files[n].name, name))
            return &files[n];
    if (known == MAX_FILES) {
        errno = ENFILE;
        fail("powercut: too many files");
    }
    strncpy(files[known].name, name, NAME_MAX);
    return &files[known++];
}

static int open_kept(const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", getenv("POWERCUT_KEPT"), name);
    int kept = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (kept < 0)
        fail("powercut: kept file");
    return kept;
}

static void bring(int from, int to, off_t at, size_t length)
{
    char some[65536];
    while (length) {
        ssize_t got = pread(from, some, length < sizeof some ? length : sizeof some, at);
        if (got < 0)
            fail("powercut: read");
        if (!got)
            return; /* truncated since */
        if (real_pwrite(to, some, (size_t)got, at) != got)
            fail("powercut: write");
        at += got;
        length -= (size_t)got;
    }
}

static void sync_to_disk(int fd)
{
    struct file *file = file_of(fd);
    if (!file)
        return;
    struct stat now;
    if (fstat(fd, &now))
        fail("powercut: stat");
    int kept = open_kept(file->name);
    if (file->all)
        bring(fd, kept, 0, (size_t)now.st_size);
    else
        for (size_t n = 0; n < file->count; n++)
            bring(fd, kept, file->ranges[n].at, file->ranges[n].length);
    if (real_ftruncate(kept, now.st_size))
        fail("powercut: truncate");
    close(kept);
    file->count = 0;
    file->all = 0;
}

static void note(int fd, off_t at, size_t length)
{
    struct file *file = file_of(fd);
    if (!file)
        return;
    if (seed && rand_r(&seed) % 4 == 0) {
        int kept = open_kept(file->name);
        bring(fd, kept, at, length);
        close(kept);
    }
    if (file->count == MAX_RANGES)
        file->all = 1;
    else
        file->ranges[file->count++] = (struct range){at, length};
}

int fsync(int fd)
{
    int done = real_fsync(fd);
    if (!done)
        sync_to_disk(fd);
    return done;
}

int fdatasync(int fd)
{
    int done = real_fdatasync(fd);
    if (!done)
        sync_to_disk(fd);
    return done;
}

ssize_t pwrite64(int fd, const void *from, size_t length, off_t at)
{
    ssize_t done = real_pwrite(fd, from, length, at);
    if (done > 0)
        note(fd, at, (size_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t at)
{
    return pwrite64(fd, from, length, at);
}

ssize_t write(int fd, const void *from, size_t length)
{
    ssize_t done = real_write(fd, from, length);
    if (done > 0) {
        off_t end = lseek(fd, 0, SEEK_CUR);
        if (end >= done)
            note(fd, end - done, (size_t)done);
    }
    return done;
}

int unlink(const char *path)
{
    int done = real_unlink(path);
    const char *name = done ? NULL : name_in_folder(path);
    if (name) {
        char kept[PATH_MAX];
        snprintf(kept, sizeof kept, "%s/%s", getenv("POWERCUT_KEPT"), name);
        real_unlink(kept);
    }
    return done;
}
