//! Everything a developer and the CI run: fetch, build, test, guests.

fn main() {}
