//! What sits between the driver and its function: a recorder, an injector of faults.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use mei_tap::{Injector, Plan, Recorder};

use super::AnyDevice;

/// Longest fault plan.
const LONGEST: u64 = 1 << 20;

/// What to put between the driver and its function.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TapArguments {
    /// Record every access to the function in FILE
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Make the function misbehave as the fault plan in FILE says
    #[arg(long, value_name = "FILE")]
    inject: Option<PathBuf>,
}

impl TapArguments {
    /// Puts around `device` what was asked for; the recorder outside, so that it records what the driver sees.
    ///
    /// # Errors
    /// When the plan is none, or the recording cannot be written.
    pub(super) fn around(&self, device: AnyDevice) -> Result<AnyDevice> {
        let device = match &self.inject {
            Some(path) => AnyDevice::new(Injector::new(device, plan(path)?)),
            None => device,
        };
        Ok(match &self.record {
            Some(path) => {
                let path = unused(path);
                let file = File::create_new(&path).with_context(|| format!("making {}", path.display()))?;
                AnyDevice::new(Recorder::new(device, BufWriter::new(file)))
            }
            None => device,
        })
    }

    /// Looks at the plan before anything else happens.
    pub(super) fn check(&self) -> Result<()> {
        self.inject.as_deref().map_or(Ok(()), |path| plan(path).map(drop))
    }
}

fn plan(path: &Path) -> Result<Plan> {
    let size = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
    if size > LONGEST {
        bail!("{} is longer than {LONGEST} bytes", path.display());
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Plan::parse(&text, &path.display().to_string())?)
}

/// `path`, with a number where there is such a file already: each start of a function is a recording of its own.
fn unused(path: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let mut candidates = std::iter::once(path.to_owned()).chain((1..u32::MAX).map(numbered));
    candidates.find(|candidate| !candidate.exists()).unwrap_or_else(|| path.to_owned())
}
