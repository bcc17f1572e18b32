//! `docs/parity.md` and `docs/fidelity.md` are held to the tests: a row without a test, a test that does not exist, an
//! id that is used twice or not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use umei_tests::parity;
use umei_tests::programs::repository;

/// Cells of each table row of a document whose first cell passes `is_id`.
fn rows(document: &str, is_id: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
    let text =
        fs::read_to_string(repository().join("docs").join(document)).expect("the document can be read");
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let rows = text.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter(|row| is_id(&row[0])).collect()
}

fn is_parity_id(cell: &str) -> bool {
    let mut letters = cell.chars();
    letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && cell.len() > 1
        && letters.all(|c| c.is_ascii_digit())
}

fn is_fidelity_id(cell: &str) -> bool {
    let quirk = cell
        .strip_prefix('Q')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_digit()));
    let named = ["F-", "B-", "E-"].iter().any(|prefix| cell.starts_with(prefix));
    quirk || named && cell.bytes().all(|c| matches!(c, b'A'..=b'Z' | b'0'..=b'9' | b'-'))
}

/// Rust files below `folder`, without build output.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// All Rust files of the workspace.
fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "benches", "xtask"] {
        let folder = repository().join(folder);
        if folder.is_dir() {
            sources(&folder, &mut found);
        }
    }
    found
}

/// Names of functions that follow `#[test]`.
fn test_functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in all_sources() {
        let text = fs::read_to_string(&path).expect("a source can be read");
        for part in text.split("#[test]").skip(1) {
            let name = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_parity_row_names_tests_that_exist() {
    let mut known = test_functions();
    known.extend(parity::rows().iter().map(|row| row.name.to_owned()));
    let rows = rows("parity.md", is_parity_id);
    assert!(rows.len() >= 200, "only {} rows", rows.len());
    let mut ids = BTreeSet::new();
    for row in &rows {
        assert_eq!(row.len(), 8, "cells of {row:?}");
        assert!(ids.insert(&row[0]), "the id {} is there twice", row[0]);
        assert!(
            ["copy", "copy 6.1", "deviate", "front end"].contains(&row[6].as_str()),
            "{}: no decision {:?}",
            row[0],
            row[6]
        );
        let tests: Vec<&str> = row[7].split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{} has no test", row[0]);
        for test in tests {
            assert!(known.contains(test), "{} names {test}, which does not exist", row[0]);
        }
    }
}

#[test]
fn every_parity_test_is_named_by_a_row() {
    let named: BTreeSet<String> = rows("parity.md", is_parity_id)
        .iter()
        .flat_map(|row| row[7].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut seen = BTreeSet::new();
    for row in parity::rows() {
        assert!(seen.insert(row.name), "two rows are called {}", row.name);
        assert!(named.contains(row.name), "no row of docs/parity.md names {}", row.name);
    }
}

fn fidelity_ids() -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for row in rows("fidelity.md", is_fidelity_id) {
        assert!(ids.insert(row[0].clone()), "the id {} is there twice", row[0]);
        assert!(row.iter().all(|cell| !cell.is_empty()), "{} has an empty cell", row[0]);
    }
    assert!(ids.len() >= 40, "only {} rows", ids.len());
    ids
}

#[test]
fn every_fidelity_id_is_unique_and_complete() {
    fidelity_ids();
}

#[test]
fn every_reference_to_fidelity_exists() {
    let ids = fidelity_ids();
    let mut references = 0;
    let mut check = |text: &str, place: &str| {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
            let word = word.trim_matches('-');
            if is_fidelity_id(word) && word.len() > 1 {
                references += 1;
                assert!(ids.contains(word), "{place}: docs/fidelity.md has no {word}");
            }
        }
    };
    for path in all_sources().into_iter().filter(|path| path.starts_with(repository().join("tests"))) {
        check(&fs::read_to_string(&path).expect("a source can be read"), &path.display().to_string());
    }
    for document in ["parity.md", "fidelity.md"] {
        check(
            &fs::read_to_string(repository().join("docs").join(document)).expect("it can be read"),
            document,
        );
    }
    assert!(references > 50, "only {references} references were found");
}
