use super::{FileHandle, NodeId, SetattrValid};

wire! {
    /// Attributes of an inode.
    pub struct Attr: 88 {
        /// Inode number as `stat(2)` shows it.
        pub ino: u64,
        /// Size in bytes.
        pub size: u64,
        /// Blocks of 512 bytes.
        pub blocks: u64,
        /// Last access, seconds since 1970.
        pub atime: u64,
        /// Last modification, seconds since 1970.
        pub mtime: u64,
        /// Last change of attributes, seconds since 1970.
        pub ctime: u64,
        /// Nanoseconds of `atime`.
        pub atimensec: u32,
        /// Nanoseconds of `mtime`.
        pub mtimensec: u32,
        /// Nanoseconds of `ctime`.
        pub ctimensec: u32,
        /// Type and permissions.
        pub mode: u32,
        /// Hard links.
        pub nlink: u32,
        /// Owner.
        pub uid: u32,
        /// Group.
        pub gid: u32,
        /// Device number.
        pub rdev: u32,
        /// Preferred block size in bytes.
        pub blksize: u32,
        /// Flags of the protocol, unused.
        pub flags: u32,
    }

    /// LOOKUP answer.
    pub struct EntryOut: 128 {
        /// The inode; the kernel now holds one reference more to it.
        pub nodeid: NodeId,
        /// Tells inodes with the same number apart.
        pub generation: u64,
        /// Seconds the name may be remembered.
        pub entry_valid: u64,
        /// Seconds the attributes may be remembered.
        pub attr_valid: u64,
        /// Nanoseconds of `entry_valid`.
        pub entry_valid_nsec: u32,
        /// Nanoseconds of `attr_valid`.
        pub attr_valid_nsec: u32,
        /// The attributes.
        pub attr: Attr,
    }

    /// FORGET request.
    pub struct ForgetIn: 8 {
        /// References dropped.
        pub nlookup: u64,
    }

    /// One of a BATCH_FORGET request.
    pub struct ForgetOne: 16 {
        /// The inode.
        pub nodeid: NodeId,
        /// References dropped.
        pub nlookup: u64,
    }

    /// BATCH_FORGET request; that many [`ForgetOne`] follow.
    pub struct BatchForgetIn: 8 {
        /// How many.
        pub count: u32,
        /// Zero.
        pub dummy: u32,
    }

    /// GETATTR request.
    pub struct GetattrIn: 16 {
        /// Bit 0: `fh` is valid.
        pub getattr_flags: u32,
        /// Zero.
        pub dummy: u32,
        /// The open file asked through, if any.
        pub fh: FileHandle,
    }

    /// GETATTR and SETATTR answer.
    pub struct AttrOut: 104 {
        /// Seconds the attributes may be remembered.
        pub attr_valid: u64,
        /// Nanoseconds of `attr_valid`.
        pub attr_valid_nsec: u32,
        /// Zero.
        pub dummy: u32,
        /// The attributes.
        pub attr: Attr,
    }

    /// SETATTR request.
    pub struct SetattrIn: 88 {
        /// What is to change.
        pub valid: SetattrValid,
        /// Zero.
        pub padding: u32,
        /// The open file asked through, if any.
        pub fh: FileHandle,
        /// New size in bytes.
        pub size: u64,
        /// Who would own a lock, unused.
        pub lock_owner: u64,
        /// New time of access, seconds.
        pub atime: u64,
        /// New time of modification, seconds.
        pub mtime: u64,
        /// New time of change, seconds.
        pub ctime: u64,
        /// Nanoseconds of `atime`.
        pub atimensec: u32,
        /// Nanoseconds of `mtime`.
        pub mtimensec: u32,
        /// Nanoseconds of `ctime`.
        pub ctimensec: u32,
        /// New permissions.
        pub mode: u32,
        /// Zero.
        pub unused4: u32,
        /// New owner.
        pub uid: u32,
        /// New group.
        pub gid: u32,
        /// Zero.
        pub unused5: u32,
    }

    /// ACCESS request.
    pub struct AccessIn: 8 {
        /// As in `access(2)`.
        pub mask: u32,
        /// Zero.
        pub padding: u32,
    }

    /// STATFS answer.
    pub struct StatfsOut: 80 {
        /// Blocks in all.
        pub blocks: u64,
        /// Free blocks.
        pub bfree: u64,
        /// Free blocks for everybody.
        pub bavail: u64,
        /// Inodes in all.
        pub files: u64,
        /// Free inodes.
        pub ffree: u64,
        /// Block size in bytes.
        pub bsize: u32,
        /// Longest name in bytes.
        pub namelen: u32,
        /// Fragment size in bytes.
        pub frsize: u32,
        /// Zero.
        pub padding: u32,
        /// Zero.
        pub spare: [u32; 6],
    }

    /// One entry of a READDIR answer; the name follows, padded with NULs to a multiple of 8 bytes.
    pub struct Dirent: 24 {
        /// Inode number.
        pub ino: u64,
        /// Offset that continues behind this entry.
        pub off: u64,
        /// Bytes of the name, without padding.
        pub namelen: u32,
        /// File type, the `S_IFMT` bits shifted right by 12.
        pub kind: u32,
    }

    /// One entry of a READDIRPLUS answer. Sessions of this crate never agree to it: each entry takes a
    /// reference to an inode.
    pub struct Direntplus: 152 {
        /// As LOOKUP answers.
        pub entry_out: EntryOut,
        /// As READDIR answers.
        pub dirent: Dirent,
    }
}
