/* What the FUSE protocol itself costs: a file system in C on libfuse3 with one file, "echo". Each open has a buffer
 * of its own; write fills it, read brings it back. Single-threaded, direct I/O, the same largest write as umei: the
 * work of umei's front end without a device behind it.
 * usage: fuse-echo -f -s MOUNTPOINT
 * build: gcc -O2 -o fuse-echo fuse-echo.c $(pkg-config --cflags --libs fuse3) */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ECHO = 2, LARGEST = 131072 };

struct file {
    size_t length;
    char data[4096];
};

static void init(void *unused, struct fuse_conn_info *connection)
{
    (void)unused;
    connection->max_write = LARGEST;
    connection->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static int attributes(fuse_ino_t node, struct stat *stat)
{
    memset(stat, 0, sizeof *stat);
    stat->st_ino = node;
    switch (node) {
    case FUSE_ROOT_ID:
        stat->st_mode = S_IFDIR | 0755;
        stat->st_nlink = 2;
        return 0;
    case ECHO:
        stat->st_mode = S_IFREG | 0666;
        stat->st_nlink = 1;
        return 0;
    default:
        return ENOENT;
    }
}

static void lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry = { .ino = ECHO };
    if (parent != FUSE_ROOT_ID || strcmp(name, "echo") != 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    attributes(ECHO, &entry.attr);
    fuse_reply_entry(request, &entry);
}

static void getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *unused)
{
    struct stat stat;
    (void)unused;
    int error = attributes(node, &stat);
    if (error)
        fuse_reply_err(request, error);
    else
        fuse_reply_attr(request, &stat, 1.0);
}

static void open_file(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
    struct file *file = node == ECHO ? calloc(1, sizeof *file) : NULL;
    if (!file) {
        fuse_reply_err(request, node == ECHO ? ENOMEM : EISDIR);
        return;
    }
    info->fh = (uint64_t)(uintptr_t)file;
    info->direct_io = 1;
    info->nonseekable = 1;
    fuse_reply_open(request, info);
}

static void release(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
    (void)node;
    free((void *)(uintptr_t)info->fh);
    fuse_reply_err(request, 0);
}

static void write_file(fuse_req_t request, fuse_ino_t node, const char *data, size_t size, off_t offset,
                       struct fuse_file_info *info)
{
    struct file *file = (void *)(uintptr_t)info->fh;
    (void)node, (void)offset;
    if (size > sizeof file->data) {
        fuse_reply_err(request, EFBIG);
        return;
    }
    memcpy(file->data, data, size);
    file->length = size;
    fuse_reply_write(request, size);
}

static void read_file(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct file *file = (void *)(uintptr_t)info->fh;
    (void)node, (void)offset;
    fuse_reply_buf(request, file->data, size < file->length ? size : file->length);
}

static const struct fuse_lowlevel_ops operations = {
    .init = init, .lookup = lookup, .getattr = getattr, .open = open_file, .release = release,
    .write = write_file, .read = read_file,
};

int main(int count, char **words)
{
    struct fuse_args arguments = FUSE_ARGS_INIT(count, words);
    struct fuse_cmdline_opts options;
    if (fuse_parse_cmdline(&arguments, &options) || !options.mountpoint)
        return 2;
    struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof operations, NULL);
    if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, options.mountpoint))
        return 1;
    int result = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return result ? 1 : 0;
}
