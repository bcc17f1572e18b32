//! Where things are: the repository, cargo, and the places below `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, OnceLock};

/// The repository: where cargo runs this program from, which may be another copy than it was compiled in.
pub(crate) fn repository() -> &'static Path {
    static REPOSITORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let package =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Path::new(&package).parent().expect("xtask/ lies in the repository").to_owned()
    });
    &REPOSITORY
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(place) => repository().join(place),
        None => repository().join("target"),
    }
}

/// A profile of cargo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

static PROFILE: OnceLock<Profile> = OnceLock::new();

/// Decides which build of the workspace's programs is taken: before any is, or that of tests has been.
pub(crate) fn take_programs_of(profile: Profile) {
    let _ = PROFILE.set(profile);
}

/// Programs of the workspace, as `cargo build` leaves them.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join(PROFILE.get_or_init(|| Profile::Debug).folder()).join(name)
}

/// What `cargo xtask fetch` has fetched, one folder per thing.
pub(crate) fn fetched() -> PathBuf {
    target().join("fetch")
}

/// A log of the present run.
pub(crate) fn log(name: &str) -> PathBuf {
    target().join("xtask").join("logs").join(name.replace([' ', '/', ':'], "-")).with_extension("log")
}

/// A scratch folder of the present run.
pub(crate) fn scratch(name: &str) -> PathBuf {
    target().join("xtask").join("scratch").join(name)
}

/// `cargo ARGUMENTS` in the repository, with nothing that depends on a terminal.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(repository()).env("CARGO_TERM_COLOR", "never");
    command.env("CARGO_TERM_PROGRESS_WHEN", "never");
    command
}
