//! What a guest has in memory: the agent and its plan, busybox, modules, the workspace's programs and the
//! libraries they are linked with.

use super::cpio::Archive;
use super::modules;
use super::setup::Setup;
use crate::fetch;
use crate::process::{run_ok, run_split};
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use umei_guest::plan::{self, Plan};

/// The loader of this machine's programs.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const TOOL: Duration = Duration::from_secs(60);

/// A program for the guest: where it is here, and where it is to be there.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
}

impl Program {
    /// A program of the workspace, in the guest's `/target/debug`.
    pub(super) fn of_workspace(name: &str) -> Self {
        Self { from: workspace::program(name), to: Path::new("/target/debug").join(name) }
    }
}

/// Writes the first file system of a guest.
pub(super) fn write(place: &Path, plan: &mut Plan, setup: &Setup) -> Result<()> {
    let mut archive = Archive::create(place)?;
    for folder in ["/proc", "/sys", "/tmp", "/run", "/root", "/mnt", "/etc", "/var", plan::PACKAGES] {
        archive.folder(Path::new(folder))?;
    }
    let agent = Program { from: workspace::program("umei-guest"), to: "/init".into() };
    for program in std::iter::once(&agent).chain(&setup.programs) {
        if !is_elf(&program.from)? {
            archive.copy(&program.to, &program.from)?;
            continue;
        }
        archive.copy(&program.to, &stripped(&program.from)?)?;
        for library in libraries(&program.from)? {
            archive.copy(&library, &library)?;
        }
    }
    archive.copy(Path::new(LOADER), Path::new(LOADER))?;
    archive.copy(Path::new("/bin/busybox"), &fetch::busybox())?;
    for applet in busybox_applets()? {
        archive.link(&Path::new("/bin").join(applet), "busybox")?;
    }
    for module in modules::with_dependencies(&setup.modules, &setup.rebuilt)? {
        let name = module.file_name().and_then(|name| name.to_str()).context("module names are text")?;
        let to = format!("/modules/{name}");
        archive.copy(Path::new(&to), &module)?;
        plan.modules.push(to);
    }
    // Tests find the repository's files by the path that they were compiled with.
    let repository = workspace::repository();
    add_folder(&mut archive, &repository.join("personas"), &repository.join("personas"))?;
    add_folder(&mut archive, &repository.join("tests/guest/jobs"), Path::new("/jobs"))?;
    add_folder(&mut archive, &repository.join("personas"), Path::new("/personas"))?;
    add_folder(&mut archive, &repository.join("tests/clients"), Path::new("/clients"))?;
    archive.file(Path::new(plan::PATH), &serde_json::to_vec(plan)?)?;
    archive.finish()
}

/// Adds the files of a folder of this machine, if there is one.
fn add_folder(archive: &mut Archive, from: &Path, to: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            add_folder(archive, &from, &to)?;
        } else {
            archive.copy(&to, &from)?;
        }
    }
    Ok(())
}

/// Whether a file is a program, not a script or data.
fn is_elf(path: &Path) -> Result<bool> {
    let mut magic = [0; 4];
    let mut file = File::open(path).with_context(|| {
        format!("{} is missing: was the workspace built and all fetched?", path.display())
    })?;
    Ok(file.read_exact(&mut magic).is_ok() && magic == *b"\x7fELF")
}

/// A copy without debug information, a tenth of the size; made again when the program is newer.
fn stripped(program: &Path) -> Result<PathBuf> {
    let name = program.file_name().context("a program has a name")?;
    // Programs of the same name lie in the folders of several profiles.
    let folder = program.parent().and_then(Path::file_name).context("a program has a folder")?;
    let folder = workspace::scratch("stripped").join(folder);
    let place = folder.join(name);
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    let made = modified(program)?;
    if modified(&place).unwrap_or(SystemTime::UNIX_EPOCH) > made {
        return Ok(place);
    }
    fs::create_dir_all(folder)?;
    let own = own_copy(&place);
    let mut command = Command::new("strip");
    command.arg("--strip-debug").arg("-o").arg(&own).arg(program);
    run_ok(&mut command, &own.with_extension("log"), TOOL)?;
    fs::rename(own, &place)?;
    Ok(place)
}

/// A name for this thread alone: guests are prepared side by side, and each moves its copy into place whole.
fn own_copy(place: &Path) -> PathBuf {
    place.with_extension(format!("{:?}", std::thread::current().id()).replace(['(', ')'], ""))
}

/// The libraries that the loader would load for a program; none for a static one.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let mut command = Command::new(LOADER);
    command.arg("--list").arg(program);
    let listed = own_copy(&workspace::scratch("libraries").join(program.file_name().unwrap_or_default()));
    let finished = run_split(&mut command, &listed, &listed.with_extension("log"), TOOL)?;
    if !finished.succeeded() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&listed)?;
    // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, and the loader itself without an arrow.
    let paths = text.lines().filter_map(|line| line.split("=> ").nth(1)?.split(" (").next());
    let paths: Vec<PathBuf> = paths.filter(|path| path.starts_with('/')).map(PathBuf::from).collect();
    ensure!(!text.contains("not found"), "{} misses libraries:\n{text}", program.display());
    Ok(paths)
}

fn busybox_applets() -> Result<Vec<String>> {
    let log = own_copy(&workspace::scratch("applets"));
    let text = run_ok(Command::new(fetch::busybox()).arg("--list"), &log, TOOL)?;
    ensure!(text.lines().any(|name| name == "sh"), "busybox lists no sh:\n{text}");
    Ok(text.lines().filter(|name| *name != "busybox").map(str::to_owned).collect())
}
