//! What known programs do, call by call, on umei over FUSE.

use std::process::Command;
use umei_tests::programs::{run_ok, workspace_program};
use umei_tests::sequences::SEQUENCES;

fn run_sequences(persona: &str, sequences: &[&str]) {
    for sequence in sequences {
        assert!(SEQUENCES.iter().any(|(name, _)| name == sequence), "no sequence {sequence}");
        run_ok(
            Command::new(workspace_program("umei"))
                .args(["run", "--persona", persona, "--"])
                .arg(workspace_program("mei-sequences"))
                .args(["--only", sequence]),
        );
    }
}

/// AMT from 7 on serves all of them.
#[test]
fn every_sequence_works_on_each_persona_since_amt_7() {
    let all: Vec<&str> = SEQUENCES.iter().map(|(name, _)| *name).collect();
    for persona in ["7-series", "sunrise-point", "tiger-lake", "arrow-lake"] {
        run_sequences(persona, &all);
    }
}

/// rpc-go wants a command that this one has not.
#[test]
fn programs_of_its_time_work_on_the_oldest_persona() {
    run_sequences(
        "4-series",
        &[
            "meshcmd-amtinfo",
            "meshcmd-amthashes",
            "meshcmd-microlms",
            "fwupd-amt",
            "fwupd-mchi",
            "metee",
            "rpc-go-lme",
            "lms",
            "lms-8",
        ],
    );
}

/// AMTHI takes one connection, which the driver of old shared: programs that use it at the same time do not notice each
/// other. Today's driver leaves it to the firmware, and the second program is refused.
#[test]
fn programs_at_the_same_time_share_amthi_where_the_driver_lets_them() {
    let script = r#"
        for program in 1 2 3 4; do
            for sequence in meshcmd-amtinfo rpc-go-2-amtinfo fwupd-amt rpc-go-3-amtinfo meshcmd-amthashes; do
                "$0" --only $sequence
            done &
        done
        wait
    "#;
    let text = run_ok(
        Command::new(workspace_program("umei"))
            .args(["run", "--persona", "7-series", "--shared-amthi", "--", "sh", "-c", script])
            .arg(workspace_program("mei-sequences")),
    );
    assert_eq!(text.matches("1 passed, 0 failed, 0 skipped").count(), 4 * 5, "{text}");
}
