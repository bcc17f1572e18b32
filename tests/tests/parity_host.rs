//! The parity rows on a host in this process, on virtual time.

use umei_tests::files::InProcess;
use umei_tests::parity::{self, Count};
use umei_tests::programs::{persona_text, test_persona};

#[test]
fn every_row_holds_on_a_host_in_process() {
    for name in ["parity", "parity-vtag", "parity-old"] {
        let persona =
            mei_emulator::Persona::parse(&persona_text(name), &test_persona(name)).expect("a good persona");
        let mut report = Vec::new();
        let mut count = Count::default();
        for row in parity::rows() {
            let device = InProcess::start(&persona).expect("the device starts");
            parity::run(&row, &device, &mut count, &mut report).expect("a vector takes it");
        }
        let report = String::from_utf8_lossy(&report);
        // What a transport cannot express is little; a flood of it would look green.
        assert!(count.failed == 0 && count.passed >= 200, "{name}:\n{report}\n{count}");
    }
}
