//! A real function as its driver's loop sees it.

use crate::bar::Bar;
use crate::config::Config;
use crate::error::OpenError;
use crate::identity::Identity;
use crate::lookout::Lookout;
use crate::polling::Polling;
use crate::uio::{self, Uio};
use crate::undo::Undo;
use crate::vfio;
use mei_wire::registers::{H_CB_WW, H_CSR, HostCsr, ME_CB_RW};
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// A MEI function of this machine, driven from user space. Dropping it gives back what opening it took.
///
/// Once it is gone it stays gone: every access gives [`Gone`], and [`Device::take_interrupt`] says yes so that its
/// driver finds out.
#[derive(Debug)]
pub struct PciFunction {
    identity: Identity,
    bar: Bar,
    config: Config<Arc<OwnedFd>>,
    access: Access,
    /// For messages, which can be lost; a line stays raised.
    lookout: Lookout,
    gone: bool,
    /// Whether its driver was told that it is gone.
    told: bool,
    // Last: what opening changed is put back when nothing uses the function any more.
    _undo: Undo,
}

/// What differs between the ways.
#[derive(Debug)]
pub(crate) enum Access {
    /// Through VFIO.
    Vfio {
        interrupts: vfio::Interrupts,
        polling: Option<Polling>,
        memory: Option<vfio::Memory>,
        _device: vfio::Device,
    },
    /// Through UIO and the sysfs resource.
    Uio(Uio),
    /// Through the sysfs resource alone.
    Polled(Polled),
}

impl Access {
    /// Whether the function interrupts by message.
    fn is_by_message(&self) -> bool {
        matches!(self, Self::Vfio { interrupts, polling: None, .. } if !interrupts.is_line())
    }
}

/// A function that is looked at.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) polling: Polling,
    /// Held open against others.
    pub(crate) _uio: Option<Uio>,
}

impl PciFunction {
    pub(crate) fn new(
        identity: Identity,
        bar: Bar,
        config: Config<Arc<OwnedFd>>,
        access: Access,
        undo: Undo,
    ) -> Result<Self, OpenError> {
        let address = identity.address;
        let lookout = Lookout::default();
        let mut function =
            Self { identity, bar, config, access, lookout, gone: false, told: false, _undo: undo };
        match function.read32(H_CSR) {
            Ok(status) => log::debug!("{address}: H_CSR {status:#010x}"),
            Err(Gone) => return Err(OpenError::Gone { address }),
        }
        Ok(function)
    }

    /// What it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Notes that the function is gone.
    fn lost(&mut self) -> Gone {
        if !self.gone {
            log::warn!("{} is gone", self.identity.address);
            self.gone = true;
        }
        Gone
    }

    /// Whether the function still answers, after a value that one which is gone would give as well: all-ones, or 0
    /// from `H_CSR`, whose depth is never 0. Reads nothing that has a side effect.
    fn confirm(&mut self) -> Result<(), Gone> {
        let answers = !self.bar.lost()
            && match self.bar.read32(H_CSR) {
                Ok(u32::MAX) | Err(Gone) => false,
                Ok(0) => self.config.decodes_memory(),
                Ok(_) => true,
            };
        if answers { Ok(()) } else { Err(self.lost()) }
    }

    fn checked<T>(&mut self, result: Result<T, Gone>) -> Result<T, Gone> {
        result.map_err(|Gone| self.lost())
    }

    fn polling(&mut self) -> Option<&mut Polling> {
        match &mut self.access {
            Access::Vfio { polling, .. } => polling.as_mut(),
            Access::Uio(_) => None,
            Access::Polled(polled) => Some(&mut polled.polling),
        }
    }
}

impl Registers for PciFunction {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        if self.gone {
            return Err(Gone);
        }
        let value = self.bar.read32(offset);
        let value = self.checked(value)?;
        if value == u32::MAX || value == 0 && offset == H_CSR {
            self.confirm()?;
        }
        Ok(value)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        if let Some(polling) = self.polling() {
            polling.hurry();
        } else if self.access.is_by_message() {
            self.lookout.used();
        }
        let written = self.bar.write32(offset, value);
        self.checked(written)
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        let mut all_ones = false;
        for slot in slots {
            let value = self.bar.read32(ME_CB_RW);
            *slot = self.checked(value)?;
            all_ones |= *slot == u32::MAX;
        }
        if all_ones { self.confirm() } else { Ok(()) }
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        for &slot in slots {
            let written = self.bar.write32(H_CB_WW, slot);
            self.checked(written)?;
        }
        Ok(())
    }
}

impl ConfigSpace for PciFunction {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        if self.gone {
            return Err(Gone);
        }
        let word = self.config.read32(offset);
        self.checked(word)
    }
}

impl DmaMemory for PciFunction {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        match &mut self.access {
            Access::Vfio { memory: Some(memory), .. } => memory.allocate(size),
            _ => None,
        }
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        match &self.access {
            Access::Vfio { memory: Some(memory), .. } => memory.read(address, bytes),
            _ => Err(Gone),
        }
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        match &mut self.access {
            Access::Vfio { memory: Some(memory), .. } => memory.write(address, bytes),
            _ => Err(Gone),
        }
    }
}

impl Device for PciFunction {
    fn run(&mut self, now: Instant) {
        if self.gone {
            return;
        }
        let address = self.identity.address;
        let Self { bar, config, access, lookout, .. } = self;
        if let Access::Vfio { interrupts, polling: None, .. } = access {
            if lookout.run(now, || bar.read32(H_CSR).ok().map(HostCsr::from)) {
                log::warn!("{address}: an interrupt was lost");
                interrupts.raise();
            }
            return;
        }
        let polling = match access {
            Access::Vfio { polling, .. } => polling.as_mut(),
            Access::Uio(_) => None,
            Access::Polled(polled) => Some(&mut polled.polling),
        };
        let Some(polling) = polling else { return };
        let mut gone = false;
        polling.run(now, || {
            let status = bar.read32(H_CSR).map(HostCsr::from);
            // A function that was removed from the kernel's list may answer as before; nothing else tells.
            gone = status.is_err() || !config.decodes_memory();
            status.ok().filter(|_| !gone)
        });
        if let Access::Vfio { interrupts, polling: Some(polling), .. } = access
            && polling.take()
        {
            interrupts.raise();
        }
        if gone {
            self.lost();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.access {
            // Until then the driver wakes up at the time that it was last told.
            _ if self.told => None,
            Access::Vfio { polling: Some(polling), .. } => Some(polling.deadline()),
            Access::Vfio { .. } => self.lookout.deadline(),
            Access::Uio(_) => None,
            Access::Polled(polled) => Some(polled.polling.deadline()),
        }
    }

    fn take_interrupt(&mut self) -> bool {
        let (interrupt, gone) = match &mut self.access {
            Access::Vfio { interrupts, .. } => {
                let happened = interrupts.take();
                if happened.interrupt {
                    self.lookout.heard();
                }
                (happened.interrupt, happened.gone)
            }
            Access::Uio(uio) => match uio.take() {
                uio::Happened::Interrupt => (true, false),
                uio::Happened::Nothing => (false, false),
                uio::Happened::Gone => (false, true),
            },
            Access::Polled(polled) => (polled.polling.take(), false),
        };
        if gone {
            self.lost();
        }
        self.told = self.gone;
        interrupt || self.gone
    }

    fn end_of_interrupt(&mut self) {
        let line = match &self.access {
            Access::Vfio { interrupts, .. } => interrupts.is_line(),
            Access::Uio(_) => true,
            Access::Polled(_) => false,
        };
        if !line || self.gone {
            return;
        }
        // The acknowledgement must have reached the function before its line is opened, or it fires again for what
        // was dealt with (`hw.md` §5): a read pushes the posted writes in front of it.
        if self.read32(H_CSR).is_err() {
            return;
        }
        let opened = match &mut self.access {
            Access::Vfio { interrupts, .. } => interrupts.unmask().map_err(|errno| {
                log::warn!("cannot open the interrupt line: {errno}");
                Gone
            }),
            Access::Uio(_) => self.config.open_line(),
            Access::Polled(_) => Ok(()),
        };
        if opened.is_err() {
            self.lost();
        }
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.access {
            Access::Vfio { interrupts, .. } => Some(interrupts.fd()),
            Access::Uio(uio) => Some(uio.fd()),
            Access::Polled(_) => None,
        }
    }
}
