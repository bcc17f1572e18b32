//! What a guest is to do.

use serde::{Deserialize, Serialize};

/// Where the plan lies in the guest.
pub const PATH: &str = "/plan.json";
/// Where the agent mounts the root of Debian programs, if there is one.
pub const PACKAGES: &str = "/packages";
/// The tag of that root among the 9p shares of the guest.
pub const PACKAGES_TAG: &str = "packages";

/// Everything the agent does, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Kernel modules, paths in the guest, each after those it depends on.
    pub modules: Vec<String>,
    /// Whether a root of Debian programs is shared with the guest.
    pub packages: Packages,
    /// The jobs.
    pub jobs: Vec<Job>,
}

/// Whether a root of Debian programs is shared with the guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packages {
    /// There is none.
    #[default]
    Absent,
    /// To be mounted at [`PACKAGES`].
    Shared,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name: no white space.
    pub name: String,
    /// A command for `sh -c`; success is status 0.
    pub command: String,
    /// Seconds until it is killed.
    pub seconds: u64,
}
