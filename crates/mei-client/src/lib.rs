//! A client library for any MEI device node: connect, transact, AMTHI and MKHI.
