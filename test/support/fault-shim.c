/*
 * Preloaded into rasend, its runners and git: lets one call to the system fail, the N-th of all of them together, and
 * counts. What it is told, and what it saw, is in a file that all processes map (fault-shim.ts has the same layout).
 * Only calls on files below FAULT_ROOT count, so that the programs themselves still load, and looks of rasend into /proc.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
  uint64_t armed;   /* 1: count, and fail the call number `target`. */
  uint64_t count;   /* Calls so far. */
  uint64_t target;  /* 0: none. */
  uint64_t error;   /* errno of the call that fails. */
  uint64_t kinds;   /* Bits of KIND: which calls count. */
  uint64_t programs; /* Bits of PROGRAM: whose. */
  uint64_t fired;   /* Calls that were failed. */
  uint64_t by_kind[8];
  uint64_t by_program[4];
  char what[512];   /* Program, call and file of the one that failed. */
};

enum kind { WRITE, SYNC, RENAME, CREATE, MKDIR, UNLINK, READ };
static const char *const NAMES[] = {"write", "sync", "rename", "create", "mkdir", "unlink", "open"};
enum program { OTHER, SUPERVISOR, RUNNER, GIT };
static const char *const PROGRAMS[] = {"other", "rasend", "runner", "git"};

static struct control *control;
static const char *root;
static size_t root_length;
static enum program program;

static enum program which(void) {
  /* The runner's program text is a word of its command line. */
  static char line[1 << 16];
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return OTHER;
  ssize_t n = syscall(SYS_read, fd, line, sizeof line - 1);
  syscall(SYS_close, fd);
  if (n <= 0) return OTHER;
  const char *base = strrchr(line, '/');
  base = base ? base + 1 : line;
  if (strncmp(base, "git", 3) == 0) return GIT;
  for (ssize_t i = 0; i < n; i++)
    if (line[i] == 0) line[i] = ' ';
  if (strstr(line, "rasend.cjs")) return SUPERVISOR;
  /* A shell that the runner forked for its command is still the runner, until it has become another program. */
  return strstr(line, "runner.sh") ? RUNNER : OTHER;
}

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("FAULT_FILE");
  root = getenv("FAULT_ROOT");
  program = which();
  if (!file || !root || program == OTHER) return;
  root_length = strlen(root);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (at != MAP_FAILED) control = at;
}

/* The supervisor looks at processes; a table that is full of files hides them, too. */
static int is_look(enum kind kind, const char *path) {
  return program == SUPERVISOR && kind == READ && strncmp(path, "/proc/", 6) == 0;
}

/* 1: this call fails, and errno is set. */
static int fails(enum kind kind, const char *path) {
  if (!control || !__atomic_load_n(&control->armed, __ATOMIC_SEQ_CST)) return 0;
  if (!((control->kinds >> kind) & 1) || !((control->programs >> program) & 1)) return 0;
  if (path[0] == '/' && strncmp(path, root, root_length) != 0 && !is_look(kind, path)) return 0;
  uint64_t n = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&control->by_kind[kind], 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&control->by_program[program], 1, __ATOMIC_SEQ_CST);
  if (n != control->target) return 0;
  __atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST);
  snprintf(control->what, sizeof control->what, "%s %s %s", PROGRAMS[program], NAMES[kind], path);
  errno = (int)control->error;
  return 1;
}

/* The same for a descriptor of a regular file or folder; pipes, sockets and devices do not count. */
static int fails_at(enum kind kind, int fd) {
  if (!control || !control->armed) return 0;
  char link[64], path[4096];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  errno = saved;
  if (n <= 0 || path[0] != '/') return 0;
  path[n] = 0;
  return fails(kind, path);
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static enum kind kind_of(int flags) {
  return (flags & O_CREAT) || (flags & O_ACCMODE) != O_RDONLY ? CREATE : READ;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { va_list a; va_start(a, flags); mode = va_arg(a, mode_t); va_end(a); } \
    return fails(kind_of(flags), path) ? -1 : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int at, const char *path, int flags, ...) { \
    REAL(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { va_list a; va_start(a, flags); mode = va_arg(a, mode_t); va_end(a); } \
    return fails(kind_of(flags), path) ? -1 : real(at, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

typedef int (*filter)(const struct dirent *);
typedef int (*order)(const struct dirent **, const struct dirent **);
typedef int (*filter64)(const struct dirent64 *);
typedef int (*order64)(const struct dirent64 **, const struct dirent64 **);
DIR *opendir(const char *path) { REAL(opendir); return fails(READ, path) ? NULL : real(path); }
int scandir(const char *path, struct dirent ***to, filter f, order o) {
  REAL(scandir);
  return fails(READ, path) ? -1 : real(path, to, f, o);
}
int scandir64(const char *path, struct dirent64 ***to, filter64 f, order64 o) {
  REAL(scandir64);
  return fails(READ, path) ? -1 : real(path, to, f, o);
}

ssize_t write(int fd, const void *data, size_t n) { REAL(write); return fails_at(WRITE, fd) ? -1 : real(fd, data, n); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); return fails_at(WRITE, fd) ? -1 : real(fd, v, n); }
ssize_t pwrite(int fd, const void *d, size_t n, off_t o) { REAL(pwrite); return fails_at(WRITE, fd) ? -1 : real(fd, d, n, o); }
ssize_t pwrite64(int fd, const void *d, size_t n, off64_t o) { REAL(pwrite64); return fails_at(WRITE, fd) ? -1 : real(fd, d, n, o); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t o) { REAL(pwritev64); return fails_at(WRITE, fd) ? -1 : real(fd, v, n, o); }
int fsync(int fd) { REAL(fsync); return fails_at(SYNC, fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fails_at(SYNC, fd) ? -1 : real(fd); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); return fails_at(WRITE, fd) ? -1 : real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); return fails_at(WRITE, fd) ? -1 : real(fd, n); }
int rename(const char *a, const char *b) { REAL(rename); return fails(RENAME, b) ? -1 : real(a, b); }
int renameat(int x, const char *a, int y, const char *b) { REAL(renameat); return fails(RENAME, b) ? -1 : real(x, a, y, b); }
int link(const char *a, const char *b) { REAL(link); return fails(RENAME, b) ? -1 : real(a, b); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return fails(MKDIR, path) ? -1 : real(path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { REAL(mkdirat); return fails(MKDIR, path) ? -1 : real(at, path, mode); }
int unlink(const char *path) { REAL(unlink); return fails(UNLINK, path) ? -1 : real(path); }
int rmdir(const char *path) { REAL(rmdir); return fails(UNLINK, path) ? -1 : real(path); }
