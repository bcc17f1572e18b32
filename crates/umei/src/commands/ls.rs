//! `umei ls`: the MEI functions and devices of this machine.

use super::output::{print, print_json};
use mei_pci_uio::{BindError, Function, OpenError, Refusal, System, functions, other_devices};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// List the MEI functions and devices of this machine
///
/// For each function: what it is, who drives it, its IOMMU group, who has it open, whether it can be handed to user
/// space, and the firmware clients that its driver publishes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Another root for /sys, /proc, /dev and /run
    #[arg(long, hide = true, default_value = "/")]
    root: PathBuf,
}

pub(crate) fn main(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let system = System::at(arguments.root);
    let functions = functions(&system);
    let devices = other_devices(&system, &functions);
    let list = List { functions: functions.iter().map(Entry::from).collect(), devices };
    if arguments.json {
        print_json(&list)?;
    } else {
        print(&render(&list)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The list. Its JSON form is an interface: fields are added, never changed.
#[derive(Debug, Serialize)]
struct List {
    /// PCI functions.
    functions: Vec<Entry>,
    /// MEI devices without a PCI function, by their names below /dev.
    devices: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    address: String,
    device: u16,
    name: Option<&'static str>,
    product: Option<&'static str>,
    generation: Option<&'static str>,
    driver: Option<String>,
    iommu_group: Option<String>,
    /// Functions in the same group that keep it from being handed out.
    shared_with: Vec<String>,
    nodes: Vec<String>,
    holders: Vec<Holder>,
    /// Whether the kernel's driver leaves it alone: server firmware.
    refused: bool,
    /// The driver that it had before `umei bind`; none unless it was bound.
    taken_from: Option<String>,
    bindable: bool,
    /// The driver that `umei bind` would choose.
    bind_driver: Option<String>,
    /// Why it cannot be bound.
    obstacle: Option<Obstacle>,
    clients: Vec<Client>,
}

#[derive(Debug, Serialize)]
struct Holder {
    pid: u32,
    command: String,
    node: String,
}

#[derive(Debug, Serialize)]
struct Obstacle {
    reason: String,
    remedy: Option<String>,
}

#[derive(Debug, Serialize)]
struct Client {
    guid: String,
    name: Option<&'static str>,
}

impl From<&Function> for Entry {
    fn from(function: &Function) -> Self {
        let shared = function.shared_with.iter();
        let (bind_driver, obstacle) = match &function.bindable {
            Ok(plan) => (Some(plan.driver.clone().unwrap_or_else(|| "none".to_owned())), None),
            Err(error) => (None, Some(Obstacle { reason: error.to_string(), remedy: error.remedy() })),
        };
        // Unreadable without privileges is not refused; a generation that is unknown cannot be asked.
        let refused = matches!(function.refusal, Refusal::Refused(_))
            || matches!(function.bindable, Err(BindError::Function(OpenError::Refused { .. })));
        Self {
            address: function.address.to_string(),
            device: function.device,
            name: function.part.map(|part| part.name),
            product: function.part.map(|part| part.product),
            generation: function.part.map(|part| part.configuration.name),
            driver: function.driver.clone(),
            iommu_group: function.group.clone(),
            shared_with: shared.map(|(address, driver)| format!("{address} ({driver})")).collect(),
            nodes: function.nodes.clone(),
            holders: function
                .holders
                .iter()
                .map(|h| Holder { pid: h.pid, command: h.command.clone(), node: h.node.clone() })
                .collect(),
            refused,
            taken_from: function
                .taken_from
                .as_ref()
                .map(|record| record.driver.clone().unwrap_or_else(|| "none".to_owned())),
            bindable: obstacle.is_none(),
            bind_driver,
            obstacle,
            clients: function
                .clients
                .iter()
                .map(|client| Client { guid: client.guid.to_string(), name: client.name })
                .collect(),
        }
    }
}

fn render(list: &List) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    if list.functions.is_empty() {
        writeln!(text, "no MEI function on this machine")?;
    }
    for entry in &list.functions {
        function(&mut text, entry)?;
    }
    if !list.devices.is_empty() {
        writeln!(text, "devices without a PCI function: {}", list.devices.join(", "))?;
    }
    Ok(text)
}

fn function(text: &mut String, entry: &Entry) -> std::fmt::Result {
    write!(text, "{} 8086:{:04x} ", entry.address, entry.device)?;
    match (entry.product, entry.name, entry.generation) {
        (Some(product), Some(name), Some(generation)) => writeln!(text, "{product} ({name}, {generation})")?,
        _ => writeln!(text, "unknown communication controller")?,
    }
    let driver = entry.driver.as_deref().unwrap_or("none");
    match &entry.taken_from {
        Some(before) => writeln!(text, "  driver    {driver} (taken from {before})")?,
        None => writeln!(text, "  driver    {driver}")?,
    }
    let without_iommu = entry.nodes.iter().any(|node| node.starts_with("vfio/noiommu-"));
    match &entry.iommu_group {
        Some(group) if without_iommu => writeln!(text, "  IOMMU     none (noiommu group {group})")?,
        Some(group) if entry.shared_with.is_empty() => writeln!(text, "  IOMMU     group {group}")?,
        Some(group) => {
            writeln!(text, "  IOMMU     group {group}, shared with {}", entry.shared_with.join(", "))?;
        }
        None => writeln!(text, "  IOMMU     none")?,
    }
    for node in &entry.nodes {
        let holders = entry.holders.iter().filter(|holder| holder.node == *node);
        let holders: Vec<String> = holders.map(|h| format!("{} (process {})", h.command, h.pid)).collect();
        match holders.as_slice() {
            [] => writeln!(text, "  node      /dev/{node}")?,
            holders => writeln!(text, "  node      /dev/{node}, open in {}", holders.join(", "))?,
        }
    }
    match (&entry.obstacle, &entry.bind_driver) {
        (Some(obstacle), _) => {
            writeln!(text, "  bind      no: {}", obstacle.reason)?;
            if let Some(remedy) = &obstacle.remedy {
                writeln!(text, "            remedy: {remedy}")?;
            }
        }
        (None, Some(driver)) => writeln!(text, "  bind      possible, to {driver}")?,
        (None, None) => {}
    }
    if !entry.clients.is_empty() {
        let clients = entry.clients.iter();
        let clients: Vec<&str> = clients.map(|client| client.name.unwrap_or(&client.guid)).collect();
        writeln!(text, "  clients   {}", clients.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            address: "0000:00:16.0".to_owned(),
            device: 0x51E0,
            name: Some("ADP_P"),
            product: Some("Alder Lake Point P"),
            generation: Some("PCH15"),
            driver: Some("mei_me".to_owned()),
            iommu_group: Some("9".to_owned()),
            shared_with: Vec::new(),
            nodes: vec!["mei0".to_owned()],
            holders: vec![Holder { pid: 812, command: "lms".to_owned(), node: "mei0".to_owned() }],
            refused: false,
            taken_from: None,
            bindable: true,
            bind_driver: Some("vfio-pci".to_owned()),
            obstacle: None,
            clients: vec![
                Client { guid: "8e6a6715-9abc-4043-88ef-9e39c6f63e0f".to_owned(), name: Some("MKHI") },
                Client { guid: "00112233-4455-6677-8899-aabbccddeeff".to_owned(), name: None },
            ],
        }
    }

    #[test]
    fn a_function_of_the_kernel() {
        let list = List { functions: vec![entry()], devices: vec!["mei7".to_owned()] };
        assert_eq!(
            render(&list).unwrap(),
            "0000:00:16.0 8086:51e0 Alder Lake Point P (ADP_P, PCH15)
  driver    mei_me
  IOMMU     group 9
  node      /dev/mei0, open in lms (process 812)
  bind      possible, to vfio-pci
  clients   MKHI, 00112233-4455-6677-8899-aabbccddeeff
devices without a PCI function: mei7
"
        );
    }

    #[test]
    fn a_function_that_cannot_be_bound() {
        let unknown = Entry {
            name: None,
            product: None,
            generation: None,
            driver: None,
            iommu_group: None,
            nodes: Vec::new(),
            holders: Vec::new(),
            clients: Vec::new(),
            bindable: false,
            bind_driver: None,
            obstacle: Some(Obstacle {
                reason: "it is unknown".to_owned(),
                remedy: Some("name it".to_owned()),
            }),
            ..entry()
        };
        let list = List { functions: vec![unknown], devices: Vec::new() };
        assert_eq!(
            render(&list).unwrap(),
            "0000:00:16.0 8086:51e0 unknown communication controller
  driver    none
  IOMMU     none
  bind      no: it is unknown
            remedy: name it
"
        );
    }

    #[test]
    fn a_machine_without_any() {
        let list = List { functions: Vec::new(), devices: Vec::new() };
        assert_eq!(render(&list).unwrap(), "no MEI function on this machine\n");
    }
}
