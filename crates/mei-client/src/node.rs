//! A device node, open but not yet connected.

use crate::connection::{Connection, Properties};
use crate::error::Error;
use crate::sys;
use mei_wire::Guid;
use mei_wire::ioctl::{ConnectVtag, ConnectedClient};
use rustix::fs::{Mode, OFlags};
use std::num::NonZeroU8;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use zerocopy::{FromBytes, IntoBytes};

/// An open device node.
#[derive(Debug)]
pub struct Node(OwnedFd);

impl Node {
    /// Names under which programs look for a device, in their order (`clients.md` §1.11).
    pub const USUAL: [&'static str; 5] = ["/dev/mei", "/dev/mei0", "/dev/mei1", "/dev/mei2", "/dev/mei3"];

    /// Opens `path`.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self(fd)),
            Err(errno) => Err(Error::Open { path: path.to_owned(), errno }),
        }
    }

    /// Opens the first of [`Node::USUAL`] that exists.
    ///
    /// # Errors
    /// [`Error::Open`] of that node, or of `/dev/mei0` when there is none.
    pub fn open_usual() -> Result<Self, Error> {
        let first = Self::USUAL.into_iter().find(|path| Path::new(path).exists());
        Self::open(first.unwrap_or("/dev/mei0"))
    }

    /// Connects to a client. Takes as long as the device does, 15 s at most (`device-abi.md` §5.4).
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect(self, client: Guid) -> Result<Connection, Error> {
        let mut argument = sys::argument(client);
        match sys::connect(self.0.as_fd(), &mut argument) {
            Ok(()) => Ok(self.connected(client, &argument)),
            Err(errno) => Err(Error::Connect { client, errno }),
        }
    }

    /// Connects to a client under a virtual tag, which several connections can share it by.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect_vtag(self, client: Guid, vtag: NonZeroU8) -> Result<Connection, Error> {
        let tagged = ConnectVtag { guid: client, vtag: vtag.get(), reserved: [0; 3] };
        let mut argument = [0; size_of::<ConnectVtag>()];
        argument.copy_from_slice(tagged.as_bytes());
        match sys::connect_vtag(self.0.as_fd(), &mut argument) {
            Ok(()) => Ok(self.connected(client, &argument)),
            Err(errno) => Err(Error::Connect { client, errno }),
        }
    }

    fn connected(self, client: Guid, answer: &[u8]) -> Connection {
        let (answer, _) = ConnectedClient::read_from_prefix(answer)
            .expect("the arguments of both ioctls are longer than the answer");
        let properties = Properties {
            client,
            max_message_length: answer.max_msg_length.get(),
            protocol_version: answer.protocol_version,
        };
        Connection::new(self.0, properties)
    }
}
