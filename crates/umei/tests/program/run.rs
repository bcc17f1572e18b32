//! `umei run`: what the command gets, and what is left when it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::{Folder, can_mount, script, stdout, succeed, umei};

/// What a shell in a private world prints.
fn sh(options: &[&str], text: &str) -> String {
    let arguments = [&["run"], options, &["--", "sh", "-euc", text]].concat();
    succeed(&mut umei(&arguments))
}

#[test]
fn the_exit_status_is_the_commands() {
    if !can_mount("the_exit_status_is_the_commands") {
        return;
    }
    for status in [0, 1, 7, 255] {
        let text = format!("exit {status}");
        let output = umei(&["run", "--", "sh", "-c", &text]).output().unwrap();
        assert_eq!(output.status.code(), Some(status));
    }
}

#[test]
fn a_command_that_dies_of_a_signal_takes_umei_with_it() {
    if !can_mount("a_command_that_dies_of_a_signal_takes_umei_with_it") {
        return;
    }
    // Without timeout(1), which has ways of its own with signals.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_umei"));
    let status = command.args(["run", "--", "sh", "-c", "kill -TERM $$"]).status().unwrap();
    assert_eq!(status.signal(), Some(15));
}

#[test]
fn signals_are_passed_on() {
    if !can_mount("signals_are_passed_on") {
        return;
    }
    let text =
        "trap 'exit 9' TERM; trap 'echo usr1' USR1; echo ready; while :; do read -r line || sleep 0.05; done";
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_umei"))
        .args(["run", "--", "sh", "-c", text])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    kill_process(pid, Signal::USR1).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "usr1");
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn nothing_is_left_even_of_one_that_is_killed() {
    if !can_mount("nothing_is_left_even_of_one_that_is_killed") {
        return;
    }
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    sh(&[], "test -e /dev/mei0 && test -e /dev/mei && test -d /sys/class/mei/mei0");
    assert_eq!(mounts(), before);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_umei"))
        .args(["run", "--", "sh", "-c", "kill -KILL $PPID"])
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(9));
    assert_eq!(mounts(), before);
    assert!(!fs::exists("/dev/umei").unwrap());
}

#[test]
fn umei_is_on_the_commands_path() {
    if !can_mount("umei_is_on_the_commands_path") {
        return;
    }
    assert_eq!(sh(&[], "command -v umei").trim(), env!("CARGO_BIN_EXE_umei"));
}

#[test]
fn sysfs_shows_every_attribute() {
    if !can_mount("sysfs_shows_every_attribute") {
        return;
    }
    let text = sh(
        &["--persona", "tiger-lake"],
        "cd /sys/class/mei/mei0
         for name in dev_state kind hbm_ver_drv tx_queue_limit fw_status trc fw_ver hbm_ver dev uevent; do
           echo \"$name:\"; cat $name; echo; done
         cat device/vendor device/class; cat device/uevent; readlink -f . ; readlink -f device/subsystem
         ls -d device/0000:00:16.0-* | head -n 1 >/dev/null; ls /sys/bus/mei/devices | head -n 1; ls /sys/bus/pci/devices",
    );
    for part in [
        "dev_state:\nENABLED\n",
        "kind:\nmei\n",
        "hbm_ver_drv:\n2.2\n",
        "tx_queue_limit:\n50\n",
        "hbm_ver:\n2.",
        "dev:\n0:0\n",
        "uevent:\nMAJOR=0\nMINOR=0\nDEVNAME=mei0\n",
        "0x8086\n0x078000\n",
        "PCI_SLOT_NAME=0000:00:16.0\n",
        "/sys/devices/pci0000:00/0000:00:16.0/mei/mei0\n/sys/bus/pci\n0000:00:16.0-",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    // Six status registers and TRC, eight digits each.
    let words = text.lines().filter(|line| line.len() == 8 && line.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(words.count(), 7, "{text}");
    assert!(text.lines().any(|line| line == "0000:00:16.0"), "{text}");
}

#[test]
fn a_machine_that_never_had_an_me_gets_one_and_keeps_its_sys() {
    if !can_mount("a_machine_that_never_had_an_me_gets_one_and_keeps_its_sys") {
        return;
    }
    let folder = Folder::new();
    let text = succeed(&mut script(
        "mount -t tmpfs bare /sys; mkdir -p /sys/class/net /sys/devices/virtual/x /sys/bus/cpu/devices
         ln -s ../../devices/virtual/x /sys/class/net/x; find /sys > \"$1/before\"
         \"$umei\" run -- sh -euc 'cat /sys/class/mei/mei0/dev_state; echo; cat /sys/bus/pci/devices/*/vendor
           ls /sys/class /sys/bus; cd /sys/class/net/x; pwd -P'
         find /sys > \"$1/after\"; cmp \"$1/before\" \"$1/after\"",
        &folder,
    ));
    let expected =
        "ENABLED\n0x8086\n/sys/bus:\ncpu\nmei\npci\n\n/sys/class:\nmei\nnet\n/sys/devices/virtual/x\n";
    assert_eq!(text, expected);
}

#[test]
fn whom_the_command_leaves_behind_keeps_a_dead_device() {
    if !can_mount("whom_the_command_leaves_behind_keeps_a_dead_device") {
        return;
    }
    let folder = Folder::new();
    let said = folder.0.join("said");
    let text = format!(
        "(exec 3<>/dev/mei0 >/dev/null 2>&1; : > {0}.open
           until cat <&3 2>&1 | grep -q -e connected -e abort; do sleep 0.05; done; : > {0}) &
         until test -e {0}.open; do sleep 0.05; done",
        said.display()
    );
    sh(&[], &text);
    let mut patience = 600;
    while !said.exists() {
        patience -= 1;
        assert!(patience > 0, "who was left behind hangs");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_device_for_one_command_can_be_tuned() {
    if !can_mount("a_device_for_one_command_can_be_tuned") {
        return;
    }
    let limit = "/sys/class/mei/mei0/tx_queue_limit";
    assert_eq!(sh(&[], &format!("echo 60 > {limit}; cat {limit}")), "60\n");
    for value in ["29", "x", "300"] {
        let text = format!("echo {value} > {limit}");
        let output = umei(&["run", "--", "sh", "-c", &text]).output().unwrap();
        assert!(!output.status.success(), "{value} was taken");
    }
}

#[test]
fn the_rest_of_dev_stays() {
    if !can_mount("the_rest_of_dev_stays") {
        return;
    }
    let text =
        sh(&[], "echo lost > /dev/null; test -c /dev/zero; test -d /dev/pts; head -c 4 /dev/zero | wc -c");
    assert_eq!(text.trim(), "4");
    let outside = fs::read_dir("/dev").unwrap().count();
    let inside: usize = sh(&[], "ls -A /dev | grep -cv '^\\(umei\\|mei0\\|mei\\)$'").trim().parse().unwrap();
    let hidden = fs::read_dir("/dev").unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().is_some_and(|name| {
            name.strip_prefix("mei").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        })
    });
    assert_eq!(inside, outside - hidden.count());
}

#[test]
fn a_network_of_its_own_has_loopback() {
    if !can_mount("a_network_of_its_own_has_loopback") {
        return;
    }
    let text = sh(&["--net"], "readlink /proc/self/ns/net; cat /proc/net/fib_trie");
    assert!(text.contains("127.0.0.1"), "{text}");
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    assert!(!text.starts_with(own.to_str().unwrap()), "{text}");
}

#[test]
fn programs_may_share_one_amthi() {
    if !can_mount("programs_may_share_one_amthi") {
        return;
    }
    let text = sh(&["--shared-amthi"], "umei info");
    assert!(text.contains("AMT"), "{text}");
}

#[test]
fn what_the_command_says_is_all_that_is_said() {
    if !can_mount("what_the_command_says_is_all_that_is_said") {
        return;
    }
    let output = umei(&["run", "--", "echo", "hello"]).output().unwrap();
    assert_eq!((stdout(&output).as_str(), output.stderr.as_slice()), ("hello\n", &b""[..]));
}
