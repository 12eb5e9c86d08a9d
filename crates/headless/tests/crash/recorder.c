/* Preloaded into courtierd: writes down every change of its databases and every byte it sends, in
   the order in which they happened, so that a power cut can be played at any point.

   A record is: kind, file number (or socket), offset, length, and as many bytes.
   O open (the path)  W write  T truncate (offset: the new size)  S sync  U unlink (the path)  A sent */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
#define FDS 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static uint32_t files[FDS], next_file = 1;

static ssize_t plain_write(int fd, const void *data, size_t len) {
    REAL(ssize_t, write, int, const void *, size_t);
    return real(fd, data, len);
}

static void put(char kind, uint32_t file, uint64_t offset, const void *data, uint32_t len) {
    unsigned char head[17];
    head[0] = (unsigned char)kind;
    memcpy(head + 1, &file, 4);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &len, 4);
    plain_write(out, head, sizeof head);
    if (len) plain_write(out, data, len);
}

static int ready(void) {
    if (out < 0) {
        const char *path = getenv("COURTIER_RECORD");
        REAL(int, open, const char *, int, ...);
        if (path) out = real(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    return out >= 0;
}

static uint32_t file_of(int fd) { return fd >= 0 && fd < FDS ? files[fd] : 0; }

static void opened(int fd, const char *path) {
    if (fd < 0 || fd >= FDS || !strstr(path, ".db") || strstr(path, "-shm")) return;
    pthread_mutex_lock(&lock);
    if (ready()) {
        files[fd] = next_file++;
        put('O', files[fd], 0, path, (uint32_t)strlen(path));
    }
    pthread_mutex_unlock(&lock);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        int fd = real(path, flags, mode); \
        opened(fd, path); \
        return fd; \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(int, close, int);
    if (fd >= 0 && fd < FDS) files[fd] = 0;
    return real(fd);
}

static void wrote(int fd, uint64_t offset, const void *data, ssize_t len) {
    if (len <= 0) return;
    pthread_mutex_lock(&lock);
    if (ready()) put('W', file_of(fd), offset, data, (uint32_t)len);
    pthread_mutex_unlock(&lock);
}

#define PWRITE(name, off) \
    ssize_t name(int fd, const void *data, size_t len, off offset) { \
        REAL(ssize_t, name, int, const void *, size_t, off); \
        ssize_t done = real(fd, data, len, offset); \
        if (file_of(fd)) wrote(fd, (uint64_t)offset, data, done); \
        return done; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

/* What is sent counts as sent from the moment before: no acknowledgement is missed. */
static void sending(int fd, const void *data, size_t len) {
    struct stat info;
    if (fd == out || fstat(fd, &info) || !S_ISSOCK(info.st_mode)) return;
    pthread_mutex_lock(&lock);
    if (ready()) put('A', (uint32_t)fd, 0, data, (uint32_t)len);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *data, size_t len) {
    if (file_of(fd)) {
        off_t at = lseek(fd, 0, SEEK_CUR);
        ssize_t done = plain_write(fd, data, len);
        wrote(fd, (uint64_t)at, data, done);
        return done;
    }
    sending(fd, data, len);
    return plain_write(fd, data, len);
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
    REAL(ssize_t, send, int, const void *, size_t, int);
    sending(fd, data, len);
    return real(fd, data, len, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    for (int i = 0; i < count; i++) sending(fd, parts[i].iov_base, parts[i].iov_len);
    return real(fd, parts, count);
}

#define TRUNCATE(name, off) \
    int name(int fd, off size) { \
        REAL(int, name, int, off); \
        int done = real(fd, size); \
        if (!done && file_of(fd)) { \
            pthread_mutex_lock(&lock); \
            if (ready()) put('T', file_of(fd), (uint64_t)size, "", 0); \
            pthread_mutex_unlock(&lock); \
        } \
        return done; \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name) \
    int name(int fd) { \
        REAL(int, name, int); \
        int done = real(fd); \
        if (!done && file_of(fd)) { \
            pthread_mutex_lock(&lock); \
            if (ready()) put('S', file_of(fd), 0, "", 0); \
            pthread_mutex_unlock(&lock); \
        } \
        return done; \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    int done = real(path);
    if (!done && strstr(path, ".db") && !strstr(path, "-shm")) {
        pthread_mutex_lock(&lock);
        if (ready()) put('U', 0, 0, path, (uint32_t)strlen(path));
        pthread_mutex_unlock(&lock);
    }
    return done;
}
