/*
 * Preloaded into a process (LD_PRELOAD), makes calls to the file system fail or hang for paths that a file of rules names. It
 * is read at each call, so that a test changes what the disk does while the process runs. A line is a rule:
 *
 *   CALL FAULT PATH
 *
 * CALL: open (and create), create, list, read, write, sync, rename, mkdir, remove, access. FAULT: the number of an error, or
 * "hang" until the rule is gone. PATH: a part of the path. In test/support/faulty-disk.ts.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { most_rules = 4096, hang = -1 };

/* The fault of the first rule that fits; 0 for none. */
static int fault_of(const char *call, const char *path) {
  const char *rules = getenv("FAULTY_DISK_RULES");
  if (rules == NULL) return 0;
  int file = (int)syscall(SYS_openat, AT_FDCWD, rules, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[most_rules];
  ssize_t length = syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  if (length <= 0) return 0;
  text[length] = '\0';
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    char name[16], fault[16], part[PATH_MAX];
    if (sscanf(line, "%15s %15s %4095s", name, fault, part) != 3) continue;
    if (strcmp(name, call) != 0 || strstr(path, part) == NULL) continue;
    return strcmp(fault, "hang") == 0 ? hang : atoi(fault);
  }
  return 0;
}

/* Whether the call fails; it waits where it hangs. */
static bool fails(const char *call, const char *path) {
  int fault;
  while ((fault = fault_of(call, path)) == hang) usleep(5000);
  if (fault != 0) errno = fault;
  return fault != 0;
}

static bool file_fails(const char *call, int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = '\0';
  return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                                           \
  int name(const char *path, int flags, ...) {                                               \
    va_list arguments;                                                                       \
    va_start(arguments, flags);                                                              \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;                    \
    va_end(arguments);                                                                       \
    if (fails("open", path) || ((flags & O_CREAT) != 0 && fails("create", path))) return -1; \
    return REAL(name)(path, flags, mode);                                                    \
  }
OPEN(open)
OPEN(open64)

#define ON_FILE(call, type, name, parameters, arguments) \
  type name parameters {                                 \
    if (file_fails(call, file)) return -1;               \
    return REAL(name) arguments;                         \
  }
ON_FILE("read", ssize_t, pread, (int file, void *to, size_t n, off_t at), (file, to, n, at))
ON_FILE("read", ssize_t, pread64, (int file, void *to, size_t n, off64_t at), (file, to, n, at))
ON_FILE("read", ssize_t, read, (int file, void *to, size_t n), (file, to, n))
ON_FILE("write", ssize_t, pwrite, (int file, const void *from, size_t n, off_t at), (file, from, n, at))
ON_FILE("write", ssize_t, pwrite64, (int file, const void *from, size_t n, off64_t at), (file, from, n, at))
ON_FILE("write", ssize_t, write, (int file, const void *from, size_t n), (file, from, n))
ON_FILE("write", ssize_t, pwritev, (int file, const struct iovec *from, int n, off_t at), (file, from, n, at))
ON_FILE("write", ssize_t, pwritev64, (int file, const struct iovec *from, int n, off64_t at), (file, from, n, at))
ON_FILE("sync", int, fdatasync, (int file), (file))
ON_FILE("sync", int, fsync, (int file), (file))

#define ON_PATH(call, type, failed, name, parameters, arguments) \
  type name parameters {                                         \
    if (fails(call, path)) return failed;                        \
    return REAL(name) arguments;                                 \
  }
ON_PATH("rename", int, -1, rename, (const char *path, const char *to), (path, to))
ON_PATH("mkdir", int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH("remove", int, -1, unlink, (const char *path), (path))
ON_PATH("remove", int, -1, rmdir, (const char *path), (path))
ON_PATH("access", int, -1, access, (const char *path, int mode), (path, mode))
ON_PATH("list", DIR *, NULL, opendir, (const char *path), (path))

typedef int filter(const struct dirent *);
typedef int order(const struct dirent **, const struct dirent **);
ON_PATH("list", int, -1, scandir, (const char *path, struct dirent ***names, filter *wanted, order *by),
        (path, names, wanted, by))
typedef int filter64(const struct dirent64 *);
typedef int order64(const struct dirent64 **, const struct dirent64 **);
ON_PATH("list", int, -1, scandir64, (const char *path, struct dirent64 ***names, filter64 *wanted, order64 *by),
        (path, names, wanted, by))
