//! What can go wrong between a program and a firmware client.

use crate::text::ClientName;
use mei_wire::Guid;
use rustix::io::Errno;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// What was being done when a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Sending a message.
    Send,
    /// Waiting for a message.
    Receive,
    /// Switching notifications on or off, or fetching one.
    Notification,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send => "send to",
            Self::Receive => "receive from",
            Self::Notification => "use notifications of",
        })
    }
}

/// Why a call failed. [`Error::remedy`] says what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The device node cannot be opened.
    #[error("cannot open {}: {errno}", path.display())]
    Open {
        /// The node.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The device refuses the connection.
    #[error("cannot connect to {}: {}", ClientName(*client), refusal(*errno))]
    Connect {
        /// The client.
        client: Guid,
        /// Why: ENOTTY no such client, EBUSY taken, EOPNOTSUPP no virtual tags (`device-abi.md` §5.4, §5.5).
        errno: Errno,
    },
    /// A call on a connection failed.
    #[error("cannot {operation} {}: {errno}", ClientName(*client))]
    Call {
        /// The call.
        operation: Operation,
        /// The client.
        client: Guid,
        /// Why: ENODEV the connection is over, EFBIG the message is too long.
        errno: Errno,
    },
    /// A wait came to its end.
    #[error("{} did not let us {operation} it within {:.1} s", ClientName(*client), after.as_secs_f32())]
    TimedOut {
        /// The call.
        operation: Operation,
        /// The client.
        client: Guid,
        /// How long it was waited.
        after: Duration,
    },
    /// The connection ended while an answer was awaited.
    #[error("{} ended the connection", ClientName(*client))]
    Disconnected {
        /// The client.
        client: Guid,
    },
    /// AMTHI answered with an empty message, which means that AMT is disabled (`amthi.md` §2, rule 5).
    #[error("AMT is disabled")]
    AmtDisabled,
    /// AMTHI refused a request.
    #[error("AMTHI refuses command {command:#010x}: status {status:#x}{}", crate::amthi::status_suffix(*status))]
    AmthiStatus {
        /// The request's code.
        command: u32,
        /// The status (`amthi.md` §5).
        status: u32,
    },
    /// MKHI refused a request.
    #[error("MKHI refuses command {command:#04x} of group {group:#04x}: result {result:#04x}{}", crate::mkhi::result_suffix(*result))]
    MkhiResult {
        /// Group of the request.
        group: u8,
        /// Command of the request.
        command: u8,
        /// The result (`mkhi.md` §2).
        result: u8,
    },
    /// An answer does not follow its specification.
    #[error("{} answers with a malformed message: {problem}", ClientName(*client))]
    Malformed {
        /// The client.
        client: Guid,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// What a device means by the errno of a connect (`device-abi.md` §5.4).
fn refusal(errno: Errno) -> String {
    match errno {
        Errno::NOTTY => "the firmware has no such client".to_owned(),
        Errno::BUSY => "it is taken".to_owned(),
        Errno::OPNOTSUPP => "it has no virtual tags".to_owned(),
        Errno::FAULT | Errno::TIME => "the firmware does not answer".to_owned(),
        errno => errno.to_string(),
    }
}

impl Error {
    /// The errno behind the error, if a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Open { errno, .. } | Self::Connect { errno, .. } | Self::Call { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    /// Whether the firmware simply has no such client.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Connect { errno: Errno::NOTTY, .. })
    }

    /// What the person in front of it can do.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Open { errno: Errno::NOENT, .. } => {
                "load the kernel driver (modprobe mei_me) or start a server for the device"
            }
            Self::Open { errno: Errno::ACCESS | Errno::PERM, .. } => {
                "run as root, or let a udev rule give your group access to the node"
            }
            Self::Open { errno: Errno::NODEV | Errno::NXIO, .. } => {
                "the device is starting, resetting or without working firmware: try again in a few seconds, then \
                 look at dev_state in /sys/class/mei and at the kernel log"
            }
            Self::Open { errno: Errno::MFILE, .. } => "close some of the device's 255 handles",
            Self::Connect { errno: Errno::NOTTY, .. } => {
                "the feature is absent, or disabled in the firmware's setup"
            }
            Self::Connect { errno: Errno::BUSY, .. } => {
                "another program or a kernel driver holds the client's only connection: stop it, or try again"
            }
            Self::Connect { errno: Errno::OPNOTSUPP, .. } => {
                "this client has no virtual tags: connect without"
            }
            Self::Connect { errno: Errno::NODEV, .. }
            | Self::Call { errno: Errno::NODEV, .. }
            | Self::Disconnected { .. } => "the link was reset or the firmware let go: connect again",
            Self::Call { errno: Errno::OPNOTSUPP, .. } => "this firmware has no notifications",
            Self::Call { errno: Errno::FBIG, .. } => "send no more than the client's longest message",
            Self::TimedOut { .. } | Self::Connect { errno: Errno::FAULT | Errno::TIME, .. } => {
                "try again; if the firmware stays silent, a cold boot resets it"
            }
            Self::AmtDisabled => "enable AMT in the firmware's setup (MEBx or BIOS)",
            _ => return None,
        })
    }
}
