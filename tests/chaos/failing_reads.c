/* A disk that fails reads, for LD_PRELOAD: files of one name cannot be read, or not rightly.
 *
 * CHAOS_FILE: the name that a path ends with. CHAOS_FAULT: a file that says how it fails, for as
 * long as it is there: "error" for EIO, "flip" for a wrong byte in what is read.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fault(int descriptor) {
    const char *name = getenv("CHAOS_FILE"), *told = getenv("CHAOS_FAULT");
    char link[64], path[PATH_MAX], how = 0;
    if (!name || !told)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(name))
        return 0;
    path[length] = 0;
    if (strcmp(path + length - strlen(name), name))
        return 0;
    int file = open(told, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
    real(file, &how, 1);
    close(file);
    return how;
}

static ssize_t spoiled(int how, ssize_t count, char *first) {
    if (how == 'f' && count > 0)
        *first ^= 1;
    return count;
}

#define FAILS(descriptor, first, name, type, ...)                                                  \
    int how = fault(descriptor);                                                                   \
    if (how == 'e') {                                                                              \
        errno = EIO;                                                                               \
        return -1;                                                                                 \
    }                                                                                              \
    static type real;                                                                              \
    if (!real)                                                                                     \
        real = (type)dlsym(RTLD_NEXT, name);                                                       \
    return spoiled(how, real(__VA_ARGS__), first);

typedef ssize_t (*Read)(int, void *, size_t);
typedef ssize_t (*Pread)(int, void *, size_t, off64_t);
typedef ssize_t (*Preadv)(int, const struct iovec *, int, off64_t);
typedef ssize_t (*Preadv2)(int, const struct iovec *, int, off64_t, int);

ssize_t read(int d, void *to, size_t size) { FAILS(d, to, "read", Read, d, to, size) }

ssize_t pread64(int d, void *to, size_t size, off64_t at) {
    FAILS(d, to, "pread64", Pread, d, to, size, at)
}

ssize_t preadv64(int d, const struct iovec *to, int count, off64_t at) {
    FAILS(d, to->iov_base, "preadv64", Preadv, d, to, count, at)
}

ssize_t preadv64v2(int d, const struct iovec *to, int count, off64_t at, int flags) {
    FAILS(d, to->iov_base, "preadv64v2", Preadv2, d, to, count, at, flags)
}
