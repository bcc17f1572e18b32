//! Programs of others on umei over FUSE. What they print is judged, not what umei says of itself.

use std::process::Command;
use umei_tests::programs::{fetched_client, repository, run_ok, workspace_program};

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

/// MeshCmd's LMS in a network of its own, and curl behind it: the page is AMT's.
#[test]
fn micro_lms_serves_amts_own_page() {
    let Some(folder) = fetched_client("meshcmd") else { return };
    let script = r#"
        "$1" "$2" MicroLMS --noconsole > /dev/null 2>&1 &
        lms=$!
        for try in $(seq 150); do
            if curl --silent --include --max-time 5 http://127.0.0.1:16992/ > "$3"; then break; fi
            sleep 0.2
        done
        kill $lms
        cat "$3"
    "#;
    let page = std::env::temp_dir().join(format!("umei-page-{}", std::process::id()));
    let mut command = umei_run("tiger-lake", &["--map-root", "--net"]);
    command
        .args(["sh", "-c", script, "sh"])
        .arg(folder.join("meshagent"))
        .arg(folder.join("meshcmd.js"))
        .arg(&page);
    let text = run_ok(command.current_dir(std::env::temp_dir()));
    let _ = std::fs::remove_file(page);
    assert!(text.starts_with("HTTP/1.1 ") && text.contains("Active Management Technology"), "{text}");
}

/// A persona's text with an AMTHI that takes one connection.
fn one_amthi_connection(text: &str) -> String {
    let (before, after) = text.split_once("kind = \"amthi\"\n").expect("the persona has AMTHI");
    let own = after.split("[[client]]").next().unwrap_or_default();
    let line = if own.contains("max-connections") { "" } else { "max-connections = 1\n" };
    format!("{before}kind = \"amthi\"\n{line}{after}")
}

/// fwupd looks for AMTHI on the client bus, where the driver shows only clients that take one connection (or virtual
/// tags): the personas as they would be on such a machine.
#[test]
fn fwupd_finds_the_amt_device() {
    for persona in PERSONAS {
        let Some(client) = fetched_client("fwupdtool") else { return };
        let packages = client.parent().expect("in a folder").with_file_name("fetch").join("packages");
        let text =
            std::fs::read_to_string(repository().join("personas").join(persona).with_extension("toml"));
        let text = text.expect("the persona can be read");
        let text = one_amthi_connection(&text);
        let file = std::env::temp_dir().join(format!("umei-{}-{persona}.toml", std::process::id()));
        std::fs::write(&file, text).expect("the persona can be written");
        let mut command = umei_run(&file.display().to_string(), &["--map-root"]);
        command.arg(client).args(["get-devices", "--plugins", "intel_amt", "--json"]);
        command.env("FWUPD_DATADIR_QUIRKS", packages.join("usr/share/fwupd/quirks.d"));
        // What it would otherwise leave in /var.
        let state = file.with_extension("state");
        command.env("FWUPD_LOCALSTATEDIR", &state);
        let output = run_ok(&mut command);
        let _ = std::fs::remove_dir_all(state);
        let _ = std::fs::remove_file(file);
        let version = amt_version(persona);
        assert!(
            output.contains("AMT") && output.contains(&version),
            "{persona}: no AMT {version} in\n{output}"
        );
    }
}
