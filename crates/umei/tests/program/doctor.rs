//! `umei doctor`.

use crate::{stdout, umei};

#[test]
fn doctor_says_what_works_and_what_to_do_about_the_rest() {
    let output = umei(&["doctor"]).output().unwrap();
    let text = stdout(&output);
    for ability in ["umei run", "--frontend cuse", "--frontend fuse", "(VFIO)", "(UIO)"] {
        assert!(text.contains(ability), "no {ability} in\n{text}");
    }
    let failures = text.matches(" fails  ").count();
    assert_eq!(text.matches("remedy: ").count(), failures, "each failure has its remedy:\n{text}");
}

#[test]
fn its_json_says_the_same_as_its_status() {
    let output = umei(&["doctor", "--json"]).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let abilities = found.as_array().unwrap();
    let works = |ability: &serde_json::Value| ability["state"] == "works";
    let offers = abilities.iter().filter(|ability| {
        let command = ability["command"].as_str().unwrap();
        !command.contains("--backend") && works(ability)
    });
    assert_eq!(output.status.success(), offers.count() > 0);
    for ability in abilities {
        let takes = ability["takes"].as_array().unwrap();
        assert_eq!(works(ability), takes.iter().all(works), "{ability}");
        for facility in takes {
            assert_eq!(works(facility), facility["remedy"].is_null(), "{facility}");
        }
    }
}
