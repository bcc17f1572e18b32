use std::ops::BitOr;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Declares an open set of bits with the ones this crate needs named.
macro_rules! flags {
    ($(
        $(#[$meta:meta])*
        $Name:ident { $( $(#[$flag_meta:meta])* $FLAG:ident = $bits:expr; )* }
    )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[derive(FromBytes, IntoBytes, KnownLayout, Immutable)]
        #[repr(transparent)]
        pub struct $Name(pub u32);

        impl $Name {
            $( $(#[$flag_meta])* pub const $FLAG: Self = Self($bits); )*

            /// Whether all bits of `other` are set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The bits set in both.
            #[must_use]
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// The bits set in either.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl BitOr for $Name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }
    )* };
}

flags! {
    /// The flags of an open file as `open(2)` and `fcntl(2)` know them, without `O_CREAT`, `O_EXCL`,
    /// `O_NOCTTY` and `O_TRUNC` (cuse.md §3).
    FileFlags {
        /// `O_WRONLY`
        WRITE_ONLY = 0o1;
        /// `O_RDWR`
        READ_WRITE = 0o2;
        /// `O_NONBLOCK`
        NONBLOCK = 0o4000;
    }

    /// What the answer to OPEN tells the kernel about the file. Without effect on a character device.
    OpenFlags {
        /// No page cache: each read and write is a request.
        DIRECT_IO = 1 << 0;
        /// No `lseek`.
        NONSEEKABLE = 1 << 2;
        /// No file position at all: no `pread` and `pwrite`, no lock on the position.
        STREAM = 1 << 4;
        /// What a device behind a FUSE file answers (fuse-file.md §1). Right for both kinds of session.
        DEVICE = Self::DIRECT_IO.0 | Self::NONSEEKABLE.0 | Self::STREAM.0;
    }

    /// Where an ioctl comes from, and in an answer what to do next (cuse.md §6).
    IoctlFlags {
        /// The caller is a 32-bit program.
        COMPAT = 1 << 0;
        /// Not bound to the size in the code; the server may ask for [`IoctlFlags::RETRY`].
        UNRESTRICTED = 1 << 1;
        /// In an answer: send again with these areas of the caller's memory.
        RETRY = 1 << 2;
        /// 32-bit layout.
        IS_32BIT = 1 << 3;
        /// On a directory.
        DIR = 1 << 4;
        /// The caller is an x32 program.
        COMPAT_X32 = 1 << 5;
    }

    /// What a POLL request asks besides the events.
    PollFlags {
        /// Somebody may sleep: announce changes with a notification.
        SCHEDULE_NOTIFY = 1 << 0;
    }

    /// What kernel and server of a file system agree on. Only the ones this crate looks at.
    InitFlags {
        /// `O_TRUNC` arrives with OPEN instead of as SETATTR.
        ATOMIC_O_TRUNC = 1 << 3;
        /// Writes larger than a page in one request.
        BIG_WRITES = 1 << 5;
        /// READDIRPLUS instead of READDIR.
        DO_READDIRPLUS = 1 << 13;
        /// LOOKUP and READDIR in one directory may run side by side.
        PARALLEL_DIROPS = 1 << 18;
        /// The answer says how many pages a request may have.
        MAX_PAGES = 1 << 22;
    }

    /// Which attributes a SETATTR request changes.
    SetattrValid {
        /// The permission bits.
        MODE = 1 << 0;
        /// The owner.
        UID = 1 << 1;
        /// The group.
        GID = 1 << 2;
        /// The size; this is what `O_TRUNC` sends.
        SIZE = 1 << 3;
    }
}

impl SetattrValid {
    /// Whether neither mode nor owner changes.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        self.intersection(Self(Self::MODE.0 | Self::UID.0 | Self::GID.0)).0 == 0
    }
}
