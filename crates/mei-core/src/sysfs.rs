//! What sysfs and debugfs show of the device (`device-abi.md` §12, §13).

use crate::hbm::HbmState;
use crate::{DeviceState, Errno, Host};
use mei_wire::Function;
use mei_wire::hbm::Version;
use mei_wire::mkhi::FwVersion;
use mei_wire::registers::ME_TRC;
use mei_wire::status::HFS_OFFSETS;
use std::fmt::Write;

/// `tx_queue_limit` may be set from here on.
const LEAST_TX_QUEUE_LIMIT: u8 = 30;

impl<F: Function> Host<F> {
    /// sysfs `fw_status`: one line per firmware status register that the generation shows.
    ///
    /// # Errors
    /// ENODEV when the function is gone.
    pub fn fw_status(&mut self) -> Result<String, Errno> {
        let mut text = String::new();
        for &offset in HFS_OFFSETS.iter().take(self.options.device.configuration.fw_status_count) {
            if self.gone {
                return Err(Errno::NODEV);
            }
            let status = self.function.read_config32(offset).map_err(|_| Errno::NODEV)?;
            let _ = writeln!(text, "{status:08X}");
        }
        Ok(text)
    }

    /// The protocol version in use, 0.0 before the first start.
    pub fn hbm_version(&self) -> Version {
        self.hbm.version
    }

    /// sysfs `hbm_ver`.
    pub fn hbm_ver(&self) -> String {
        format!("{}\n", self.hbm.version)
    }

    /// sysfs `hbm_ver_drv`.
    pub fn hbm_ver_drv(&self) -> String {
        format!("{}\n", Version::DRIVER)
    }

    /// sysfs `tx_queue_limit`.
    pub fn tx_queue_limit(&self) -> String {
        format!("{}\n", self.tx_queue_limit)
    }

    /// A write to sysfs `tx_queue_limit`: holds from the next write on.
    ///
    /// # Errors
    /// EINVAL for anything but a decimal number from 30 to 255, ERANGE for one that 32 bits do not hold.
    pub fn set_tx_queue_limit(&mut self, text: &str) -> Result<(), Errno> {
        // What the kernel's kstrtouint takes: a sign, digits, one newline.
        let digits = text.strip_suffix('\n').unwrap_or(text);
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Errno::INVAL);
        }
        let limit: u32 = digits.parse().map_err(|_| Errno::RANGE)?;
        match u8::try_from(limit) {
            Ok(limit) if limit >= LEAST_TX_QUEUE_LIMIT => self.tx_queue_limit = limit,
            _ => return Err(Errno::INVAL),
        }
        Ok(())
    }

    /// The firmware's versions (code, recovery, flash tool), zero until it was asked.
    pub fn fw_versions(&self) -> [FwVersion; 3] {
        self.fw_versions
    }

    /// sysfs `fw_ver`: three lines, `platform:major.minor.hotfix.build`.
    pub fn fw_ver(&self) -> String {
        let mut text = String::new();
        for v in self.fw_versions {
            let _ = writeln!(text, "{}:{}.{}.{}.{}", v.platform, v.major, v.minor, v.hotfix, v.build);
        }
        text
    }

    /// sysfs `dev_state`; it ends without a newline.
    pub fn dev_state(&self) -> &'static str {
        self.state.name()
    }

    /// sysfs `trc`.
    ///
    /// # Errors
    /// EOPNOTSUPP when the generation has no such register, ENODEV when the function is gone.
    pub fn trc(&mut self) -> Result<String, Errno> {
        if !self.options.device.configuration.trc {
            return Err(Errno::OPNOTSUPP);
        }
        if self.gone {
            return Err(Errno::NODEV);
        }
        let value = self.function.read32(ME_TRC).map_err(|_| Errno::NODEV)?;
        Ok(format!("{value:08X}\n"))
    }

    /// sysfs `kind`.
    pub fn kind(&self) -> String {
        format!("{}\n", self.options.device.configuration.kind)
    }

    /// debugfs `meclients`.
    pub fn meclients(&self) -> String {
        let mut text =
            String::from("  |id|fix|         UUID                       |con|msg len|sb|refc|vt|\n");
        if self.state != DeviceState::Enabled {
            return text;
        }
        for (index, (_, record)) in self.me_clients.iter().enumerate() {
            let p = &record.properties;
            // One for the list, one for the reader; the client bus holds one too.
            let references = 2 + record.connections + u16::from(self.on_bus(record));
            let _ = writeln!(
                text,
                "{index:2}|{:2}|{:3}|{}|{:3}|{:7}|{:2}|{references:4}|{:2}|",
                record.id,
                p.fixed_address,
                p.guid,
                p.max_number_of_connections,
                p.max_msg_length,
                u8::from(p.single_recv_buf()),
                u8::from(p.vt_supported()),
            );
        }
        text
    }

    /// debugfs `active`.
    pub fn active(&self) -> String {
        let mut text = String::from("   |me|host|state|rd|wr|wrq\n");
        if self.state != DeviceState::Enabled {
            return text;
        }
        let mut clients: Vec<_> = self.used_ids.iter().filter_map(|id| self.client(id)).collect();
        clients.sort_by_key(|client| client.serial);
        for (index, client) in clients.into_iter().enumerate() {
            let _ = writeln!(
                text,
                "{index:3}|{:2}|{:4}|{:5}|{:2}|{:2}|{:3}",
                if client.me.is_some() { client.me_id } else { 0 },
                client.id,
                client.state as u8,
                u8::from(!client.completed.is_empty()),
                client.writing as u8,
                client.writes_queued(),
            );
        }
        text
    }

    /// debugfs `devstate`.
    pub fn devstate(&mut self) -> String {
        let hbm = self.hbm.state;
        let mut text = format!("dev: {}\nhbm: {}\n", self.state, hbm_name(hbm));
        let features = self.hbm.features;
        if (HbmState::EnumClients..=HbmState::Started).contains(&hbm) {
            text.push_str("hbm features:\n");
            let since_2_0 = features.since_2_0;
            for (name, has) in [
                ("PG", features.power_gating),
                ("DC", since_2_0),
                ("IE", since_2_0),
                ("DOT", since_2_0),
                ("EV", since_2_0),
                ("FA", since_2_0),
                ("OS", since_2_0),
                ("DR", features.dma_ring),
                ("VT", features.vtag),
                ("CAP", features.capabilities),
                ("CD", features.client_dma),
            ] {
                let _ = writeln!(text, "\t{name}: {}", u8::from(has));
            }
        }
        let mut capable = || self.function.read32(mei_wire::registers::ME_CSR_HA);
        let legacy = !self.gone
            && features.power_gating
            && capable().is_ok_and(|csr| mei_wire::registers::MeCsr::from(csr).power_gating_capable());
        let gating = if self.d0i3_supported || legacy { "ENABLED" } else { "DISABLED" };
        let _ = writeln!(text, "pg:  {gating}, OFF\npxp: DEFAULT");
        text
    }

    /// debugfs `allow_fixed_address`.
    pub fn allow_fixed_address(&self) -> &'static str {
        if self.allow_fixed_address.unwrap_or(false) { "Y\n" } else { "N\n" }
    }

    /// A write to debugfs `allow_fixed_address`. Any good one replaces the rule of the protocol version for
    /// ever (`device-abi.md` §5.4, step 3).
    ///
    /// # Errors
    /// EINVAL for anything that is no boolean.
    pub fn set_allow_fixed_address(&mut self, text: &str) -> Result<(), Errno> {
        let allowed = match text.as_bytes() {
            [b'y' | b'Y' | b't' | b'T' | b'1', ..] | [b'o' | b'O', b'n' | b'N', ..] => true,
            [b'n' | b'N' | b'f' | b'F' | b'0', ..] | [b'o' | b'O', b'f' | b'F', ..] => false,
            _ => return Err(Errno::INVAL),
        };
        self.allow_fixed_address = Some(allowed);
        Ok(())
    }
}

const fn hbm_name(state: HbmState) -> &'static str {
    match state {
        HbmState::Idle => "IDLE",
        HbmState::Starting => "STARTING",
        // The driver's table of names has none for it.
        HbmState::CapSetup => "unknown",
        HbmState::DrSetup => "DR_SETUP",
        HbmState::EnumClients => "ENUM_CLIENTS",
        HbmState::ClientProperties => "CLIENT_PROPERTIES",
        HbmState::Started => "STARTED",
        HbmState::Stopped => "STOPPED",
    }
}
