//! Where the programs under test and the clients are found, and how they are run.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The folder of the profile that this test was built with: programs of the workspace lie beside it.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    // target/PROFILE/deps/TEST
    test.ancestors().nth(2).expect("a test lies in deps").to_owned()
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// The path of a persona of `personas/test`.
pub fn test_persona(name: &str) -> String {
    repository().join("personas/test").join(name).with_extension("toml").display().to_string()
}

/// Its text.
pub fn persona_text(name: &str) -> String {
    let path = test_persona(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program of the workspace, built with the same profile as this test.
pub fn workspace_program(name: &str) -> PathBuf {
    let program = profile_dir().join(name);
    assert!(program.exists(), "{} is missing: run `cargo test --workspace`", program.display());
    program
}

/// A program that `cargo xtask fetch` brought. None when it was not fetched: the caller skips, which is said aloud; with
/// `UMEI_REQUIRE_CLIENTS` set it is a failure.
pub fn fetched_client(name: &str) -> Option<PathBuf> {
    let target = profile_dir().parent().expect("a profile lies in target").to_owned();
    let places = [target.join("clients").join(name), repository().join("target/clients").join(name)];
    let found = places.into_iter().find(|place| place.exists());
    if found.is_none() {
        let advice = format!("the client {name} is missing: run `cargo xtask fetch`");
        assert!(std::env::var_os("UMEI_REQUIRE_CLIENTS").is_none(), "{advice}");
        // Past the capture of the test's output: a skip is seen.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {advice}");
    }
    found
}

/// The root of the Debian programs that `cargo xtask fetch` brought; None as with [`fetched_client`].
pub fn fetched_packages() -> Option<PathBuf> {
    let client = fetched_client("fwupdtool")?;
    let target = client.ancestors().nth(2).expect("a client lies in target/clients");
    Some(target.join("fetch").join("packages"))
}

/// A client of ours in C, built statically; its place.
pub fn build_client(name: &str) -> PathBuf {
    let source = repository().join("tests/clients").join(name).with_extension("c");
    let program = profile_dir().join(name);
    // Tests run side by side: each builds its own and moves it into place whole.
    let own = program.with_extension(std::process::id().to_string());
    let status = Command::new("gcc")
        .args(["-O2", "-Wall", "-Werror", "-static", "-pthread", "-o"])
        .args([&own, &source])
        .status()
        .expect("gcc is there");
    assert!(status.success(), "gcc failed on {}", source.display());
    std::fs::rename(&own, &program).expect("the program can be moved into place");
    program
}

/// Runs `command` and collects what it printed; a command that takes longer than a minute fails the test.
pub fn run(command: &mut Command) -> Output {
    run_within(command, Duration::from_secs(60))
}

/// The same for a command that has more to do.
pub fn run_within(command: &mut Command, limit: Duration) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut out = child.stdout.take().expect("stdout is piped");
    let mut err = child.stderr.take().expect("stderr is piped");
    let out = std::thread::spawn(move || {
        let mut text = Vec::new();
        out.read_to_end(&mut text).map(|_| text)
    });
    let err = std::thread::spawn(move || {
        let mut text = Vec::new();
        err.read_to_end(&mut text).map(|_| text)
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if start.elapsed() > limit {
            child.kill().expect("a child can be killed");
            panic!("{command:?} still runs after {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let stdout = out.join().expect("the reader ends").expect("stdout can be read");
    let stderr = err.join().expect("the reader ends").expect("stderr can be read");
    Output { status, stdout, stderr }
}

/// Runs `command`, which must succeed; what it printed on stdout.
pub fn run_ok(command: &mut Command) -> String {
    let output = run(command);
    succeeded(command, output)
}

/// What `command`, which ended with `output` and must have succeeded, printed on stdout.
pub fn succeeded(command: &Command, output: Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n--- stdout\n{stdout}--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
