//! What stands between a person and a real function, word for word: each refusal names the thing, the reason and the
//! remedy. The machine is a tree of files, and nothing in it may have changed afterwards.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::{Folder, can_mount, script, stderr, stdout, umei};

const ADDRESS: &str = "0000:00:16.0";
/// Alder Lake Point P, Lynx Point H, Cannon Point H, and one that nobody knows yet.
const ALDER_LAKE: u16 = 0x51E0;
const LYNX_POINT: u16 = 0x8C3A;
const CANNON_POINT: u16 = 0xA360;
const UNKNOWN: u16 = 0xFFF0;

/// A machine.
struct Machine(Folder);

impl Machine {
    /// With one function, which mei_me drives.
    fn new(device: u16) -> Self {
        let machine = Self(Folder::new());
        machine.function(ADDRESS, device).driven(ADDRESS, "mei_me");
        machine
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.0.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn link(&self, to: &str, path: &str) -> &Self {
        let path = self.0.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
        self
    }

    /// A PCI function; its configuration space is all zeros but for the identifiers.
    fn function(&self, address: &str, device: u16) -> &Self {
        let place = format!("sys/bus/pci/devices/{address}");
        let mut config = vec![0x86, 0x80];
        config.extend(device.to_le_bytes());
        config.resize(256, 0);
        self.write(&format!("{place}/vendor"), "0x8086\n")
            .write(&format!("{place}/device"), format!("{device:#06x}\n"))
            .write(&format!("{place}/class"), "0x078000\n")
            .write(&format!("{place}/irq"), "16\n")
            .write(&format!("{place}/driver_override"), "(null)\n")
            .write(&format!("{place}/config"), config)
            .write(&format!("{place}/mei/mei0/dev"), "240:0\n")
    }

    fn driver(&self, name: &str) -> &Self {
        self.write(&format!("sys/bus/pci/drivers/{name}/bind"), "")
            .write(&format!("sys/bus/pci/drivers/{name}/unbind"), "")
    }

    fn driven(&self, address: &str, driver: &str) -> &Self {
        self.driver(driver);
        self.link(&format!("../../drivers/{driver}"), &format!("sys/bus/pci/devices/{address}/driver"))
    }

    fn group(&self, address: &str) -> &Self {
        let place = format!("sys/bus/pci/devices/{address}/iommu_group");
        self.link("../../../../kernel/iommu_groups/7", &place);
        self.write(&format!("sys/kernel/iommu_groups/7/devices/{address}"), "")
    }

    /// A word of the function's configuration space.
    fn status(&self, offset: usize, word: u32) -> &Self {
        let path = self.0.0.join(format!("sys/bus/pci/devices/{ADDRESS}/config"));
        let mut config = fs::read(&path).unwrap();
        config[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
        fs::write(path, config).unwrap();
        self
    }

    fn umei(&self, arguments: &[&str]) -> std::process::Output {
        let root = self.0.0.display().to_string();
        umei(&[arguments, &["--root", &root]].concat()).output().unwrap()
    }

    /// What `umei bind` says, which must refuse and change nothing.
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.umei(&[&["bind", ADDRESS], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stdout(&output));
        assert_eq!(stdout(&output), "");
        let place = format!("sys/bus/pci/devices/{ADDRESS}");
        let driver = fs::read_link(self.0.0.join(&place).join("driver")).unwrap();
        assert_eq!(driver, Path::new("../../drivers/mei_me"));
        let wanted = fs::read_to_string(self.0.0.join(place).join("driver_override")).unwrap();
        assert_eq!(wanted, "(null)\n");
        assert!(!self.0.0.join("run/umei/bound").join(ADDRESS).exists());
        stderr(&output)
    }
}

#[test]
fn server_firmware() {
    let remedy = "remedy: --force tries nevertheless; it may disturb the server firmware\n";
    for (device, offset, word, firmware) in [
        (LYNX_POINT, 0x40, 0x000F_0000, "Server Platform Services"),
        (CANNON_POINT, 0x60, 0x0000_0060, "Server Platform Services or ignition firmware"),
    ] {
        let machine = Machine::new(device);
        machine.driver("uio_pci_generic").status(offset, word);
        assert_eq!(
            machine.refuses(&[]),
            format!(
                "umei: 0000:00:16.0 belongs to {firmware}: it is no interface for this machine's programs\n{remedy}"
            )
        );
    }
}

#[test]
fn a_function_that_nobody_knows() {
    let machine = Machine::new(UNKNOWN);
    machine.driver("uio_pci_generic");
    assert_eq!(
        machine.refuses(&[]),
        "umei: 0000:00:16.0 (8086:fff0) is not a MEI function that is known here
remedy: if it is a MEI function of a newer generation, name one that it resembles: --as PCH15
"
    );
    assert_eq!(
        machine.refuses(&["--as", "PCH99"]),
        "umei: there is no generation called \"PCH99\"
remedy: umei ls shows the generation of each function
"
    );
    let listed = stdout(&machine.umei(&["ls"]));
    assert_eq!(
        listed,
        "0000:00:16.0 8086:fff0 unknown communication controller
  driver    mei_me
  IOMMU     none
  node      /dev/mei0
  bind      no: 0000:00:16.0 (8086:fff0) is not a MEI function that is known here
            remedy: if it is a MEI function of a newer generation, name one that it resembles: --as PCH15
"
    );
}

#[test]
fn an_address_without_a_function() {
    let machine = Machine::new(ALDER_LAKE);
    let output = machine.umei(&["bind", "00:17.0"]);
    assert_eq!(
        stderr(&output),
        "umei: there is no PCI function 0000:00:17.0
remedy: umei ls lists the MEI functions; if there is none, the firmware's setup may hide it
"
    );
}

#[test]
fn a_shared_group() {
    let machine = Machine::new(ALDER_LAKE);
    machine.driver("vfio-pci").group(ADDRESS);
    machine.function("0000:00:16.3", 0x51E3).driven("0000:00:16.3", "serial").group("0000:00:16.3");
    assert_eq!(
        machine.refuses(&["--driver", "vfio-pci"]),
        "umei: the IOMMU group of 0000:00:16.0 is shared with 0000:00:16.3 (driven by serial)
remedy: bind the others to vfio-pci too, or to no driver, or use uio_pci_generic
"
    );
}

#[test]
fn a_machine_without_an_iommu() {
    let machine = Machine::new(ALDER_LAKE);
    machine.driver("vfio-pci");
    assert_eq!(
        machine.refuses(&["--driver", "vfio-pci"]),
        "umei: 0000:00:16.0 is behind no IOMMU
remedy: switch it on in the firmware's setup (VT-d) and with intel_iommu=on on the kernel's command line; or use \
uio_pci_generic
"
    );
}

#[test]
fn a_module_that_is_missing() {
    let machine = Machine::new(ALDER_LAKE);
    for module in ["vfio-pci", "uio_pci_generic"] {
        assert_eq!(
            machine.refuses(&["--driver", module]),
            format!("umei: the kernel has no PCI driver {module}\nremedy: modprobe {module}\n")
        );
    }
}

#[test]
fn a_function_without_a_line() {
    let machine = Machine::new(ALDER_LAKE);
    machine.driver("uio_pci_generic").write(&format!("sys/bus/pci/devices/{ADDRESS}/irq"), "0\n");
    assert_eq!(
        machine.refuses(&["--driver", "uio_pci_generic"]),
        "umei: 0000:00:16.0 has no interrupt line
remedy: use vfio-pci, or --driver none, which polls
"
    );
}

#[test]
fn a_kernel_that_is_locked_down() {
    let machine = Machine::new(ALDER_LAKE);
    machine.driver("uio_pci_generic");
    machine.write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    for arguments in [&[][..], &["--driver", "uio_pci_generic"], &["--driver", "none"]] {
        assert_eq!(
            machine.refuses(arguments),
            "umei: the kernel is locked down (integrity): BARs are not for user space
remedy: use vfio-pci behind an IOMMU, or switch secure boot off
"
        );
    }
}

#[test]
fn a_device_that_is_open() {
    let machine = Machine::new(ALDER_LAKE);
    machine.driver("uio_pci_generic").write("proc/812/comm", "lms\n");
    machine.link("/dev/mei0", "proc/812/fd/3");
    assert_eq!(
        machine.refuses(&[]),
        "umei: 0000:00:16.0 is in use by lms (process 812, /dev/mei0)
remedy: stop it first; --force takes the function away from it: its calls then fail with ENODEV
"
    );
    let error = stderr(&machine.umei(&["unbind", ADDRESS]));
    assert_eq!(error, "umei: 0000:00:16.0 is not in user space's hands: it is driven by mei_me\n");
}

#[test]
fn somebody_who_is_not_root() {
    if !can_mount("somebody_who_is_not_root") {
        return;
    }
    let machine = Machine::new(ALDER_LAKE);
    machine.driver("uio_pci_generic");
    let mut command = script(
        "mount -t tmpfs -o mode=755 private /mnt; cp \"$umei\" /mnt/umei; cp -r \"$1\" /mnt/root
         exec setpriv --reuid 12345 --regid 12345 --clear-groups /mnt/umei bind 00:16.0 --root /mnt/root",
        &machine.0,
    );
    let output = command.output().unwrap();
    assert_eq!(
        stderr(&output),
        "umei: cannot write /mnt/root/run/umei/bound: Permission denied (os error 13)\nremedy: run as root\n"
    );
}

/// `umei serve` on this machine's own /sys, which a tree takes the place of.
#[test]
fn a_function_that_was_not_handed_over() {
    if !can_mount("a_function_that_was_not_handed_over") {
        return;
    }
    let serve = |machine: &Machine, arguments: &str| {
        let text = format!(
            "mount -t tmpfs -o mode=755 private /mnt; : > /mnt/fuse; mount --bind /dev/fuse /mnt/fuse
             mount --bind \"$1/sys\" /sys; mount --rbind /mnt /dev; mount -t tmpfs private /run
             exec \"$umei\" serve --frontend fuse --backend pci:00:16.0 {arguments}"
        );
        let output = script(&text, &machine.0).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stderr(&output)
    };
    let machine = Machine::new(ALDER_LAKE);
    assert_eq!(
        serve(&machine, ""),
        "umei: opening the PCI function 0000:00:16.0: 0000:00:16.0 is driven by mei_me\nremedy: hand it over first: umei bind\n"
    );
    let machine = Machine(Folder::new());
    machine.function(ADDRESS, ALDER_LAKE);
    assert_eq!(
        serve(&machine, "--access vfio"),
        "umei: opening the PCI function 0000:00:16.0: vfio needs 0000:00:16.0 to be bound to vfio-pci
remedy: umei bind binds it; or choose another way with --access
"
    );
    let machine = Machine(Folder::new());
    machine.function(ADDRESS, CANNON_POINT).status(0x60, 0x60);
    assert_eq!(
        serve(&machine, "--access resource"),
        "umei: opening the PCI function 0000:00:16.0: 0000:00:16.0 belongs to Server Platform Services or ignition firmware: it is no interface for this \
machine's programs
remedy: --force tries nevertheless; it may disturb the server firmware
"
    );
}
