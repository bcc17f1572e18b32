//! What is refused, and what is said about it.

use std::fs;

use crate::{Folder, can_mount, script, stderr, umei};

/// The exit status and the words of a command that fails.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = umei(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    (output.status.code(), stderr(&output))
}

fn refused_script(text: &str) -> (Option<i32>, String) {
    let folder = Folder::new();
    let output = script(text, &folder).output().unwrap();
    (output.status.code(), stderr(&output))
}

#[test]
fn a_command_without_its_separator() {
    let (status, text) = refused(&["run", "umei", "info"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("after `--`") && text.contains("umei run -- umei info"), "{text}");
}

#[test]
fn options_that_do_not_exist() {
    for arguments in [&["run", "--bogus", "--", "true"][..], &["serve", "--bogus"], &["bogus"]] {
        let (status, text) = refused(arguments);
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains("bogus"), "{text}");
    }
    let (status, text) = refused(&["run", "--"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("COMMAND"), "{text}");
}

#[test]
fn personas_that_do_not_exist() {
    let (status, text) = refused(&["run", "--persona", "sapphire-tea", "--", "true"]);
    assert_eq!(status, Some(125));
    assert!(text.contains("`sapphire-tea`") && text.contains("tiger-lake"), "{text}");
    let (status, text) = refused(&["serve", "--persona", "/nonexistent/p.toml"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("/nonexistent/p.toml") && text.contains("No such file"), "{text}");
    let folder = Folder::new();
    let path = folder.0.join("broken.toml");
    fs::write(&path, "name = \n").unwrap();
    let path = path.display().to_string();
    let (_, text) = refused(&["run", "--persona", &path, "--", "true"]);
    assert!(text.contains(&path), "{text}");
}

#[test]
fn names_that_no_device_can_have() {
    let (status, text) = refused(&["serve", "--name", "a/b"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("a/b") && text.contains("printable"), "{text}");
}

#[test]
fn backends_that_do_not_exist() {
    let (status, text) = refused(&["serve", "--backend", "pci:nowhere"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("nowhere") && text.contains("0000:00:16.0"), "{text}");
    let (status, text) = refused(&["serve", "--backend", "pci:0000:00:16.0", "--persona", "tiger-lake"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("--persona tiger-lake is for the emulator"), "{text}");
    let (status, text) = refused(&["serve", "--access", "vfio"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("--access is for a real function") && text.contains("--backend pci:"), "{text}");
    let (_, text) = refused(&["serve", "--backend", "abacus"]);
    assert!(text.contains("emulator"), "{text}");
}

#[test]
fn a_mount_for_a_character_device() {
    let (_, text) = refused(&["serve", "--frontend", "cuse", "--mount", "/tmp"]);
    assert!(text.contains("--frontend fuse"), "{text}");
}

#[test]
fn fault_plans_that_are_none() {
    let folder = Folder::new();
    let path = folder.0.join("plan");
    fs::write(&path, "mei-faults 1\non tuesdays fail\n").unwrap();
    let path = path.display().to_string();
    let (status, text) = refused(&["run", "--inject", &path, "--", "true"]);
    assert_eq!(status, Some(125));
    assert!(text.contains(&format!("{path}:2")), "{text}");
}

#[test]
fn commands_that_cannot_be_run() {
    if !can_mount("commands_that_cannot_be_run") {
        return;
    }
    let (status, text) = refused(&["run", "--", "no-such-command"]);
    assert_eq!(status, Some(127));
    assert!(text.contains("no-such-command: command not found"), "{text}");
    let (status, text) = refused(&["run", "--", "/etc/passwd"]);
    assert_eq!(status, Some(126));
    assert!(text.contains("/etc/passwd"), "{text}");
}

#[test]
fn a_machine_without_fuse() {
    if !can_mount("a_machine_without_fuse") {
        return;
    }
    let bare = "mount -t tmpfs -o mode=755 bare /dev; mkdir /dev/shm;";
    let (status, text) = refused_script(&format!("{bare} exec \"$umei\" run -- true"));
    assert_eq!(status, Some(125), "{text}");
    assert!(text.contains("/dev/fuse") && text.contains("modprobe fuse"), "{text}");
    let (status, text) =
        refused_script(&format!("{bare} exec \"$umei\" serve --frontend fuse --mount \"$1\""));
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("/dev/fuse") && text.contains("--device /dev/fuse"), "{text}");
    let (status, text) = refused_script(&format!("{bare} exec \"$umei\" serve --frontend cuse"));
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("/dev/cuse") && text.contains("modprobe cuse"), "{text}");
}

#[test]
fn a_fuse_for_root_only() {
    if !can_mount("a_fuse_for_root_only") {
        return;
    }
    let (status, text) = refused_script(
        "mount -t tmpfs -o mode=755 private /mnt; mknod /mnt/fuse c 10 229; chmod 600 /mnt/fuse
         mount --bind /mnt/fuse /dev/fuse; cp \"$umei\" /mnt/umei
         exec setpriv --reuid 12345 --regid 12345 --clear-groups /mnt/umei run -- true",
    );
    assert_eq!(status, Some(125), "{text}");
    assert!(text.contains("/dev/fuse") && text.contains("chmod 666 /dev/fuse"), "{text}");
}

#[test]
fn a_name_that_is_taken() {
    if !can_mount("a_name_that_is_taken") {
        return;
    }
    let (status, text) = refused_script(
        "mount -t tmpfs -o mode=755 private /mnt; : > /mnt/fuse; : > /mnt/mei0
         mount --bind /dev/fuse /mnt/fuse; mount --rbind /mnt /dev; mount -t tmpfs private /run
         exec \"$umei\" serve --frontend fuse",
    );
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("/dev/mei0 exists") && text.contains("--name"), "{text}");
}

#[test]
fn a_server_without_root() {
    if !can_mount("a_server_without_root") {
        return;
    }
    let (status, text) = refused_script(
        "mount -t tmpfs -o mode=755 private /mnt; mknod /mnt/fuse c 10 229; chmod 666 /mnt/fuse
         mount --bind /mnt/fuse /dev/fuse; cp \"$umei\" /mnt/umei; mkdir /mnt/here; chown 12345 /mnt/here
         exec setpriv --reuid 12345 --regid 12345 --clear-groups /mnt/umei serve --frontend fuse --mount /mnt/here",
    );
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("mounting on /mnt/here") && text.contains("as root, or use `umei run`"), "{text}");
}
