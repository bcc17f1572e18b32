//! The structures and numbers of the FUSE protocol, as the kernel's `linux/fuse.h` lays them out.
//!
//! Plain representations in the machine's byte order, naturally aligned, with no padding the compiler
//! chose: each size is asserted when the crate is compiled, and the tests hold every field against two
//! independent descriptions. Unknown values are kept, never refused.

/// Declares structures together with their size in bytes, which the compiler checks.
macro_rules! wire {
    ($(
        $(#[$meta:meta])*
        pub struct $Name:ident: $size:literal {
            $( $(#[$field_meta:meta])* pub $field:ident: $Type:ty, )*
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable)]
        #[repr(C)]
        pub struct $Name {
            $( $(#[$field_meta])* pub $field: $Type, )*
        }
        const _: () = assert!(size_of::<$Name>() == $size);
    )* };
}

mod file;
mod flags;
mod id;
mod init;
mod inode;
mod ioctl;
mod opcode;
mod poll;

pub use file::{FlushIn, FsyncIn, InterruptIn, OpenIn, OpenOut, ReadIn, ReleaseIn, WriteIn, WriteOut};
pub use flags::{FileFlags, InitFlags, IoctlFlags, OpenFlags, PollFlags, SetattrValid};
pub use id::{FileHandle, NodeId, PollHandle, Unique};
pub use init::{
    CUSE_UNRESTRICTED_IOCTL, CuseInitIn, CuseInitOut, INFO_MAX, InitIn, InitOut, KERNEL_MAJOR, KERNEL_MINOR,
    MIN_READ_BUFFER,
};
pub use inode::{
    AccessIn, Attr, AttrOut, BatchForgetIn, Dirent, Direntplus, EntryOut, ForgetIn, ForgetOne, GetattrIn,
    SetattrIn, StatfsOut,
};
pub use ioctl::{IOCTL_MAX_IOV, IoctlIn, IoctlIovec, IoctlOut};
pub use opcode::Opcode;
pub use poll::{NOTIFY_POLL, NotifyPollWakeupOut, PollIn, PollOut};

wire! {
    /// What every request starts with (cuse.md §1).
    pub struct InHeader: 40 {
        /// Bytes of header and payload together.
        pub len: u32,
        /// What is asked.
        pub opcode: Opcode,
        /// Names the request; the answer carries it back unchanged.
        pub unique: Unique,
        /// The inode, always 0 for a character device.
        pub nodeid: NodeId,
        /// File-system user id of the caller.
        pub uid: u32,
        /// File-system group id of the caller.
        pub gid: u32,
        /// **Thread** id of the caller in the server's pid namespace, 0 when it has none there.
        pub pid: u32,
        /// Length of the extensions behind the payload, in units of 8 bytes.
        pub total_extlen: u16,
        /// Zero.
        pub padding: u16,
    }

    /// What every answer and notification starts with (cuse.md §1).
    pub struct OutHeader: 16 {
        /// Bytes of header and payload together; must equal the bytes written.
        pub len: u32,
        /// 0 or a negated errno, −511 at least; the code of a notification when `unique` is 0.
        pub error: i32,
        /// The request answered, 0 for a notification.
        pub unique: Unique,
    }
}
