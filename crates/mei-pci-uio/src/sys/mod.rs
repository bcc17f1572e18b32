//! Memory of a device and the VFIO ioctls: everything in this crate that the compiler cannot check.
#![expect(unsafe_code, reason = "device memory, DMA and ioctls have no safe interface")]

mod dma;
mod mapping;
mod sigbus;
pub(crate) mod vfio;

pub(crate) use dma::DmaBlock;
pub(crate) use mapping::Mapping;
