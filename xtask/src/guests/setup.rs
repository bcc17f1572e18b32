//! The machines that guests are: which devices, modules and programs.

use super::image::Program;
use super::personas::Persona;
use crate::fetch;
use crate::test::programs;
use crate::workspace;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use umei_guest::plan::Packages;

/// The first PCI slot of the emulated functions; 1 and 2 are QEMU's to give.
const FIRST_SLOT: u8 = 3;
/// The last one; 0x1f is the chipset's.
const LAST_SLOT: u8 = 0x1e;
/// Where chipsets have their function.
const CHIPSET_SLOT: u8 = 0x16;
/// The personas of the parity rows.
pub(super) const PARITY: [&str; 3] = ["parity", "parity-vtag", "parity-old"];
/// The persona of jobs that need one full engine.
pub(super) const FULL: &str = "tiger-lake";
/// The persona that is measured.
const ECHO: &str = "benches/beside.toml";
/// The same without the DMA ring.
const ECHO_WITHOUT_RING: &str = "benches/beside.toml:no-ring";

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

/// Whether the machine has an IOMMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Iommu {
    Absent,
    Present,
}

/// What the machine's clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Time, whatever else the processor below does in it.
    Time,
    /// Its own instructions, a nanosecond each: the same whatever else runs.
    Instructions,
}

/// An emulated function, served by `umei vm-device`.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// A persona's name or file.
    pub(super) persona: String,
    pub(super) slot: u8,
}

/// A machine to boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    /// No ME; `/dev/cuse`.
    Cuse,
    /// The same, with the Debian programs.
    CusePackages,
    /// A function of every generation, with MSI, driven by the kernel's driver.
    MeiMeMsi,
    /// A function of every variant of them.
    MeiMeVariants,
    /// The same with INTx.
    MeiMeIntx,
    /// Functions with the test clients of the parity rows, driven by the kernel's driver.
    MeiMeParity,
    /// One full engine driven by the kernel's driver, with the Debian programs.
    MeiMePackages,
    /// One full engine behind an IOMMU, which user space takes from the kernel's driver.
    Pci,
    /// The same under the kernel's watchdog driver, too.
    PciWatchdog,
    /// The same as [`Machine::Pci`] with engines of the parity rows, one of them for the kernel's driver.
    PciParity,
    /// Functions with the test clients, driven by the kernel's driver, and `/dev/cuse` beside them.
    Exact,
    /// The kernel's driver and umei beside each other: a full engine, one with test clients, four that echo; an IOMMU.
    Beside,
    /// No IOMMU: one full engine, and behind it two of the parity rows. VFIO may do without.
    PciPlain,
    /// No ME; `/dev/cuse`, and a clock that counts instructions.
    Counted,
}

impl Machine {
    /// The longest boots first: two run at a time.
    pub(super) const ALL: [Self; 14] = [
        Self::Beside,
        Self::Exact,
        Self::CusePackages,
        Self::MeiMeParity,
        Self::PciPlain,
        Self::Cuse,
        Self::MeiMePackages,
        Self::MeiMeMsi,
        Self::MeiMeVariants,
        Self::MeiMeIntx,
        Self::Pci,
        Self::PciWatchdog,
        Self::PciParity,
        Self::Counted,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cuse => "cuse",
            Self::CusePackages => "cuse-packages",
            Self::MeiMeMsi => "mei_me-msi",
            Self::MeiMeVariants => "mei_me-variants",
            Self::MeiMeIntx => "mei_me-intx",
            Self::MeiMeParity => "mei_me-parity",
            Self::MeiMePackages => "mei_me-packages",
            Self::Pci => "pci",
            Self::PciWatchdog => "pci-watchdog",
            Self::PciParity => "pci-parity",
            Self::Beside => "beside",
            Self::Exact => "exact",
            Self::PciPlain => "pci-plain",
            Self::Counted => "counted",
        }
    }

    /// How programs reach the engine there, for the summary.
    pub(super) fn transport(self) -> &'static str {
        match self {
            Self::Cuse | Self::CusePackages | Self::Counted => "CUSE",
            Self::MeiMeMsi | Self::MeiMeVariants | Self::MeiMeParity | Self::MeiMePackages => "mei_me, MSI",
            Self::MeiMeIntx => "mei_me, INTx",
            Self::Pci | Self::PciWatchdog | Self::PciParity => "VFIO, UIO, resource",
            Self::Exact | Self::Beside => "CUSE beside mei_me",
            Self::PciPlain => "VFIO noiommu, UIO, resource",
        }
    }

    /// The built-in personas that are functions of this machine, in the order of their slots.
    pub(super) fn personas(self, all: &[Persona]) -> impl Iterator<Item = &Persona> {
        all.iter().filter(move |persona| match self {
            Self::MeiMeMsi | Self::MeiMeIntx => persona.variant_of.is_none(),
            Self::MeiMeVariants => persona.variant_of.is_some(),
            _ => false,
        })
    }

    /// What this machine is made of, with these built-in personas.
    pub(super) fn setup(self, personas: &[Persona]) -> Result<Setup> {
        let builtin = || functions(self.personas(personas).map(|persona| persona.name.clone()));
        let mut programs = vec![client("mei-amt-version")];
        programs.extend(
            ["umei", "mei-exercise", "mei-parity", "mei-differential", "mei-large", "mei-recover"]
                .map(Program::of_workspace),
        );
        let mut setup = Setup { programs, ..Setup::default() };
        match self {
            Self::Cuse | Self::CusePackages => setup.modules.extend(["fuse", "cuse"]),
            Self::MeiMeMsi | Self::MeiMeVariants => setup.functions = builtin()?,
            Self::MeiMeIntx => {
                setup.functions = builtin()?;
                setup.interrupts = Interrupts::Intx;
            }
            Self::MeiMeParity | Self::Exact => {
                setup.functions = functions(PARITY.into_iter().map(parity_file))?;
            }
            Self::MeiMePackages => {
                setup.functions = vec![Function { persona: FULL.to_owned(), slot: CHIPSET_SLOT }];
            }
            Self::Pci | Self::PciWatchdog | Self::PciParity => {
                let personas = match self {
                    Self::PciParity => vec![parity_file(PARITY[0]); 2],
                    _ => vec![FULL.to_owned()],
                };
                setup.functions = functions(personas.into_iter())?;
                setup.iommu = Iommu::Present;
                setup.modules.extend(["cuse", "uio_pci_generic", "vfio_iommu_type1", "vfio_pci"]);
                setup.programs.push(test_program("mei-pci-uio", "function")?);
            }
            Self::Beside => {
                let tagged = parity_file(PARITY[1]);
                let echoes = [ECHO, ECHO, ECHO_WITHOUT_RING, ECHO_WITHOUT_RING].map(str::to_owned);
                setup.functions = functions([FULL.to_owned(), tagged].into_iter().chain(echoes))?;
                setup.iommu = Iommu::Present;
                setup.modules.extend(["cuse", "uio_pci_generic", "vfio_iommu_type1", "vfio_pci"]);
                setup.add_bench();
                setup.programs.push(Program::of_workspace("mei-strace"));
                setup.programs.push(client("compat"));
            }
            Self::PciPlain => {
                setup.functions =
                    functions([FULL.to_owned(), parity_file(PARITY[0]), parity_file(PARITY[0])].into_iter())?;
                setup.modules.extend(["cuse", "uio_pci_generic", "vfio_pci"]);
                setup.rebuilt.push(fetch::vfio_module());
            }
            Self::Counted => {
                setup.clock = Clock::Instructions;
                setup.modules.extend(["fuse", "cuse"]);
                setup.add_bench();
            }
        }
        if self == Self::Exact {
            setup.modules.push("cuse");
        }
        if !setup.functions.is_empty() {
            setup.modules.push("mei_me");
        }
        match self {
            Self::Cuse => setup.programs.push(test_program("cuse", "kernel")?),
            Self::Beside => {
                setup.share_packages();
                setup.programs.extend(["meshcmd/meshagent", "meshcmd/meshcmd.js"].map(client));
            }
            Self::PciWatchdog => {
                setup.share_packages();
                setup.modules.push("mei_wdt");
            }
            Self::CusePackages | Self::MeiMePackages => {
                setup.share_packages();
                setup.programs.extend(["meshcmd/meshagent", "meshcmd/meshcmd.js"].map(client));
                setup.programs.push(Program::of_workspace("mei-sequences"));
                setup.programs.extend(["amt-version", "lms", "watchdog"].map(example));
            }
            Self::MeiMeMsi
            | Self::MeiMeVariants
            | Self::MeiMeIntx
            | Self::MeiMeParity
            | Self::Pci
            | Self::PciParity
            | Self::Exact
            | Self::PciPlain
            | Self::Counted => {}
        }
        Ok(setup)
    }
}

/// What a machine is made of.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) functions: Vec<Function>,
    pub(super) interrupts: Interrupts,
    pub(super) iommu: Iommu,
    pub(super) clock: Clock,
    pub(super) modules: Vec<&'static str>,
    /// Modules that were built here, in place of the kernel's of the same name.
    pub(super) rebuilt: Vec<PathBuf>,
    pub(super) packages: Packages,
    pub(super) programs: Vec<Program>,
}

impl Setup {
    /// Adds what is measured over CUSE.
    fn add_bench(&mut self) {
        self.programs.push(Program::of_workspace("umei-bench"));
        self.programs.push(client("cuse-echo"));
        let persona = workspace::repository().join(ECHO);
        self.programs.push(Program { from: persona, to: Path::new("/").join(ECHO) });
    }

    /// Adds the Debian programs.
    fn share_packages(&mut self) {
        self.packages = Packages::Shared;
        self.modules.extend(SHARE);
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            functions: Vec::new(),
            interrupts: Interrupts::Msi,
            iommu: Iommu::Absent,
            clock: Clock::Time,
            modules: Vec::new(),
            rebuilt: Vec::new(),
            packages: Packages::Absent,
            programs: Vec::new(),
        }
    }
}

/// Modules that a 9p share needs.
const SHARE: [&str; 3] = ["virtio_pci", "9pnet_virtio", "9p"];

/// Functions of these personas, one slot after the other.
fn functions(personas: impl Iterator<Item = String>) -> Result<Vec<Function>> {
    let functions: Vec<Function> =
        personas.zip(FIRST_SLOT..).map(|(persona, slot)| Function { persona, slot }).collect();
    ensure!(functions.iter().all(|function| function.slot <= LAST_SLOT), "more functions than PCI slots");
    Ok(functions)
}

/// The file of a persona of the parity rows.
fn parity_file(name: &str) -> String {
    format!("personas/test/{name}.toml")
}

/// The PCI address of the function of the persona at `index`, on every machine.
pub(super) fn address(index: usize) -> String {
    format!("0000:00:{:02x}.0", usize::from(FIRST_SLOT) + index)
}

/// The PCI address of the function of a machine that has it where chipsets have theirs.
pub(super) fn chipset_address() -> String {
    format!("0000:00:{CHIPSET_SLOT:02x}.0")
}

/// One of the examples, where it hides no command of busybox.
fn example(name: &str) -> Program {
    Program { from: workspace::program(name), to: Path::new("/target/examples").join(name) }
}

/// A client that was fetched.
fn client(name: &str) -> Program {
    // Where the tests look for it: beside the profile's folder.
    Program {
        from: workspace::target().join("clients").join(name),
        to: Path::new("/target/clients").join(name),
    }
}

/// A test program of the workspace, among the tests under the name of its target.
fn test_program(package: &str, target: &str) -> Result<Program> {
    Ok(Program { from: programs::find(package, target)?, to: Path::new("/target/debug/deps").join(target) })
}
