//! The engine against a driver of the least kind.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a panic is the report of a test")]

mod command;
mod connections;
mod driver;
mod echo;
mod hostile;
mod power;
mod ring;
mod session;

/// A persona with one change to its text per pair.
pub(crate) fn persona(text: &str) -> mei_emulator::Persona {
    mei_emulator::Persona::parse(text, "test").unwrap_or_else(|error| panic!("{error}"))
}

/// The persona of `personas/test` with that name.
pub(crate) fn test_persona(name: &str) -> mei_emulator::Persona {
    let path = format!("{}/../../personas/test/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    persona(&text)
}
