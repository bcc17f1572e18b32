//! The machines that guests are: which devices, modules and programs.

use super::image::Program;
use crate::test::programs;
use crate::workspace;
use anyhow::Result;
use std::path::Path;
use umei_guest::plan::Packages;

/// The first PCI slot of the emulated functions.
pub(super) const FIRST_SLOT: u8 = 0x10;

/// How a function signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupts {
    Msi,
    Intx,
}

impl Interrupts {
    /// The word of `umei vm-device --interrupts`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Msi => "msi",
            Self::Intx => "intx",
        }
    }
}

/// An emulated function, served by `umei vm-device`.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// A persona's name or file.
    pub(super) persona: String,
    pub(super) interrupts: Interrupts,
    pub(super) slot: u8,
}

/// A machine to boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Machine {
    /// No ME; `/dev/cuse`.
    Cuse,
    /// The same, with the Debian programs.
    CusePackages,
    /// A function of every persona, with MSI, driven by the kernel's driver.
    MeiMeMsi,
    /// The same with INTx.
    MeiMeIntx,
}

impl Machine {
    pub(super) const ALL: [Self; 4] = [Self::Cuse, Self::CusePackages, Self::MeiMeMsi, Self::MeiMeIntx];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cuse => "cuse",
            Self::CusePackages => "cuse-packages",
            Self::MeiMeMsi => "mei_me-msi",
            Self::MeiMeIntx => "mei_me-intx",
        }
    }

    /// How programs reach the engine there, for the summary.
    pub(super) fn transport(self) -> &'static str {
        match self {
            Self::Cuse | Self::CusePackages => "CUSE",
            Self::MeiMeMsi => "mei_me, MSI",
            Self::MeiMeIntx => "mei_me, INTx",
        }
    }
}

/// What a machine is made of.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) functions: Vec<Function>,
    pub(super) modules: Vec<&'static str>,
    pub(super) packages: Packages,
    pub(super) programs: Vec<Program>,
}

/// Modules that a 9p share needs.
const SHARE: [&str; 3] = ["virtio_pci", "9pnet_virtio", "9p"];

impl Machine {
    /// What this machine is made of, with these built-in personas.
    pub(super) fn setup(self, personas: &[String]) -> Result<Setup> {
        let functions = |interrupts| {
            let slots = FIRST_SLOT..;
            let function =
                |(persona, slot): (&String, u8)| Function { persona: persona.clone(), interrupts, slot };
            personas.iter().zip(slots).map(function).collect::<Vec<_>>()
        };
        let mut programs = vec![client("mei-amt-version")];
        for name in ["umei", "mei-exercise", "mei-parity"] {
            let program = Program::of_workspace(name);
            if program.from.exists() {
                programs.push(program);
            }
        }
        let (mut modules, mut packages) = (Vec::new(), Packages::Absent);
        let functions = match self {
            Self::Cuse | Self::CusePackages => {
                modules.extend(["fuse", "cuse"]);
                Vec::new()
            }
            Self::MeiMeMsi | Self::MeiMeIntx => {
                modules.push("mei_me");
                functions(if self == Self::MeiMeMsi { Interrupts::Msi } else { Interrupts::Intx })
            }
        };
        match self {
            Self::Cuse => programs.push(test_program("cuse", "kernel")?),
            Self::CusePackages => {
                modules.extend(SHARE);
                packages = Packages::Shared;
            }
            Self::MeiMeMsi | Self::MeiMeIntx => {}
        }
        Ok(Setup { functions, modules, packages, programs })
    }
}

/// A client that was fetched.
fn client(name: &str) -> Program {
    // Where the tests look for it: beside the profile's folder.
    Program {
        from: workspace::target().join("clients").join(name),
        to: Path::new("/target/clients").join(name),
    }
}

/// A test program of the workspace, on the path under the name of its target.
fn test_program(package: &str, target: &str) -> Result<Program> {
    Ok(Program { from: programs::find(package, target)?, to: Path::new("/target/debug/deps").join(target) })
}
