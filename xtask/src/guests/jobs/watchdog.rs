//! The AMT watchdog as a device of its own, under Debian's programs.

use super::{Job, job};
use crate::guests::setup::{self, Machine};

pub(super) fn jobs() -> Vec<Job> {
    let served = |name: &'static str, persona: &str, script: &str| {
        let command = format!("SERVE=--watchdog sh /jobs/cuse.sh {persona} sh /jobs/{script}");
        job(name, Machine::CusePackages, "wdctl, watchdog", command)
    };
    let daemon = "SERVE=--watchdog UMEI_LOG=warn,mei_emulator=debug sh /jobs/cuse.sh /personas/test/watchdog.toml sh \
                  /jobs/watchdog.sh";
    let daemon = job("watchdog-daemon", Machine::CusePackages, "wdctl, watchdog", daemon);
    let unwanted = "sed s/clock-factor.*/heartbeats=false/ /personas/test/watchdog.toml > /tmp/unwanted.toml && \
                    SERVE=--watchdog sh /jobs/cuse.sh /tmp/unwanted.toml sh /jobs/watchdog-absent.sh 'the firmware wants'";
    let unwanted = job("watchdog-unwanted", Machine::CusePackages, "wdctl, watchdog", unwanted);
    let command = format!("sh /jobs/pci-watchdog.sh {} vfio-pci", setup::address(0));
    let same = job("pci-watchdog", Machine::PciWatchdog, "wdctl", command);
    vec![
        same.expecting("the same lines of wdctl").within(300),
        daemon.expecting("no heartbeat of the host for 120 s").expecting("iamt_wdt").within(300),
        unwanted,
        served("watchdog-absent", "/personas/test/echo.toml", "watchdog-absent.sh 'the firmware has no'"),
    ]
}
