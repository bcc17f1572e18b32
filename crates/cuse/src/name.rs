use std::ffi::OsStr;
use std::fmt;

/// The name of a device node or file: printable ASCII without a space, `/` or `!`, 1 to 64 bytes.
///
/// The kernel makes a directory of the name in `/sys/class/cuse` and turns `!` into `/` in `/dev`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceName(String);

/// A name that cannot be one of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no name for a device: 1 to 64 printable ASCII characters, no space, `/` or `!`, not `.` or `..`"
)]
pub struct NameError {
    name: String,
}

impl DeviceName {
    const LONGEST: usize = 64;

    /// Checks `name`.
    ///
    /// # Errors
    /// [`NameError`] for anything that the kernel would reject or change.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b'!';
        let fits = (1..=Self::LONGEST).contains(&name.len()) && name != "." && name != "..";
        if fits && name.bytes().all(plain) {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError { name: name.to_owned() })
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<OsStr> for DeviceName {
    fn as_ref(&self) -> &OsStr {
        self.0.as_ref()
    }
}

impl AsRef<std::path::Path> for DeviceName {
    fn as_ref(&self) -> &std::path::Path {
        self.0.as_ref()
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_taken() {
        for name in ["mei0", "a", "mei-7.x_y", &"n".repeat(64)] {
            assert_eq!(DeviceName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_the_kernel_would_change_or_reject_is_refused() {
        for name in ["", ".", "..", "a/b", "a!b", "a b", "a\0", "ä", "a\n", &"n".repeat(65)] {
            DeviceName::new(name).expect_err(name);
        }
    }
}
