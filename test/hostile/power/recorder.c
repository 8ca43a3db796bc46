/*
 * A disk that remembers: a FUSE file system with one file, `disk`, whose writes and flushes are appended to a log in the
 * order in which they reach the device. `recorder MOUNTPOINT BACKING LOG`, where BACKING is the image and LOG gets, for
 * each of them: offset (8 bytes, little endian), length (8 bytes; 0 for a flush), and the bytes.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int backing, record;
static off_t size;

static int get_attributes(const char *path, struct stat *to, struct fuse_file_info *file) {
  (void)file;
  memset(to, 0, sizeof *to);
  if (strcmp(path, "/") == 0) {
    to->st_mode = S_IFDIR | 0700;
    to->st_nlink = 2;
  } else if (strcmp(path, "/disk") == 0) {
    to->st_mode = S_IFREG | 0600;
    to->st_nlink = 1;
    to->st_size = size;
  } else {
    return -ENOENT;
  }
  return 0;
}

static int open_file(const char *path, struct fuse_file_info *file) {
  (void)file;
  return strcmp(path, "/disk") == 0 ? 0 : -ENOENT;
}

static int read_bytes(const char *path, char *to, size_t length, off_t at, struct fuse_file_info *file) {
  (void)path, (void)file;
  ssize_t got = pread(backing, to, length, at);
  return got < 0 ? -errno : (int)got;
}

static int note(uint64_t at, uint64_t length, const char *bytes) {
  uint64_t head[2] = {at, length};
  struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
  ssize_t all = (ssize_t)(sizeof head + length);
  return writev(record, parts, length ? 2 : 1) == all ? 0 : -EIO;
}

static int write_bytes(const char *path, const char *from, size_t length, off_t at, struct fuse_file_info *file) {
  (void)path, (void)file;
  ssize_t put = pwrite(backing, from, length, at);
  if (put < 0) return -errno;
  int failed = note((uint64_t)at, (uint64_t)put, from);
  return failed ? failed : (int)put;
}

static int flush_all(const char *path, int data_only, struct fuse_file_info *file) {
  (void)path, (void)data_only, (void)file;
  return note(0, 0, NULL);
}

static const struct fuse_operations operations = {
    .getattr = get_attributes, .open = open_file, .read = read_bytes, .write = write_bytes, .fsync = flush_all};

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  backing = open(argv[2], O_RDWR | O_CLOEXEC);
  record = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  size = lseek(backing, 0, SEEK_END);
  if (backing < 0 || record < 0 || size <= 0) return 66;
  char *mount[] = {argv[0], "-f", "-s", argv[1], NULL};
  return fuse_main(4, mount, &operations, NULL);
}
