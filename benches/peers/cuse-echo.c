/* What CUSE itself costs: a character device in C on libfuse3's cuse_lowlevel. Each open has a buffer of its own;
 * write fills it, read brings it back. Single-threaded: the work of umei's front end without a device behind it.
 * usage: cuse-echo NAME, for /dev/NAME
 * build: gcc -O2 -o cuse-echo cuse-echo.c $(pkg-config --cflags --libs fuse3) */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse3/cuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
    size_t length;
    char data[4096];
};

static void open_file(fuse_req_t request, struct fuse_file_info *info)
{
    struct file *file = calloc(1, sizeof *file);
    if (!file) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    info->fh = (uint64_t)(uintptr_t)file;
    fuse_reply_open(request, info);
}

static void release(fuse_req_t request, struct fuse_file_info *info)
{
    free((void *)(uintptr_t)info->fh);
    fuse_reply_err(request, 0);
}

static void write_file(fuse_req_t request, const char *data, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct file *file = (void *)(uintptr_t)info->fh;
    (void)offset;
    if (size > sizeof file->data) {
        fuse_reply_err(request, EFBIG);
        return;
    }
    memcpy(file->data, data, size);
    file->length = size;
    fuse_reply_write(request, size);
}

static void read_file(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct file *file = (void *)(uintptr_t)info->fh;
    (void)offset;
    fuse_reply_buf(request, file->data, size < file->length ? size : file->length);
}

static const struct cuse_lowlevel_ops operations = {
    .open = open_file, .release = release, .write = write_file, .read = read_file,
};

int main(int count, char **words)
{
    char name[64];
    const char *information[] = { name };
    struct cuse_info device = { .dev_info_argc = 1, .dev_info_argv = information };
    /* In the foreground, one thread. */
    char *arguments[] = { words[0], "-f", "-s" };
    if (count != 2 || snprintf(name, sizeof name, "DEVNAME=%s", words[1]) >= (int)sizeof name) {
        fprintf(stderr, "usage: cuse-echo NAME\n");
        return 2;
    }
    return cuse_lowlevel_main(3, arguments, &device, &operations, NULL);
}
