//! A machine made of files, for tests: sysfs, proc and dev below a folder of its own.

use crate::system::System;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A tree that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Tree {
    /// An empty machine.
    pub(crate) fn new() -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("mei-pci-uio-{}-{count}", std::process::id()));
        fs::create_dir_all(root.join("sys/bus/pci/devices")).unwrap();
        fs::create_dir_all(root.join("dev")).unwrap();
        Self { root }
    }

    /// The machine, with a kernel that does what is written to bind and unbind.
    pub(crate) fn system(&self) -> System {
        let root = self.root.clone();
        System::at(&self.root).with_writer(move |path, text| act(&root, path, text))
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn link(&self, target: &str, path: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    /// A PCI function of Intel's with that device id, with nobody in charge. BAR0 is a page of memory.
    pub(crate) fn function(&self, address: &str, device: u16) -> &Self {
        let mut config = vec![0; 256];
        config[..2].copy_from_slice(&[0x86, 0x80]);
        config[2..4].copy_from_slice(&device.to_le_bytes());
        let place = format!("sys/bus/pci/devices/{address}");
        self.write(&format!("{place}/vendor"), "0x8086\n")
            .write(&format!("{place}/device"), format!("{device:#06x}\n"))
            .write(&format!("{place}/class"), "0x078000\n")
            .write(&format!("{place}/irq"), "16\n")
            .write(&format!("{place}/driver_override"), "(null)\n")
            .write(&format!("{place}/enable"), "0\n")
            .write(&format!("{place}/config"), config)
            .write(&format!("{place}/resource"), "0x00000000f7f1a000 0x00000000f7f1afff 0x0000000000140204\n")
            .write(&format!("{place}/resource0"), vec![0; 4096])
    }

    /// A driver that the kernel has.
    pub(crate) fn driver(&self, name: &str) -> &Self {
        self.write(&format!("sys/bus/pci/drivers/{name}/bind"), "")
            .write(&format!("sys/bus/pci/drivers/{name}/unbind"), "")
    }

    /// Puts a function into the hands of a driver that the kernel has.
    pub(crate) fn driven(&self, address: &str, driver: &str) -> &Self {
        self.driver(driver);
        self.link(&format!("../../drivers/{driver}"), &format!("sys/bus/pci/devices/{address}/driver"))
    }

    /// Puts a function into an IOMMU group.
    pub(crate) fn group(&self, address: &str, number: u32) -> &Self {
        self.link(
            &format!("../../../../kernel/iommu_groups/{number}"),
            &format!("sys/bus/pci/devices/{address}/iommu_group"),
        );
        self.write(&format!("sys/kernel/iommu_groups/{number}/devices/{address}"), "")
    }

    /// A process with a file open.
    pub(crate) fn process(&self, pid: u32, command: &str, file: &str) -> &Self {
        self.write(&format!("proc/{pid}/comm"), format!("{command}\n"));
        self.link(file, &format!("proc/{pid}/fd/3"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// What the kernel does when an attribute is written.
fn act(root: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let parent = path.parent().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let devices = root.join("sys/bus/pci/devices");
    match name {
        "unbind" => fs::remove_file(devices.join(text).join("driver")),
        "bind" => {
            // As the kernel: a driver takes what it knows or what is marked for it.
            let driver = parent.file_name().unwrap().to_str().unwrap();
            let wanted = fs::read_to_string(devices.join(text).join("driver_override"))?;
            let wanted = wanted.trim();
            let takes = if matches!(wanted, "" | "(null)") { driver == "mei_me" } else { driver == wanted };
            if !takes || parent.join("broken").exists() {
                return Err(rustix::io::Errno::NODEV.into());
            }
            symlink(format!("../../drivers/{driver}"), devices.join(text).join("driver"))
        }
        "drivers_probe" => {
            if root.join("sys/bus/pci/drivers/mei_me").is_dir() {
                symlink("../../drivers/mei_me", devices.join(text).join("driver"))?;
            }
            Ok(())
        }
        _ => fs::write(path, text),
    }
}
