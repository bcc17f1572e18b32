//! The tree: directories, links and files, as sysfs lays them out for a MEI function.

use cuse::wire::NodeId;
use cuse::{Entry, Errno, Tree};
use mei_wire::pci;

use super::source::{Attribute, Source};

/// Clients on the bus that ever were; more GUIDs than any firmware has.
const MOST_CLIENTS: usize = 1024;

/// What a tree shows that the function does not know.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    /// Name of the node in `/dev`.
    pub(crate) name: String,
    /// Its major and minor number; 0 and 0 for one that is no device node, as `stat(2)` shows it.
    pub(crate) numbers: (u32, u32),
    /// Address of its PCI function, below the first root.
    pub(crate) address: String,
}

#[derive(Debug)]
enum Node {
    Directory(Vec<(String, NodeId)>),
    Link(String),
    /// A text that never changes.
    Text(String),
    /// One that the device knows.
    Attribute(Attribute),
}

/// The tree of one device.
#[derive(Debug)]
pub(super) struct Model<S> {
    source: S,
    address: String,
    nodes: Vec<Node>,
    function: NodeId,
    bus: NodeId,
    dev_state: NodeId,
    /// Clients that ever were, by the name of their directory.
    clients: Vec<(String, NodeId)>,
}

impl<S: Source> Model<S> {
    pub(super) fn new(source: S, device: pci::Device, placement: &Placement) -> Self {
        let mut model = Self {
            source,
            address: placement.address.clone(),
            nodes: vec![Node::Directory(Vec::new())],
            function: NodeId::ROOT,
            bus: NodeId::ROOT,
            dev_state: NodeId::ROOT,
            clients: Vec::new(),
        };
        let (name, address) = (placement.name.as_str(), placement.address.as_str());
        model.function = model.directories(NodeId::ROOT, &["devices", "pci0000:00", address]);
        model.bus = model.directories(NodeId::ROOT, &["bus", "mei", "devices"]);
        model.add_function(device);
        model.add_device(device, placement);
        let class = model.directories(NodeId::ROOT, &["class", "mei"]);
        model.link(class, name, format!("../../devices/pci0000:00/{address}/mei/{name}"));
        let functions = model.directories(NodeId::ROOT, &["bus", "pci", "devices"]);
        model.link(functions, address, format!("../../../devices/pci0000:00/{address}"));
        let driver = model.directories(NodeId::ROOT, &["bus", "pci", "drivers", "mei_me"]);
        model.link(driver, address, format!("../../../../devices/pci0000:00/{address}"));
        model
    }

    /// The file whose pollers want to know of a new state.
    pub(super) fn dev_state(&self) -> NodeId {
        self.dev_state
    }

    /// Looks which clients are on the bus. False: it could not be said, and nothing has changed.
    pub(super) fn scan(&mut self) -> bool {
        let Some(clients) = self.source.clients() else { return false };
        let mut present = Vec::new();
        for client in clients {
            let name = format!("{}-{}", self.address, client.uuid);
            let known = self.clients.iter().find(|(known, _)| *known == name).map(|(_, node)| *node);
            match known {
                Some(node) => present.push((name, node)),
                None if self.clients.len() < MOST_CLIENTS => {
                    let node = self.add_client(client.attributes);
                    self.clients.push((name.clone(), node));
                    present.push((name, node));
                }
                None => log::warn!("a client too many is not shown on the bus: {}", client.uuid),
            }
        }
        for (name, _) in self.clients.clone() {
            let (function, bus) = (self.function, self.bus);
            self.unlist(function, &name);
            self.unlist(bus, &name);
        }
        for (name, node) in present {
            let target = format!("../../../devices/pci0000:00/{}/{name}", self.address);
            self.link(self.bus, &name, target);
            self.list(self.function, name, node);
        }
        true
    }

    fn add_function(&mut self, device: pci::Device) {
        let (vendor, id, function) = (pci::VENDOR_INTEL, device.id, self.function);
        let address = &self.address;
        let class = pci::CLASS;
        let modalias = format!(
            "pci:v{vendor:08X}d{id:08X}sv{vendor:08X}sd{SUBSYSTEM:08X}bc{:02X}sc{:02X}i{:02X}",
            class >> 16,
            class >> 8 & 0xFF,
            class & 0xFF
        );
        let uevent = format!(
            "DRIVER=mei_me\nPCI_CLASS={class:X}\nPCI_ID={vendor:04X}:{id:04X}\n\
             PCI_SUBSYS_ID={vendor:04X}:{SUBSYSTEM:04X}\nPCI_SLOT_NAME={address}\nMODALIAS={modalias}\n"
        );
        for (name, text) in [
            ("vendor", format!("{vendor:#06x}\n")),
            ("device", format!("{id:#06x}\n")),
            ("subsystem_vendor", format!("{vendor:#06x}\n")),
            ("subsystem_device", format!("{SUBSYSTEM:#06x}\n")),
            ("class", format!("{class:#08x}\n")),
            ("revision", "0x00\n".to_owned()),
            ("modalias", format!("{modalias}\n")),
            ("uevent", uevent),
            ("enable", "1\n".to_owned()),
            ("irq", "0\n".to_owned()),
            ("numa_node", "-1\n".to_owned()),
        ] {
            self.file(function, name, Node::Text(text));
        }
        self.file(function, "config", Node::Attribute(Attribute::Config(device.id)));
        self.link(function, "subsystem", "../../../bus/pci".to_owned());
        self.link(function, "driver", "../../../bus/pci/drivers/mei_me".to_owned());
    }

    fn add_device(&mut self, device: pci::Device, placement: &Placement) {
        let Placement { name, numbers: (major, minor), address } = placement;
        let node = self.directories(self.function, &["mei", name]);
        for (name, attribute) in [
            ("fw_status", Attribute::FwStatus),
            ("hbm_ver", Attribute::HbmVer),
            ("hbm_ver_drv", Attribute::HbmVerDrv),
            ("tx_queue_limit", Attribute::TxQueueLimit),
            ("fw_ver", Attribute::FwVer),
            ("trc", Attribute::Trc),
        ] {
            self.file(node, name, Node::Attribute(attribute));
        }
        self.dev_state = self.file(node, "dev_state", Node::Attribute(Attribute::DevState));
        for (name, text) in [
            ("kind", format!("{}\n", device.configuration.kind)),
            ("dev", format!("{major}:{minor}\n")),
            ("uevent", format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={name}\n")),
        ] {
            self.file(node, name, Node::Text(text));
        }
        self.link(node, "device", format!("../../../{address}"));
        self.link(node, "subsystem", "../../../../../class/mei".to_owned());
        let power = self.directories(node, &["power"]);
        for (name, text) in [("control", "auto\n"), ("runtime_status", "unsupported\n")] {
            self.file(power, name, Node::Text(text.to_owned()));
        }
    }

    /// The directory of a client on the bus.
    fn add_client(&mut self, attributes: Vec<(&'static str, String)>) -> NodeId {
        let node = self.node(Node::Directory(Vec::new()));
        for (name, text) in attributes {
            self.file(node, name, Node::Text(text));
        }
        self.link(node, "subsystem", "../../../../bus/mei".to_owned());
        node
    }

    fn node(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() as u64)
    }

    fn get(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(usize::try_from(node.0.checked_sub(1)?).ok()?)
    }

    fn entries(&mut self, directory: NodeId) -> Option<&mut Vec<(String, NodeId)>> {
        match self.nodes.get_mut(usize::try_from(directory.0.checked_sub(1)?).ok()?)? {
            Node::Directory(entries) => Some(entries),
            Node::Link(_) | Node::Text(_) | Node::Attribute(_) => None,
        }
    }

    fn list(&mut self, parent: NodeId, name: String, node: NodeId) {
        if let Some(entries) = self.entries(parent) {
            entries.push((name, node));
        }
    }

    fn unlist(&mut self, parent: NodeId, name: &str) {
        if let Some(entries) = self.entries(parent) {
            entries.retain(|(entry, _)| entry != name);
        }
    }

    fn file(&mut self, parent: NodeId, name: &str, content: Node) -> NodeId {
        let node = self.node(content);
        self.list(parent, name.to_owned(), node);
        node
    }

    /// A link, the same one each time a name comes back.
    fn link(&mut self, parent: NodeId, name: &str, target: String) {
        let same = |node: &Node| matches!(node, Node::Link(there) if *there == target);
        let node = match self.nodes.iter().position(same) {
            Some(place) => NodeId(place as u64 + 1),
            None => self.node(Node::Link(target)),
        };
        self.list(parent, name.to_owned(), node);
    }

    /// The directory at the end of `path`, made as far as it is not there.
    fn directories(&mut self, from: NodeId, path: &[&str]) -> NodeId {
        path.iter().fold(from, |parent, name| match self.find(parent, name.as_bytes()) {
            Some(node) => node,
            None => self.file(parent, name, Node::Directory(Vec::new())),
        })
    }
}

/// The subsystem id of Intel's own boards.
const SUBSYSTEM: u16 = 0x7270;

impl<S: Source> Tree for Model<S> {
    fn entry(&self, node: NodeId) -> Option<Entry<'_>> {
        Some(match self.get(node)? {
            Node::Directory(_) => Entry::Directory,
            Node::Link(target) => Entry::Link(target),
            Node::Text(_) => Entry::File(0o444),
            Node::Attribute(attribute) => Entry::File(attribute.mode()),
        })
    }

    fn find(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let Node::Directory(entries) = self.get(parent)? else { return None };
        entries.iter().find(|(entry, _)| entry.as_bytes() == name).map(|(_, node)| *node)
    }

    fn child(&self, parent: NodeId, index: usize) -> Option<(NodeId, &str)> {
        let Node::Directory(entries) = self.get(parent)? else { return None };
        entries.get(index).map(|(name, node)| (*node, name.as_str()))
    }

    fn read(&mut self, file: NodeId, text: &mut Vec<u8>) -> Result<(), Errno> {
        match self.get(file) {
            Some(Node::Text(constant)) => {
                text.extend_from_slice(constant.as_bytes());
                Ok(())
            }
            Some(&Node::Attribute(attribute)) => self.source.read(attribute, text),
            Some(Node::Directory(_) | Node::Link(_)) | None => Err(Errno::IO),
        }
    }

    fn write(&mut self, file: NodeId, data: &[u8]) -> Result<(), Errno> {
        match self.get(file) {
            Some(&Node::Attribute(attribute)) => self.source.write(attribute, data),
            Some(Node::Text(_) | Node::Directory(_) | Node::Link(_)) | None => Err(Errno::IO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::BusClient;
    use super::*;

    /// A device that knows two clients, or one.
    #[derive(Debug)]
    struct Stub {
        clients: Vec<BusClient>,
        /// It does not answer.
        late: bool,
    }

    impl Source for Stub {
        fn read(&mut self, attribute: Attribute, text: &mut Vec<u8>) -> Result<(), Errno> {
            text.extend_from_slice(format!("{attribute:?}").as_bytes());
            Ok(())
        }

        fn write(&mut self, _: Attribute, _: &[u8]) -> Result<(), Errno> {
            Ok(())
        }

        fn clients(&mut self) -> Option<Vec<BusClient>> {
            (!self.late).then(|| self.clients.clone())
        }
    }

    fn client(uuid: &str) -> BusClient {
        BusClient { uuid: uuid.to_owned(), attributes: vec![("uuid", uuid.to_owned())] }
    }

    fn model(clients: &[&str]) -> Model<Stub> {
        let device = pci::lookup(0xA0E0).expect("Tiger Lake");
        let placement =
            Placement { name: "mei0".to_owned(), numbers: (0, 0), address: "0000:00:16.0".to_owned() };
        let stub = Stub { clients: clients.iter().map(|uuid| client(uuid)).collect(), late: false };
        Model::new(stub, *device, &placement)
    }

    /// The node at `path`, links followed as the kernel does.
    fn walk(model: &Model<Stub>, path: &str) -> Option<NodeId> {
        let mut stack = vec![NodeId::ROOT];
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        while let Some(name) = rest.pop() {
            if name == ".." {
                stack.pop()?;
                continue;
            }
            let node = model.find(*stack.last()?, name.as_bytes())?;
            match model.entry(node)? {
                Entry::Link(target) => rest.extend(target.split('/').rev().map(str::to_owned)),
                Entry::Directory | Entry::File(_) => stack.push(node),
            }
        }
        stack.last().copied()
    }

    fn text(model: &mut Model<Stub>, path: &str) -> String {
        let node = walk(model, path).unwrap_or_else(|| panic!("{path}"));
        let mut text = Vec::new();
        model.read(node, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn links_lead_from_the_class_to_the_function_and_back() {
        let mut model = model(&[]);
        assert_eq!(text(&mut model, "class/mei/mei0/device/vendor"), "0x8086\n");
        assert_eq!(text(&mut model, "bus/pci/devices/0000:00:16.0/class"), "0x078000\n");
        assert_eq!(walk(&model, "class/mei/mei0/device/mei/mei0"), walk(&model, "class/mei/mei0"));
        assert_eq!(walk(&model, "class/mei/mei0/subsystem"), walk(&model, "class/mei"));
        assert_eq!(walk(&model, "class/mei/mei0/device/subsystem"), walk(&model, "bus/pci"));
        assert_eq!(walk(&model, "class/mei/mei0/device/driver/0000:00:16.0"), Some(model.function));
        assert_eq!(text(&mut model, "class/mei/mei0/uevent"), "MAJOR=0\nMINOR=0\nDEVNAME=mei0\n");
        assert_eq!(walk(&model, "class/mei/mei0/dev_state"), Some(model.dev_state()));
    }

    #[test]
    fn the_bus_shows_the_clients_of_the_last_enumeration() {
        let (one, two) = ("aa000000-0000-0000-0000-000000000001", "bb000000-0000-0000-0000-000000000002");
        let mut model = model(&[one, two]);
        model.scan();
        let path = format!("bus/mei/devices/0000:00:16.0-{one}");
        assert_eq!(text(&mut model, &format!("{path}/uuid")), one);
        assert_eq!(walk(&model, &format!("{path}/subsystem")), walk(&model, "bus/mei"));
        assert_eq!(walk(&model, &path), walk(&model, &format!("class/mei/mei0/device/0000:00:16.0-{one}")));
        let nodes = model.nodes.len();
        model.source.clients.remove(0);
        model.source.late = true;
        assert!(!model.scan());
        assert!(walk(&model, &path).is_some(), "nobody said that it went");
        model.source.late = false;
        assert!(model.scan());
        assert_eq!(walk(&model, &path), None);
        assert!(walk(&model, &format!("bus/mei/devices/0000:00:16.0-{two}")).is_some());
        model.source.clients.insert(0, client(one));
        model.scan();
        assert!(walk(&model, &path).is_some());
        assert_eq!(model.nodes.len(), nodes, "a client that comes back costs nothing");
    }

    #[test]
    fn endless_clients_end() {
        let mut model = model(&[]);
        for round in 0..3000 {
            model.source.clients = vec![client(&format!("aa000000-0000-0000-0000-{round:012}"))];
            model.scan();
        }
        assert_eq!(model.clients.len(), 1024);
    }
}
