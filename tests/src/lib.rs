//! What spans crates: parity, real clients, guests.
