//! The Management Engine Interface in user space.

fn main() {}
