//! `umei personas`: what can be emulated.

use super::output::{print, print_json};
use anyhow::bail;
use mei_emulator::Persona;
use mei_emulator::persona::Facts;
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

/// List what can be emulated: one persona per generation, with its variants
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Show this one with its firmware clients
    #[arg(value_name = "PERSONA")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let names = Persona::builtin_names();
    let chosen = match &arguments.name {
        None => names.clone(),
        Some(name) => names.iter().copied().filter(|known| known == name).collect(),
    };
    if let (Some(name), true) = (&arguments.name, chosen.is_empty()) {
        bail!("there is no persona called {name:?}\nremedy: choose one of {}", names.join(", "));
    }
    let entries: Vec<Entry> = chosen
        .into_iter()
        .filter_map(|name| Some(Entry::new(&Persona::builtin(name)?.describe(), variant_of(name, &names))))
        .collect();
    if arguments.json {
        print_json(&entries)?;
    } else {
        print(&render(&entries, arguments.name.is_some())?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The persona that `name` is a variant of: the one whose name is continued.
fn variant_of(name: &str, names: &[&'static str]) -> Option<&'static str> {
    let continues = |base: &&&str| name.strip_prefix(**base).is_some_and(|rest| rest.starts_with('-'));
    names.iter().find(continues).copied()
}

/// A persona. Its JSON form is an interface: fields are added, never changed.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    variant_of: Option<&'static str>,
    device: u16,
    device_name: &'static str,
    product: &'static str,
    generation: &'static str,
    hbm_version: String,
    amt_version: Option<String>,
    /// As lines of sysfs `fw_status`.
    fw_status: Vec<String>,
    clients: Vec<Client>,
}

#[derive(Debug, Serialize)]
struct Client {
    kind: &'static str,
    guid: String,
    address: u8,
    max_connections: u8,
    max_message_length: u32,
}

impl Entry {
    fn new(facts: &Facts, variant_of: Option<&'static str>) -> Self {
        Self {
            name: facts.name.clone(),
            variant_of,
            device: facts.device_id,
            device_name: facts.device,
            product: facts.product,
            generation: facts.generation,
            hbm_version: facts.hbm.to_string(),
            amt_version: facts.amt.clone(),
            fw_status: facts.fw_status.iter().map(|word| format!("{word:08X}")).collect(),
            clients: facts
                .clients
                .iter()
                .map(|client| Client {
                    kind: client.kind,
                    guid: client.guid.to_string(),
                    address: client.address,
                    max_connections: client.max_connections,
                    max_message_length: client.max_message_length,
                })
                .collect(),
        }
    }
}

fn render(entries: &[Entry], detailed: bool) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let indented = |entry: &Entry| {
        let indent = if entry.variant_of.is_some() && !detailed { "  " } else { "" };
        format!("{indent}{}", entry.name)
    };
    let width = entries.iter().map(|entry| indented(entry).len()).max().unwrap_or(0);
    for entry in entries {
        let amt = match &entry.amt_version {
            Some(version) => format!("AMT {version}"),
            None => "no AMT".to_owned(),
        };
        writeln!(
            text,
            "{:width$}  {} ({} {:04x}, {}), HBM {}, {amt}",
            indented(entry),
            entry.product,
            entry.device_name,
            entry.device,
            entry.generation,
            entry.hbm_version,
        )?;
        if !detailed {
            continue;
        }
        for client in &entry.clients {
            let connections = match client.max_connections {
                0 => "fixed address".to_owned(),
                1 => "1 connection".to_owned(),
                many => format!("{many} connections"),
            };
            writeln!(
                text,
                "  {:3}  {}  {}, {connections}, messages up to {} bytes",
                client.address, client.guid, client.kind, client.max_message_length
            )?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, variant_of: Option<&'static str>) -> Entry {
        Entry {
            name: name.to_owned(),
            variant_of,
            device: 0xA0E0,
            device_name: "TGP_LP",
            product: "Tiger Lake Point LP",
            generation: "PCH15",
            hbm_version: "2.2".to_owned(),
            amt_version: variant_of.is_none().then(|| "15.0.35".to_owned()),
            fw_status: Vec::new(),
            clients: vec![Client {
                kind: "mkhi",
                guid: "8e6a6715-9abc-4043-88ef-9e39c6f63e0f".to_owned(),
                address: 7,
                max_connections: 0,
                max_message_length: 2048,
            }],
        }
    }

    #[test]
    fn variants_stand_below_their_persona() {
        let list = [entry("tiger-lake", None), entry("tiger-lake-none", Some("tiger-lake"))];
        assert_eq!(
            render(&list, false).unwrap(),
            "tiger-lake         Tiger Lake Point LP (TGP_LP a0e0, PCH15), HBM 2.2, AMT 15.0.35
  tiger-lake-none  Tiger Lake Point LP (TGP_LP a0e0, PCH15), HBM 2.2, no AMT
"
        );
    }

    #[test]
    fn one_persona_is_shown_with_its_clients() {
        assert_eq!(
            render(&[entry("tiger-lake-none", Some("tiger-lake"))], true).unwrap(),
            "tiger-lake-none  Tiger Lake Point LP (TGP_LP a0e0, PCH15), HBM 2.2, no AMT
    7  8e6a6715-9abc-4043-88ef-9e39c6f63e0f  mkhi, fixed address, messages up to 2048 bytes
"
        );
    }

    #[test]
    fn every_builtin_persona_can_be_described() {
        let names = Persona::builtin_names();
        assert!(!names.is_empty());
        for name in &names {
            let facts = Persona::builtin(name).expect(name).describe();
            assert_eq!(facts.name, *name);
            if let Some(base) = variant_of(name, &names) {
                assert!(names.contains(&base));
            }
        }
    }
}
