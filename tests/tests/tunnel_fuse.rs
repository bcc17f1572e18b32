//! AMT's tunnel under load, on umei over FUSE.

use std::process::Command;
use std::time::Duration;
use umei_tests::programs::{run, run_within, succeeded, test_persona, workspace_program};

/// Tens of thousands of messages: seconds on a machine that is free, minutes on one that is not.
const LIMIT: Duration = Duration::from_secs(300);

fn umei_run(options: &[&str]) -> Command {
    let mut command = Command::new(workspace_program("umei"));
    command.args(["run", "--persona", &test_persona("tunnel")]).args(options).arg("--");
    command
}

fn tunnel(arguments: &[&str]) -> Command {
    let mut command = umei_run(&[]);
    command.arg(workspace_program("mei-tunnel")).args(arguments);
    command
}

#[test]
fn ten_mebibytes_go_through_64_channels_and_come_back() {
    let mut command = tunnel(&["device", "--seed", "1"]);
    let output = run_within(&mut command, LIMIT);
    let report = succeeded(&command, output);
    assert!(report.contains(" 64 at once"), "{report}");
}

#[test]
fn one_byte_beyond_the_engines_window_ends_the_session() {
    let output = run(&mut tunnel(&["device", "--seed", "1", "--trespass"]));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("ends the session: protocol error"), "{text}");
}

/// The example `lms` keeps to the engine's windows, too: the persona ends the session of a host that does not.
#[test]
fn ten_mebibytes_go_through_the_example_of_a_management_service() {
    let script = r#"
        "$1" /dev/mei0 > /dev/null &
        lms=$!
        "$2" tcp --seed 1
        status=$?
        kill $lms || echo "lms has ended"
        exit $status
    "#;
    let mut command = umei_run(&["--net"]);
    command.args(["sh", "-c", script, "sh"]);
    command.arg(workspace_program("lms")).arg(workspace_program("mei-tunnel"));
    let output = run_within(&mut command, LIMIT);
    let text = succeeded(&command, output);
    assert!(text.ends_with(" bytes echoed\n"), "{text}");
}
