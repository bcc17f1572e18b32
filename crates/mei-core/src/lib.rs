//! The host side of the Management Engine Interface.
mod call;
mod errno;
mod host;
pub use call::{Blocking, Call, CallId, Handle, IoctlCopies, Output, Reply};
pub use errno::Errno;
pub use host::{DeviceState, Host, Options};
