//! Error numbers by their symbols, from libc: no table of ours says what a test expects.

use std::fmt;
use std::io;

/// An errno.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(pub i32);

macro_rules! symbols {
    ($($symbol:ident)*) => {
        #[expect(missing_docs, reason = "the symbols are the documentation")]
        impl Errno {
            $(pub const $symbol: Self = Self(libc::$symbol);)*

            fn symbol(self) -> Option<&'static str> {
                match self { $(Self::$symbol => Some(stringify!($symbol)),)* _ => None }
            }
        }
    };
}

symbols! {
    EPERM ENOENT EINTR EIO ENXIO EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY ENODEV EINVAL EMFILE ENOTTY EFBIG ENOSPC
    ESPIPE EPIPE ERANGE ENOSYS ETIME EPROTO EBADMSG EOVERFLOW EMSGSIZE EOPNOTSUPP ECONNABORTED ENOTCONN
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.symbol() {
            Some(symbol) => f.write_str(symbol),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.raw_os_error())
    }
}
