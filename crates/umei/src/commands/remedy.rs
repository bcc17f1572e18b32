//! Errors that say what to do.

use std::error::Error;

/// The error with its remedy on a line of its own.
pub(crate) fn with_remedy(error: impl Error, remedy: Option<impl AsRef<str>>) -> anyhow::Error {
    match remedy {
        Some(remedy) => anyhow::anyhow!("{error}\nremedy: {}", remedy.as_ref()),
        None => anyhow::anyhow!("{error}"),
    }
}
