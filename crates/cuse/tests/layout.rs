//! Every structure and number of `wire` against two independent descriptions: the `polyfuse-kernel` crate
//! (FUSE 7.31) and this machine's `linux/fuse.h`, as its C compiler understands it.

use std::io::Write as _;
use std::mem::offset_of;
use std::process::{Command, Stdio};

use cuse::wire;
use cuse::wire::Opcode;
use polyfuse_kernel as oracle;

/// One structure: its names, sizes, and the offsets of its fields (name in C, ours, the oracle's).
struct Layout {
    c_name: &'static str,
    size: usize,
    oracle_size: usize,
    fields: Vec<(&'static str, usize, usize)>,
}

macro_rules! layouts {
    ($( $Ours:ident = $oracle:ident { $($field:ident),* } )*) => {
        vec![ $( Layout {
            c_name: stringify!($oracle),
            size: size_of::<wire::$Ours>(),
            oracle_size: size_of::<oracle::$oracle>(),
            fields: vec![ $( (
                stringify!($field),
                offset_of!(wire::$Ours, $field),
                offset_of!(oracle::$oracle, $field),
            ) ),* ],
        } ),* ]
    };
}

fn layouts() -> Vec<Layout> {
    layouts! {
        InHeader = fuse_in_header { len, opcode, unique, nodeid, uid, gid, pid }
        OutHeader = fuse_out_header { len, error, unique }
        CuseInitIn = cuse_init_in { major, minor, unused, flags }
        CuseInitOut = cuse_init_out {
            major, minor, unused, flags, max_read, max_write, dev_major, dev_minor, spare
        }
        InitIn = fuse_init_in { major, minor, max_readahead, flags }
        InitOut = fuse_init_out {
            major, minor, max_readahead, flags, max_background, congestion_threshold, max_write, time_gran,
            max_pages
        }
        OpenIn = fuse_open_in { flags }
        OpenOut = fuse_open_out { fh, open_flags, padding }
        ReadIn = fuse_read_in { fh, offset, size, read_flags, lock_owner, flags, padding }
        WriteIn = fuse_write_in { fh, offset, size, write_flags, lock_owner, flags, padding }
        WriteOut = fuse_write_out { size, padding }
        ReleaseIn = fuse_release_in { fh, flags, release_flags, lock_owner }
        FlushIn = fuse_flush_in { fh, unused, padding, lock_owner }
        FsyncIn = fuse_fsync_in { fh, fsync_flags, padding }
        InterruptIn = fuse_interrupt_in { unique }
        IoctlIn = fuse_ioctl_in { fh, flags, cmd, arg, in_size, out_size }
        IoctlOut = fuse_ioctl_out { result, flags, in_iovs, out_iovs }
        IoctlIovec = fuse_ioctl_iovec { base, len }
        PollIn = fuse_poll_in { fh, kh, flags, events }
        PollOut = fuse_poll_out { revents, padding }
        NotifyPollWakeupOut = fuse_notify_poll_wakeup_out { kh }
        Attr = fuse_attr {
            ino, size, blocks, atime, mtime, ctime, atimensec, mtimensec, ctimensec, mode, nlink, uid, gid,
            rdev, blksize
        }
        EntryOut = fuse_entry_out {
            nodeid, generation, entry_valid, attr_valid, entry_valid_nsec, attr_valid_nsec, attr
        }
        ForgetIn = fuse_forget_in { nlookup }
        ForgetOne = fuse_forget_one { nodeid, nlookup }
        BatchForgetIn = fuse_batch_forget_in { count, dummy }
        GetattrIn = fuse_getattr_in { getattr_flags, dummy, fh }
        AttrOut = fuse_attr_out { attr_valid, attr_valid_nsec, dummy, attr }
        SetattrIn = fuse_setattr_in {
            valid, padding, fh, size, lock_owner, atime, mtime, ctime, atimensec, mtimensec, ctimensec, mode,
            unused4, uid, gid, unused5
        }
        AccessIn = fuse_access_in { mask, padding }
        StatfsOut = fuse_kstatfs { blocks, bfree, bavail, files, ffree, bsize, namelen, frsize, padding, spare }
        Dirent = fuse_dirent { ino, off, namelen }
        Direntplus = fuse_direntplus { entry_out, dirent }
    }
}

/// Every opcode: name in C, ours, and the oracle's number where it knows it.
fn opcodes() -> Vec<(&'static str, Opcode, Option<u32>)> {
    macro_rules! opcodes {
        ($( $FUSE_NAME:ident = $NAME:ident ),*) => {
            vec![ $( (stringify!($FUSE_NAME), Opcode::$NAME, Some(oracle::$FUSE_NAME)) ),* ]
        };
    }
    let mut all = opcodes![
        FUSE_LOOKUP = LOOKUP,
        FUSE_FORGET = FORGET,
        FUSE_GETATTR = GETATTR,
        FUSE_SETATTR = SETATTR,
        FUSE_READLINK = READLINK,
        FUSE_SYMLINK = SYMLINK,
        FUSE_MKNOD = MKNOD,
        FUSE_MKDIR = MKDIR,
        FUSE_UNLINK = UNLINK,
        FUSE_RMDIR = RMDIR,
        FUSE_RENAME = RENAME,
        FUSE_LINK = LINK,
        FUSE_OPEN = OPEN,
        FUSE_READ = READ,
        FUSE_WRITE = WRITE,
        FUSE_STATFS = STATFS,
        FUSE_RELEASE = RELEASE,
        FUSE_FSYNC = FSYNC,
        FUSE_SETXATTR = SETXATTR,
        FUSE_GETXATTR = GETXATTR,
        FUSE_LISTXATTR = LISTXATTR,
        FUSE_REMOVEXATTR = REMOVEXATTR,
        FUSE_FLUSH = FLUSH,
        FUSE_INIT = INIT,
        FUSE_OPENDIR = OPENDIR,
        FUSE_READDIR = READDIR,
        FUSE_RELEASEDIR = RELEASEDIR,
        FUSE_FSYNCDIR = FSYNCDIR,
        FUSE_GETLK = GETLK,
        FUSE_SETLK = SETLK,
        FUSE_SETLKW = SETLKW,
        FUSE_ACCESS = ACCESS,
        FUSE_CREATE = CREATE,
        FUSE_INTERRUPT = INTERRUPT,
        FUSE_BMAP = BMAP,
        FUSE_DESTROY = DESTROY,
        FUSE_IOCTL = IOCTL,
        FUSE_POLL = POLL,
        FUSE_NOTIFY_REPLY = NOTIFY_REPLY,
        FUSE_BATCH_FORGET = BATCH_FORGET,
        FUSE_FALLOCATE = FALLOCATE,
        FUSE_READDIRPLUS = READDIRPLUS,
        FUSE_RENAME2 = RENAME2,
        FUSE_LSEEK = LSEEK,
        FUSE_COPY_FILE_RANGE = COPY_FILE_RANGE,
        CUSE_INIT = CUSE_INIT
    ];
    all.extend([
        ("FUSE_SETUPMAPPING", Opcode::SETUPMAPPING, None),
        ("FUSE_REMOVEMAPPING", Opcode::REMOVEMAPPING, None),
        ("FUSE_SYNCFS", Opcode::SYNCFS, None),
        ("FUSE_TMPFILE", Opcode::TMPFILE, None),
    ]);
    all
}

/// Every constant: name in C, ours, the oracle's.
fn constants() -> Vec<(&'static str, u64, u64)> {
    macro_rules! constants {
        ($( $NAME:ident = $ours:expr ),*) => {
            vec![ $( (stringify!($NAME), $ours as u64, u64::from(oracle::$NAME)) ),* ]
        };
    }
    constants![
        FUSE_KERNEL_VERSION = wire::KERNEL_MAJOR,
        FUSE_MIN_READ_BUFFER = wire::MIN_READ_BUFFER,
        FUSE_IOCTL_MAX_IOV = wire::IOCTL_MAX_IOV,
        CUSE_INIT_INFO_MAX = wire::INFO_MAX,
        CUSE_UNRESTRICTED_IOCTL = wire::CUSE_UNRESTRICTED_IOCTL,
        FOPEN_DIRECT_IO = wire::OpenFlags::DIRECT_IO.0,
        FOPEN_NONSEEKABLE = wire::OpenFlags::NONSEEKABLE.0,
        FOPEN_STREAM = wire::OpenFlags::STREAM.0,
        FUSE_ATOMIC_O_TRUNC = wire::InitFlags::ATOMIC_O_TRUNC.0,
        FUSE_BIG_WRITES = wire::InitFlags::BIG_WRITES.0,
        FUSE_DO_READDIRPLUS = wire::InitFlags::DO_READDIRPLUS.0,
        FUSE_PARALLEL_DIROPS = wire::InitFlags::PARALLEL_DIROPS.0,
        FUSE_MAX_PAGES = wire::InitFlags::MAX_PAGES.0,
        FUSE_IOCTL_COMPAT = wire::IoctlFlags::COMPAT.0,
        FUSE_IOCTL_UNRESTRICTED = wire::IoctlFlags::UNRESTRICTED.0,
        FUSE_IOCTL_RETRY = wire::IoctlFlags::RETRY.0,
        FUSE_IOCTL_32BIT = wire::IoctlFlags::IS_32BIT.0,
        FUSE_IOCTL_DIR = wire::IoctlFlags::DIR.0,
        FUSE_IOCTL_COMPAT_X32 = wire::IoctlFlags::COMPAT_X32.0,
        FUSE_POLL_SCHEDULE_NOTIFY = wire::PollFlags::SCHEDULE_NOTIFY.0,
        FATTR_MODE = wire::SetattrValid::MODE.0,
        FATTR_UID = wire::SetattrValid::UID.0,
        FATTR_GID = wire::SetattrValid::GID.0,
        FATTR_SIZE = wire::SetattrValid::SIZE.0
    ]
}

#[test]
fn polyfuse_agrees() {
    for Layout { c_name, size, oracle_size, fields } in layouts() {
        assert_eq!(size, oracle_size, "size of {c_name}");
        for (field, ours, theirs) in fields {
            assert_eq!(ours, theirs, "{c_name}.{field}");
        }
    }
    for (name, ours, theirs) in opcodes() {
        assert!(theirs.is_none_or(|number| number == ours.0), "{name}");
    }
    for (name, ours, theirs) in constants() {
        assert_eq!(ours, theirs, "{name}");
    }
    assert_eq!(wire::NOTIFY_POLL.cast_unsigned(), oracle::FUSE_NOTIFY_POLL);
}

/// What C is to assert: all of the above, and what is too new for the other oracle.
fn assertions() -> String {
    let mut source = String::from("#include <stddef.h>\n#include <linux/fuse.h>\n");
    let mut assert = |condition: String| {
        source.push_str(&format!("_Static_assert({condition}, \"{condition}\");\n"));
    };
    for Layout { c_name, size, fields, .. } in layouts() {
        // INIT has grown since; the part that every kernel sends is the one declared.
        let relation = if c_name == "fuse_init_in" { ">=" } else { "==" };
        assert(format!("sizeof(struct {c_name}) {relation} {size}"));
        for (field, offset, _) in fields {
            assert(format!("offsetof(struct {c_name}, {field}) == {offset}"));
        }
    }
    let newer = [
        ("fuse_in_header", "total_extlen", offset_of!(wire::InHeader, total_extlen)),
        ("fuse_attr", "flags", offset_of!(wire::Attr, flags)),
        ("fuse_init_out", "map_alignment", offset_of!(wire::InitOut, map_alignment)),
        ("fuse_init_out", "flags2", offset_of!(wire::InitOut, flags2)),
        ("fuse_open_in", "open_flags", offset_of!(wire::OpenIn, open_flags)),
        ("fuse_dirent", "type", offset_of!(wire::Dirent, kind)),
    ];
    for (c_name, field, offset) in newer {
        assert(format!("offsetof(struct {c_name}, {field}) == {offset}"));
    }
    for (name, ours, _) in opcodes() {
        assert(format!("{name} == {}", ours.0));
    }
    for (name, ours, _) in constants() {
        assert(format!("{name} == {ours}"));
    }
    assert(format!("FUSE_NOTIFY_POLL == {}", wire::NOTIFY_POLL));
    assert(format!("FUSE_ROOT_ID == {}", wire::NodeId::ROOT.0));
    source
}

#[test]
fn the_system_header_agrees() {
    let compiler = Command::new("gcc")
        .args(["-x", "c", "-fsyntax-only", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut compiler = match compiler {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: no gcc to read linux/fuse.h with; polyfuse-kernel was the only oracle");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    compiler.stdin.take().unwrap().write_all(assertions().as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
