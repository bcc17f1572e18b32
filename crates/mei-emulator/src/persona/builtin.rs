//! The personas that are part of the program: `personas/*.toml`, one file per generation.

use super::{Persona, PersonaError};

/// A file of the `personas` folder and the variants that it has.
struct File {
    name: &'static str,
    text: &'static str,
    /// Full names of the variants, as `names` lends them.
    variants: &'static [&'static str],
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(File {
            name: $name,
            text: include_str!(concat!("../../../../personas/", $name, ".toml")),
            variants: &[concat!($name, "-standard"), concat!($name, "-none")],
        }),*]
    };
}

/// Oldest generation first.
static FILES: &[File] = files!["4-series", "7-series", "sunrise-point", "tiger-lake",];

pub(super) fn names() -> Vec<&'static str> {
    FILES.iter().flat_map(|file| std::iter::once(file.name).chain(file.variants.iter().copied())).collect()
}

pub(super) fn persona(name: &str) -> Option<Persona> {
    // A file that does not parse never leaves the test below.
    load(name)?.inspect_err(|error| log::error!("built-in persona: {error}")).ok()
}

fn load(name: &str) -> Option<Result<Persona, PersonaError>> {
    FILES.iter().find_map(|file| {
        let origin = || format!("personas/{}.toml", file.name);
        if name == file.name {
            return Some(Persona::parse(file.text, &origin()));
        }
        let variant = file.variants.iter().find(|&&variant| variant == name)?;
        let suffix = variant.strip_prefix(file.name)?.trim_start_matches('-');
        Some(Persona::parse_variant(file.text, &origin(), suffix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_persona_parses_under_its_name() {
        assert!(!names().is_empty());
        for name in names() {
            let persona = load(name).expect("listed").unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(persona.name, name);
        }
        assert!(persona("no-such-persona").is_none());
    }
}
