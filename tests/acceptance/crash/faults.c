/* Stands between a program and its disk and clock, by LD_PRELOAD, so that the product needs no kill switch.

   FAULT="CALL PATTERN NTH HOW" strikes at the NTH call of CALL (pwrite, write, sync, truncate, rename) on a path that
   fits PATTERN (fnmatch; a rename is known by its new path). HOW: before, after or torn (half of it is written) kill -9;
   lost kills too, and cuts off what was appended since the last sync, as a power cut may; ENOSPC and EIO fail from
   then on. FAULT_WHILE names a file: nothing is counted or fails while it is not there.
   CLOCK names a file that holds the seconds by which the wall clock is wrong. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char call[16], pattern[256], how[16];
static const char *armed, *clock_file;
static long nth, calls;
static struct { ino_t file; off_t size; } synced[64];
static int kills, error;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

/* At the start; and by a fork of what has started, once its environment is its own. */
void be_told(void) {
    clock_file = getenv("CLOCK");
    armed = getenv("FAULT_WHILE");
    const char *told = getenv("FAULT");
    if (told && sscanf(told, "%15s %255s %ld %15s", call, pattern, &nth, how) != 4) abort();
    error = !strcmp(how, "ENOSPC") ? ENOSPC : !strcmp(how, "EIO") ? EIO : 0;
    kills = told && !error;
}

__attribute__((constructor)) static void start(void) {
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    be_told();
}

static int path_fits(const char *path) {
    return fnmatch(pattern, path, 0) == 0 && (!armed || access(armed, F_OK) == 0);
}

static int file_fits(int fd) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return path_fits(path);
}

/* How much of a file is durable; what is there before its first call is taken for durable. */
static off_t *durable(int fd) {
    struct stat now;
    if (strcmp(how, "lost") || !file_fits(fd) || fstat(fd, &now)) return NULL;
    for (int each = 0; each < 64; each++) {
        if (!synced[each].file) {
            synced[each].file = now.st_ino;
            synced[each].size = now.st_size;
        }
        if (synced[each].file == now.st_ino) return &synced[each].size;
    }
    abort();
}

/* Whether this is the call: then it is killed before, killed after or fails. */
static int strikes(const char *name, int fd, const char *path) {
    if (!path) durable(fd);
    if (strcmp(name, call) || !(path ? path_fits(path) : file_fits(fd))) return 0;
    long now = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    return kills ? now == nth : now >= nth;
}

static void die(void) { kill(getpid(), SIGKILL); pause(); }

static void die_if(const char *when) { if (!strcmp(how, when)) die(); }

static int lose(int fd) {
    if (!strcmp(how, "lost")) {
        real_ftruncate(fd, *durable(fd));
        die();
    }
    die_if("before");
    if (!kills) errno = error;
    return kills;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    if (!strikes("pwrite", fd, NULL)) return real_pwrite(fd, data, size, at);
    if (!lose(fd)) return -1;
    ssize_t written = real_pwrite(fd, data, strcmp(how, "torn") ? size : size / 2, at);
    die();
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

ssize_t write(int fd, const void *data, size_t size) {
    if (!strikes("write", fd, NULL)) return real_write(fd, data, size);
    if (!lose(fd)) return -1;
    ssize_t written = real_write(fd, data, strcmp(how, "torn") ? size : size / 2);
    die();
    return written;
}

static int sync_with(int (*real)(int), int fd) {
    int struck = strikes("sync", fd, NULL);
    if (struck && !lose(fd)) return -1;
    off_t *size = durable(fd);
    struct stat now;
    int done = real(fd);
    if (size && !done && !fstat(fd, &now)) *size = now.st_size;
    if (struck) die();
    return done;
}

int fsync(int fd) { return sync_with(real_fsync, fd); }

int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }

int ftruncate64(int fd, off_t size) {
    int struck = strikes("truncate", fd, NULL);
    if (struck && !lose(fd)) return -1;
    int done = real_ftruncate(fd, size);
    off_t *kept = durable(fd);
    if (kept && *kept > size) *kept = size;
    if (struck) die();
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int rename(const char *from, const char *to) {
    int struck = strikes("rename", -1, to);
    if (struck && kills) die_if("before");
    if (struck && !kills) { errno = error; return -1; }
    int done = real_rename(from, to);
    if (struck) die();
    return done;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int done = real_clock_gettime(which, now);
    if (which != CLOCK_REALTIME || !clock_file || done) return done;
    char text[32] = {0};
    int fd = open(clock_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return done;
    if (read(fd, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
    close(fd);
    return done;
}
