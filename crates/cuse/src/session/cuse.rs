//! A character device.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;
use std::{fs, io};

use rustix::fs::{Mode, OFlags, major, minor, open};
use rustix::io::retry_on_intr;

use super::{Received, Session, SessionError, Step, init, receive, receive_first, refuse};
use crate::channel::Connection;
use crate::request::Body;
use crate::{Buffer, Channel, DeviceName, Errno};

/// Which device to make, and where the kernel shows it.
#[derive(Clone, Debug)]
pub struct CuseOptions {
    /// Name of the node.
    pub name: DeviceName,
    /// The CUSE control device, `/dev/cuse`.
    pub control: PathBuf,
    /// Where the node appears, `/dev`.
    pub nodes: PathBuf,
    /// Where the kernel lists CUSE devices, `/sys/class/cuse`.
    pub class: PathBuf,
}

impl CuseOptions {
    /// The usual places for a device called `name`.
    #[must_use]
    pub fn new(name: DeviceName) -> Self {
        Self { name, control: "/dev/cuse".into(), nodes: "/dev".into(), class: "/sys/class/cuse".into() }
    }
}

/// A character device served from this process. Dropping it removes the device; programs that have it open
/// get ECONNABORTED, then ENOTCONN (cuse.md §8).
#[derive(Debug)]
pub struct CuseSession {
    channel: Channel,
    options: CuseOptions,
}

/// Why there is no device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CuseError {
    /// The control device cannot be opened: ENOENT or ENODEV for a kernel without CUSE, EACCES for lack of
    /// privilege.
    #[error("opening {}: {errno}", path.display())]
    Open {
        /// The control device.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// Another CUSE device has the name.
    #[error("the name {name} is taken by another CUSE device")]
    NameTaken {
        /// The name.
        name: DeviceName,
    },
    /// Something else has the node: a real device, or a left-over file, which would be reached instead of
    /// this device. The kernel neither replaces nor removes it.
    #[error("{} exists and is not this device", path.display())]
    NodeTaken {
        /// The node.
        path: PathBuf,
    },
    /// The kernel took the answer and then ended the session; its log may say why.
    #[error("the kernel refused the device {name}")]
    Refused {
        /// The name.
        name: DeviceName,
    },
    /// The node or its entry in the class directory cannot be looked at.
    #[error("looking at {}: {source}", path.display())]
    Inspect {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first exchange failed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What is at the place of the node. Numbers are (major, minor).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// This device.
    Ours((u32, u32)),
    /// Something else.
    Foreign,
    /// Nothing, as where `/dev` is not the kernel's: make a node with these numbers.
    Missing((u32, u32)),
    /// The class directory does not say which numbers are this device's.
    Unknown,
}

impl CuseSession {
    /// Makes the device. Ioctls are unrestricted, numbers are the kernel's choice.
    ///
    /// # Errors
    /// [`CuseError`]; no device is left behind then.
    pub fn start(options: &CuseOptions) -> Result<Self, CuseError> {
        let name = &options.name;
        if options.class.join(name).exists() {
            return Err(CuseError::NameTaken { name: name.clone() });
        }
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let open = || open(&options.control, flags, Mode::empty());
        let fd =
            retry_on_intr(open).map_err(|errno| CuseError::Open { path: options.control.clone(), errno })?;
        let channel = Channel::new(fd).map_err(SessionError::Read)?;
        let session = Self { channel, options: options.clone() };
        session.begin()?;
        match session.node()? {
            Node::Foreign => Err(CuseError::NodeTaken { path: options.nodes.join(name) }),
            Node::Ours(_) | Node::Missing(_) | Node::Unknown => Ok(session),
        }
    }

    /// The first exchange. When it is over, the kernel has made the device or given up.
    fn begin(&self) -> Result<(), CuseError> {
        let mut buffer = Buffer::new();
        let message = receive_first(&self.channel, &mut buffer)?;
        let Body::CuseInit(init) = message.body else {
            return Err(SessionError::NotInitial { opcode: message.header.opcode }.into());
        };
        let answer = init::answer_cuse_init(&init)?;
        let info = init::info(&self.options.name);
        self.channel
            .reply_struct_and(message.header.unique, &answer, info.as_bytes())
            .map_err(SessionError::Reply)?;
        self.check_alive()
    }

    /// Tells a refusal: the answer is taken all the same, but the descriptor is dead (cuse.md §2).
    fn check_alive(&self) -> Result<(), CuseError> {
        match self.channel.connection().map_err(SessionError::Read)? {
            Connection::Alive => return Ok(()),
            Connection::Dead => {}
        }
        let name = self.options.name.clone();
        if self.options.class.join(&name).exists() {
            Err(CuseError::NameTaken { name })
        } else {
            Err(CuseError::Refused { name })
        }
    }

    /// Compares the node with the numbers the kernel gave this device.
    ///
    /// # Errors
    /// [`CuseError::Inspect`] when one of the two can be found but not looked at.
    pub fn node(&self) -> Result<Node, CuseError> {
        let path = self.options.class.join(&self.options.name).join("dev");
        let ours = match fs::read_to_string(&path) {
            Ok(text) => parse_numbers(&text),
            Err(source) if source.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(CuseError::Inspect { path, source }),
        };
        let Some(ours) = ours else { return Ok(Node::Unknown) };
        let path = self.options.nodes.join(&self.options.name);
        match fs::symlink_metadata(&path) {
            Ok(found) => {
                let numbers = (major(found.rdev()), minor(found.rdev()));
                let same = found.file_type().is_char_device() && numbers == ours;
                Ok(if same { Node::Ours(ours) } else { Node::Foreign })
            }
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Node::Missing(ours)),
            Err(source) => Err(CuseError::Inspect { path, source }),
        }
    }
}

/// The content of a `dev` file: `MAJOR:MINOR` and a line end.
fn parse_numbers(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim_end().split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl Session for CuseSession {
    #[inline(always)]
    fn recv<'b>(&mut self, buffer: &'b mut Buffer) -> Result<Received<'b>, SessionError> {
        Ok(match receive(&self.channel, buffer)? {
            Step::Request(request) => Received::Request(request),
            Step::Other(message) => refuse(&self.channel, &message, Errno::NOSYS),
            Step::Done(received) => received,
        })
    }

    fn channel(&self) -> &Channel {
        &self.channel
    }

    fn set_gone(&mut self) {}

    fn set_back(&mut self) {}
}

impl AsFd for CuseSession {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::channel::tests::channel;
    use crate::request::tests::framed;
    use crate::wire::Opcode;

    /// A directory in place of `/dev` and `/sys/class/cuse`, removed afterwards.
    struct Places(PathBuf);

    impl Places {
        fn new(test: &str) -> Self {
            let root = std::env::temp_dir().join(format!("cuse-{}-{test}", std::process::id()));
            fs::create_dir_all(root.join("dev")).unwrap();
            fs::create_dir_all(root.join("class")).unwrap();
            Self(root)
        }

        /// What the kernel does when it makes the device, except for the node.
        fn register(&self, numbers: &str) {
            fs::create_dir_all(self.0.join("class/null")).unwrap();
            fs::write(self.0.join("class/null/dev"), numbers).unwrap();
        }

        /// A session on `null`, whose kernel is the other end of a socket.
        fn session(&self) -> (CuseSession, OwnedFd) {
            let (channel, kernel) = channel();
            let options = CuseOptions {
                control: self.0.join("dev/cuse"),
                nodes: self.0.join("dev"),
                class: self.0.join("class"),
                ..CuseOptions::new(DeviceName::new("null").unwrap())
            };
            (CuseSession { channel, options }, kernel)
        }
    }

    impl Drop for Places {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn cuse_init() -> Vec<u8> {
        framed(4096, &[7, 0, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    }

    fn from_session(kernel: &OwnedFd) -> Vec<u8> {
        let mut bytes = [0; 4096];
        let length = rustix::io::read(kernel, &mut bytes).unwrap();
        bytes[..length].to_vec()
    }

    #[test]
    fn a_session_begins_with_cuse_init() {
        let places = Places::new("begin");
        let (session, kernel) = places.session();
        rustix::io::write(&kernel, &cuse_init()).unwrap();
        session.begin().unwrap();
        let answer = from_session(&kernel);
        assert_eq!(answer[..16], [101, 0, 0, 0, 0, 0, 0, 0, 0x42, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer[16..24], [7, 0, 0, 0, 31, 0, 0, 0]);
        assert_eq!(answer[88..], *b"DEVNAME=null\0");
    }

    #[test]
    fn a_refusal_is_told_from_a_name_that_is_taken() {
        let places = Places::new("refused");
        for (taken, expected) in [(false, "refused the device null"), (true, "name null is taken")] {
            if taken {
                places.register("10:1\n");
            }
            let (session, kernel) = places.session();
            rustix::io::write(&kernel, &cuse_init()).unwrap();
            // Half closed: writes still succeed, the next read finds the end.
            rustix::net::shutdown(&kernel, rustix::net::Shutdown::Both).unwrap();
            let error = session.check_alive().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn another_beginning_is_an_error() {
        let places = Places::new("other");
        let (session, kernel) = places.session();
        rustix::io::write(&kernel, &framed(26, &[0; 16])).unwrap();
        let error = session.begin().unwrap_err();
        assert!(matches!(error, CuseError::Session(SessionError::NotInitial { opcode: Opcode::INIT })));
        let (session, kernel) = places.session();
        drop(kernel);
        assert!(matches!(session.begin(), Err(CuseError::Session(SessionError::Aborted))));
    }

    #[test]
    fn the_node_is_compared_with_the_class_directory() {
        let places = Places::new("node");
        let (session, _kernel) = places.session();
        assert_eq!(session.node().unwrap(), Node::Unknown);
        places.register("1:3\n");
        assert_eq!(session.node().unwrap(), Node::Missing((1, 3)));
        fs::write(places.0.join("dev/null"), "left over").unwrap();
        assert_eq!(session.node().unwrap(), Node::Foreign);
        fs::remove_file(places.0.join("dev/null")).unwrap();
        symlink("/dev/null", places.0.join("dev/null")).unwrap();
        assert_eq!(session.node().unwrap(), Node::Foreign);
        // A real node, which is not to be had without privileges: the system's own.
        let mut session = session;
        session.options.nodes = "/dev".into();
        assert_eq!(session.node().unwrap(), Node::Ours((1, 3)));
        places.register("1:5\n");
        assert_eq!(session.node().unwrap(), Node::Foreign);
    }

    #[test]
    fn start_refuses_a_name_that_is_taken_and_names_the_device_it_lacks() {
        let places = Places::new("start");
        let (session, _kernel) = places.session();
        let error = CuseSession::start(&session.options).unwrap_err();
        assert!(matches!(error, CuseError::Open { errno: Errno::NOENT, .. }), "{error}");
        places.register("10:1\n");
        let error = CuseSession::start(&session.options).unwrap_err();
        assert!(matches!(error, CuseError::NameTaken { .. }), "{error}");
    }

    #[test]
    fn what_is_unknown_or_malformed_is_answered_here() {
        let places = Places::new("recv");
        let (mut session, kernel) = places.session();
        let mut buffer = Buffer::new();
        assert_eq!(session.recv(&mut buffer), Ok(Received::Nothing));
        for (message, errno) in
            [(framed(1, b"x\0"), -38), (framed(777, &[]), -38), (framed(15, &[0; 39]), -5)]
        {
            rustix::io::write(&kernel, &message).unwrap();
            assert_eq!(session.recv(&mut buffer), Ok(Received::Served));
            assert_eq!(from_session(&kernel)[4..8], i32::to_le_bytes(errno));
        }
        rustix::io::write(&kernel, &framed(36, &[0; 7])).unwrap();
        assert_eq!(session.recv(&mut buffer), Ok(Received::Served));
        rustix::io::write(&kernel, &framed(36, &[8, 0, 0, 0, 0, 0, 0, 0])).unwrap();
        assert!(matches!(session.recv(&mut buffer), Ok(Received::Request(_))));
        drop(kernel);
        assert_eq!(session.recv(&mut buffer), Ok(Received::Ended));
    }
}
