//! Registers and frames: the few accesses that a message costs.
//!
//! The host's half of `H_CSR` is what the host wrote last, so that ringing the bell is one write. The
//! acknowledgement of an interrupt keeps the enables set: a cause that comes after it raises a new edge, and
//! nothing has to be opened again at the end (`hw.md` §5.3 masks at the source because its two handlers run on
//! different processors; there is only one here).

use crate::slots::{pack, slots_for};
use crate::{Errno, Host};
use mei_wire::registers::{H_CSR, HostCsr, ME_CSR_HA, MeCsr, filled_slots};
use mei_wire::{Address, Function, Gone, MessageHeader};
use zerocopy::{Immutable, IntoBytes};

/// The host's circular buffer, as far as it is known without looking.
#[derive(Debug, Default)]
pub(crate) struct HostBuffer {
    /// Slots in all, read once at the start.
    pub(crate) depth: u8,
    /// Slots free at least. All of them is what the driver calls "host buffer ready" (`hbm.md` §8.1).
    pub(crate) free: u8,
}

impl HostBuffer {
    /// Whether the buffer was seen empty and nobody has written since.
    pub(crate) const fn is_ready(&self) -> bool {
        self.free == self.depth && self.depth > 0
    }
}

/// What the host's half of `H_CSR` is while the link is up.
const LINK_UP: HostCsr = HostCsr::new().with_ready(true).with_interrupts(true);

impl<F: Function> Host<F> {
    /// Notes that the function is gone.
    pub(crate) fn note<T>(&mut self, result: Result<T, Gone>) -> Result<T, Errno> {
        result.map_err(|Gone| {
            self.gone = true;
            Errno::NODEV
        })
    }

    /// Reads a register; all-ones is what a function reads as that is gone.
    pub(crate) fn read(&mut self, offset: u32) -> Result<u32, Errno> {
        let result = self.function.read32(offset).and_then(|value| match value {
            u32::MAX => Err(Gone),
            value => Ok(value),
        });
        self.note(result)
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Result<(), Errno> {
        let result = self.function.write32(offset, value);
        self.note(result)
    }

    pub(crate) fn host_csr(&mut self) -> Result<HostCsr, Errno> {
        self.read(H_CSR).map(HostCsr::from)
    }

    pub(crate) fn me_csr(&mut self) -> Result<MeCsr, Errno> {
        self.read(ME_CSR_HA).map(MeCsr::from)
    }

    /// Looks how much room the host's buffer has.
    ///
    /// # Errors
    /// EOVERFLOW when the pointers cannot be true.
    pub(crate) fn look_at_buffer(&mut self) -> Result<(), Errno> {
        let csr = self.host_csr()?;
        let filled = filled_slots(csr.read_pointer(), csr.write_pointer());
        self.buffer.free = 0;
        self.buffer.free = self.buffer.depth.checked_sub(filled).ok_or(Errno::OVERFLOW)?;
        Ok(())
    }

    /// Puts the first `count` slots of [`Host::frame`] into the host's buffer, without ringing.
    ///
    /// # Errors
    /// EMSGSIZE when there is no room, EOVERFLOW when the pointers cannot be true, ENODEV.
    #[inline]
    pub(crate) fn push(&mut self, count: usize) -> Result<(), Errno> {
        let needed = u8::try_from(count).map_err(|_| Errno::MSGSIZE)?;
        if needed > self.buffer.free {
            self.look_at_buffer()?;
        }
        self.buffer.free = self.buffer.free.checked_sub(needed).ok_or(Errno::MSGSIZE)?;
        let result = self.function.write_window(self.frame.get(..count).ok_or(Errno::MSGSIZE)?);
        self.note(result)?;
        self.bell = true;
        Ok(())
    }

    /// Sends a bus message; the bell follows when the event is finished.
    pub(crate) fn send_hbm<M: IntoBytes + Immutable>(&mut self, message: &M) -> Result<(), Errno> {
        let bytes = message.as_bytes();
        let length = u16::try_from(bytes.len()).map_err(|_| Errno::MSGSIZE)?;
        self.frame[0] = MessageHeader::for_message(Address::BUS, length).to_word();
        let count = 1 + pack(bytes, &mut self.frame[1..]);
        self.push(count)
    }

    /// Whether a bus message fits into what is known to be free.
    pub(crate) fn hbm_fits<M>(&self) -> bool {
        slots_for(size_of::<M>()) < usize::from(self.buffer.free)
    }

    /// Tells the firmware that something was written or read (`hw.md` §2, rule 2).
    pub(crate) fn ring(&mut self) -> Result<(), Errno> {
        self.bell = false;
        self.write(H_CSR, LINK_UP.with_interrupt_generate(true).into())
    }

    /// Tells the firmware, and looks whether it still listens, as a caller does who wrote (`hw.md` §3).
    ///
    /// # Errors
    /// EIO when it does not; what was written is in the buffer all the same.
    pub(crate) fn ring_checked(&mut self) -> Result<(), Errno> {
        self.ring()?;
        if self.me_csr()?.ready() { Ok(()) } else { Err(Errno::IO) }
    }

    /// Changes the host's half of `H_CSR` without acknowledging anything (`hw.md` §2, rule 1).
    pub(crate) fn modify_csr(&mut self, change: impl FnOnce(HostCsr) -> HostCsr) -> Result<(), Errno> {
        let csr = self.host_csr()?;
        self.write(H_CSR, change(csr.without_acknowledge()).into())
    }
}
