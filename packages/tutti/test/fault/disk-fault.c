/*
 * What a disk does to a journal, for tests: preloaded into a process (LD_PRELOAD), it watches the files whose name ends in $DISK_FILE.
 *
 * - It writes one line a sync to the file named by $DISK_LOG: how many bytes had been written since the last one.
 * - From the $DISK_FAIL_SYNC'th sync on (counted from 1), $DISK_FAIL_FOR of them fail with EIO.
 * - From the $DISK_FAIL_WRITE'th write on, $DISK_FAIL_FOR of them fail with ENOSPC.
 * - While the file named by $DISK_FULL exists, every write fails with ENOSPC.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 4096

static char watched[MOST];
static long written, writes, syncs;

static long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text ? atol(text) : otherwise;
}

/* Whether the file behind this descriptor is one that the test watches; looked up once for each open file. */
static int watches(int fd) {
  if (fd < 0 || fd >= MOST) return 0;
  if (watched[fd]) return watched[fd] == 2;
  char link[64], path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  const char *end = getenv("DISK_FILE");
  if (length < 0 || !end) return 0;
  path[length] = 0;
  size_t wanted = strlen(end);
  watched[fd] = (size_t)length >= wanted && strcmp(path + length - wanted, end) == 0 ? 2 : 1;
  return watched[fd] == 2;
}

static int fails(long count, const char *from) {
  long first = setting(from, 0);
  return first > 0 && count >= first && count < first + setting("DISK_FAIL_FOR", 1);
}

/* One more write: whether there is no space for it. */
static int is_full(void) {
  const char *mark = getenv("DISK_FULL");
  return fails(++writes, "DISK_FAIL_WRITE") || (mark && access(mark, F_OK) == 0);
}

static int synced(int fd, const char *name) {
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  if (!watches(fd)) return real(fd);
  if (fails(++syncs, "DISK_FAIL_SYNC")) {
    errno = EIO;
    return -1;
  }
  int answer = real(fd);
  const char *log = getenv("DISK_LOG");
  FILE *file = log ? fopen(log, "a") : NULL;
  if (file) {
    fprintf(file, "%ld\n", written);
    fclose(file);
  }
  written = 0;
  return answer;
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

static ssize_t put(int fd, ssize_t answer) {
  if (answer > 0) written += answer;
  return answer;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  if (!watches(fd)) return real(fd, bytes, count);
  if (is_full()) {
    errno = ENOSPC;
    return -1;
  }
  return put(fd, real(fd, bytes, count));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
  if (!watches(fd)) return real(fd, bytes, count, at);
  if (is_full()) {
    errno = ENOSPC;
    return -1;
  }
  return put(fd, real(fd, bytes, count, at));
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

int close(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  if (fd >= 0 && fd < MOST) watched[fd] = 0;
  return real(fd);
}
