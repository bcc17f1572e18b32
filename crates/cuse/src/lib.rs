//! The FUSE wire protocol and the CUSE and FUSE sessions.
