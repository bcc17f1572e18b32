//! The listening socket: a path that is never taken from a living server, and cleaned up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a path cannot be listened on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody answers there.
    #[error("{}: another server listens there; choose another path or end it", .0.display())]
    InUse(PathBuf),
    /// There is something else.
    #[error("{}: is not a socket, and is not replaced; choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The directory does not exist.
    #[error("{}: there is no directory {}; create it", .0.display(), .0.parent().unwrap_or(Path::new("/")).display())]
    NoDirectory(PathBuf),
    /// The path does not fit into a socket address.
    #[error("{}: a socket's path has at most 107 bytes; choose a shorter one", .0.display())]
    TooLong(PathBuf),
    /// Anything else.
    #[error("{}: cannot listen there: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl BindError {
    pub(crate) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }
}

/// A listening socket that owns its path.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the path: what is removed in the end is ours.
    identity: (u64, u64),
}

impl Socket {
    /// Listens on `path`, replacing a socket that nobody listens on.
    pub(crate) fn bind(path: &Path) -> Result<Self, BindError> {
        let error = |source| BindError::io(path, source);
        let listener = match UnixListener::bind(path) {
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                clear(path)?;
                UnixListener::bind(path)
            }
            result => result,
        };
        let listener = listener.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BindError::NoDirectory(path.to_owned()),
            io::ErrorKind::AddrInUse => BindError::InUse(path.to_owned()),
            io::ErrorKind::InvalidInput => BindError::TooLong(path.to_owned()),
            _ => error(source),
        })?;
        listener.set_nonblocking(true).map_err(error)?;
        let metadata = path.symlink_metadata().map_err(error)?;
        Ok(Self { listener, path: path.to_owned(), identity: (metadata.dev(), metadata.ino()) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection, if one waits.
    pub(crate) fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }
}

/// Removes a socket that a dead server left behind.
fn clear(path: &Path) -> Result<(), BindError> {
    let error = |source| BindError::io(path, source);
    if !path.symlink_metadata().map_err(error)?.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
            log::info!("{}: replacing the socket of a server that is gone", path.display());
            std::fs::remove_file(path).map_err(error)
        }
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) if source.kind() != io::ErrorKind::WouldBlock => Err(error(source)),
        // Connected, or so busy that it could not be.
        _ => Err(BindError::InUse(path.to_owned())),
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = self
            .path
            .symlink_metadata()
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            log::warn!("{}: cannot be removed: {error}", self.path.display());
        }
    }
}
