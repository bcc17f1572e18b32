//! The firmware side of the Management Engine Interface: an emulated engine, without I/O.
