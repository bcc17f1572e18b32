use super::{FileHandle, IoctlFlags};

/// Most areas, in and out together, in one [`IoctlFlags::RETRY`] answer.
pub const IOCTL_MAX_IOV: usize = 256;

wire! {
    /// IOCTL request; the bytes copied in follow (cuse.md §6).
    pub struct IoctlIn: 32 {
        /// The file.
        pub fh: FileHandle,
        /// Where the call comes from.
        pub flags: IoctlFlags,
        /// The code.
        pub cmd: u32,
        /// The third argument of `ioctl(2)`, usually an address in the caller.
        pub arg: u64,
        /// Bytes that follow.
        pub in_size: u32,
        /// Most bytes of data in the answer.
        pub out_size: u32,
    }

    /// IOCTL answer; the bytes copied out, or the areas wanted, follow.
    pub struct IoctlOut: 16 {
        /// What `ioctl(2)` returns; negative is a negated errno. Its range is not checked.
        pub result: i32,
        /// [`IoctlFlags::RETRY`] or nothing.
        pub flags: IoctlFlags,
        /// Areas to copy in, with RETRY.
        pub in_iovs: u32,
        /// Areas to copy out, with RETRY.
        pub out_iovs: u32,
    }

    /// An area in the memory of the caller of an ioctl.
    pub struct IoctlIovec: 16 {
        /// Address.
        pub base: u64,
        /// Bytes.
        pub len: u64,
    }
}
