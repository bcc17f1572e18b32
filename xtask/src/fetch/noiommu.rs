//! VFIO without an IOMMU: Debian's kernel is built without it. All of it is in `vfio.ko`, which is built again from the
//! kernel's own source and headers, a matter of seconds.

use super::apt::Apt;
use super::{kernel, store};
use crate::process::run_ok;
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The sources of the module in `drivers/vfio`.
const SOURCES: [&str; 4] = ["vfio_main.c", "iova_bitmap.c", "container.c", "vfio.h"];
const MAKEFILE: &str = "ccflags-y += -DCONFIG_VFIO_NOIOMMU=1\n\
                        obj-m := vfio.o\n\
                        vfio-y := vfio_main.o iova_bitmap.o container.o\n";
const COMPILE: Duration = Duration::from_secs(300);
const STRIP: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    workspace::fetched().join("vfio-noiommu")
}

/// The module `vfio` that can do without an IOMMU.
pub(crate) fn vfio_module() -> PathBuf {
    folder().join("vfio.ko")
}

pub(super) fn ensure() -> Result<()> {
    let version = kernel::version()?;
    store::ensure("vfio-noiommu", &format!("vfio.ko of {version}, 1"), |root| build(root, &version))?;
    Ok(())
}

fn build(root: &Path, version: &str) -> Result<()> {
    let headers = headers(root, version).with_context(|| {
        format!(
            "no headers for the kernel {version}: if it is older than the archive, remove target/fetch/kernel"
        )
    })?;
    let module = root.join("module");
    fs::create_dir_all(&module)?;
    for name in SOURCES {
        let from = kernel::source().join("drivers/vfio").join(name);
        fs::copy(&from, module.join(name)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    fs::write(module.join("Makefile"), MAKEFILE)?;
    let mut command = Command::new("make");
    command.arg("-C").arg(&headers).arg(format!("M={}", module.display())).arg("modules");
    // The build of this program is none of the kernel's business.
    command.env_remove("MAKEFLAGS").env_remove("CARGO_MAKEFLAGS");
    run_ok(&mut command, &workspace::log("vfio-noiommu"), COMPILE)?;
    let built = root.join("vfio.ko");
    let mut command = Command::new("strip");
    command.arg("--strip-debug").arg("-o").arg(&built).arg(module.join("vfio.ko"));
    run_ok(&mut command, &workspace::log("strip"), STRIP)?;
    // What it was made with is ten times its size and is not needed again.
    for folder in ["usr", "lib", "module"] {
        let _ = fs::remove_dir_all(root.join(folder));
    }
    Ok(())
}

/// Unpacks the headers of this kernel; the folder that modules are built in.
fn headers(root: &Path, version: &str) -> Result<PathBuf> {
    let apt = Apt::own_release()?;
    apt.update()?;
    let flavour = format!("linux-headers-{version}");
    // `amd64` of `6.1.0-56-amd64`.
    let abi = version.rsplit_once('-').map_or(version, |(abi, _)| abi);
    let common = format!("linux-headers-{abi}-common");
    let tools = format!("linux-kbuild-{}", kernel::series(version));
    apt.unpack(&[&flavour, &common, &tools], root)?;
    let place = root.join("usr/src").join(flavour);
    // The makefile includes the common one, and links lead to the tools, by their places on an installed system.
    let makefile = place.join("Makefile");
    let text = fs::read_to_string(&makefile)?;
    fs::write(&makefile, text.replace("/usr/src/", &format!("{}/usr/src/", root.display())))?;
    Ok(place)
}
