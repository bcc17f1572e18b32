//! `umei run`: a device for one command, over FUSE, judged by clients that know nothing of it.

use std::fs;
use std::process::Command;
use umei_tests::programs::{build_client, fetched_client, run, run_ok, test_persona, workspace_program};

const PERSONAS: [&str; 4] = ["4-series", "7-series", "sunrise-point", "tiger-lake"];

/// `umei run --persona PERSONA --`.
fn umei_run(persona: &str) -> Command {
    let mut command = Command::new(workspace_program("umei"));
    command.args(["run", "--persona", persona, "--"]);
    command
}

fn exercise(arguments: &[&str]) -> String {
    run_ok(umei_run(&test_persona("echo")).arg(workspace_program("mei-exercise")).args(arguments))
}

/// Mounts of the tests' own namespace, which no run may change.
fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("mountinfo can be read")
}

#[test]
fn info_prints_what_each_persona_is() {
    for persona in PERSONAS {
        let text = run_ok(umei_run(persona).args(["umei", "info"]));
        let promised = expected_versions(persona);
        for description in ["AMT:\t", "Build Number:\t"] {
            let version = promised.iter().find_map(|line| line.strip_prefix(description)).expect("a version");
            assert!(text.contains(version), "{persona}: no {version:?} in\n{text}");
        }
    }
}

/// The version lines that a persona's file promises, as the kernel's sample prints them.
fn expected_versions(persona: &str) -> Vec<String> {
    let persona = mei_emulator::Persona::builtin(persona).expect("a built-in persona");
    let amt = persona.amt.as_ref().expect("the persona has AMT");
    amt.versions.iter().map(|version| format!("{}:\t{}", version.description, version.version)).collect()
}

#[test]
fn the_kernels_sample_prints_each_personas_versions() {
    let Some(client) = fetched_client("mei-amt-version") else { return };
    for persona in PERSONAS {
        let text = run_ok(umei_run(persona).arg(&client).arg("-v"));
        assert!(text.contains("Intel AMT: ENABLED"), "{persona}:\n{text}");
        for line in expected_versions(persona) {
            assert!(text.contains(&line), "{persona}: no {line:?} in\n{text}");
        }
    }
}

#[test]
fn a_persona_without_amt_fails_as_the_kernel_fails() {
    let Some(client) = fetched_client("mei-amt-version") else { return };
    let output = run(umei_run("tiger-lake-none").arg(client).arg("-v"));
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "the sample found AMT:\n{text}");
    assert!(text.contains("IOCTL_MEI_CONNECT_CLIENT"), "{text}");
}

#[test]
fn an_ordinary_user_needs_nothing_but_dev_fuse() {
    if !rustix::process::geteuid().is_root() {
        // Then every test of this file is that test.
        return;
    }
    // The user's own view: /dev/fuse as distributions have it, without touching this machine's node. The
    // programs are copied to where that user can reach them.
    let script = r#"
        set -eu
        mount -t tmpfs -o mode=755 tmpfs /mnt
        mknod /mnt/fuse c 10 229 && chmod 666 /mnt/fuse && mount --bind /mnt/fuse /dev/fuse
        cp "$1" /mnt/umei
        exec setpriv --reuid 12345 --regid 12345 --clear-groups /mnt/umei run -- sh -c 'id -u; id -g; umei info'
    "#;
    let before = mounts();
    let text = run_ok(
        Command::new("unshare").args(["--mount", "sh", "-c", script, "sh"]).arg(workspace_program("umei")),
    );
    assert!(text.starts_with("12345\n12345\n"), "{text}");
    assert!(text.contains("AMT"), "{text}");
    assert_eq!(mounts(), before);
}

#[test]
fn a_full_queue_holds_nobody_else() {
    exercise(&["full-queue"]);
}

#[test]
fn a_handled_signal_does_not_fail_a_connect() {
    exercise(&["alarm-during-connect"]);
}

#[test]
fn a_connecting_program_can_be_killed() {
    exercise(&["kill-during-connect"]);
}

#[test]
fn killed_clients_are_gone_and_the_device_serves_on() {
    exercise(&["deaths", "--order", "clients"]);
}

#[test]
fn a_killed_server_leaves_nobody_waiting_and_nothing_mounted() {
    for order in ["server", "server-then-clients", "clients-then-server"] {
        let before = mounts();
        // The scenario's own outcome lands in a file: its parent, the server, is the one that dies.
        let log = tempfile(order);
        let script = format!(
            "{} deaths --order {order} > {log} 2>&1; echo \"status $?\" >> {log}",
            workspace_program("mei-exercise").display(),
            log = log.display()
        );
        // The scenario's parent is the shell, whose parent is umei.
        let script = format!("server=$PPID; {}", script.replace("deaths", "deaths --server $server"));
        let output = run(umei_run(&test_persona("echo")).args(["sh", "-c", &script]));
        assert!(!output.status.success(), "{order}: umei was not killed");
        let text = wait_for_status(&log);
        assert!(text.ends_with("status 0\n"), "{order}:\n{text}");
        assert_eq!(mounts(), before, "{order}");
        fs::remove_file(log).expect("the log can be removed");
    }
}

/// The scenario outlives the server that the test waits for: read until it has said its status.
fn wait_for_status(log: &std::path::Path) -> String {
    for _ in 0..1000 {
        let text = fs::read_to_string(log).unwrap_or_default();
        if text.contains("status ") && text.ends_with('\n') {
            return text;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the scenario did not end: {}", fs::read_to_string(log).unwrap_or_default());
}

fn tempfile(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("umei-test-{}-{name}", std::process::id()))
}

#[test]
fn a_program_in_the_style_of_go_works() {
    let client = build_client("go-like");
    let text = run_ok(
        umei_run(&test_persona("echo")).arg(client).args(["/dev/mei0", "3a1b6e5d7c0b5e4c9f2a7a1d4e8c0001"]),
    );
    assert_eq!(text, "64 messages came back\n");
}
