//! Binding on a tree of files with a kernel that does what is written.

use super::*;
use crate::OpenError;
use crate::tree::Tree;
use mei_wire::pci::Quirk;

const ADDRESS: &str = "0000:00:16.0";
const PLACE: &str = "sys/bus/pci/devices/0000:00:16.0";
const RECORD: &str = "run/umei/bound/0000:00:16.0";

fn address() -> Address {
    ADDRESS.parse().unwrap()
}

/// A machine whose function is driven by mei_me.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.function(ADDRESS, 0x51E0).driven(ADDRESS, "mei_me");
    tree
}

fn driver_of(tree: &Tree) -> Option<String> {
    driver(&tree.system(), address())
}

fn bind_to(tree: &Tree, target: Target) -> Result<Change, BindError> {
    bind(&tree.system(), address(), &BindRequest { target, ..BindRequest::default() })
}

fn unbind_it(tree: &Tree) -> Result<Change, BindError> {
    unbind(&tree.system(), address(), Obstacles::Respect)
}

#[test]
fn the_best_driver_is_chosen_and_the_first_one_comes_back() {
    let tree = tree();
    tree.driver("vfio-pci").driver("uio_pci_generic").group(ADDRESS, 7);
    let change = bind_to(&tree, Target::Automatic).unwrap();
    assert_eq!((change.from.as_deref(), change.to.as_deref()), (Some("mei_me"), Some("vfio-pci")));
    assert!(change.notes.is_empty());
    assert_eq!(tree.read(&format!("{PLACE}/driver_override")), "vfio-pci\n");
    assert_eq!(tree.read(RECORD), "driver=mei_me\n");

    // Again, and to another one: what comes back in the end is the first.
    assert_eq!(bind_to(&tree, Target::Automatic).unwrap().from.as_deref(), Some("vfio-pci"));
    bind_to(&tree, Target::Driver("uio_pci_generic".to_owned())).unwrap();
    assert_eq!(driver_of(&tree).as_deref(), Some("uio_pci_generic"));
    bind_to(&tree, Target::Nobody).unwrap();
    assert_eq!(driver_of(&tree), None);

    let change = unbind_it(&tree).unwrap();
    assert_eq!((change.from, change.to.as_deref()), (None, Some("mei_me")));
    assert_eq!(tree.read(&format!("{PLACE}/driver_override")), "\n");
    assert!(!tree.path(RECORD).exists());
    assert!(matches!(unbind_it(&tree).unwrap_err(), BindError::NotTaken { .. }));
}

#[test]
fn each_better_driver_that_is_not_chosen_says_why() {
    let tree = tree();
    tree.driver("uio_pci_generic");
    let change = bind_to(&tree, Target::Automatic).unwrap();
    assert_eq!(change.to.as_deref(), Some("uio_pci_generic"));
    assert_eq!(change.notes, ["the kernel has no PCI driver vfio-pci (modprobe vfio-pci)"]);

    let tree = self::tree();
    tree.driver("vfio-pci").driver("uio_pci_generic").write(&format!("{PLACE}/irq"), "0\n");
    let change = bind_to(&tree, Target::Automatic).unwrap();
    assert_eq!(change.to, None);
    assert_eq!(change.notes.len(), 2);
    assert!(change.notes[0].contains("no IOMMU") && change.notes[1].contains("no interrupt line"));
    assert_eq!(tree.read(&format!("{PLACE}/driver_override")), "umei-none\n");
    assert_eq!(unbind_it(&tree).unwrap().to.as_deref(), Some("mei_me"));
}

#[test]
fn without_an_iommu_vfio_is_the_last_choice_but_polling() {
    let tree = tree();
    tree.driver("vfio-pci").write("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
    assert_eq!(bind_to(&tree, Target::Automatic).unwrap().to.as_deref(), Some("vfio-pci"));
    unbind_it(&tree).unwrap();
    tree.driver("uio_pci_generic");
    assert_eq!(bind_to(&tree, Target::Automatic).unwrap().to.as_deref(), Some("uio_pci_generic"));
}

#[test]
fn a_shared_group_is_named() {
    let tree = tree();
    tree.driver("vfio-pci").group(ADDRESS, 7);
    tree.function("0000:00:16.3", 0x51E3).driven("0000:00:16.3", "serial").group("0000:00:16.3", 7);
    tree.function("0000:00:16.4", 0x51E4).group("0000:00:16.4", 7);
    let error = bind_to(&tree, Target::Driver("vfio-pci".to_owned())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the IOMMU group of 0000:00:16.0 is shared with 0000:00:16.3 (driven by serial)"
    );
    assert_eq!(driver_of(&tree).as_deref(), Some("mei_me"));
}

#[test]
fn a_locked_down_kernel_leaves_vfio_alone() {
    let tree = tree();
    tree.driver("uio_pci_generic")
        .write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    for target in [Target::Automatic, Target::Nobody, Target::Driver("uio_pci_generic".to_owned())] {
        let error = bind_to(&tree, target).unwrap_err();
        assert!(matches!(&error, BindError::LockedDown { mode } if mode == "integrity"), "{error}");
        assert!(error.remedy().unwrap().contains("secure boot"));
    }
    tree.driver("vfio-pci").group(ADDRESS, 1);
    assert_eq!(bind_to(&tree, Target::Automatic).unwrap().to.as_deref(), Some("vfio-pci"));
}

#[test]
fn open_handles_stop_it_unless_forced() {
    let tree = tree();
    tree.driver("uio_pci_generic").write(&format!("{PLACE}/mei/mei0/dev"), "240:0\n");
    tree.process(812, "lms", "/dev/mei0");
    let error = bind_to(&tree, Target::Automatic).unwrap_err();
    assert_eq!(error.to_string(), "0000:00:16.0 is in use by lms (process 812, /dev/mei0)");
    assert_eq!(driver_of(&tree).as_deref(), Some("mei_me"));
    assert!(!tree.path(RECORD).exists());
    let request = BindRequest { obstacles: Obstacles::Ignore, ..BindRequest::default() };
    assert_eq!(bind(&tree.system(), address(), &request).unwrap().to.as_deref(), Some("uio_pci_generic"));
}

#[test]
fn server_firmware_stops_it_unless_forced() {
    let tree = Tree::new();
    // Cougar Point with Node Manager: bit 9 of HFS2 without bit 10.
    tree.function(ADDRESS, 0x1C3A).driver("uio_pci_generic");
    let path = format!("{PLACE}/config");
    let mut config = std::fs::read(tree.path(&path)).unwrap();
    config[0x48..0x4C].copy_from_slice(&0x200_u32.to_le_bytes());
    tree.write(&path, config);
    let error = bind_to(&tree, Target::Automatic).unwrap_err();
    assert!(
        matches!(error, BindError::Function(OpenError::Refused { quirk: Quirk::NodeManager, .. })),
        "{error}"
    );
    let request = BindRequest { obstacles: Obstacles::Ignore, ..BindRequest::default() };
    assert_eq!(bind(&tree.system(), address(), &request).unwrap().to.as_deref(), Some("uio_pci_generic"));
}

#[test]
fn a_driver_that_refuses_leaves_everything_as_it_was() {
    let tree = tree();
    tree.write(&format!("{PLACE}/driver_override"), "mei_me\n");
    tree.driver("uio_pci_generic").write("sys/bus/pci/drivers/uio_pci_generic/broken", "");
    let error = bind_to(&tree, Target::Automatic).unwrap_err();
    assert!(matches!(error, BindError::DriverRefuses { .. }), "{error}");
    assert_eq!(driver_of(&tree).as_deref(), Some("mei_me"));
    assert_eq!(tree.read(&format!("{PLACE}/driver_override")), "mei_me\n");
    assert!(!tree.path(RECORD).exists());
}

#[test]
fn whoever_died_half_way_is_cleaned_up_after() {
    // After the record was written, after the override, after the old driver let go, after the new one took it.
    for stage in 0..4 {
        let tree = tree();
        tree.driver("uio_pci_generic").write(RECORD, "driver=mei_me\nwritten_by=a later version\n");
        if stage >= 1 {
            tree.write(&format!("{PLACE}/driver_override"), "uio_pci_generic\n");
        }
        if stage >= 2 {
            std::fs::remove_file(tree.path(&format!("{PLACE}/driver"))).unwrap();
        }
        if stage >= 3 {
            tree.driven(ADDRESS, "uio_pci_generic");
        }
        assert_eq!(unbind_it(&tree).unwrap().to.as_deref(), Some("mei_me"), "{stage}");
        assert_eq!(tree.read(&format!("{PLACE}/driver_override")), "\n", "{stage}");
        assert!(!tree.path(RECORD).exists(), "{stage}");
    }
}

#[test]
fn a_driver_that_was_unloaded_is_asked_for_and_the_record_kept() {
    let tree = tree();
    tree.driver("uio_pci_generic");
    bind_to(&tree, Target::Automatic).unwrap();
    std::fs::remove_dir_all(tree.path("sys/bus/pci/drivers/mei_me")).unwrap();
    let error = unbind_it(&tree).unwrap_err();
    assert_eq!(error.remedy().as_deref(), Some("modprobe mei_me"));
    assert!(tree.path(RECORD).exists());
    tree.driver("mei_me");
    assert_eq!(unbind_it(&tree).unwrap().to.as_deref(), Some("mei_me"));
}

#[test]
fn what_others_bound_is_given_to_whoever_wants_it() {
    let tree = Tree::new();
    tree.function(ADDRESS, 0x51E0).driven(ADDRESS, "vfio-pci").driver("mei_me");
    tree.write("sys/bus/pci/drivers_probe", "");
    let change = unbind_it(&tree).unwrap();
    assert_eq!((change.from.as_deref(), change.to.as_deref()), (Some("vfio-pci"), Some("mei_me")));
}

#[test]
fn the_generation_of_an_unknown_function_is_remembered() {
    let tree = Tree::new();
    tree.function(ADDRESS, 0xFFF0).driver("uio_pci_generic");
    let system = tree.system();
    let error = bind_to(&tree, Target::Automatic).unwrap_err();
    assert!(error.remedy().unwrap().contains("--as"));
    let request = BindRequest { generation: Some("pch15".to_owned()), ..BindRequest::default() };
    bind(&system, address(), &request).unwrap();
    let identity = crate::Identity::of(&system, address(), None).unwrap();
    assert_eq!(identity.generation.name, "PCH15");
    assert_eq!(unbind_it(&tree).unwrap().to, None);
}
