//! A function that is taken from the kernel's driver: every way to drive it, a device on top of each, and what may
//! befall it.

use super::{Job, job};
use crate::guests::setup::{self, Machine};

/// The driver of `umei bind` for each way of `umei serve --access`.
const WAYS: [(&str, &str); 3] = [("vfio-pci", "vfio"), ("uio_pci_generic", "uio"), ("none", "resource")];

pub(super) fn jobs() -> Vec<Job> {
    let mut jobs = ways();
    jobs.extend(upsets());
    jobs
}

/// Every way, on a full engine and under the parity rows.
fn ways() -> Vec<Job> {
    let address = setup::address(0);
    let tests = format!("MEI_FUNCTION={address} /target/debug/deps/function --test-threads=1");
    let tests = job("pci-function", Machine::Pci, "mei-pci-uio's function tests", tests);
    let mut jobs = vec![tests.expecting("test result: ok").within(600)];
    for (driver, way) in WAYS {
        let command = format!("sh /jobs/pci-same.sh {address} {driver} {way}");
        let serve = job(format!("pci-serve:{driver}"), Machine::Pci, "umei info, mei-amt-version", command);
        jobs.push(serve.expecting("Intel AMT: ENABLED").expecting("the same lines").within(300));
    }
    let command = format!("sh /jobs/pci.sh {address} vfio-pci mei-parity --transport cuse");
    jobs.push(job("pci-parity:vfio-pci", Machine::PciParity, "parity rows", command).within(900));
    let command = format!("sh /jobs/pci-same.sh {address} vfio-pci 'vfio --interrupt polling'");
    let polled = job("pci-serve:polled", Machine::PciParity, "umei info, mei-amt-version", command);
    jobs.push(polled.expecting("the same lines").within(300));
    let command = format!("sh /jobs/pci-cycle.sh {address}");
    jobs.push(job("pci-cycle", Machine::Pci, "mei-amt-version", command).within(600));
    jobs
}

/// What may befall a function while programs use its device.
fn upsets() -> Vec<Job> {
    let address = setup::address(0);
    let exercise = |name: String, driver: &str, scenario: &str| {
        let command = format!("sh /jobs/pci.sh {address} {driver} sh -c 'mei-exercise {scenario}'");
        job(name, Machine::PciParity, "mei-exercise", command).within(300)
    };
    let mut jobs = Vec::new();
    for (driver, ..) in WAYS {
        let scenario = format!(
            "upset --server $SERVER --by \"sh /jobs/pci-remove.sh {address}\" \
             --back \"sh /jobs/pci-return.sh {address} {driver}\""
        );
        jobs.push(exercise(format!("pci-removal:{driver}"), driver, &scenario));
    }
    jobs.push(exercise("pci-resets".to_owned(), "vfio-pci", "resets --times 100 --server $SERVER"));
    // Who waits in a call of a FUSE or CUSE server keeps the kernel from freezing it.
    let sleep = "upset --programs idle --times 2 --server $SERVER --by \"sh /jobs/suspend.sh\"";
    jobs.push(exercise("pci-suspend".to_owned(), "vfio-pci", sleep));
    let command = format!("sh /jobs/pci-lost-interrupt.sh {address}");
    jobs.push(
        job("pci-lost-interrupt", Machine::PciParity, "mei-exercise", command).expecting("Drop").within(300),
    );
    let command = format!("sh /jobs/suspend-mei_me.sh {address}");
    jobs.push(job("mei_me-suspend", Machine::MeiMeParity, "mei-exercise", command).within(300));
    jobs
}
