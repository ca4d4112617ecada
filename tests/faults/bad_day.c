/* Preloaded into a process: its wall clock is off, or its disk takes nothing. Linux; built by bad_day.py.
 *
 *   BAD_DAY_CLOCK=<file>            the file holds seconds to add to the time of day, read at every look
 *   BAD_DAY_DISK=full|read-only     writing to a regular file fails (ENOSPC), or opening one to write (EROFS)
 *
 * Memory that looks like files (/dev/shm, memfd) is no disk. The monotonic clock is left alone, as on a real machine. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
    static __thread int is_inside = 0;
    const char *path = getenv("BAD_DAY_CLOCK");
    char text[32] = "";
    if (path == NULL || is_inside) return 0;
    is_inside = 1;
    int saved = errno, file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (syscall(SYS_read, file, text, sizeof text - 1) < 0) text[0] = 0;
        syscall(SYS_close, file);
    }
    errno = saved;
    is_inside = 0;
    return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, id, now);
    if (result == 0 && id == CLOCK_REALTIME) now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (where != NULL) *where = exact.tv_sec;
    return exact.tv_sec;
}

static int disk_is(const char *how) {
    const char *disk = getenv("BAD_DAY_DISK");
    return disk != NULL && strcmp(disk, how) == 0;
}

static int on_disk(int file) {
    struct stat about;
    char link[64], target[16] = "";
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return 0;
    strcpy(link, "/proc/self/fd/");
    char *end = link + strlen(link), digits[16];
    int count = 0;
    do digits[count++] = '0' + file % 10; while ((file /= 10) != 0);
    while (count) *end++ = digits[--count];
    *end = 0;
    if (readlink(link, target, sizeof target - 1) < 0) return 1;
    return strncmp(target, "/dev/shm", 8) != 0 && strncmp(target, "/memfd:", 7) != 0;
}

ssize_t write(int file, const void *bytes, size_t size) {
    if (disk_is("full") && on_disk(file)) return errno = ENOSPC, -1;
    return syscall(SYS_write, file, bytes, size);
}

ssize_t writev(int file, const struct iovec *blocks, int count) {
    if (disk_is("full") && on_disk(file)) return errno = ENOSPC, -1;
    return syscall(SYS_writev, file, blocks, count);
}

static int refuses(const char *path, int flags) {
    if (!disk_is("read-only") || (flags & O_ACCMODE) == O_RDONLY) return 0;
    return strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/proc/", 6) != 0;
}

int openat(int folder, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    if (refuses(path, flags)) return errno = EROFS, -1;
    return syscall(SYS_openat, folder, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
