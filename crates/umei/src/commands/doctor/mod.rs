//! `umei doctor`: what works here, and what to do about the rest.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::facilities::{self, Facility, State};

/// Say what works on this machine, and how to make the rest work
///
/// Looks at each way to offer a device to programs and at each way to reach a real one. Exit status: 0 if at least
/// one way to offer a device works, 1 if none does.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Something that umei can do, and what that takes.
#[derive(Debug, Serialize)]
struct Ability {
    /// What to type.
    command: &'static str,
    /// What for.
    purpose: &'static str,
    /// Whether all that it takes is there.
    state: State,
    /// What it takes.
    takes: Vec<Facility>,
}

/// What an ability is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// It offers a device.
    Front,
    /// It reaches a function.
    Back,
}

pub(crate) fn main(arguments: Arguments) -> Result<ExitCode> {
    let abilities = abilities();
    let offers =
        abilities.iter().any(|(side, ability)| *side == Side::Front && ability.state == State::Works);
    let abilities: Vec<Ability> = abilities.into_iter().map(|(_, ability)| ability).collect();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let json = serde_json::to_string_pretty(&abilities).context("the findings as JSON")?;
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{}", render(&abilities))?;
    }
    Ok(if offers { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn abilities() -> Vec<(Side, Ability)> {
    let functions = facilities::functions();
    [
        (
            Side::Front,
            "umei run",
            "a private device for one command",
            vec![facilities::fuse(), facilities::namespaces()],
        ),
        (
            Side::Front,
            "umei serve --frontend cuse",
            "a character device for everyone",
            vec![facilities::cuse(), facilities::root()],
        ),
        (
            Side::Front,
            "umei serve --frontend fuse",
            "a device-like file for everyone",
            vec![facilities::fuse(), facilities::root()],
        ),
        (
            Side::Back,
            "umei serve --backend pci:ADDR (VFIO)",
            "a real ME, with its interrupts",
            vec![functions.clone(), facilities::vfio()],
        ),
        (
            Side::Back,
            "umei serve --backend pci:ADDR (UIO)",
            "a real ME, without an IOMMU",
            vec![functions, facilities::uio()],
        ),
    ]
    .into_iter()
    .map(|(side, command, purpose, takes)| {
        let works = takes.iter().all(|facility| facility.state == State::Works);
        let state = if works { State::Works } else { State::Fails };
        (side, Ability { command, purpose, state, takes })
    })
    .collect()
}

fn render(abilities: &[Ability]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for Ability { command, purpose, state, takes } in abilities {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{state}  {command}: {purpose}");
        for Facility { name, state, found, remedy } in takes {
            let _ = writeln!(text, "         {state}  {name}: {found}");
            if let Some(remedy) = remedy {
                let _ = writeln!(text, "                remedy: {remedy}");
            }
        }
    }
    text
}
