//! The differential run, between umei over FUSE and a host in this process, and between devices that do differ.

use std::process::Command;
use std::time::Duration;
use umei_tests::differential::{Campaign, Pair, Side};
use umei_tests::programs::{persona_text, run_within, test_persona, workspace_program};

/// A run sleeps through some of the driver's timers.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn fuse_answers_as_a_host_in_process_does() {
    for persona in ["parity", "parity-vtag", "parity-old"] {
        let path = test_persona(persona);
        let mut command = Command::new(workspace_program("umei"));
        command.args(["run", "--persona", &path, "--"]).arg(workspace_program("mei-differential"));
        command.args(["--pair", &format!("host:{path}=fuse:/dev/mei0"), "--calls", "3000"]);
        let output = run_within(&mut command, LIMIT);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{persona}:\n{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains(" 0 differences, "), "{persona}:\n{text}");
        for met in ["parity K5:", "parity R6:", "parity W15:", "event link reset:"] {
            let found = text.lines().find(|line| line.starts_with(met));
            let count = found.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
            assert!(count.is_some_and(|count| count > 0), "{persona}: the run never met {met:?}:\n{text}");
        }
    }
}

fn host(text: &str) -> Side {
    Side::Host(Box::new(mei_emulator::Persona::parse(text, "parity").expect("a good persona")))
}

/// A device whose echo takes one byte less: found, and cut down to an open, a connect and the telling call.
#[test]
fn a_difference_is_found_and_cut_down() {
    let text = persona_text("parity");
    let other = text.replacen("max-message-length = 512", "max-message-length = 511", 1);
    assert_ne!(text, other);
    let pair = Pair { reference: host(&text), other: host(&other) };
    let campaign = Campaign { pairs: vec![pair], calls: 300, seed: 1, enough: 10 };
    let totals = campaign.run(&|_| {}).expect("the devices start");
    let shortest = totals.differences.iter().map(|difference| difference.lines().count()).min();
    // The heading, open, connect.
    assert_eq!(shortest, Some(3), "{:?}", totals.differences);
}
