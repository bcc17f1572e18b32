//! The host side of the Management Engine Interface: the behaviour of the kernel driver behind /dev/mei0, without I/O.
