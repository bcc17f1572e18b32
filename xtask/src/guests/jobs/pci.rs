//! A function that is taken from the kernel's driver: every way to drive it, a device on top of each, and what may
//! befall it.

use super::{Job, job};
use crate::guests::setup::{self, Machine};

/// A way to drive a function.
struct Way {
    /// In the names of jobs.
    name: &'static str,
    /// Where there is an engine of full AMT to drive so, the first function.
    machine: Machine,
    /// The engine of the parity rows: its machine, and the number of the function there. The next function has another
    /// such engine, for the kernel's driver.
    parity: (Machine, usize),
    /// Which of the rows, for `mei-parity --shard`.
    shard: &'static str,
    /// Of `umei bind`.
    driver: &'static str,
    /// Of `umei serve --access`.
    access: &'static str,
}

const WAYS: [Way; 4] = [
    Way {
        name: "vfio",
        machine: Machine::Pci,
        parity: (Machine::PciParity, 0),
        shard: "0/1",
        driver: "vfio-pci",
        access: "vfio",
    },
    // But for the IOMMU it is the same as the one before.
    Way {
        name: "noiommu",
        machine: Machine::PciPlain,
        parity: (Machine::PciPlain, 1),
        shard: "0/3",
        driver: "vfio-pci",
        access: "vfio",
    },
    Way {
        name: "uio",
        machine: Machine::PciPlain,
        parity: (Machine::PciPlain, 1),
        shard: "0/1",
        driver: "uio_pci_generic",
        access: "uio",
    },
    Way {
        name: "resource",
        machine: Machine::PciPlain,
        parity: (Machine::PciPlain, 1),
        shard: "0/1",
        driver: "none",
        access: "resource",
    },
];

/// Calls that each way makes beside the kernel's driver, and what they come from.
const CALLS: u64 = 1000;
const SEED: u64 = 2;

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
    let mut jobs = vec![tests.expecting("test result: ok").within(180)];
    for Way { name, machine, driver, access, .. } in WAYS {
        let command = format!("sh /jobs/pci-same.sh {address} {driver} {access}");
        let serve = job(format!("pci-serve:{name}"), machine, "umei info, mei-amt-version", command);
        jobs.push(serve.expecting("Intel AMT: ENABLED").expecting("the same lines").within(300));
    }
    let command = format!("sh /jobs/pci-same.sh {address} vfio-pci 'vfio --interrupt polling'");
    let polled = job("pci-serve:polled", Machine::PciParity, "umei info, mei-amt-version", command);
    jobs.push(polled.expecting("the same lines").within(300));
    for Way { name, parity: (machine, index), shard, driver, access, .. } in WAYS {
        let address = setup::address(index);
        let command = format!(
            "SERVE='--access {access}' sh /jobs/pci.sh {address} {driver} \
             mei-parity --transport cuse --shard {shard}"
        );
        jobs.push(job(format!("pci-parity:{name}"), machine, "parity rows", command).within(1800));
    }
    for Way { name, parity: (machine, index), driver, access, .. } in WAYS {
        let (address, reference) = (setup::address(index), setup::address(index + 1));
        let options = format!("--calls {CALLS} --seed {SEED}");
        let command = format!("sh /jobs/pci-exact.sh '{options}' {reference} {address} {driver} {access}");
        let exact = job(format!("pci-exact:{name}"), machine, "mei-differential", command);
        jobs.push(exact.expecting(", 0 differences, ").within(900));
    }
    let command = format!("sh /jobs/pci-cycle.sh {address}");
    let cycle = job("pci-cycle", Machine::Pci, "mei-amt-version", command);
    jobs.push(cycle.expecting("cycles: 10").within(900));
    jobs
}

/// What may befall a function while programs use its device.
fn upsets() -> Vec<Job> {
    let address = setup::address(0);
    let exercise = |name: String, driver: &str, scenario: &str| {
        let command = format!("sh /jobs/pci.sh {address} {driver} sh -c 'mei-exercise {scenario}'");
        job(name, Machine::PciParity, "mei-exercise", command).within(900)
    };
    let mut jobs = Vec::new();
    // A name of its own: a function that comes back is the kernel's driver's for a moment, and that device is not to be
    // taken for this one.
    for driver in ["vfio-pci", "uio_pci_generic", "none"] {
        for programs in ["parked", "busy"] {
            let command = format!(
                "NAME=mei50 sh /jobs/pci.sh {address} {driver} sh -c 'mei-exercise --device /dev/mei50 \
                 upset --programs {programs} --server $SERVER --by \"sh /jobs/pci-remove.sh {address}\" \
                 --back \"sh /jobs/pci-return.sh {address} {driver}\"'"
            );
            let name = format!("pci-removal:{driver}:{programs}");
            jobs.push(job(name, Machine::PciParity, "mei-exercise", command).within(300));
        }
    }
    jobs.push(exercise("pci-resets".to_owned(), "vfio-pci", "resets --times 100 --server $SERVER"));
    // Who waits in a call of a FUSE or CUSE server keeps the kernel from freezing it. A poll may, too: woken to be frozen
    // it asks the server once more.
    let sleep = "upset --programs idle --times 2 --server $SERVER --by \"sh /jobs/suspend.sh\"";
    jobs.push(exercise("pci-suspend".to_owned(), "vfio-pci", sleep));
    let awake = "sleep --by \"sh /jobs/suspend.sh 2000\" --keeps read --keeps write --keeps connect";
    jobs.push(exercise("pci-suspend:parked".to_owned(), "vfio-pci", awake));
    let command = format!("sh /jobs/pci-lost-interrupt.sh {address}");
    jobs.push(
        job("pci-lost-interrupt", Machine::PciParity, "mei-exercise", command).expecting("Drop").within(300),
    );
    let command = format!("sh /jobs/suspend-mei_me.sh {address}");
    jobs.push(job("mei_me-suspend", Machine::MeiMeParity, "mei-exercise", command).within(300));
    jobs
}
