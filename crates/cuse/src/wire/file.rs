use super::{FileFlags, FileHandle, OpenFlags, Unique};

wire! {
    /// OPEN and OPENDIR request.
    pub struct OpenIn: 8 {
        /// Flags of `open(2)`.
        pub flags: FileFlags,
        /// Flags of the protocol, unused.
        pub open_flags: u32,
    }

    /// OPEN and OPENDIR answer.
    pub struct OpenOut: 16 {
        /// The server's handle.
        pub fh: FileHandle,
        /// How the kernel is to treat the file.
        pub open_flags: OpenFlags,
        /// Zero.
        pub padding: u32,
    }

    /// READ and READDIR request.
    pub struct ReadIn: 40 {
        /// The file.
        pub fh: FileHandle,
        /// Where in the call (device) or directory.
        pub offset: u64,
        /// Most bytes of the answer.
        pub size: u32,
        /// Flags of the protocol, unused.
        pub read_flags: u32,
        /// Who would own a lock, unused.
        pub lock_owner: u64,
        /// Present flags of the file.
        pub flags: FileFlags,
        /// Zero.
        pub padding: u32,
    }

    /// WRITE request; the data follow.
    pub struct WriteIn: 40 {
        /// The file.
        pub fh: FileHandle,
        /// Where in the call.
        pub offset: u64,
        /// Bytes of data.
        pub size: u32,
        /// Flags of the protocol, unused.
        pub write_flags: u32,
        /// Who would own a lock, unused.
        pub lock_owner: u64,
        /// Present flags of the file.
        pub flags: FileFlags,
        /// Zero.
        pub padding: u32,
    }

    /// WRITE answer.
    pub struct WriteOut: 8 {
        /// Bytes taken.
        pub size: u32,
        /// Zero.
        pub padding: u32,
    }

    /// RELEASE and RELEASEDIR request.
    pub struct ReleaseIn: 24 {
        /// The file.
        pub fh: FileHandle,
        /// Last flags of the file.
        pub flags: FileFlags,
        /// Flags of the protocol, unused.
        pub release_flags: u32,
        /// Who would own a lock, unused.
        pub lock_owner: u64,
    }

    /// FLUSH request.
    pub struct FlushIn: 24 {
        /// The file.
        pub fh: FileHandle,
        /// Zero.
        pub unused: u32,
        /// Zero.
        pub padding: u32,
        /// Who would own a lock, unused.
        pub lock_owner: u64,
    }

    /// FSYNC request.
    pub struct FsyncIn: 16 {
        /// The file.
        pub fh: FileHandle,
        /// Bit 0: data only (`fdatasync`).
        pub fsync_flags: u32,
        /// Zero.
        pub padding: u32,
    }

    /// INTERRUPT request.
    pub struct InterruptIn: 8 {
        /// The request whose caller got a signal.
        pub unique: Unique,
    }
}
