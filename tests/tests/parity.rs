//! The parity rows over the transports that need no guest: a host in this process, and umei over FUSE.

use std::process::Command;
use umei_tests::files::InProcess;
use umei_tests::parity::{self, Count};
use umei_tests::programs::{repository, run, workspace_program};

const PERSONAS: [&str; 3] = ["parity", "parity-vtag", "parity-old"];

fn persona_path(name: &str) -> String {
    repository().join("personas/test").join(name).with_extension("toml").display().to_string()
}

/// Rows that a transport cannot express are few and named in the output; a flood of them would look green.
fn judge(report: &str, count: Count) {
    assert!(count.failed == 0 && count.passed >= 150, "{report}\n{count}");
}

#[test]
fn every_row_holds_in_process() {
    for name in PERSONAS {
        let path = persona_path(name);
        let text = std::fs::read_to_string(&path).expect("the persona can be read");
        let persona = mei_emulator::Persona::parse(&text, &path).expect("the persona is good");
        let mut report = Vec::new();
        let mut count = Count::default();
        for row in parity::rows() {
            let device = InProcess::start(&persona).expect("the device starts");
            parity::run(&row, &device, &mut count, &mut report).expect("a vector takes it");
        }
        judge(&String::from_utf8_lossy(&report), count);
    }
}

/// Devices that share the rows: most of the time of a row is spent waiting for slow firmware.
const SHARDS: usize = 4;

fn every_row_holds_over_fuse(persona: &str) {
    let path = persona_path(persona);
    let parts: Vec<(String, Count)> = std::thread::scope(|scope| {
        let shards: Vec<_> = (0..SHARDS).map(|shard| {
            let path = &path;
            scope.spawn(move || run_shard(path, shard))
        }).collect();
        shards.into_iter().map(|shard| shard.join().expect("the shard says its count")).collect()
    });
    let (mut report, mut total) = (String::new(), Count::default());
    for (text, count) in parts {
        report += &text;
        total.passed += count.passed;
        total.failed += count.failed;
        total.skipped += count.skipped;
    }
    judge(&report, total);
}

fn run_shard(persona: &str, shard: usize) -> (String, Count) {
    let output = run(Command::new(workspace_program("umei"))
        .args(["run", "--persona", persona, "--"])
        .arg(workspace_program("mei-parity"))
        .args(["--transport", "fuse", "--shard", &format!("{shard}/{SHARDS}")]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    let numbers: Vec<usize> = last.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let &[passed, failed, skipped] = numbers.as_slice() else {
        panic!("no count:\n{text}{}", String::from_utf8_lossy(&output.stderr))
    };
    assert_eq!(output.status.success(), failed == 0, "{}", output.status);
    (text, Count { passed, failed, skipped })
}

#[test]
fn every_row_holds_over_fuse_with_hbm_2_2() {
    every_row_holds_over_fuse("parity");
}

#[test]
fn every_row_holds_over_fuse_with_virtual_tags() {
    every_row_holds_over_fuse("parity-vtag");
}

#[test]
fn every_row_holds_over_fuse_with_hbm_1_1() {
    every_row_holds_over_fuse("parity-old");
}
