use std::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Declares a 64-bit identifier that cannot be mistaken for another one.
macro_rules! id {
    ($( $(#[$meta:meta])* $Name:ident, $format:literal; )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(FromBytes, IntoBytes, KnownLayout, Immutable)]
        #[repr(transparent)]
        pub struct $Name(pub u64);

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    )* };
}

id! {
    /// Names a request on its channel. Even; bit 0 marks an interrupt message, bit 63 a request sent again
    /// to a successor (cuse.md §1, §8). An answer carries the value exactly as received.
    Unique, "request {:#x}";
    /// The server's name for an open file, chosen in the answer to OPEN and returned in every later request.
    FileHandle, "fh {}";
    /// The kernel's name for an open file that is polled, constant for its life.
    PollHandle, "kh {:#x}";
    /// The server's name for an inode; [`NodeId::ROOT`] is the directory mounted.
    NodeId, "node {}";
}

impl NodeId {
    /// The root of a mounted file system.
    pub const ROOT: Self = Self(1);
}
