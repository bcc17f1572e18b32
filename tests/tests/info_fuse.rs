//! What `umei info --json` says of every persona, as it was when somebody last looked at it.
//!
//! `UMEI_UPDATE_SNAPSHOTS=1 cargo test -p umei-tests --test info_fuse` writes what it says now; the diff is to be read
//! before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use umei_tests::programs::{repository, run_ok, workspace_program};

fn folder() -> PathBuf {
    repository().join("tests/snapshots/info")
}

fn info(persona: &str) -> String {
    let umei = workspace_program("umei");
    run_ok(Command::new(umei).args(["run", "--persona", persona, "--", "umei", "info", "--json"]))
}

/// The first line that differs, and both of it.
fn difference(expected: &str, said: &str) -> Option<String> {
    let (mut expected, mut said) = (expected.lines(), said.lines());
    for number in 1.. {
        match (expected.next(), said.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some(format!("line {number}: {b:?} instead of {a:?}")),
        }
    }
    None
}

#[test]
fn every_persona_says_what_it_said() {
    let personas = mei_emulator::Persona::builtin_names();
    assert_eq!(personas.len(), 42, "14 generations, three variants each");
    let update = std::env::var_os("UMEI_UPDATE_SNAPSHOTS").is_some();
    let mut changed = Vec::new();
    for persona in &personas {
        let said = info(persona);
        let path = folder().join(persona).with_extension("json");
        if update {
            fs::write(&path, &said).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let expected =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(difference) = difference(&expected, &said) {
            changed.push(format!("{persona}: {difference}"));
        }
    }
    assert!(changed.is_empty(), "{}\nwith UMEI_UPDATE_SNAPSHOTS=1 the files follow", changed.join("\n"));
}

#[test]
fn there_is_no_snapshot_of_what_is_no_persona() {
    let personas: BTreeSet<String> =
        mei_emulator::Persona::builtin_names().iter().map(|name| format!("{name}.json")).collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .expect("the snapshots can be listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, personas);
}
