//! The MEI functions of a machine.

use crate::address::Address;
use crate::binding::{self, BindError, BindRequest};
use crate::group;
use crate::holders::{self, Holder};
use crate::identity::{self, Identity, Refusal};
use crate::record::Record;
use crate::system::System;
use mei_wire::pci::{self, VENDOR_INTEL};
use mei_wire::{Guid, clients};

/// A PCI function that is a MEI function, or looks like one.
#[derive(Debug)]
pub struct Function {
    /// Where it is.
    pub address: Address,
    /// PCI device id.
    pub device: u16,
    /// Its entry in the device table; none for an Intel communication controller that the table does not have.
    pub part: Option<&'static pci::Device>,
    /// The driver in charge.
    pub driver: Option<String>,
    /// Its IOMMU group.
    pub group: Option<String>,
    /// Other functions in that group, with the drivers that keep it from being handed out.
    pub shared_with: Vec<(Address, String)>,
    /// Its device nodes below `/dev`.
    pub nodes: Vec<String>,
    /// Who has them open.
    pub holders: Vec<Holder>,
    /// Whether the kernel's driver would leave it alone.
    pub refusal: Refusal,
    /// How it was before it was bound by us.
    pub taken_from: Option<Record>,
    /// The driver that `bind` would give it to, or why it would not.
    pub bindable: Result<binding::Plan, BindError>,
    /// Its firmware clients, as far as the driver publishes them.
    pub clients: Vec<Client>,
}

/// A firmware client on the driver's bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its GUID.
    pub guid: Guid,
    /// What it is called.
    pub name: Option<&'static str>,
}

/// Finds the MEI functions of `system`, in the order of their addresses.
pub fn functions(system: &System) -> Vec<Function> {
    let names = system.names(system.sys("bus/pci/devices"));
    let addresses = names.iter().filter_map(|name| name.parse().ok());
    addresses.filter_map(|address| function(system, address)).collect()
}

/// MEI devices that are not made by a PCI function's driver: emulated ones, and those of graphics drivers.
pub fn other_devices(system: &System, functions: &[Function]) -> Vec<String> {
    let mut devices = system.names(system.sys("class/mei"));
    let is_node = |name: &String| {
        let digits = name.strip_prefix("mei").unwrap_or("x");
        digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    devices.extend(system.names(system.dev("")).into_iter().filter(is_node));
    devices.sort();
    devices.dedup();
    devices.retain(|device| !functions.iter().any(|function| function.nodes.contains(device)));
    // A second name for a device is none of its own: `mei` for `mei0`.
    devices.retain(|device| {
        let target = system.link_name(system.dev(device));
        target.is_none_or(|target| target == *device || !system.dev(target).exists())
    });
    devices
}

fn function(system: &System, address: Address) -> Option<Function> {
    let (vendor, device) = identity::ids(system, address)?;
    if vendor != VENDOR_INTEL {
        return None;
    }
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let part = pci::lookup(device);
    let taken_from = Record::load(system, address);
    let class = system.read(directory.join("class")).unwrap_or_default();
    let class = class.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    if part.is_none() && taken_from.is_none() && class != Some(pci::CLASS) {
        return None;
    }
    let nodes = holders::nodes(system, address);
    let refusal =
        Identity::of(system, address, None).map_or(Refusal::None, |identity| identity.refusal(system));
    Some(Function {
        address,
        device,
        part,
        driver: system.link_name(directory.join("driver")),
        group: group::number(system, address),
        shared_with: group::others_held(system, address),
        holders: holders::holders(system, &nodes),
        nodes,
        refusal,
        taken_from,
        bindable: binding::plan(system, address, &BindRequest::default()),
        clients: clients(system, address),
    })
}

/// The driver's bus names a client `<function>-<guid>`.
fn clients(system: &System, address: Address) -> Vec<Client> {
    let prefix = format!("{address}-");
    let names = system.names(system.sys(format!("bus/pci/devices/{address}")));
    let guids = names.iter().filter_map(|name| guid(name.strip_prefix(&prefix)?));
    guids.map(|guid| Client { guid, name: clients::name(guid) }).collect()
}

fn guid(text: &str) -> Option<Guid> {
    let digits = text.replace('-', "");
    let wellformed = text.len() == 36 && digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    wellformed.then(|| u128::from_str_radix(&digits, 16).ok()).flatten().map(Guid::from_u128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    #[test]
    fn functions_are_found_by_id_and_by_class() {
        let tree = Tree::new();
        tree.function("0000:00:16.0", 0x51E0).driven("0000:00:16.0", "mei_me").group("0000:00:16.0", 9);
        tree.write("sys/bus/pci/devices/0000:00:16.0/mei/mei0/dev", "240:0\n");
        tree.write("sys/class/mei/mei0", "")
            .write("dev/mei0", "")
            .write("dev/mei7", "")
            .link("mei0", "dev/mei");
        tree.write("dev/meistro", "");
        tree.write(
            "sys/bus/pci/devices/0000:00:16.0/0000:00:16.0-8e6a6715-9abc-4043-88ef-9e39c6f63e0f/uuid",
            "",
        );
        tree.write("sys/bus/pci/devices/0000:00:16.0/0000:00:16.0-nonsense/uuid", "");
        tree.function("0000:00:16.1", 0xFFF0);
        tree.function("0000:00:1f.6", 0x1502).write("sys/bus/pci/devices/0000:00:1f.6/class", "0x020000\n");
        tree.process(812, "lms", "/dev/mei0").process(900, "bash", "/dev/pts/0");
        let system = tree.system();
        let found = functions(&system);
        let [known, unknown] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(known.part.map(|part| part.configuration.name), Some("PCH15"));
        assert_eq!(known.driver.as_deref(), Some("mei_me"));
        assert_eq!(known.group.as_deref(), Some("9"));
        assert_eq!(known.nodes, ["mei0"]);
        assert_eq!(
            known.holders.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["lms (process 812, /dev/mei0)"]
        );
        assert_eq!(known.clients, [Client { guid: clients::MKHI, name: Some("MKHI") }]);
        assert_eq!((unknown.device, unknown.part), (0xFFF0, None));
        assert!(matches!(unknown.bindable, Err(BindError::Function(crate::OpenError::Unknown { .. }))));
        assert_eq!(other_devices(&system, &found), ["mei7"]);
    }

    #[test]
    fn a_machine_without_any_has_none() {
        let tree = Tree::new();
        assert!(functions(&tree.system()).is_empty());
        assert!(other_devices(&tree.system(), &[]).is_empty());
    }

    #[test]
    fn guids_are_read_in_their_text_form_only() {
        assert_eq!(guid("8e6a6715-9abc-4043-88ef-9e39c6f63e0f"), Some(clients::MKHI));
        for text in
            ["", "8e6a6715", "8e6a67159abc404388ef9e39c6f63e0f", "zz6a6715-9abc-4043-88ef-9e39c6f63e0f"]
        {
            assert_eq!(guid(text), None, "{text}");
        }
    }
}
