//! Between a host and its function.
