//! `--record` and `--inject`.

use std::fs;

use crate::{Folder, can_mount, succeed, umei};

#[test]
fn what_passes_between_driver_and_engine_is_recorded() {
    if !can_mount("what_passes_between_driver_and_engine_is_recorded") {
        return;
    }
    let folder = Folder::new();
    let path = folder.0.join("accesses");
    let file = path.display().to_string();
    for _ in 0..2 {
        succeed(&mut umei(&["run", "--record", &file, "--", "true"]));
    }
    for name in ["accesses", "accesses.1"] {
        let text = fs::read_to_string(folder.0.join(name)).unwrap();
        assert!(text.starts_with("mei-recording 1\n"), "{name}: {text}");
        assert!(text.contains("read ME_CSR_HA = ") && text.ends_with('\n'), "{name}: {text}");
    }
}

#[test]
fn a_plan_makes_the_engine_misbehave() {
    if !can_mount("a_plan_makes_the_engine_misbehave") {
        return;
    }
    let folder = Folder::new();
    let path = folder.0.join("plan");
    fs::write(&path, "mei-faults 1\non access at 1.. gone\n").unwrap();
    let plan = path.display().to_string();
    let output = umei(&["run", "--inject", &plan, "--", "sh", "-c", "cat /dev/mei0"]).output().unwrap();
    assert!(!output.status.success(), "the device worked");
}
