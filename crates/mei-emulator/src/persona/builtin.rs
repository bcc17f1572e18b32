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
static FILES: &[File] = files![
    "82965",
    "ich9",
    "4-series",
    "5-series",
    "6-series",
    "7-series",
    "8-series",
    "sunrise-point",
    "cannon-point",
    "comet-lake",
    "tiger-lake",
    "alder-lake",
    "meteor-lake",
    "arrow-lake",
];

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
    use mei_wire::status::HFS_OFFSETS;

    #[test]
    fn every_built_in_persona_parses_under_its_name() {
        assert!(!names().is_empty());
        for name in names() {
            let persona = load(name).expect("listed").unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(persona.name, name);
        }
        assert!(persona("no-such-persona").is_none());
    }

    #[test]
    fn generations_are_what_they_were() {
        // Name, PCI device id, protocol version, and the major version of AMT.
        let table = [
            ("82965", 0x2994, "1.0", "2."),
            ("ich9", 0x29B4, "1.0", "3."),
            ("4-series", 0x2A44, "1.0", "4."),
            ("5-series", 0x3B64, "1.1", "6."),
            ("6-series", 0x1C3A, "1.1", "7."),
            ("7-series", 0x1E3A, "1.1", "8."),
            ("8-series", 0x8C3A, "1.1", "9."),
            ("sunrise-point", 0xA13A, "2.0", "11."),
            ("cannon-point", 0xA360, "2.1", "12."),
            ("comet-lake", 0x06E0, "2.1", "14."),
            ("tiger-lake", 0xA0E0, "2.2", "15."),
            ("alder-lake", 0x7AE8, "2.2", "16."),
            ("meteor-lake", 0x7E70, "2.2", "18."),
            ("arrow-lake", 0x7F68, "2.2", "19."),
        ];
        assert_eq!(names().len(), 3 * table.len());
        for (name, device, hbm, amt) in table {
            for suffix in ["", "-standard", "-none"] {
                let name = format!("{name}{suffix}");
                let facts = persona(&name).expect("built in").describe();
                assert_eq!((facts.device_id, facts.hbm.to_string().as_str()), (device, hbm), "{name}");
                let version = facts.amt.as_ref().filter(|version| version.starts_with(amt));
                assert_eq!(version.is_some(), suffix != "-none", "{name}: {:?}", facts.amt);
                let amthi = facts.clients.iter().any(|client| client.kind == "amthi");
                assert_eq!(amthi, suffix != "-none", "{name}");
            }
        }
    }

    #[test]
    fn the_driver_accepts_every_one_and_none_has_a_client_of_tests() {
        for name in names() {
            let persona = persona(name).expect("built in");
            if let Some(quirk) = persona.device.configuration.quirk {
                let index = HFS_OFFSETS.iter().position(|&offset| offset == quirk.offset());
                let status = persona.status[index.expect("a quirk reads a status register")];
                assert!(!quirk.refuses(status), "{name}: {status:#010x}");
            }
            for client in persona.describe().clients {
                assert!(!["echo", "test"].contains(&client.kind), "{name} has {}", client.kind);
            }
        }
    }
}
