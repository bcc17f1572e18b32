//! A client library for any MEI device node, the kernel driver's or another's.
//!
//! [`Node`] opens a device, [`Connection`] is one client connection with time-outs, and on top of it stand the
//! typed clients: [`amthi`] (versions and state of AMT), [`mkhi`] (firmware versions and capability rules),
//! [`apf`] (AMT's ports) and [`watchdog`]. [`sysfs`] reads what the driver publishes beside the node.
//!
//! The one invariant: every call ends. Devices are opened non-blocking, each wait has a deadline, and nothing
//! that firmware says makes a call panic, loop or allocate without bound.
//!
//! ```no_run
//! use mei_client::{Node, amthi::Amthi};
//!
//! let mut amthi = Amthi::connect(Node::open("/dev/mei0")?)?;
//! for version in amthi.code_versions()?.versions {
//!     println!("{}: {}", version.description, version.version);
//! }
//! println!("{}", amthi.control_mode()?);
//! # Ok::<(), mei_client::Error>(())
//! ```

pub mod amthi;
pub mod apf;
mod connection;
mod error;
pub mod mkhi;
mod node;
mod sys;
pub mod sysfs;
mod text;
pub mod watchdog;

pub use connection::{Connection, Timeouts};
pub use error::{Error, Operation};
pub use mei_wire::Guid;
pub use node::Node;
pub use text::{ClientName, MacAddress};
