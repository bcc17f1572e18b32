//! Programs of others on umei over FUSE. What they print is judged, not what umei says of itself.

use std::process::Command;
use umei_tests::programs::{fetched_client, fetched_packages, repository, run_ok, workspace_program};

/// An ordinary user's number, where the tests run as root.
const USER: u32 = 12345;

/// The personas on which MeshCmd and fwupd find AMT.
const PERSONAS: [&str; 4] = ["4-series", "7-series", "sunrise-point", "tiger-lake"];

fn umei_run(persona: &str, options: &[&str]) -> Command {
    let mut command = Command::new(workspace_program("umei"));
    command.args(["run", "--persona", persona]).args(options).arg("--");
    command
}

/// The AMT version of a persona's file.
fn amt_version(persona: &str) -> String {
    let persona = mei_emulator::Persona::builtin(persona).expect("a built-in persona");
    persona.describe().amt.expect("the persona has AMT")
}

/// MeshCmd as root, as it insists. Some of its actions wait for ever when an answer is missing.
fn meshcmd(persona: &str, arguments: &[&str]) -> Option<String> {
    let folder = fetched_client("meshcmd")?;
    let mut command = umei_run(persona, &["--map-root"]);
    command
        .args(["timeout", "45"])
        .arg(folder.join("meshagent"))
        .arg(folder.join("meshcmd.js"))
        .args(arguments);
    Some(run_ok(command.current_dir(std::env::temp_dir())))
}

#[test]
fn meshcmd_tells_what_amt_is() {
    // AMT 5 has no EHBC state, without which MeshCmd ends in an exception of its own.
    for persona in &PERSONAS[1..] {
        let Some(text) = meshcmd(persona, &["AmtInfo", "--json"]) else { return };
        let version = format!("\"ver\": \"{}\"", amt_version(persona));
        assert!(text.contains(&version), "{persona}: no {version} in\n{text}");
        for key in ["\"ProvisioningState\"", "\"uuid\"", "\"mac\""] {
            assert!(text.contains(key), "{persona}: no {key} in\n{text}");
        }
    }
}

#[test]
fn meshcmd_lists_every_version() {
    for persona in PERSONAS {
        let Some(text) = meshcmd(persona, &["AmtVersions"]) else { return };
        let facts = mei_emulator::Persona::builtin(persona).expect("a built-in persona");
        for version in &facts.amt.as_ref().expect("the persona has AMT").versions {
            let line = format!("{} = {}", version.description, version.version);
            assert!(text.contains(&line), "{persona}: no {line:?} in\n{text}");
        }
    }
}

#[test]
fn meshcmd_lists_the_trusted_hashes() {
    for persona in PERSONAS {
        let Some(text) = meshcmd(persona, &["AmtHashes"]) else { return };
        assert!(text.contains("Active") && text.contains("SHA"), "{persona}:\n{text}");
    }
}

/// MeshCmd, fwupd and the examples as an ordinary user, whoever the tests run as, in a network of its own. The guests
/// hold the same conversations against the same text, over CUSE and behind the kernel's driver.
#[test]
fn an_ordinary_user_hears_what_is_heard_on_every_transport() {
    let (Some(meshcmd), Some(packages)) = (fetched_client("meshcmd"), fetched_packages()) else { return };
    // MeshCmd insists on root, which the user is in a namespace of his own. The first line says who he is outside.
    let run =
        "run --net --map-root -- sh -c 'cat /proc/self/uid_map; exec sh $0/unmodified.sh $0/unmodified.txt'";
    let clients = repository().join("tests/clients");
    let examples = workspace_program("amt-version").with_file_name("");
    let mut command = Command::new("unshare");
    if rustix::process::geteuid().is_root() {
        // The user's own view: /dev/fuse as distributions have it, without touching this machine's node, and all
        // that he needs where he can reach it.
        let script = format!(
            r#"
            set -eu
            mount -t tmpfs -o mode=755 tmpfs /mnt
            mknod /mnt/fuse c 10 229 && chmod 666 /mnt/fuse && mount --bind /mnt/fuse /dev/fuse
            for folder in meshcmd packages clients examples; do
                mkdir /mnt/$folder && mount --bind "$1" /mnt/$folder && shift
            done
            cp "$1" /mnt/umei
            unset TMPDIR
            export MESHCMD=/mnt/meshcmd PACKAGES=/mnt/packages EXAMPLES=/mnt/examples
            exec setpriv --reuid {USER} --regid {USER} --clear-groups /mnt/umei {run} /mnt/clients
            "#
        );
        command.args(["--mount", "sh", "-c", &script, "sh"]).args([&meshcmd, &packages, &clients, &examples]);
        command.arg(workspace_program("umei"));
    } else {
        command = Command::new("sh");
        command.args(["-c", &format!("exec \"$1\" {run} \"$2\""), "sh"]);
        command.arg(workspace_program("umei")).arg(&clients);
        command.env("MESHCMD", meshcmd).env("PACKAGES", packages).env("EXAMPLES", examples);
    }
    let text = run_ok(&mut command);
    let map: Vec<&str> = text.lines().next().unwrap_or_default().split_whitespace().collect();
    assert!(matches!(map[..], ["0", user, "1"] if user != "0"), "not an ordinary user:\n{text}");
    assert!(text.ends_with("\n8 passed, 0 failed, 0 skipped\n"), "{text}");
}

/// fwupd looks for AMTHI on the client bus, where the driver shows only clients that take one connection.
#[test]
fn fwupd_finds_the_amt_device() {
    let Some(client) = fetched_client("fwupdtool") else { return };
    let packages = fetched_packages().expect("they come with fwupdtool");
    for persona in PERSONAS {
        let mut command = umei_run(persona, &["--map-root"]);
        command.arg(&client).args(["get-devices", "--plugins", "intel_amt", "--json"]);
        // Where an unpacked package has its data, and what it would otherwise leave in /var.
        let state = std::env::temp_dir().join(format!("umei-{}-{persona}", std::process::id()));
        command.env("FWUPD_DATADIR_QUIRKS", packages.join("usr/share/fwupd/quirks.d"));
        command.env("FWUPD_LOCALSTATEDIR", &state);
        let output = run_ok(&mut command);
        let _ = std::fs::remove_dir_all(state);
        let version = amt_version(persona);
        assert!(
            output.contains("AMT") && output.contains(&version),
            "{persona}: no AMT {version} in\n{output}"
        );
    }
}
