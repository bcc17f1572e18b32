//! Where the texts come from: the host, asked through the loop that owns it.

use cuse::Errno;
use cuse_frontend::{Remote, StateWatch, Unanswered};
use mei_core::BusDevice;
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

/// A firmware client that the client bus has a device for, as that device shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BusClient {
    pub(super) uuid: String,
    /// Files and what is in them; without line ends but for uevent (`device-abi.md` §13).
    pub(super) attributes: Vec<(&'static str, String)>,
}

impl BusClient {
    fn new(device: &BusDevice) -> Self {
        let uuid = device.guid.to_string();
        let attributes = vec![
            // Only clients that the driver knows better have one.
            ("name", String::new()),
            ("uuid", uuid.clone()),
            ("version", format!("{:02X}", device.version)),
            ("modalias", device.modalias()),
            ("max_conn", device.max_connections.to_string()),
            ("fixed", device.fixed_address.to_string()),
            ("vtag", u8::from(device.vtag).to_string()),
            ("max_len", device.max_message_length.to_string()),
            ("uevent", device.uevent()),
        ];
        Self { uuid, attributes }
    }
}

/// The device, as far as sysfs is concerned.
pub(super) trait Source {
    /// Appends what `attribute` reads as.
    fn read(&mut self, attribute: Attribute, text: &mut Vec<u8>) -> Result<(), Errno>;

    /// Takes what is written to `attribute`.
    fn write(&mut self, attribute: Attribute, data: &[u8]) -> Result<(), Errno>;

    /// Clients on the bus, in the order of the last enumeration. None: it cannot be said now.
    fn clients(&mut self) -> Option<Vec<BusClient>>;
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
    pub(super) fn watch(&self) -> Result<StateWatch, Unanswered> {
        self.remote.watch_state()
    }
}

impl<D: Device + 'static> Source for Host<D> {
    fn read(&mut self, attribute: Attribute, text: &mut Vec<u8>) -> Result<(), Errno> {
        let read = self.remote.visit(move |host, _| {
            Ok(match attribute {
                Attribute::FwStatus => host.fw_status()?.into_bytes(),
                Attribute::HbmVer => host.hbm_ver().into_bytes(),
                Attribute::HbmVerDrv => host.hbm_ver_drv().into_bytes(),
                Attribute::TxQueueLimit => host.tx_queue_limit().into_bytes(),
                Attribute::FwVer => host.fw_ver().into_bytes(),
                Attribute::DevState => host.dev_state().as_bytes().to_vec(),
                Attribute::Trc => host.trc()?.into_bytes(),
                Attribute::Config(device) => config(host.function_mut(), device)?,
            })
        });
        text.extend_from_slice(&answered(read)?);
        Ok(())
    }

    fn write(&mut self, attribute: Attribute, data: &[u8]) -> Result<(), Errno> {
        let text = str::from_utf8(data).map_err(|_| Errno::INVAL)?.to_owned();
        answered(self.remote.visit(move |host, _| match attribute {
            Attribute::TxQueueLimit => host.set_tx_queue_limit(&text),
            // The mode does not let anybody get here but root, whom sysfs refuses the same way.
            _ => Err(mei_core::Errno::IO),
        }))
    }

    fn clients(&mut self) -> Option<Vec<BusClient>> {
        match self.remote.visit(|host, _| host.bus_devices()) {
            Ok(devices) => Some(devices.iter().map(BusClient::new).collect()),
            Err(Unanswered::Late) => None,
            Err(_) => Some(Vec::new()),
        }
    }
}

/// What a visit came back with, for a caller of the file system.
fn answered<T>(visit: Result<Result<T, mei_core::Errno>, Unanswered>) -> Result<T, Errno> {
    let answer = visit.map_err(Unanswered::errno)?;
    answer.map_err(|errno| Errno::from_raw_os_error(i32::from(errno.0)))
}

/// Configuration space: what identifies the function, and its status words.
fn config(function: &mut impl Device, device: u16) -> Result<Vec<u8>, mei_core::Errno> {
    let mut bytes = vec![0; CONFIG_BYTES];
    bytes[..2].copy_from_slice(&pci::VENDOR_INTEL.to_le_bytes());
    bytes[2..4].copy_from_slice(&device.to_le_bytes());
    // Memory space and bus mastering are on.
    bytes[4] = 6;
    bytes[9..12].copy_from_slice(&pci::CLASS.to_le_bytes()[..3]);
    for offset in HFS_OFFSETS {
        let word = function.read_config32(offset).map_err(|_| mei_core::Errno::NODEV)?;
        let place = usize::from(offset);
        bytes[place..place + 4].copy_from_slice(&word.to_le_bytes());
    }
    Ok(bytes)
}
