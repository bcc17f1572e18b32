//! What opening a function changed, put back when it is closed or when opening fails half-way.

use crate::config::Config;
use crate::error::OpenError;
use crate::system::System;
use mei_wire::Gone;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// Puts things back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Undo {
    command: Option<(Config<Arc<OwnedFd>>, u16)>,
    enabled: Option<(System, PathBuf)>,
}

impl Undo {
    /// Switches memory decoding and bus mastering on.
    pub(crate) fn enable_in_config(&mut self, config: &Config<Arc<OwnedFd>>) -> Result<(), Gone> {
        let command = config.enable()?;
        self.command = Some((config.clone(), command));
        Ok(())
    }

    /// Asks the kernel to enable a function that has no driver; the kernel counts who asked.
    pub(crate) fn enable_in_kernel(&mut self, system: &System, path: PathBuf) -> Result<(), OpenError> {
        if let Err(error) = system.write(&path, "1") {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            return Err(OpenError::Node { path, errno });
        }
        self.enabled = Some((system.clone(), path));
        Ok(())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        // A function that is gone cannot be put back, and need not be.
        if let Some((config, command)) = self.command.take()
            && config.restore(command).is_err()
        {
            log::debug!("the command register cannot be put back: the function is gone");
        }
        if let Some((system, path)) = self.enabled.take()
            && let Err(error) = system.write(&path, "0")
        {
            log::debug!("{}: {error}", path.display());
        }
    }
}
