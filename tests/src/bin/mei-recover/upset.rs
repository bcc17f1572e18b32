//! What may befall a function, and what the kernel says of it then on real hardware, too.

use crate::functions::{Function, wait_for, write, write_to_driver};
use crate::kernel_log::KernelLog;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::io::{Write, stdout};
use std::path::Path;

/// How functions are upset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Upset {
    /// Taken from the driver and given back, through sysfs
    Rebind,
    /// Reset behind the driver's back, through sysfs
    FunctionReset,
    /// Taken out of the kernel's tree and found again
    Remove,
    /// Put to sleep and woken up, with the machine
    Suspend,
    /// The firmware resets by itself
    FirmwareReset,
    /// Pulled out of the slot and put back
    Pull,
}

/// The firmware is not ready where it was: what the driver says when it finds out, and of the reset that follows.
const FIRMWARE_RESET: [&str; 2] = ["FW not ready: resetting", "unexpected reset: dev_state = "];

impl Upset {
    /// Warnings and errors of the driver that belong to it. All others are our fault.
    pub(crate) fn allowed(self) -> &'static [&'static str] {
        match self {
            // Nothing happens that the driver has not asked for itself.
            Self::Rebind | Self::Remove | Self::Suspend => &[],
            // Each time the driver asks for the firmware's version again, and the next reset may meet it in the middle; or
            // in the middle of going to rest, which fails, and what wakes it is told so.
            Self::FirmwareReset => {
                const {
                    &[
                        FIRMWARE_RESET[0],
                        FIRMWARE_RESET[1],
                        "Could not send ReqFWVersion cmd ret = -",
                        "Could not read FW version ret = -",
                        "version command failed -",
                        "power gate command write failed.",
                        "rpm: get failed -",
                    ]
                }
            }
            // The driver is not told. Its interrupts are off then: it finds out when it looks at the registers, or when
            // a CONNECT is not answered.
            Self::FunctionReset => {
                const {
                    &[
                        FIRMWARE_RESET[0],
                        FIRMWARE_RESET[1],
                        "timer: connect/disconnect timeout.",
                        "power gate command write failed.",
                        "rpm: get failed -",
                    ]
                }
            }
            // Every register reads as all-ones, in which each bit is set that the driver waits to see cleared.
            Self::Pull => &[
                FIRMWARE_RESET[0],
                FIRMWARE_RESET[1],
                "H_RST is set = 0xFFFFFFFF",
                "H_RDY is not cleared 0xFFFFFFFF",
                "hw_reset failed ret = -62",
                "device disabled = 0",
                "reset failed ret = -62",
            ],
        }
    }

    /// Upsets all of them once.
    pub(crate) fn carry_out(self, functions: &[Function], log: &mut KernelLog) -> Result<()> {
        match self {
            Self::Rebind => functions.iter().try_for_each(|function| {
                write_to_driver("unbind", &function.address)?;
                write_to_driver("bind", &function.address)
            }),
            Self::FunctionReset => {
                functions.iter().try_for_each(|function| write(&function.folder().join("reset"), "1"))
            }
            Self::Remove => {
                remove(functions)?;
                rescan(functions)
            }
            Self::Suspend => suspend(),
            Self::FirmwareReset => {
                let before = log.position()?;
                ask("firmware-reset")?;
                wait_for("every driver has noticed", || {
                    Ok(log.count(functions, FIRMWARE_RESET[1], before)? == functions.len())
                })
            }
            Self::Pull => {
                ask("pull")?;
                wait_for("every function is gone", || Ok(functions.iter().all(is_all_ones)))?;
                remove(functions)?;
                // The harness is told in order: when it has heard this, it has done the other.
                ask("pull")?;
                wait_for("every function is back", || {
                    rescan(functions)?;
                    Ok(functions.iter().all(|function| function.folder().exists()))
                })
            }
        }
    }
}

fn remove(functions: &[Function]) -> Result<()> {
    functions.iter().try_for_each(|function| write(&function.folder().join("remove"), "1"))
}

fn rescan(functions: &[Function]) -> Result<()> {
    if functions.iter().all(|function| function.folder().exists()) {
        return Ok(());
    }
    write(Path::new("/sys/bus/pci/rescan"), "1")
}

/// The machine's devices sleep for a second; programs are frozen meanwhile.
fn suspend() -> Result<()> {
    write(Path::new("/sys/power/pm_test"), "devices")?;
    write(Path::new("/sys/module/suspend/parameters/pm_test_delay"), "1")?;
    let slept = write(Path::new("/sys/power/state"), "freeze");
    write(Path::new("/sys/power/pm_test"), "none").and(slept)
}

/// Whether a function is not there any more: its configuration reads as all-ones.
fn is_all_ones(function: &Function) -> bool {
    std::fs::read(function.folder().join("config")).is_ok_and(|config| config.starts_with(&[0xFF; 4]))
}

/// Asks the harness outside (`umei_guest::report::Request`).
fn ask(request: &str) -> Result<()> {
    let mut out = stdout();
    writeln!(out, ">> {request}").and_then(|()| out.flush()).context("asking the harness")
}
