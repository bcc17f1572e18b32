//! The workspace's own tests: each test program runs by itself, with a time-out, and what failed runs again alone.

use super::libtest::{self, Verdict};
use super::summary::{Counts, Need, Row, Summary};
use crate::process::{self, End};
use crate::workspace;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A whole test program.
const PROGRAM: Duration = Duration::from_secs(900);
/// One test, alone.
const ALONE: Duration = Duration::from_secs(300);
/// What cargo runs itself, compiling included.
const BY_CARGO: Duration = Duration::from_secs(1500);
/// How often a failed test is repeated, unless many fail.
const REPEATS: usize = 2;
/// So many tests of one program that fail for good say that it is not the machine's noise.
const MANY: usize = 10;

/// A test program that cargo has built.
#[derive(Debug, Clone)]
pub(crate) struct TestProgram {
    /// `PACKAGE TARGET`.
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) executable: PathBuf,
    /// The folder of the package, where cargo would run it.
    folder: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// The test programs among what `cargo build --message-format json` says it has built.
pub(crate) fn built(messages: &str) -> Vec<TestProgram> {
    let mut programs: Vec<TestProgram> = messages.lines().filter_map(program).collect();
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    programs
}

fn program(line: &str) -> Option<TestProgram> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target?;
    let is_test = message.reason == "compiler-artifact" && message.profile?.test;
    if !is_test || target.kind.iter().any(|kind| kind == "bench" || kind == "example") {
        return None;
    }
    let folder = message.manifest_path?.parent()?.to_owned();
    let package = folder.file_name()?.to_str()?.to_owned();
    let name = format!("{package} {}", target.name);
    Some(TestProgram { name, package, target: target.name, executable: message.executable?, folder })
}

impl TestProgram {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(arguments).current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }

    /// Runs it; how it ended, and what it printed. The two outputs are kept apart, so that a word on standard error
    /// cannot fall into the middle of a verdict.
    fn run(&self, what: &str, arguments: &[&str], limit: Duration) -> Result<(End, String)> {
        let log = workspace::log(&format!("test {} {what} stderr", self.name));
        let stdout = workspace::log(&format!("test {} {what}", self.name));
        let finished = process::run_split(&mut self.command(arguments), &stdout, &log, limit)?;
        let output = format!("{}\n{}", finished.output(), process::read_log(&stdout));
        Ok((finished.end, output))
    }

    /// Its tests by name.
    fn list(&self) -> Result<Vec<String>> {
        let (_, output) = self.run("list", &["--list", "--format", "terse"], ALONE)?;
        Ok(output.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs all its tests and judges them.
    pub(crate) fn judge(&self, summary: &mut Summary) -> Result<()> {
        let names = self.list()?;
        if names.is_empty() {
            return Ok(());
        }
        let (end, output) = self.run("all", &[], PROGRAM)?;
        let verdicts = libtest::verdicts(&output);
        let mut counts = Counts::default();
        let mut shown = false;
        for name in &names {
            let test = format!("{}: {name}", self.name);
            match verdicts.get(name) {
                Some(Verdict::Passed) => counts.passed += 1,
                Some(Verdict::Skipped) => {
                    counts.skipped += 1;
                    summary.skipped(test);
                }
                Some(Verdict::Failed) | None => {
                    if !shown {
                        println!("---- {}: {}\n{}", self.name, end, process::tail(&output));
                        shown = true;
                    }
                    let repeats = if counts.failed < MANY { REPEATS } else { 0 };
                    if self.passes_alone(name, repeats)? {
                        counts.passed += 1;
                        summary.passed_when_repeated(test);
                    } else {
                        counts.failed += 1;
                        summary.failed(test);
                    }
                }
            }
        }
        if !end.is_success() && !shown {
            println!("---- {}: {}\n{}", self.name, end, process::tail(&output));
            counts.failed += 1;
            summary.failed(format!("{}: {} although every test passed", self.name, end));
        }
        println!(
            "{}: {} passed, {} failed, {} skipped",
            self.name, counts.passed, counts.failed, counts.skipped
        );
        summary.row(self.row(counts));
        Ok(())
    }

    fn passes_alone(&self, name: &str, repeats: usize) -> Result<bool> {
        for repeat in 1..=repeats {
            let arguments = ["--exact", name, "--test-threads", "1"];
            let (end, output) = self.run(&format!("{name} again {repeat}"), &arguments, ALONE)?;
            if end.is_success() {
                println!("---- {}: {name} passed alone, attempt {repeat}", self.name);
                return Ok(true);
            }
            println!("---- {}: {name} alone, attempt {repeat}: {end}\n{}", self.name, process::tail(&output));
        }
        Ok(false)
    }

    fn row(&self, counts: Counts) -> Row {
        // The workspace's tests of whole programs go through a FUSE mount; all else is in one process or against
        // this kernel's FUSE.
        let program = (self.package.as_str(), self.target.as_str());
        let transport = match program {
            ("tests", name) if name.contains("fuse") => "FUSE",
            ("cuse", "kernel") => "FUSE",
            _ => "in process",
        };
        let kernel = if transport == "FUSE" { own_kernel() } else { "–".into() };
        // Without a function of this machine's own all of these are skipped; the guests give them one.
        let need = if program == ("mei-pci-uio", "function") { Need::Optional } else { Need::Required };
        Row { transport: transport.into(), kernel, client: self.name.clone(), counts, need }
    }
}

/// The release of this machine's kernel.
pub(crate) fn own_kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Tests that cargo itself has to run: all of them under one name in the summary.
#[derive(Debug)]
pub(crate) struct ByCargo {
    pub(crate) client: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// A folder of its own below `target/`, for another workspace.
    pub(crate) target: Option<&'static str>,
    pub(crate) need: Need,
}

impl ByCargo {
    /// Runs them; a run with failures is repeated, and the better result of each test counts.
    pub(crate) fn judge(&self, summary: &mut Summary) -> Result<()> {
        let mut best: BTreeMap<String, Verdict> = BTreeMap::new();
        let mut ended = false;
        for attempt in 0..=REPEATS {
            let log = workspace::log(&format!("{} {attempt}", self.client));
            let mut command = workspace::cargo(self.arguments);
            if let Some(folder) = self.target {
                command.env("CARGO_TARGET_DIR", workspace::target().join(folder));
            }
            let finished = process::run(&mut command, &log, BY_CARGO)?;
            for (name, verdict) in libtest::verdicts(&finished.output()) {
                match best.insert(name.clone(), verdict) {
                    Some(Verdict::Passed) => drop(best.insert(name, Verdict::Passed)),
                    Some(Verdict::Failed) if verdict == Verdict::Passed => {
                        summary.passed_when_repeated(format!("{}: {name}", self.client));
                    }
                    _ => {}
                }
            }
            ended = finished.succeeded();
            if ended {
                break;
            }
            println!("---- {}: {}\n{}", self.client, finished.end, finished.tail());
        }
        if !ended && best.values().all(|verdict| *verdict != Verdict::Failed) {
            best.insert("cargo failed".into(), Verdict::Failed);
        }
        let mut counts = Counts::default();
        for (name, verdict) in best {
            counts.count(verdict);
            if verdict == Verdict::Failed {
                summary.failed(format!("{}: {name}", self.client));
            }
        }
        let Counts { passed, failed, skipped } = counts;
        println!("{}: {passed} passed, {failed} failed, {skipped} skipped", self.client);
        let (transport, kernel, client) = ("in process".into(), "–".into(), self.client.into());
        summary.row(Row { transport, kernel, client, counts, need: self.need });
        Ok(())
    }
}

/// The test program `target` of `package` among those that were built last.
pub(crate) fn find(package: &str, target: &str) -> Result<PathBuf> {
    let messages = process::read_log(&build_messages());
    let programs = built(&messages);
    let program = programs.into_iter().find(|program| program.package == package && program.target == target);
    Ok(program
        .with_context(|| format!("{package} has no test {target}: was the workspace built?"))?
        .executable)
}

/// Where the build leaves what it says it has built.
pub(crate) fn build_messages() -> PathBuf {
    Path::new(&workspace::target()).join("xtask").join("build.json")
}
