/* What a disk keeps when the power goes: of each file what it held when it was last synced.
 *
 * Preloaded into a process, it copies every file under DISK_SHIM_FROM to DISK_SHIM_TO at the moment in which the process syncs it.
 * For tests alone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;

/* Nothing can be reported from here; a copy that fails must end the test, not weaken it. */
static void fail(const char *what) {
    perror(what);
    abort();
}

static void copy(int from, const char *to) {
    char buffer[65536];
    off_t offset = 0;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) fail("disk shim: open");
    for (;;) {
        ssize_t length = pread(from, buffer, sizeof buffer, offset);
        if (length < 0) fail("disk shim: read");
        if (length == 0) break;
        if (write(out, buffer, (size_t)length) != length) fail("disk shim: write");
        offset += length;
    }
    close(out);
}

static void keep(int descriptor) {
    const char *from = getenv("DISK_SHIM_FROM"), *to = getenv("DISK_SHIM_TO");
    char link[64], path[PATH_MAX], part[PATH_MAX], whole[PATH_MAX];
    if (from == NULL || to == NULL) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = '\0';
    struct stat status;
    if (strncmp(path, from, strlen(from)) != 0 || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return;
    const char *name = strrchr(path, '/') + 1;
    if (snprintf(part, sizeof part, "%s/%s.part", to, name) >= (int)sizeof part) fail("disk shim: path");
    if (snprintf(whole, sizeof whole, "%s/%s", to, name) >= (int)sizeof whole) fail("disk shim: path");
    int readable = open(link, O_RDONLY | O_CLOEXEC);
    if (readable < 0) fail("disk shim: open again");
    pthread_mutex_lock(&keeping);
    copy(readable, part);
    if (rename(part, whole) != 0) fail("disk shim: rename");
    pthread_mutex_unlock(&keeping);
    close(readable);
}

static int synced(const char *function, int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, function);
    int result = real(descriptor);
    if (result == 0) keep(descriptor);
    return result;
}

int fsync(int descriptor) { return synced("fsync", descriptor); }

int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }
