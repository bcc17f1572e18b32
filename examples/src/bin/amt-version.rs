//! Prints the versions that AMT reports: one client, one request.

use anyhow::bail;
use clap::Parser;
use mei_client::amthi::Amthi;
use mei_client::{Error, Node};
use std::io::Write;
use std::path::PathBuf;

/// Print BIOS and firmware versions, as AMT reports them
#[derive(Debug, Parser)]
struct Arguments {
    /// The device node
    #[arg(default_value = "/dev/mei0")]
    device: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { device } = Arguments::parse();
    let answer = Node::open(device).and_then(Amthi::connect).and_then(|mut amthi| amthi.code_versions());
    let versions = match answer {
        Ok(versions) => versions,
        Err(error) if error.is_absent() => bail!("this machine has no AMT"),
        Err(Error::AmtDisabled) => {
            println!("AMT: disabled");
            return Ok(());
        }
        Err(error) => match error.remedy() {
            Some(remedy) => bail!("{error}: {remedy}"),
            None => bail!(error),
        },
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "AMT: enabled")?;
    writeln!(out, "BIOS: {}", versions.bios)?;
    for part in &versions.versions {
        writeln!(out, "{}: {}", part.description, part.version)?;
    }
    Ok(())
}
