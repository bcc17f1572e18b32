//! How a real function is driven.

use anyhow::{Result, bail};
use mei_pci_uio::{Choice, Interrupt, Refused, Way};

/// How to drive a real function, where there is a choice.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Real functions (--backend pci:ADDRESS)")]
pub(crate) struct FunctionArguments {
    /// How the function is reached: vfio, uio, resource, or auto, by the driver that it is bound to [default: auto]
    #[arg(long, value_name = "WAY")]
    access: Option<Way>,
    /// How it interrupts: msi, intx, polling, or auto, the first of them that it has [default: auto]
    #[arg(long, value_name = "KIND")]
    interrupt: Option<Interrupt>,
    /// The generation of a function that is not known yet, such as PCH15 [default: what umei bind was told]
    #[arg(long = "as", value_name = "GENERATION")]
    generation: Option<String>,
    /// Drive it although the kernel would leave it alone (server firmware)
    #[arg(long)]
    force: bool,
}

impl FunctionArguments {
    /// For the library.
    pub(super) fn choice(&self) -> Choice {
        Choice {
            way: self.access.unwrap_or_default(),
            interrupt: self.interrupt.unwrap_or_default(),
            refused: if self.force { Refused::DriveAnyway } else { Refused::LeaveAlone },
            generation: self.generation.clone(),
        }
    }

    /// Whether nothing was chosen, which is all that the emulator has a use for.
    ///
    /// # Errors
    /// Names what was chosen.
    pub(crate) fn check_unused(&self) -> Result<()> {
        let given = [
            (self.access.is_some(), "--access"),
            (self.interrupt.is_some(), "--interrupt"),
            (self.generation.is_some(), "--as"),
            (self.force, "--force"),
        ];
        match given.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => {
                bail!(
                    "{flag} is for a real function, not for the emulator\nremedy: add --backend pci:ADDRESS"
                )
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn parse(line: &str) -> Result<FunctionArguments, clap::Error> {
        let command = FunctionArguments::augment_args(clap::Command::new("serve"));
        FunctionArguments::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn every_choice_of_the_library_can_be_made() {
        assert_eq!(parse("serve").unwrap().choice(), Choice::default());
        let all = parse("serve --access uio --interrupt polling --as PCH15 --force").unwrap().choice();
        let expected = Choice {
            way: Way::Uio,
            interrupt: Interrupt::Polling,
            refused: Refused::DriveAnyway,
            generation: Some("PCH15".to_owned()),
        };
        assert_eq!(all, expected);
        let error = parse("serve --access usb").unwrap_err().to_string();
        assert!(error.contains("auto, vfio, uio, resource"), "{error}");
        let error = parse("serve --interrupt irq").unwrap_err().to_string();
        assert!(error.contains("auto, msi, intx, polling"), "{error}");
    }

    #[test]
    fn the_emulator_has_no_use_for_any_of_them() {
        assert!(parse("serve").unwrap().check_unused().is_ok());
        for flag in ["--access vfio", "--interrupt msi", "--as PCH15", "--force"] {
            let error = parse(&format!("serve {flag}")).unwrap().check_unused().unwrap_err().to_string();
            let name = flag.split(' ').next().unwrap();
            assert!(error.starts_with(name) && error.contains("pci:ADDRESS"), "{error}");
        }
    }
}
