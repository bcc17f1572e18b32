//! One boot: the emulated functions, QEMU, and the report of the agent, followed as it grows.

use super::image;
use super::jobs::Job;
use super::setup::{Clock, Function, Iommu, Setup};
use crate::fetch;
use crate::process::{Running, read_log, tail};
use crate::workspace;
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use umei_guest::plan::{self, Packages, Plan};
use umei_guest::report::{Ending, Line, Request};

/// From QEMU's start to the first line of the report, and from the last line to its end.
const BOOT: Duration = Duration::from_secs(180);
/// A job's limit is kept by the agent; this much later the guest itself is taken to hang.
const GRACE: Duration = Duration::from_secs(60);
/// For `umei vm-device` to listen.
const LISTEN: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(50);
const MEMORY: &str = "768M";

/// What became of a job.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It ended this way, having printed this.
    Ended { ending: Ending, took: Duration, output: String },
    /// The guest did not get as far as its end, for this reason; what it had printed.
    Lost { reason: String, output: String },
}

/// Boots a machine for these jobs; what became of each, in their order.
pub(super) fn boot(name: &str, setup: &Setup, jobs: &[Job]) -> Result<Vec<Outcome>> {
    let folder = workspace::scratch(name);
    fs::create_dir_all(&folder)?;
    let plan_job =
        |job: &Job| plan::Job { name: job.name.clone(), command: job.command.clone(), seconds: job.seconds };
    let mut plan =
        Plan { modules: Vec::new(), packages: setup.packages, jobs: jobs.iter().map(plan_job).collect() };
    let image = folder.join("initrd");
    image::write(&image, &mut plan, setup)?;

    // Socket paths are short by nature: not below target/, which may be deep.
    let sockets = Sockets::create(name)?;
    let devices = workspace::log(&format!("vm-device {name}"));
    let serving = start_devices(setup, &sockets, &devices)?;
    let report = folder.join("report");
    let console = workspace::log(&format!("console {name}"));
    for file in [&report, &console] {
        let _ = fs::remove_file(file);
    }
    let mut command = qemu(setup, &sockets, &image, &console, &report);
    let log = workspace::log(&format!("qemu {name}"));
    let guest = Running::start(&mut command, &log)?;
    let mut follower = Follower { file: None, path: report, partial: Vec::new() };
    let mut outcomes = follow(&guest, serving.as_ref(), &mut follower, jobs);
    drop(guest);
    if let Some(Outcome::Lost { reason, .. }) =
        outcomes.iter_mut().find(|o| matches!(o, Outcome::Lost { .. }))
    {
        *reason = format!(
            "{reason}\n-- console\n{}-- QEMU\n{}-- vm-device\n{}",
            tail(&read_log(&console)),
            tail(&read_log(&log)),
            tail(&read_log(&devices))
        );
    }
    Ok(outcomes)
}

/// A folder for sockets, removed when it is dropped.
struct Sockets(PathBuf);

impl Sockets {
    fn create(name: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("umei-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder))
    }

    fn path(&self, function: &Function) -> PathBuf {
        self.0.join(format!("{:02x}", function.slot))
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts `umei vm-device` for all functions and waits until it listens; `None` without functions.
fn start_devices(setup: &Setup, sockets: &Sockets, log: &Path) -> Result<Option<Running>> {
    if setup.functions.is_empty() {
        return Ok(None);
    }
    let mut command = Command::new(workspace::program("umei"));
    command.args(["vm-device", "--interrupts", setup.interrupts.word()]).current_dir(workspace::repository());
    for function in &setup.functions {
        command.arg(format!("--function={}={}", sockets.path(function).display(), function.persona));
    }
    let devices = Running::start(&mut command, log)?;
    let start = Instant::now();
    while !setup.functions.iter().all(|function| sockets.path(function).exists()) {
        if devices.has_ended() || start.elapsed() > LISTEN {
            bail!("umei vm-device does not listen:\n{}", read_log(log));
        }
        std::thread::sleep(TICK);
    }
    Ok(Some(devices))
}

fn qemu(setup: &Setup, sockets: &Sockets, image: &Path, console: &Path, report: &Path) -> Command {
    let mut command = fetch::qemu();
    // vfio-user needs memory that the other side could map.
    command.args(["-machine", "q35,memory-backend=ram", "-m", MEMORY]);
    command.args(["-object", &format!("memory-backend-memfd,id=ram,size={MEMORY},share=on")]);
    command.args(["-cpu", "max", "-smp", "1"]);
    match setup.clock {
        Clock::Time => command.args(["-accel", "tcg,thread=multi"]),
        // Time passes by itself only while nothing runs.
        Clock::Instructions => command.args(["-accel", "tcg", "-icount", "shift=0,sleep=on"]),
    };
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.arg("-serial").arg(format!("file:{}", console.display()));
    command.arg("-serial").arg(format!("file:{}", report.display()));
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]);
    command.arg("-kernel").arg(fetch::vmlinux()).arg("-initrd").arg(image);
    // A kernel that has done wrong proves nothing afterwards. The timer's check at boot counts on a processor of its own,
    // which a busy machine does not give.
    let mut kernel = "console=ttyS0 quiet mitigations=off panic=-1 oops=panic no_timer_check".to_owned();
    if setup.iommu == Iommu::Present {
        // VFIO maps memory while the guest runs, which an emulated IOMMU is only told of in this mode.
        command.args(["-device", "intel-iommu,caching-mode=on"]);
        kernel.push_str(" intel_iommu=on");
    }
    command.arg("-append").arg(kernel);
    for function in &setup.functions {
        let device = serde_json::json!({
            "driver": "vfio-user-pci",
            "addr": format!("{:x}", function.slot),
            "socket": { "type": "unix", "path": sockets.path(function) },
        });
        command.arg("-device").arg(device.to_string());
    }
    if setup.packages == Packages::Shared {
        let root = fetch::packages_root();
        let tag = plan::PACKAGES_TAG;
        command.arg("-virtfs").arg(format!(
            "local,path={},mount_tag={tag},security_model=none,readonly=on,multidevs=remap",
            root.display()
        ));
    }
    command
}

/// Reads the lines of a file that grows.
struct Follower {
    file: Option<File>,
    path: PathBuf,
    partial: Vec<u8>,
}

impl Follower {
    /// The lines that have come since the last time.
    fn lines(&mut self) -> Vec<Line> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return Vec::new() };
        // An error is an end for now: the next time reads on from where this one stopped.
        let _ = file.read_to_end(&mut self.partial);
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.partial.drain(..=end).collect();
        String::from_utf8_lossy(&whole).lines().filter_map(Line::parse).collect()
    }
}

/// What `umei vm-device` carries a request out on.
fn signal(request: Request) -> Signal {
    match request {
        Request::FirmwareReset => Signal::USR1,
        Request::Pull => Signal::USR2,
    }
}

/// Follows the report until all jobs are done, the guest dies, or it takes too long.
fn follow(guest: &Running, devices: Option<&Running>, follower: &mut Follower, jobs: &[Job]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut output = String::new();
    let mut deadline = Instant::now() + BOOT;
    let reason = loop {
        // Asked before the report is read: what a guest said before its end is not missed.
        let is_gone = guest.has_ended();
        let mut done = None;
        for line in follower.lines() {
            match line {
                Line::Begun(name) => {
                    output.clear();
                    let limit = jobs.iter().find(|job| job.name == name).map_or(0, |job| job.seconds);
                    deadline = Instant::now() + Duration::from_secs(limit) + GRACE;
                }
                Line::Printed(text) => {
                    if let Some((request, devices)) = Request::parse(&text).zip(devices) {
                        devices.signal(signal(request));
                    }
                    output.push_str(&text);
                    output.push('\n');
                }
                Line::Ended(ending, took) => {
                    outcomes.push(Outcome::Ended { ending, took, output: std::mem::take(&mut output) });
                    deadline = Instant::now() + BOOT;
                }
                Line::Done => done = Some("the guest ended early".to_owned()),
                Line::Failed(why) => done = Some(format!("the guest's agent failed: {why}")),
            }
        }
        if let Some(reason) = done {
            break reason;
        }
        if is_gone {
            break "the guest has died".to_owned();
        }
        if Instant::now() > deadline {
            break "the guest hangs".to_owned();
        }
        std::thread::sleep(TICK);
    };
    while outcomes.len() < jobs.len() {
        outcomes.push(Outcome::Lost { reason: reason.clone(), output: std::mem::take(&mut output) });
    }
    outcomes
}
