use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a request asks for. Open: a number without a name here is kept and answered ENOSYS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(transparent)]
pub struct Opcode(pub u32);

/// Declares the known numbers.
macro_rules! opcodes {
    ($( $NAME:ident = $number:literal, $doc:literal; )*) => {
        impl Opcode {
            $( #[doc = $doc] pub const $NAME: Self = Self($number); )*
        }
    };
}

opcodes! {
    LOOKUP = 1, "Find a name in a directory.";
    FORGET = 2, "The kernel drops references to an inode; not answered.";
    GETATTR = 3, "Attributes of an inode.";
    SETATTR = 4, "Change attributes of an inode.";
    READLINK = 5, "Target of a symbolic link.";
    SYMLINK = 6, "Make a symbolic link.";
    MKNOD = 8, "Make a file or node.";
    MKDIR = 9, "Make a directory.";
    UNLINK = 10, "Remove a name.";
    RMDIR = 11, "Remove a directory.";
    RENAME = 12, "Rename.";
    LINK = 13, "Make a hard link.";
    OPEN = 14, "Open a file.";
    READ = 15, "Read from an open file.";
    WRITE = 16, "Write to an open file.";
    STATFS = 17, "Numbers of the file system.";
    RELEASE = 18, "The last descriptor of an open file is gone.";
    FSYNC = 20, "Wait until written data are out.";
    SETXATTR = 21, "Set an extended attribute.";
    GETXATTR = 22, "Get an extended attribute.";
    LISTXATTR = 23, "List extended attributes.";
    REMOVEXATTR = 24, "Remove an extended attribute.";
    FLUSH = 25, "A descriptor of an open file is closed.";
    INIT = 26, "First request of a file system.";
    OPENDIR = 27, "Open a directory.";
    READDIR = 28, "Read a directory.";
    RELEASEDIR = 29, "An open directory is gone.";
    FSYNCDIR = 30, "Synchronise a directory.";
    GETLK = 31, "Test a lock.";
    SETLK = 32, "Take or drop a lock.";
    SETLKW = 33, "Wait for a lock.";
    ACCESS = 34, "Check permissions.";
    CREATE = 35, "Create and open a file.";
    INTERRUPT = 36, "The caller of another request got a signal.";
    BMAP = 37, "Map a block.";
    DESTROY = 38, "Last request of a block-device file system.";
    IOCTL = 39, "Device control.";
    POLL = 40, "Readiness.";
    NOTIFY_REPLY = 41, "Data for a retrieve notification; not answered.";
    BATCH_FORGET = 42, "Many FORGETs in one; not answered.";
    FALLOCATE = 43, "Allocate space.";
    READDIRPLUS = 44, "READDIR and LOOKUP in one.";
    RENAME2 = 45, "Rename with flags.";
    LSEEK = 46, "Find holes and data.";
    COPY_FILE_RANGE = 47, "Copy between files.";
    SETUPMAPPING = 48, "Map for direct access.";
    REMOVEMAPPING = 49, "Unmap from direct access.";
    SYNCFS = 50, "Synchronise the file system.";
    TMPFILE = 51, "Create a file without a name.";
    CUSE_INIT = 4096, "First request of a character device.";
}
