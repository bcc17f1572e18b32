use super::InitFlags;

/// Version of the protocol: the only major number there has been since 2006.
pub const KERNEL_MAJOR: u32 = 7;
/// The minor number this crate speaks: Linux 5.4, older than every kernel it is used with.
pub const KERNEL_MINOR: u32 = 31;
/// The kernel refuses to fill a smaller read buffer than this many bytes.
pub const MIN_READ_BUFFER: usize = 8192;
/// Longest info string of CUSE_INIT, in bytes, the terminating NULs included.
pub const INFO_MAX: usize = 4096;
/// In [`CuseInitOut::flags`]: ioctls are not bound to the size in their code (cuse.md §6).
pub const CUSE_UNRESTRICTED_IOCTL: u32 = 1 << 0;

wire! {
    /// CUSE_INIT request (cuse.md §2).
    pub struct CuseInitIn: 16 {
        /// Protocol major, 7.
        pub major: u32,
        /// Protocol minor of the kernel.
        pub minor: u32,
        /// Unused.
        pub unused: u32,
        /// What the kernel offers.
        pub flags: u32,
    }

    /// CUSE_INIT answer; the info string follows.
    pub struct CuseInitOut: 72 {
        /// Protocol major, 7.
        pub major: u32,
        /// Protocol minor of the session, 16 at least for the present ioctl format.
        pub minor: u32,
        /// Unused.
        pub unused: u32,
        /// [`CUSE_UNRESTRICTED_IOCTL`] or 0.
        pub flags: u32,
        /// Most bytes of one READ; raised to 4096.
        pub max_read: u32,
        /// Most bytes of one WRITE; raised to 4096.
        pub max_write: u32,
        /// Major device number, 0 to be given one.
        pub dev_major: u32,
        /// Minor device number.
        pub dev_minor: u32,
        /// Zero.
        pub spare: [u32; 10],
    }

    /// INIT request: the part all kernels send. Since 7.36 another 48 bytes follow, which this crate has no
    /// use for.
    pub struct InitIn: 16 {
        /// Protocol major, 7.
        pub major: u32,
        /// Protocol minor of the kernel.
        pub minor: u32,
        /// Most bytes of read-ahead.
        pub max_readahead: u32,
        /// What the kernel offers.
        pub flags: InitFlags,
    }

    /// INIT answer.
    pub struct InitOut: 64 {
        /// Protocol major, 7.
        pub major: u32,
        /// Protocol minor of the session.
        pub minor: u32,
        /// Most bytes of read-ahead.
        pub max_readahead: u32,
        /// What of the offer is accepted.
        pub flags: InitFlags,
        /// Most background requests, 0 for the kernel's own number.
        pub max_background: u16,
        /// Background requests that count as congestion, 0 for the kernel's own number.
        pub congestion_threshold: u16,
        /// Most bytes of one WRITE.
        pub max_write: u32,
        /// Granularity of time stamps in nanoseconds.
        pub time_gran: u32,
        /// Most pages of one request, with [`InitFlags::MAX_PAGES`].
        pub max_pages: u16,
        /// Alignment of mappings, unused.
        pub map_alignment: u16,
        /// Upper half of the flags, unused.
        pub flags2: u32,
        /// Zero.
        pub unused: [u32; 7],
    }
}
