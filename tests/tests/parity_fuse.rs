//! The parity rows over umei's FUSE front end.

use std::process::Command;
use umei_tests::parity::Count;
use umei_tests::programs::{run, test_persona, workspace_program};

/// Devices that share the rows: most of the time of a row is spent waiting for slow firmware.
const SHARDS: usize = 8;

fn every_row_holds_over_fuse(persona: &str) {
    let path = test_persona(persona);
    let parts: Vec<(String, Count)> = std::thread::scope(|scope| {
        let shards: Vec<_> = (0..SHARDS)
            .map(|shard| {
                let path = &path;
                scope.spawn(move || run_shard(path, shard))
            })
            .collect();
        shards.into_iter().map(|shard| shard.join().expect("the shard says its count")).collect()
    });
    let (mut report, mut total) = (String::new(), Count::default());
    for (text, count) in parts {
        report += &text;
        total.passed += count.passed;
        total.failed += count.failed;
        total.skipped += count.skipped;
    }
    // What a transport cannot express is little; a flood of it would look green.
    assert!(total.failed == 0 && total.passed >= 200, "{report}\n{total}");
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
