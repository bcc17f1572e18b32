//! Where the texts come from: the host, asked through the loop that owns it.

use cuse::Errno;
use cuse_frontend::{Closed, Remote, StateWatch};
use mei_wire::status::HFS_OFFSETS;
use mei_wire::{Device, pci};

/// Bytes of configuration space that are shown, as to an unprivileged reader of a conventional function.
const CONFIG_BYTES: usize = 256;

/// What a file shows, of that which changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    FwStatus,
    HbmVer,
    HbmVerDrv,
    TxQueueLimit,
    FwVer,
    DevState,
    Trc,
    /// Configuration space of the function with this device id.
    Config(u16),
}

impl Attribute {
    /// Permission bits.
    pub(super) fn mode(self) -> u32 {
        match self {
            Self::TxQueueLimit => 0o644,
            _ => 0o444,
        }
    }
}

/// A firmware client that the client bus has a device for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BusClient {
    pub(super) uuid: String,
    pub(super) version: u8,
    pub(super) max_connections: u8,
    pub(super) fixed_address: u8,
    pub(super) vtag: bool,
    pub(super) max_length: u32,
}

/// The device, as far as sysfs is concerned.
pub(super) trait Source {
    /// Appends what `attribute` reads as.
    fn read(&mut self, attribute: Attribute, text: &mut Vec<u8>) -> Result<(), Errno>;

    /// Takes what is written to `attribute`.
    fn write(&mut self, attribute: Attribute, data: &[u8]) -> Result<(), Errno>;

    /// Clients on the bus, in the order of the last enumeration.
    fn clients(&mut self) -> Vec<BusClient>;
}

/// The device behind a remote.
#[derive(Debug)]
pub(super) struct Host<D> {
    remote: Remote<D>,
}

impl<D: Device> Host<D> {
    pub(super) fn new(remote: Remote<D>) -> Self {
        Self { remote }
    }

    /// Hears of new states.
    pub(super) fn watch(&self) -> Result<StateWatch, Closed> {
        self.remote.watch_state()
    }
}

impl<D: Device + 'static> Source for Host<D> {
    fn read(&mut self, attribute: Attribute, text: &mut Vec<u8>) -> Result<(), Errno> {
        let read = self.remote.visit(move |host, _| match attribute {
            Attribute::DevState => Ok(host.state().name().as_bytes().to_vec()),
            Attribute::Config(device) => config(host.function_mut(), device),
            _ => Err(Errno::OPNOTSUPP),
        });
        text.extend_from_slice(&read.map_err(|Closed| Errno::NODEV)??);
        Ok(())
    }

    fn write(&mut self, _attribute: Attribute, _data: &[u8]) -> Result<(), Errno> {
        Err(Errno::INVAL)
    }

    fn clients(&mut self) -> Vec<BusClient> {
        Vec::new()
    }
}

/// Configuration space: what identifies the function, and its status words.
fn config(function: &mut impl Device, device: u16) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; CONFIG_BYTES];
    bytes[..2].copy_from_slice(&pci::VENDOR_INTEL.to_le_bytes());
    bytes[2..4].copy_from_slice(&device.to_le_bytes());
    // Memory space and bus mastering are on.
    bytes[4] = 6;
    bytes[9..12].copy_from_slice(&pci::CLASS.to_le_bytes()[..3]);
    for offset in HFS_OFFSETS {
        let word = function.read_config32(offset).map_err(|_| Errno::NODEV)?;
        let place = usize::from(offset);
        bytes[place..place + 4].copy_from_slice(&word.to_le_bytes());
    }
    Ok(bytes)
}
