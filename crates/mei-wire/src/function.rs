//! The one seam to hardware: a MEI PCI function as its driver reaches it.
//!
//! A real function behind UIO or VFIO, an emulated engine in the same process, a recorder or an injector
//! around either: to a driver they are the same thing (design, `hw.md` §2).

use crate::registers::{H_CB_WW, ME_CB_RW};
use thiserror::Error;

/// The function is gone: removed, unbound, or reading as all-ones. Nothing that follows can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the MEI function is gone")]
pub struct Gone;

/// BAR0 of a MEI function, 32-bit accesses at multiples of four.
///
/// Reading [`ME_CB_RW`] pops a slot and writing
/// [`H_CB_WW`] pushes one: an implementation performs each access exactly once,
/// in order (`hw.md` §2, rule 3).
pub trait Registers {
    /// Reads the register at byte `offset`.
    ///
    /// # Errors
    /// [`Gone`] when the function no longer answers.
    fn read32(&mut self, offset: u32) -> Result<u32, Gone>;

    /// Writes the register at byte `offset`.
    ///
    /// # Errors
    /// [`Gone`] when the function no longer answers.
    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone>;

    /// Pops `slots.len()` slots from the ME window, as that many reads of
    /// [`ME_CB_RW`]. The caller has seen that they are filled.
    ///
    /// # Errors
    /// [`Gone`] when the function no longer answers.
    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        slots.iter_mut().try_for_each(|slot| self.read32(ME_CB_RW).map(|value| *slot = value))
    }

    /// Pushes `slots` into the host window, as that many writes of [`H_CB_WW`].
    /// The caller has seen that there is room.
    ///
    /// # Errors
    /// [`Gone`] when the function no longer answers.
    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        slots.iter().try_for_each(|&slot| self.write32(H_CB_WW, slot))
    }
}

/// PCI configuration space, where the firmware status registers live (`hw.md` §7).
pub trait ConfigSpace {
    /// Reads the 32-bit word at byte `offset` (a multiple of four) of the function's own space.
    ///
    /// # Errors
    /// [`Gone`] when the function no longer answers.
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone>;
}

/// Memory that the function reaches by bus address, for the DMA rings (`hbm.md` §11). The defaults are a
/// function without any.
pub trait DmaMemory {
    /// Lays out a zeroed block of `size` bytes for as long as the function lives; its bus address, aligned to
    /// a page. `None` where the function cannot be given memory: the driver then does without rings.
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        let _ = size;
        None
    }

    /// Copies out of a block that was laid out, from `address` on.
    ///
    /// # Errors
    /// [`Gone`] when the bytes are not all within one block.
    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        let _ = (address, bytes);
        Err(Gone)
    }

    /// The `length` bytes of a block from `address` on where they are, for memory that only this process writes.
    /// `None` where they have to be copied.
    fn borrow_dma(&self, address: u64, length: usize) -> Option<&[u8]> {
        let _ = (address, length);
        None
    }

    /// Copies into a block that was laid out, from `address` on.
    ///
    /// # Errors
    /// [`Gone`] when the bytes are not all within one block.
    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        let _ = (address, bytes);
        Err(Gone)
    }
}

/// Everything a driver needs of a function.
pub trait Function: Registers + ConfigSpace + DmaMemory {}

impl<T: Registers + ConfigSpace + DmaMemory> Function for T {}
