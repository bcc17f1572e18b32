//! Debian packages through apt, with lists, status and archives of its own: nothing of the system changes, and
//! no root is needed.

use crate::process::run_ok;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SYSTEM_SOURCES: [&str; 2] = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// How long package lists are taken to be current.
const LISTS_LIVE: Duration = Duration::from_secs(3600);
const UPDATE: Duration = Duration::from_secs(300);
const DOWNLOAD: Duration = Duration::from_secs(900);
const UNPACK: Duration = Duration::from_secs(120);

/// An apt of our own.
#[derive(Debug)]
pub(super) struct Apt {
    folder: PathBuf,
    sources: PathBuf,
    /// The suite to prefer, where there are several.
    suite: Option<String>,
}

impl Apt {
    /// The packages of this machine's own release.
    pub(super) fn own_release() -> Result<Self> {
        Self::new("own-release", Path::new(system_sources()?), None)
    }

    /// The packages of other suites, the last one preferred, from the mirror that this machine uses.
    pub(super) fn suites(name: &str, suites: &[&str]) -> Result<Self> {
        let own = fs::read_to_string(system_sources()?)?;
        let mirror = mirror(&own)?;
        let sources = workspace::fetched().join("apt").join(format!("{name}.list"));
        let lines = suites.iter().map(|suite| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"));
        fs::create_dir_all(workspace::fetched().join("apt"))?;
        fs::write(&sources, lines.collect::<String>())?;
        Self::new(name, &sources, suites.last().map(|suite| (*suite).to_owned()))
    }

    fn new(name: &str, sources: &Path, suite: Option<String>) -> Result<Self> {
        let folder = workspace::fetched().join("apt").join(name);
        for part in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("cannot create {part} in {}", folder.display()))?;
        }
        // Empty: as if nothing were installed, so that all that a package needs comes with it.
        fs::write(folder.join("status"), "")?;
        Ok(Self { folder, sources: sources.to_owned(), suite })
    }

    /// Gets the package lists, unless it just did and they have served since.
    pub(super) fn update(&self) -> Result<()> {
        let age = fs::metadata(self.stamp()).and_then(|stamp| stamp.modified()).ok();
        if age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age < LISTS_LIVE) {
            return Ok(());
        }
        run_ok(self.command("apt-get").arg("update"), &workspace::log("apt-update"), UPDATE)?;
        Ok(fs::write(self.stamp(), "")?)
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("updated")
    }

    /// Downloads; when that fails, the next attempt starts with new lists.
    fn download(&self, command: &mut Command) -> Result<()> {
        let result = run_ok(command, &workspace::log("apt-download"), DOWNLOAD);
        if result.is_err() {
            let _ = fs::remove_file(self.stamp());
        }
        result.map(|_| ())
    }

    /// The package that the meta package `meta` names today, the first of its dependencies that starts with
    /// `prefix`.
    pub(super) fn dependency(&self, meta: &str, prefix: &str) -> Result<String> {
        let text = run_ok(
            self.command("apt-cache").args(["depends", meta]),
            &workspace::log("apt-depends"),
            UPDATE,
        )?;
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with(prefix))
            .map(str::to_owned)
            .with_context(|| format!("{meta} depends on no {prefix}…:\n{text}"))
    }

    /// Unpacks these packages, without what they depend on.
    pub(super) fn unpack(&self, packages: &[&str], root: &Path) -> Result<()> {
        let archives = root.join(".archives");
        fs::create_dir_all(&archives)?;
        let mut command = self.command("apt-get");
        command.arg("download").args(packages).current_dir(&archives);
        self.download(&mut command)?;
        unpack_all(&archives, root)
    }

    /// Unpacks these packages and all that they depend on.
    pub(super) fn unpack_with_dependencies(&self, packages: &[&str], root: &Path) -> Result<()> {
        let archives = root.join(".archives");
        fs::create_dir_all(archives.join("partial"))?;
        let mut command = self.command("apt-get");
        command.arg("-o").arg(format!("Dir::Cache::archives={}", archives.display()));
        command.args(["install", "-y", "--no-install-recommends", "--download-only"]).args(packages);
        self.download(&mut command)?;
        unpack_all(&archives, root)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        let folder = self.folder.display();
        for option in [
            format!("Dir::Etc::sourcelist={}", self.sources.display()),
            "Dir::Etc::sourceparts=-".into(),
            format!("Dir::State::lists={folder}/lists"),
            format!("Dir::State::status={folder}/status"),
            format!("Dir::Cache::archives={folder}/archives"),
            "Dir::Cache::pkgcache=".into(),
            "Dir::Cache::srcpkgcache=".into(),
            "APT::Sandbox::User=root".into(),
            "APT::Update::Error-Mode=any".into(),
            "Acquire::Languages=none".into(),
            "Acquire::Retries=3".into(),
            "Debug::NoLocking=true".into(),
        ] {
            command.arg("-o").arg(option);
        }
        if let Some(suite) = &self.suite {
            command.arg("-o").arg(format!("APT::Default-Release={suite}"));
        }
        command
    }
}

/// Unpacks every package in `archives` into `root`, then removes the archives.
fn unpack_all(archives: &Path, root: &Path) -> Result<()> {
    // As an installed system has it: packages that still carry /bin or /lib unpack through these.
    for merged in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(root.join("usr").join(merged))?;
        std::os::unix::fs::symlink(Path::new("usr").join(merged), root.join(merged))?;
    }
    let mut unpacked = 0;
    for entry in fs::read_dir(archives)? {
        let archive = entry?.path();
        if archive.extension().is_some_and(|extension| extension == "deb") {
            let mut command = Command::new("dpkg-deb");
            command.arg("--extract").arg(&archive).arg(root);
            run_ok(&mut command, &workspace::log("dpkg-deb"), UNPACK)?;
            unpacked += 1;
        }
    }
    if unpacked == 0 {
        bail!("apt has downloaded no package into {}", archives.display());
    }
    Ok(fs::remove_dir_all(archives)?)
}

fn system_sources() -> Result<&'static str> {
    SYSTEM_SOURCES
        .into_iter()
        .find(|path| mirror(&fs::read_to_string(path).unwrap_or_default()).is_ok())
        .context("no Debian sources in /etc/apt: the guests are built from Debian's packages")
}

/// The first mirror that an apt sources file names.
fn mirror(sources: &str) -> Result<&str> {
    let mut words = sources
        .lines()
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "))
        .flat_map(str::split_whitespace);
    words.find(|word| word.contains("://")).context("the apt sources name no mirror")
}

#[cfg(test)]
mod tests {
    use super::mirror;

    #[test]
    fn both_formats_of_sources_name_a_mirror() {
        let deb822 = "Types: deb\n# http://old.example/\nURIs: http://mirror.example/debian\nSuites: x\n";
        assert_eq!(mirror(deb822).unwrap(), "http://mirror.example/debian");
        let list =
            "# deb http://no.example/ x main\ndeb [signed-by=/k.gpg] https://mirror.example/d x main\n";
        assert_eq!(mirror(list).unwrap(), "https://mirror.example/d");
        assert!(mirror("# nothing\n").is_err());
    }
}
