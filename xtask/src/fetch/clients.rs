//! Programs that others wrote for `/dev/mei0`, for the tests on this machine (`target/clients`) and for guests.

use super::apt::Apt;
use super::{kernel, store};
use crate::process::run_ok;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Programs of Debian: each unpacked with all it depends on, for a guest to change its root to.
const PACKAGES: [&str; 7] = ["fwupd", "strace", "stress-ng", "watchdog", "util-linux", "curl", "pciutils"];
const PACKAGES_RECIPE: &str = "fwupd strace stress-ng watchdog util-linux curl pciutils, 1";
/// Those of them that tests on this machine run.
const WRAPPED: [&str; 4] = ["fwupdtool", "strace", "stress-ng", "curl"];
const SAMPLE_RECIPE: &str = "samples/mei/mei-amt-version.c, 1";
/// Pinned: its files are found by name, and a registry never changes a version.
const MESHCENTRAL: &str = "meshcentral@1.1.55";
const DOWNLOAD: Duration = Duration::from_secs(600);
const COMPILE: Duration = Duration::from_secs(120);

pub(super) fn ensure() -> Result<()> {
    let packages = store::ensure("packages", PACKAGES_RECIPE, |root| {
        let apt = Apt::own_release()?;
        apt.update()?;
        apt.unpack_with_dependencies(&PACKAGES, root)?;
        // What a guest mounts over the root, which it can only read.
        for mount_point in ["dev", "proc", "sys", "run", "tmp", "root", "var", "mnt"] {
            fs::create_dir_all(root.join(mount_point))?;
        }
        Ok(())
    })?;
    let sample = store::ensure("sample", SAMPLE_RECIPE, compile_sample)?;
    let meshcmd = store::ensure("meshcmd", MESHCENTRAL, assemble_meshcmd)?;
    let compat = compiled("compat", &workspace::repository().join("tests/clients/compat.c"), compile_compat)?;
    let cuse_echo = workspace::repository().join("benches/peers/cuse-echo.c");
    let cuse_echo = compiled("cuse-echo", &cuse_echo, compile_cuse_echo)?;
    let clients = workspace::target().join("clients");
    fs::create_dir_all(&clients)?;
    link(&sample.join("mei-amt-version"), &clients.join("mei-amt-version"))?;
    link(&meshcmd, &clients.join("meshcmd"))?;
    link(&compat.join("compat"), &clients.join("compat"))?;
    link(&cuse_echo.join("cuse-echo"), &clients.join("cuse-echo"))?;
    for name in WRAPPED {
        wrap(&packages, name, &clients.join(name))?;
    }
    Ok(())
}

/// The root of the Debian programs.
pub(crate) fn packages_root() -> PathBuf {
    workspace::fetched().join("packages")
}

/// The kernel's own sample client, as it is.
fn compile_sample(root: &Path) -> Result<()> {
    let mut command = Command::new("gcc");
    command.args(["-O2", "-static", "-o"]).arg(root.join("mei-amt-version"));
    command.arg(kernel::source().join("samples/mei/mei-amt-version.c"));
    run_ok(&mut command, &workspace::log("gcc"), COMPILE)?;
    Ok(())
}

/// A program of ours in C that guests run, compiled again when its source has changed.
fn compiled(name: &str, source: &Path, compile: fn(&Path, &Path) -> Result<()>) -> Result<PathBuf> {
    let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
    store::ensure(name, &format!("{name}, 1\n{text}"), |root| compile(source, root))
}

/// The 32-bit program, which needs no libraries of that size.
fn compile_compat(source: &Path, root: &Path) -> Result<()> {
    let mut command = Command::new("gcc");
    command.args(["-m32", "-O1", "-Wall", "-Wextra", "-Werror", "-static", "-nostdlib", "-ffreestanding"]);
    command.args(["-fno-pic", "-no-pie", "-fno-stack-protector", "-o"]).arg(root.join("compat")).arg(source);
    run_ok(&mut command, &workspace::log("gcc-compat"), COMPILE).map(|_| ())
}

/// The program that umei is measured beside, on Debian's libfuse, of which it is statically linked.
fn compile_cuse_echo(source: &Path, root: &Path) -> Result<()> {
    let apt = Apt::own_release()?;
    apt.update()?;
    apt.unpack(&["libfuse3-dev"], root)?;
    let mut command = Command::new("gcc");
    command.args(["-O2", "-Wall", "-Wextra", "-static", "-I"]).arg(root.join("usr/include")).arg("-o");
    command.arg(root.join("cuse-echo")).arg(source);
    command.arg(root.join("usr/lib/x86_64-linux-gnu/libfuse3.a")).args(["-lpthread", "-ldl"]);
    run_ok(&mut command, &workspace::log("gcc-cuse-echo"), COMPILE).map(|_| ())
}

/// MeshCmd: the agent that runs scripts, and one script with its modules before it, as MeshCentral hands it out.
fn assemble_meshcmd(root: &Path) -> Result<()> {
    let mut command = Command::new("npm");
    command.args(["pack", "--silent", MESHCENTRAL, "--pack-destination"]).arg(root).current_dir(root);
    run_ok(&mut command, &workspace::log("npm-pack"), DOWNLOAD)?;
    let archive = root.join(format!("{}.tgz", MESHCENTRAL.replace('@', "-")));
    let mut command = Command::new("tar");
    command.arg("-C").arg(root).args(["--strip-components=2", "-xf"]).arg(&archive).arg("--wildcards");
    command.args(["package/agents/meshagent_x86-64_nokvm", "package/agents/meshcmd.min.js"]);
    command.arg("package/agents/modules_meshcmd_min/*");
    run_ok(&mut command, &workspace::log("tar"), COMPILE)?;
    fs::remove_file(archive)?;

    let mut modules = Vec::new();
    for entry in fs::read_dir(root.join("modules_meshcmd_min"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("module names are text")?;
        if let Some(name) = name.strip_suffix(".min.js") {
            modules.push((name.to_owned(), fs::read(&path)?));
        }
    }
    ensure!(!modules.is_empty(), "{MESHCENTRAL} has no modules for MeshCmd");
    modules.sort();
    let mut script = String::new();
    for (name, source) in modules {
        // A JSON string is a JavaScript string, too.
        let source = serde_json::to_string(&String::from_utf8_lossy(&source))?;
        script.push_str(&format!("addModule(\"{name}\", {source});\r\n"));
    }
    script.push_str(&String::from_utf8_lossy(&fs::read(root.join("meshcmd.min.js"))?));
    fs::write(root.join("meshcmd.js"), script)?;
    let agent = root.join("meshagent");
    fs::rename(root.join("meshagent_x86-64_nokvm"), &agent)?;
    Ok(fs::set_permissions(agent, fs::Permissions::from_mode(0o755))?)
}

/// Puts a link at `place`, in one step.
fn link(to: &Path, place: &Path) -> Result<()> {
    let new = place.with_extension("new");
    let _ = fs::remove_file(&new);
    symlink(to, &new).with_context(|| format!("cannot link {}", place.display()))?;
    Ok(fs::rename(new, place)?)
}

/// A script that runs a Debian program by its own loader with its own libraries.
fn wrap(root: &Path, name: &str, place: &Path) -> Result<()> {
    let program = ["usr/bin", "usr/sbin"].map(|folder| root.join(folder).join(name));
    let program = program.iter().find(|path| path.exists());
    let program = program.with_context(|| format!("the Debian packages have no {name}"))?;
    let libraries = libraries(root)?;
    let root = root.display();
    let script = format!(
        "#!/bin/sh\nexec '{root}/lib64/ld-linux-x86-64.so.2' --library-path '{libraries}' '{}' \"$@\"\n",
        program.display()
    );
    let new = place.with_extension("new");
    fs::write(&new, script)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
    Ok(fs::rename(new, place)?)
}

/// Where the programs' libraries lie: the common folder, and the private ones that fwupd's programs name by path.
fn libraries(root: &Path) -> Result<String> {
    let common = root.join("usr/lib/x86_64-linux-gnu");
    let mut folders = vec![common.display().to_string()];
    for entry in fs::read_dir(&common)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fwupd-"))
        {
            folders.push(path.display().to_string());
        }
    }
    Ok(folders.join(":"))
}
