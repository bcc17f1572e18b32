//! Carries the system calls of programs to a [`Host`](mei_core::Host): one session, one device, one thread,
//! one loop.
//!
//! A [`Frontend`] owns a [`Session`](cuse::Session), where calls come in, and a host over a
//! [`Device`](mei_wire::Device), which answers them. Its loop waits for whatever comes first: a call, an
//! interrupt of the device, a deadline, a word from another thread through a [`Remote`], a descriptor of its owner's
//! ([`Frontend::attending`]). It knows neither registers nor HBM, and decides no errno of its own but those of a
//! front end: what has no file, and what is too much.
//!
//! The one invariant: **every request of the session gets exactly one answer**, when the host has it, when a
//! signal asks for it, and at the latest when the front end stops. On the steady path a request costs one
//! `read(2)` and one `write(2)`, and allocates nothing.
//!
//! ```no_run
//! use cuse::{CuseOptions, CuseSession, DeviceName};
//! use cuse_frontend::{Frontend, Pause};
//! # fn host() -> mei_core::Host<mei_emulator::Engine> { unimplemented!() }
//!
//! let session = CuseSession::start(&CuseOptions::new(DeviceName::new("mei0")?))?;
//! let mut frontend = Frontend::new(session, host())?;
//! let remote = frontend.remote();
//! std::thread::spawn(move || {
//!     let state = remote.visit(|host, _now| host.state());
//!     println!("the device is {state:?}");
//!     remote.stop();
//! });
//! while frontend.run(None)? == Pause::Gone {
//!     // The device went away. Everyone was told; whoever has it open is still answered.
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod calls;
mod exchange;
mod files;
mod frontend;
mod patience;
mod remote;
mod signals;

pub use frontend::{Error, Frontend, Linger, Pause};
pub use remote::{Remote, StateWatch, Unanswered};
