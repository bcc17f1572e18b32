//! A real function, or one of a virtual machine: `MEI_FUNCTION` is its address. Each test takes it from its driver,
//! drives it and gives it back. Without the variable they are skipped, and say so.

mod driver;

use driver::Driver;
use mei_pci_uio::{
    Address, BindRequest, Choice, Interrupt, Obstacles, PciFunction, System, Target, Way, bind, functions,
    open, unbind,
};
use mei_wire::{Device, DmaMemory, Gone, Registers};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

const H_CSR: u32 = 0x004;

/// One function, one test at a time.
static FUNCTION: Mutex<()> = Mutex::new(());

/// The function, bound to a driver of user space until this is dropped.
struct Bound {
    address: Address,
    before: Option<String>,
    _turn: MutexGuard<'static, ()>,
}

impl Bound {
    /// None, with a line that says so, where there is no function.
    fn new(test: &str, target: Target) -> Option<Self> {
        let Ok(address) = std::env::var("MEI_FUNCTION") else {
            // Not through the macros: what they print is kept from a person while the test passes.
            let note = format!("SKIPPED {test}: MEI_FUNCTION does not name a function\n");
            std::io::stderr().write_all(note.as_bytes()).expect("there is a standard error");
            return None;
        };
        let turn = FUNCTION.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address.parse().expect("MEI_FUNCTION is an address");
        let request = BindRequest { target, ..BindRequest::default() };
        let change = bind(&System::here(), address, &request).expect("the function can be bound");
        Some(Self { address, before: change.from, _turn: turn })
    }

    fn to(test: &str, driver: &str) -> Option<Self> {
        Self::new(test, Target::Driver(driver.to_owned()))
    }

    fn open(&self, interrupt: Interrupt) -> PciFunction {
        open(self.address, &Choice { interrupt, ..Choice::default() }).expect("the function can be opened")
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let change = unbind(&System::here(), self.address, Obstacles::Respect);
        if !std::thread::panicking() {
            assert_eq!(change.expect("the function can be given back").to, self.before);
        }
    }
}

/// Its device nodes.
fn nodes(address: Address) -> Vec<String> {
    let functions = functions(&System::here()).into_iter();
    functions.filter(|function| function.address == address).flat_map(|function| function.nodes).collect()
}

/// Drives the function far enough to see every kind of access: reset, ready, messages both ways.
fn exercise(function: PciFunction) -> PciFunction {
    let mut driver = Driver::new(function);
    driver.start();
    for _ in 0..50 {
        driver.start_request();
    }
    driver.stop();
    driver.into_function()
}

#[test]
fn vfio_by_message() {
    let Some(bound) = Bound::to("vfio_by_message", "vfio-pci") else { return };
    let function = exercise(bound.open(Interrupt::Message));
    assert!(function.interrupt_fd().is_some());
}

#[test]
fn vfio_by_line() {
    let Some(bound) = Bound::to("vfio_by_line", "vfio-pci") else { return };
    exercise(bound.open(Interrupt::Line));
}

#[test]
fn vfio_polled() {
    let Some(bound) = Bound::to("vfio_polled", "vfio-pci") else { return };
    let function = exercise(bound.open(Interrupt::Polling));
    assert!(function.deadline().is_some());
}

#[test]
fn vfio_lays_out_memory() {
    let Some(bound) = Bound::to("vfio_lays_out_memory", "vfio-pci") else { return };
    let mut function = bound.open(Interrupt::Automatic);
    if nodes(bound.address).iter().any(|node| node.starts_with("vfio/noiommu-")) {
        assert_eq!(
            function.allocate_dma(4096),
            None,
            "nothing would keep the function from all other memory"
        );
        return;
    }
    let sizes = [128 * 1024, 128 * 1024, 4096, 1];
    let addresses: Vec<u64> =
        sizes.iter().map(|&size| function.allocate_dma(size).expect("there is an IOMMU")).collect();
    let mut bytes = [0xFF; 8];
    for (address, size) in addresses.iter().zip(sizes) {
        assert_eq!(address % 4096, 0);
        let last = address + u64::from(size).next_multiple_of(4096) - 8;
        assert_eq!(function.read_dma(last, &mut bytes), Ok(()));
        assert_eq!(bytes, [0; 8]);
        assert_eq!(function.write_dma(last, b"8 bytes!"), Ok(()));
        assert_eq!(function.read_dma(last, &mut bytes), Ok(()));
        assert_eq!(&bytes, b"8 bytes!");
        assert_eq!(function.read_dma(last + 1, &mut bytes), Err(Gone));
    }
    assert_eq!(function.allocate_dma(64 << 20), None);
}

#[test]
fn vfio_gives_the_function_up_when_it_is_wanted_back() {
    let Some(bound) = Bound::to("vfio_gives_the_function_up_when_it_is_wanted_back", "vfio-pci") else {
        return;
    };
    let mut function = Driver::new(bound.open(Interrupt::Automatic));
    function.start();
    let address = bound.address;
    // Unbinding waits in the kernel until the device is closed.
    let unbinding = std::thread::spawn(move || unbind(&System::here(), address, Obstacles::Ignore));
    function.wait_until_gone();
    let mut function = function.into_function();
    assert_eq!(function.read32(H_CSR), Err(Gone));
    drop(function);
    let change = unbinding.join().expect("unbinding does not panic").expect("the function is given back");
    assert_eq!(change.to, bound.before);
    // Taken again, so that it can be given back at the end.
    let request = BindRequest { target: Target::Driver("vfio-pci".to_owned()), ..BindRequest::default() };
    bind(&System::here(), address, &request).expect("the function can be bound again");
}

#[test]
fn uio_by_line() {
    let Some(bound) = Bound::to("uio_by_line", "uio_pci_generic") else { return };
    let function = exercise(bound.open(Interrupt::Automatic));
    assert!(function.interrupt_fd().is_some());
}

#[test]
fn uio_notices_removal_of_its_driver() {
    let Some(bound) = Bound::to("uio_notices_removal_of_its_driver", "uio_pci_generic") else { return };
    let mut function = Driver::new(bound.open(Interrupt::Automatic));
    function.start();
    unbind(&System::here(), bound.address, Obstacles::Ignore).expect("UIO lets go at once");
    function.wait_until_gone();
    drop(function);
    let request = BindRequest { target: Target::Nobody, ..BindRequest::default() };
    bind(&System::here(), bound.address, &request).expect("the function can be bound again");
}

#[test]
fn resource_polled() {
    let Some(bound) = Bound::new("resource_polled", Target::Nobody) else { return };
    exercise(bound.open(Interrupt::Automatic));
}

/// Takes the function out of the kernel's hands altogether, as if it were unplugged.
fn remove(address: Address) {
    std::fs::write(format!("/sys/bus/pci/devices/{address}/remove"), "1").expect("a function can be removed");
}

/// Has the kernel look for it again, which it does before the write returns.
fn rescan() {
    std::fs::write("/sys/bus/pci/rescan", "1").expect("the bus can be scanned");
}

#[test]
fn uio_notices_that_the_function_is_removed() {
    let Some(bound) = Bound::to("uio_notices_that_the_function_is_removed", "uio_pci_generic") else {
        return;
    };
    let mut function = Driver::new(bound.open(Interrupt::Automatic));
    function.start();
    remove(bound.address);
    function.wait_until_gone();
    drop(function);
    rescan();
}

#[test]
fn resource_notices_that_the_function_is_removed() {
    let Some(bound) = Bound::new("resource_notices_that_the_function_is_removed", Target::Nobody) else {
        return;
    };
    let mut function = Driver::new(bound.open(Interrupt::Automatic));
    function.start();
    // Its registers may answer as before.
    remove(bound.address);
    function.wait_until_gone();
    drop(function);
    rescan();
}

#[test]
fn resource_notices_that_memory_is_no_longer_decoded() {
    let Some(bound) = Bound::new("resource_notices_that_memory_is_no_longer_decoded", Target::Nobody) else {
        return;
    };
    let mut function = Driver::new(bound.open(Interrupt::Automatic));
    function.start();
    let place = format!("/sys/bus/pci/devices/{}/config", bound.address);
    let config = File::options().write(true).open(place).expect("configuration space can be written");
    // The command register: nothing is enabled.
    config.write_all_at(&[0, 0], 4).expect("configuration space can be written");
    function.wait_until_gone();
}

#[test]
fn the_driver_is_back_and_the_function_listed() {
    let Some(bound) = Bound::new("the_driver_is_back_and_the_function_listed", Target::Automatic) else {
        return;
    };
    let (address, before) = (bound.address, bound.before.clone());
    let list = functions(&System::here());
    let listed = list.iter().find(|function| function.address == address).expect("the function is listed");
    assert!(listed.part.is_some());
    assert_eq!(listed.taken_from.as_ref().map(|record| &record.driver), Some(&before));
    let function =
        open(address, &Choice { way: Way::Automatic, ..Choice::default() }).expect("it can be opened");
    drop(function);
    drop(bound);
    let list = functions(&System::here());
    let listed = list.iter().find(|function| function.address == address).expect("the function is listed");
    assert_eq!((&listed.driver, &listed.taken_from), (&before, &None));
}
