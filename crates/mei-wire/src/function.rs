//! The one seam to hardware: a MEI PCI function as its driver reaches it.
//!
//! A real function behind UIO or VFIO, an emulated engine in the same process, a recorder or an injector
//! around either: to a driver they are the same thing (design, `hw.md` §2).

use thiserror::Error;

/// The function is gone: removed, unbound, or reading as all-ones. Nothing that follows can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the MEI function is gone")]
pub struct Gone;

/// BAR0 of a MEI function, 32-bit accesses at multiples of four.
///
/// Reading [`ME_CB_RW`](crate::registers::ME_CB_RW) pops a slot and writing
/// [`H_CB_WW`](crate::registers::H_CB_WW) pushes one: an implementation performs each access exactly once,
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
}

/// PCI configuration space, where the firmware status registers live (`hw.md` §7).
pub trait ConfigSpace {
    /// Reads the 32-bit word at byte `offset` (a multiple of four) of the function's own space.
    ///
    /// # Errors
    /// [`Gone`] when the function no longer answers.
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone>;
}

/// Everything a driver needs of a function.
pub trait Function: Registers + ConfigSpace {}

impl<T: Registers + ConfigSpace> Function for T {}
