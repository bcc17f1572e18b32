//! Who has a function's device nodes open.

use crate::address::Address;
use crate::group;
use crate::system::System;
use std::fmt;
use std::path::{Path, PathBuf};

/// A process with a node of the function open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub command: String,
    /// The node, such as `mei0`.
    pub node: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {}, /dev/{})", self.command, self.pid, self.node)
    }
}

/// Names below `/dev` of the function's nodes: the MEI device, the UIO device, the VFIO group.
pub(crate) fn nodes(system: &System, address: Address) -> Vec<String> {
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let mut nodes = system.names(directory.join("mei"));
    nodes.extend(system.names(directory.join("uio")));
    let vfio = group::number(system, address).into_iter();
    let vfio = vfio.flat_map(|number| [format!("vfio/{number}"), format!("vfio/noiommu-{number}")]);
    nodes.extend(vfio.filter(|node| system.dev(node).exists()));
    nodes
}

/// The processes that have one of `nodes` open, as far as this process may see.
pub(crate) fn holders(system: &System, nodes: &[String]) -> Vec<Holder> {
    if nodes.is_empty() {
        return Vec::new();
    }
    let mut holders = Vec::new();
    for process in system.names(system.proc("")) {
        let Ok(pid) = process.parse::<u32>() else { continue };
        let directory = system.proc(&process);
        for descriptor in system.names(directory.join("fd")) {
            let Ok(target) = std::fs::read_link(directory.join("fd").join(descriptor)) else { continue };
            let Some(node) = nodes.iter().find(|node| is_node(&target, node)) else { continue };
            let command = system.read(directory.join("comm")).unwrap_or_else(|_| "?".to_owned());
            let holder = Holder { pid, command, node: node.clone() };
            if !holders.contains(&holder) {
                holders.push(holder);
            }
        }
    }
    holders.sort_by_key(|holder| holder.pid);
    holders
}

fn is_node(target: &Path, node: &str) -> bool {
    target == PathBuf::from("/dev").join(node)
}
