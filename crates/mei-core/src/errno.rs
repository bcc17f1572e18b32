//! Error numbers, as the kernel driver gives them.

use core::fmt;

/// An errno of Linux on every architecture that has an ME.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(pub u16);

macro_rules! numbers {
    ($($name:ident = $number:literal),* $(,)?) => {
        impl Errno {
            $(#[doc = concat!("E", stringify!($name), ".")] pub const $name: Self = Self($number);)*

            /// The symbol, `None` for a number that the driver never gives.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                Some(match self.0 { $($number => concat!("E", stringify!($name)),)* _ => return None })
            }
        }
    };
}

numbers! {
    NOENT = 2, INTR = 4, IO = 5, NXIO = 6, AGAIN = 11, NOMEM = 12, FAULT = 14, BUSY = 16, NODEV = 19, INVAL = 22,
    MFILE = 24, NOTTY = 25, FBIG = 27, NOSPC = 28, SPIPE = 29, RANGE = 34, TIME = 62, PROTO = 71, BADMSG = 74, OVERFLOW = 75,
    MSGSIZE = 90, OPNOTSUPP = 95,
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
