//! What AMTHI tells.

use super::TIMEOUTS;
use super::problems::{Problems, Questions};
use super::report::{self, Amt, Version};
use mei_client::Node;
use mei_client::amthi::{Amthi, Interface, LanInterface};
use std::path::Path;

pub(super) fn collect(device: &Path, problems: &mut Problems) -> Option<Amt> {
    let connected = Node::open(device).and_then(Amthi::connect);
    let mut amthi = match connected {
        Ok(amthi) => amthi,
        Err(error) => {
            // A machine without AMT is not broken.
            if !error.is_absent() {
                problems.add("AMT", &error);
            }
            return None;
        }
    };
    amthi.connection().set_timeouts(TIMEOUTS);
    let mut questions = Questions::new(amthi, problems);
    let versions = questions.ask("AMT versions", Amthi::code_versions);
    let (bios, versions) = versions.map_or((None, Vec::new()), |v| (Some(v.bios), v.versions));
    let state = questions.ask("provisioning state", Amthi::provisioning_state);
    let mode = questions.ask("provisioning mode", Amthi::provisioning_mode);
    let control = questions.ask("control mode", Amthi::control_mode);
    let ehbc_allowed = questions.ask("embedded host-based configuration", Amthi::ehbc_allowed);
    let uuid = questions.ask("UUID", Amthi::uuid);
    let macs = questions.ask("MAC addresses", Amthi::mac_addresses);
    let wired = questions.ask("wired interface", |amthi| amthi.lan_interface(Interface::Wired));
    let wireless = questions.ask("wireless interface", |amthi| amthi.lan_interface(Interface::Wireless));
    let dns_suffix = questions.ask("DNS suffix", Amthi::dns_suffix);
    let host_name = questions.ask("host name", Amthi::fully_qualified_name);
    let remote = questions.ask("remote access", Amthi::remote_access);
    Some(Amt {
        bios: bios.filter(|bios| !bios.is_empty()),
        versions: versions
            .into_iter()
            .map(|v| Version { description: v.description, version: v.version })
            .collect(),
        provisioning_mode: mode.map(|mode| mode.to_string()),
        provisioning_state: state.map(|state| state.to_string()),
        control_mode: control.map(|mode| mode.to_string()),
        ehbc_allowed,
        uuid: uuid.map(|uuid| uuid.to_string()),
        mac_dedicated: macs.map(|m| m.dedicated).filter(|mac| !mac.is_zero()).map(|mac| mac.to_string()),
        mac_host: macs.map(|m| m.host).filter(|mac| !mac.is_zero()).map(|mac| mac.to_string()),
        wired: wired.flatten().map(report::Interface::from),
        wireless: wireless.flatten().map(report::Interface::from),
        dns_suffix: dns_suffix.filter(|suffix| !suffix.is_empty()),
        host_name: host_name.map(|name| name.name).filter(|name| !name.is_empty()),
        remote_access: remote.map(|remote| report::RemoteAccess {
            tunnel: remote.tunnel.to_string(),
            server: Some(remote.server).filter(|server| !server.is_empty()),
        }),
    })
}

impl From<LanInterface> for report::Interface {
    fn from(interface: LanInterface) -> Self {
        Self {
            enabled: interface.enabled,
            link_up: interface.link_up,
            dhcp: interface.dhcp,
            address: (!interface.address.is_unspecified()).then(|| interface.address.to_string()),
            mac: interface.mac.to_string(),
        }
    }
}
