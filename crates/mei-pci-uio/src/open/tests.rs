//! Opening on a tree of files: what is accessed, and what is put back.

use super::*;
use crate::tree::Tree;
use mei_wire::pci::Quirk;
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::time::Duration;

const ADDRESS: &str = "0000:00:16.0";
const PLACE: &str = "sys/bus/pci/devices/0000:00:16.0";
/// Offsets and values, written down again from hw.md §2.
const H_CSR: u32 = 0x004;
const ME_CB_RW: u32 = 0x008;
const ME_CSR_HA: u32 = 0x00C;

fn address() -> Address {
    ADDRESS.parse().unwrap()
}

/// A function with nobody in charge, whose `H_CSR` says: depth 128, interrupts enabled.
fn tree(device: u16) -> Tree {
    let tree = Tree::new();
    tree.function(ADDRESS, device);
    registers(&tree, &[(H_CSR, 0x8000_0021), (ME_CSR_HA, 0x8000_0008)]);
    tree
}

fn registers(tree: &Tree, values: &[(u32, u32)]) {
    let mut bytes = std::fs::read(tree.path(&format!("{PLACE}/resource0"))).unwrap();
    for &(offset, value) in values {
        bytes[offset as usize..][..4].copy_from_slice(&value.to_le_bytes());
    }
    // In place: the file is mapped.
    let file =
        std::fs::OpenOptions::new().write(true).open(tree.path(&format!("{PLACE}/resource0"))).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
}

fn word(tree: &Tree, file: &str, offset: usize) -> u32 {
    let bytes = std::fs::read(tree.path(&format!("{PLACE}/{file}"))).unwrap();
    u32::from_le_bytes(bytes[offset..][..4].try_into().unwrap())
}

fn open_here(tree: &Tree, choice: &Choice) -> Result<PciFunction, OpenError> {
    open_at(&tree.system(), address(), choice)
}

#[test]
fn the_resource_alone_is_switched_on_polled_and_put_back() {
    let tree = tree(0x51E0);
    let start = Instant::now();
    let mut function = open_here(&tree, &Choice::default()).unwrap();
    assert_eq!(function.identity().part.unwrap().name, "ADP_P");
    assert_eq!(tree.read(&format!("{PLACE}/enable")), "1");
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0x0006);
    assert_eq!(function.read32(ME_CSR_HA), Ok(0x8000_0008));
    function.write32(0, 0x8004_0000).unwrap();
    assert_eq!(word(&tree, "resource0", 0), 0x8004_0000);
    assert_eq!(function.read_config32(0), Ok(0x51E0_8086));
    assert!(function.interrupt_fd().is_none());
    assert_eq!(function.allocate_dma(4096), None);
    assert!(!function.take_interrupt());
    registers(&tree, &[(H_CSR, 0x8000_0023)]);
    function.run(start + Duration::from_secs(3600));
    assert!(function.take_interrupt());
    assert!(!function.take_interrupt());
    drop(function);
    assert_eq!(tree.read(&format!("{PLACE}/enable")), "0");
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0);
}

#[test]
fn a_value_is_told_from_a_function_that_is_gone() {
    let tree = tree(0x51E0);
    registers(&tree, &[(ME_CB_RW, u32::MAX)]);
    let mut function = open_here(&tree, &Choice::default()).unwrap();
    let mut slots = [0; 3];
    assert_eq!(function.read_window(&mut slots), Ok(()));
    assert_eq!(slots, [u32::MAX; 3]);
    assert_eq!(function.read32(ME_CB_RW), Ok(u32::MAX));
    registers(&tree, &[(H_CSR, u32::MAX)]);
    assert_eq!(function.read_window(&mut slots), Err(Gone));
    registers(&tree, &[(H_CSR, 0x8000_0021)]);
    assert_eq!(function.read32(ME_CSR_HA), Err(Gone), "gone for good");
    assert_eq!(function.write32(0, 0), Err(Gone));
    assert_eq!(function.read_config32(0x40), Err(Gone));
    assert!(function.take_interrupt(), "its driver is told");
    assert_eq!(function.deadline(), None);
}

#[test]
fn a_bar_that_is_no_longer_decoded_reads_zero_and_is_gone() {
    let tree = tree(0x51E0);
    let mut function = open_here(&tree, &Choice::default()).unwrap();
    registers(&tree, &[(H_CSR, 0)]);
    assert_eq!(function.read32(H_CSR), Ok(0), "memory is still decoded: it is a value");
    let file = std::fs::OpenOptions::new().write(true).open(tree.path(&format!("{PLACE}/config"))).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0, 0], 4).unwrap();
    assert_eq!(function.read32(H_CSR), Err(Gone));
}

#[test]
fn a_resting_function_that_was_removed_is_noticed_although_it_answers() {
    let tree = tree(0x51E0);
    let start = Instant::now();
    let mut function = open_here(&tree, &Choice::default()).unwrap();
    // An open attribute of a function that was removed gives nothing any more.
    let file = std::fs::OpenOptions::new().write(true).open(tree.path(&format!("{PLACE}/config"))).unwrap();
    file.set_len(0).unwrap();
    assert_eq!(function.read32(H_CSR), Ok(0x8000_0021));
    function.run(start + Duration::from_secs(3600));
    assert!(function.deadline().is_some(), "its driver does not sleep for ever before it is told");
    assert!(function.take_interrupt());
    assert_eq!(function.deadline(), None);
    assert_eq!(function.read32(H_CSR), Err(Gone));
}

#[test]
fn a_resource_that_goes_away_under_the_mapping_is_gone() {
    let tree = tree(0x51E0);
    let mut function = open_here(&tree, &Choice::default()).unwrap();
    let file =
        std::fs::OpenOptions::new().write(true).open(tree.path(&format!("{PLACE}/resource0"))).unwrap();
    file.set_len(0).unwrap();
    assert_eq!(function.write32(0, 1), Err(Gone));
    assert_eq!(function.read32(H_CSR), Err(Gone));
}

#[test]
fn opening_that_fails_half_way_puts_back_what_it_changed() {
    let tree = tree(0x51E0);
    tree.write(&format!("{PLACE}/resource"), "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
    let error = open_here(&tree, &Choice::default()).unwrap_err();
    assert!(matches!(error, OpenError::NoRegisters { .. }), "{error}");
    assert_eq!(tree.read(&format!("{PLACE}/enable")), "0");
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0);
}

#[test]
fn a_function_of_the_kernel_is_left_alone() {
    let tree = tree(0x51E0);
    tree.driven(ADDRESS, "mei_me");
    for way in [Way::Automatic, Way::Vfio, Way::Uio, Way::Resource] {
        let error = open_here(&tree, &Choice { way, ..Choice::default() }).unwrap_err();
        assert_eq!(error.to_string(), "0000:00:16.0 is driven by mei_me");
        assert!(error.remedy().unwrap().contains("umei bind"));
    }
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0);
}

#[test]
fn a_function_on_its_way_to_a_driver_is_not_taken() {
    let tree = tree(0x51E0);
    for driver in ["vfio-pci", "uio_pci_generic"] {
        tree.write(&format!("{PLACE}/driver_override"), format!("{driver}\n"));
        let error = open_here(&tree, &Choice::default()).unwrap_err();
        assert!(error.to_string().ends_with(driver), "{error}");
    }
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0);
    // For who asks for it, and for a function that is to have no driver.
    open_here(&tree, &Choice { way: Way::Resource, ..Choice::default() }).unwrap();
    tree.write(&format!("{PLACE}/driver_override"), "umei-none\n");
    open_here(&tree, &Choice::default()).unwrap();
}

#[test]
fn ways_and_interrupts_that_the_binding_does_not_have_are_refused() {
    let tree = tree(0x51E0);
    for way in [Way::Vfio, Way::Uio] {
        let error = open_here(&tree, &Choice { way, ..Choice::default() }).unwrap_err();
        assert!(matches!(error, OpenError::NotBound { .. }), "{error}");
    }
    for interrupt in [Interrupt::Message, Interrupt::Line] {
        let error = open_here(&tree, &Choice { interrupt, ..Choice::default() }).unwrap_err();
        assert!(matches!(error, OpenError::NoInterrupt { .. }), "{error}");
    }
}

#[test]
fn server_firmware_is_left_alone_unless_told_otherwise() {
    // Sunrise Point H, function 0 in operation mode 15.
    let tree = tree(0xA13A);
    let path = format!("{PLACE}/config");
    let mut config = std::fs::read(tree.path(&path)).unwrap();
    config[0x40..0x44].copy_from_slice(&0x000F_0000_u32.to_le_bytes());
    tree.write(&path, config);
    let error = open_here(&tree, &Choice::default()).unwrap_err();
    assert!(matches!(error, OpenError::Refused { quirk: Quirk::Sps4, .. }), "{error}");
    assert_eq!(tree.read(&format!("{PLACE}/enable")), "0\n", "it was not touched");
    let choice = Choice { refused: Refused::DriveAnyway, ..Choice::default() };
    assert!(open_here(&tree, &choice).is_ok());
}

#[test]
fn generations_are_named_for_functions_that_the_table_does_not_have() {
    let tree = tree(0xFFF0);
    let error = open_here(&tree, &Choice::default()).unwrap_err();
    assert_eq!(error.to_string(), "0000:00:16.0 (8086:fff0) is not a MEI function that is known here");
    let named = |name: &str| Choice { generation: Some(name.to_owned()), ..Choice::default() };
    let function = open_here(&tree, &named("pch15")).unwrap();
    assert_eq!((function.identity().generation.name, function.identity().part), ("PCH15", None));
    drop(function);
    assert!(matches!(open_here(&tree, &named("PCH99")).unwrap_err(), OpenError::NoGeneration(_)));
    assert!(matches!(open_here(&tree, &named("CSC")).unwrap_err(), OpenError::OtherLayout { .. }));
    let error = open_at(&tree.system(), "00:17.0".parse().unwrap(), &Choice::default()).unwrap_err();
    assert!(matches!(error, OpenError::Absent { .. }), "{error}");
}

#[test]
fn uio_without_a_line_is_polled_and_without_a_device_explained() {
    let tree = tree(0x51E0);
    tree.driven(ADDRESS, "uio_pci_generic");
    let error = open_here(&tree, &Choice::default()).unwrap_err();
    assert!(matches!(error, OpenError::NoUioDevice { .. }), "{error}");
    tree.write(&format!("{PLACE}/uio/uio0/name"), "uio_pci_generic\n").write("dev/uio0", "");
    let function = open_here(&tree, &Choice::default()).unwrap();
    assert!(function.interrupt_fd().is_some());
    drop(function);
    tree.write(&format!("{PLACE}/irq"), "0\n");
    let function = open_here(&tree, &Choice::default()).unwrap();
    assert!(function.interrupt_fd().is_none() && function.deadline().is_some());
}

#[test]
fn uio_opens_the_line_and_says_when_it_is_gone() {
    let tree = tree(0x51E0);
    tree.driven(ADDRESS, "uio_pci_generic");
    // A file that ends reads as a device that was unbound: no count.
    tree.write(&format!("{PLACE}/uio/uio0/name"), "uio_pci_generic\n").write("dev/uio0", [1, 0, 0, 0]);
    let path = format!("{PLACE}/config");
    let mut config = std::fs::read(tree.path(&path)).unwrap();
    config[5] = 0x04;
    tree.write(&path, config);
    let mut function = open_here(&tree, &Choice::default()).unwrap();
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0x0006, "the line is open");
    assert!(function.take_interrupt());
    let file = std::fs::OpenOptions::new().write(true).open(tree.path(&path)).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[4], 5).unwrap();
    function.end_of_interrupt();
    assert_eq!(word(&tree, "config", 4) & 0xFFFF, 0x0006, "it is open again");
    assert!(function.take_interrupt(), "gone");
    assert_eq!(function.read32(H_CSR), Err(Gone));
}

#[test]
fn vfio_without_a_group_or_nodes_is_explained() {
    let tree = tree(0x51E0);
    tree.driven(ADDRESS, "vfio-pci");
    assert!(matches!(open_here(&tree, &Choice::default()).unwrap_err(), OpenError::NoGroup { .. }));
    tree.group(ADDRESS, 4);
    let error = open_here(&tree, &Choice::default()).unwrap_err();
    assert!(matches!(&error, OpenError::Node { path, .. } if path.ends_with("dev/vfio/vfio")), "{error}");
}

#[test]
fn choices_are_read_from_words() {
    for way in [Way::Automatic, Way::Vfio, Way::Uio, Way::Resource] {
        assert_eq!(way.to_string().parse(), Ok(way));
    }
    for interrupt in [Interrupt::Automatic, Interrupt::Message, Interrupt::Line, Interrupt::Polling] {
        assert_eq!(interrupt.to_string().parse(), Ok(interrupt));
    }
    assert_eq!(
        "usb".parse::<Way>().unwrap_err().to_string(),
        "\"usb\" is not one of auto, vfio, uio, resource"
    );
}
