//! Programs that others wrote, and the sequences of calls of those that cannot be had: on one full engine over CUSE and
//! behind the kernel's driver, with the same results.

use super::{Job, job};
use crate::guests::setup::{self, Machine};

/// The sequences of `mei-sequences`, named again, so that none can get lost.
const SEQUENCES: [&str; 11] = [
    "meshcmd-amtinfo",
    "meshcmd-amthashes",
    "meshcmd-microlms",
    "fwupd-amt",
    "fwupd-mchi",
    "metee",
    "rpc-go-2-amtinfo",
    "rpc-go-3-amtinfo",
    "rpc-go-lme",
    "lms",
    "lms-8",
];

/// Seconds for which stress-ng works on a device over CUSE, and on one of the kernel's driver.
const STRESS: (u32, u32) = (30, 8);

/// How a job gets its device.
struct Transport {
    machine: Machine,
    /// What stands before the command.
    device: String,
    /// Where fwupd finds the device in sysfs, if not where it looks by itself.
    sysfs: Option<&'static str>,
    stress: u32,
}

pub(super) fn jobs() -> Vec<Job> {
    let cuse = Transport {
        machine: Machine::CusePackages,
        device: format!("sh /jobs/cuse.sh {}", setup::FULL),
        sysfs: Some("/run/umei-sys"),
        stress: STRESS.0,
    };
    let mei_me = Transport {
        machine: Machine::MeiMePackages,
        device: format!("sh /jobs/on-mei_me.sh {}", setup::chipset_address()),
        sysfs: None,
        stress: STRESS.1,
    };
    [cuse, mei_me].iter().flat_map(|transport| transport.jobs()).collect()
}

impl Transport {
    fn jobs(&self) -> [Job; 3] {
        [self.unmodified(), self.sequences(), self.stress()]
    }

    fn job(&self, name: &str, client: &'static str, command: &str) -> Job {
        let name = format!("{}:{name}", self.machine.name());
        job(name, self.machine, client, format!("{} {command}", self.device)).within(300)
    }

    /// MeshCmd, its LMS with curl, fwupd, and the examples, whose words are held against one text.
    fn unmodified(&self) -> Job {
        let places = "MESHCMD=/target/clients/meshcmd PACKAGES=/packages EXAMPLES=/target/examples";
        let sysfs = self.sysfs.map(|place| format!("FWUPD_SYSFSDIR={place} ")).unwrap_or_default();
        let command = format!("env {places} {sysfs}sh /clients/unmodified.sh /clients/unmodified.txt");
        let job = self.job("unmodified", "MeshCmd, curl, fwupd, examples", &command);
        job.expecting("8 passed").within(900)
    }

    fn sequences(&self) -> Job {
        let job = self.job("sequences", "sequences of programs", "mei-sequences");
        SEQUENCES.iter().fold(job, |job, name| job.expecting(format!("{name} ok")))
    }

    fn stress(&self) -> Job {
        self.job("stress-ng", "stress-ng", &format!("sh /jobs/stress-ng.sh {}", self.stress))
    }
}
