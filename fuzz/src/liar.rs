//! A function that lies: registers that a script sets, and a ME window that it fills.

use mei_wire::registers::{H_CB_WW, H_CSR, HostCsr, ME_CB_RW, ME_CSR_HA, MeCsr};
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::collections::VecDeque;
use std::time::Instant;

/// Slots of either buffer.
const DEPTH: u8 = 128;

/// Registers that behave unless they are told not to.
#[derive(Debug)]
pub(crate) struct Liar {
    pub(crate) host: HostCsr,
    pub(crate) me: MeCsr,
    /// Flipped in every read of these two.
    pub(crate) host_lie: u32,
    pub(crate) me_lie: u32,
    pub(crate) config: u32,
    pub(crate) gone: bool,
    /// What the driver has sent and nobody takes.
    pub(crate) congested: bool,
    edge: bool,
    slots: VecDeque<u32>,
    dma: Vec<u8>,
}

impl Liar {
    pub(crate) fn new(config: u32) -> Self {
        Self {
            host: HostCsr::new().with_depth(DEPTH),
            me: MeCsr::new().with_depth(DEPTH).with_ready(true),
            host_lie: 0,
            me_lie: 0,
            config,
            gone: false,
            congested: false,
            edge: false,
            slots: VecDeque::new(),
            dma: Vec::new(),
        }
    }

    /// Puts slots into the ME window, as many as fit, and interrupts.
    pub(crate) fn push(&mut self, slots: impl IntoIterator<Item = u32>) {
        for slot in slots {
            if self.slots.len() < DEPTH.into() {
                self.slots.push_back(slot);
                self.me.set_write_pointer(self.me.write_pointer().wrapping_add(1));
            }
        }
        self.interrupt();
    }

    /// A message whose header tells the truth about its length.
    pub(crate) fn say(&mut self, me: u8, host: u8, flags: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(0) & 0x1FF;
        let word = |bytes: &[u8]| {
            let mut slot = [0; 4];
            slot[..bytes.len()].copy_from_slice(bytes);
            u32::from_le_bytes(slot)
        };
        let header = u32::from(me) | u32::from(host) << 8 | length << 16 | flags;
        self.push(std::iter::once(header).chain(payload.chunks(4).map(word)));
    }

    pub(crate) fn interrupt(&mut self) {
        self.host.set_interrupt_status(true);
        self.edge = true;
    }
}

impl Registers for Liar {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        if self.gone {
            return Err(Gone);
        }
        Ok(match offset {
            H_CSR => u32::from(self.host) ^ self.host_lie,
            ME_CSR_HA => u32::from(self.me) ^ self.me_lie,
            ME_CB_RW => match self.slots.pop_front() {
                Some(slot) => {
                    self.me.set_read_pointer(self.me.read_pointer().wrapping_add(1));
                    slot
                }
                None => 0,
            },
            _ => 0,
        })
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        if self.gone {
            return Err(Gone);
        }
        match offset {
            H_CB_WW => {
                self.host.set_write_pointer(self.host.write_pointer().wrapping_add(1));
                if !self.congested {
                    self.host.set_read_pointer(self.host.write_pointer());
                }
            }
            H_CSR => {
                let written = HostCsr::from(value);
                let resets = written.reset() && !self.host.reset();
                let pending = self.host.interrupt_status() && !written.interrupt_status();
                self.host = self
                    .host
                    .with_interrupt_enable(written.interrupt_enable())
                    .with_ready(written.ready() && !resets)
                    .with_reset(written.reset())
                    .with_interrupt_status(pending);
                if resets {
                    self.slots.clear();
                    self.host = self.host.with_read_pointer(0).with_write_pointer(0);
                    self.me = self.me.with_read_pointer(0).with_write_pointer(0);
                    self.interrupt();
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl ConfigSpace for Liar {
    fn read_config32(&mut self, _: u16) -> Result<u32, Gone> {
        if self.gone { Err(Gone) } else { Ok(self.config) }
    }
}

impl DmaMemory for Liar {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        let address = self.dma.len() as u64;
        let size = usize::try_from(size).ok().filter(|&size| self.dma.len() + size <= 1 << 20)?;
        self.dma.resize(self.dma.len() + size, 0xA5);
        Some(address)
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        let start = usize::try_from(address).map_err(|_| Gone)?;
        let end = start.checked_add(bytes.len()).ok_or(Gone)?;
        bytes.copy_from_slice(self.dma.get(start..end).ok_or(Gone)?);
        Ok(())
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        let start = usize::try_from(address).map_err(|_| Gone)?;
        let end = start.checked_add(bytes.len()).ok_or(Gone)?;
        self.dma.get_mut(start..end).ok_or(Gone)?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Device for Liar {
    fn run(&mut self, _: Instant) {}

    /// One for each time that a cause came up, as an edge. By level, a register that lies about its cause would
    /// interrupt for ever, which no driver can help.
    fn take_interrupt(&mut self) -> bool {
        let interrupts = self.edge && !self.gone && self.host.interrupt_enable();
        self.edge &= !interrupts;
        interrupts
    }
}
