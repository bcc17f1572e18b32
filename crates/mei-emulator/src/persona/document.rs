//! A persona file, field by field, and the checks that span fields.

use super::error::{PersonaError, Source, suggestion};
use super::status::Status;
use super::{ClientEntry, Features, Persona, Presence, Timings, overlay};
use crate::client::Properties;
use crate::clients::{self, Amt, KINDS};
use mei_wire::Guid;
use mei_wire::hbm::Version;
use mei_wire::pci::{self, Device};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Longest message that a client may have, bytes: what a bounded engine is ready to keep per connection.
const MAX_MESSAGE_LENGTH: u32 = 1 << 20;

/// The file, without the tables of client kinds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    name: Spanned<String>,
    #[serde(deserialize_with = "device")]
    device: &'static Device,
    #[serde(deserialize_with = "version")]
    hbm: Version,
    #[serde(default = "default_depth", deserialize_with = "depth")]
    buffer_depth: u8,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    features: FeaturesTable,
    #[serde(default)]
    timings: TimingsTable,
    amt: Option<Amt>,
    #[serde(default)]
    client: Vec<Spanned<ClientTable>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct FeaturesTable {
    power_gating: bool,
    dma_ring: bool,
    vtag: bool,
    client_dma: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct TimingsTable {
    #[serde(deserialize_with = "milliseconds")]
    ready_ms: Duration,
    #[serde(deserialize_with = "milliseconds")]
    d0i3_ms: Duration,
}

impl Default for TimingsTable {
    fn default() -> Self {
        Self { ready_ms: Duration::from_millis(2), d0i3_ms: Duration::ZERO }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClientTable {
    kind: Spanned<String>,
    address: Option<Spanned<u8>>,
    #[serde(default, deserialize_with = "guid")]
    guid: Option<Guid>,
    protocol_version: Option<u8>,
    max_connections: Option<u8>,
    fixed_address: Option<u8>,
    single_receive_buffer: Option<bool>,
    max_message_length: Option<Spanned<u32>>,
    vtag: Option<bool>,
    #[serde(default, deserialize_with = "milliseconds")]
    connect_delay_ms: Duration,
    #[serde(default)]
    absent: bool,
}

pub(super) fn parse(text: &str, origin: &str, variant: Option<&str>) -> Result<Persona, PersonaError> {
    let source = Source { text, origin };
    let root = DeTable::parse(text).map_err(|error| source.syntax_error(&error))?;
    let span = root.span();
    let mut table = root.into_inner();
    overlay::apply(source, &mut table, variant)?;
    let settings = take_settings(&mut table);
    let document = Document::deserialize(ValueDeserializer::from(Spanned::new(span, DeValue::Table(table))))
        .map_err(|error| source.toml_error(&error))?;
    let clients = clients(source, document.client, settings)?;
    let mut name = document.name.get_ref().clone();
    if name.is_empty() {
        return Err(source.error(Some(document.name.span()), "the name is empty", "give it one"));
    }
    if let Some(variant) = variant {
        name = format!("{name}-{variant}");
    }
    let features = document.features;
    Ok(Persona {
        name,
        device: document.device,
        hbm: document.hbm,
        buffer_depth: document.buffer_depth,
        status: document.status.words(),
        trc: document.status.trc,
        features: Features {
            power_gating: features.power_gating,
            dma_ring: features.dma_ring,
            vtag: features.vtag,
            client_dma: features.client_dma,
        },
        timings: Timings { ready: document.timings.ready_ms, d0i3: document.timings.d0i3_ms },
        amt: document.amt,
        clients,
    })
}

/// Tables named like a kind of client are that kind's.
fn take_settings<'i>(table: &mut DeTable<'i>) -> BTreeMap<&'static str, Spanned<DeValue<'i>>> {
    KINDS.iter().filter_map(|kind| table.remove(kind.name).map(|value| (kind.name, value))).collect()
}

fn clients(
    source: Source<'_>,
    tables: Vec<Spanned<ClientTable>>,
    settings: BTreeMap<&'static str, Spanned<DeValue<'_>>>,
) -> Result<Vec<ClientEntry>, PersonaError> {
    let mut entries: Vec<ClientEntry> = Vec::new();
    for table in tables {
        let entry = client(source, table.get_ref(), table.span(), &settings)?;
        let clash = |other: &&ClientEntry| {
            other.address == entry.address || other.properties.guid == entry.properties.guid
        };
        if let Some(other) = entries.iter().find(clash) {
            let reason = format!(
                "client id {} and GUID {} overlap those of an earlier client of kind `{}` (id {})",
                entry.address, entry.properties.guid, other.kind.name, other.address
            );
            return Err(source.error(
                Some(table.span()),
                reason,
                "give one of them another `address` or `guid`",
            ));
        }
        entries.push(entry);
    }
    for (name, value) in settings {
        if !entries.iter().any(|entry| entry.kind.name == name) {
            let reason = format!("settings of `{name}`, but no client of that kind");
            return Err(source.error(Some(value.span()), reason, "add a `[[client]]` or remove the table"));
        }
    }
    Ok(entries)
}

fn client(
    source: Source<'_>,
    table: &ClientTable,
    span: std::ops::Range<usize>,
    settings: &BTreeMap<&'static str, Spanned<DeValue<'_>>>,
) -> Result<ClientEntry, PersonaError> {
    let name = table.kind.get_ref();
    let kind = clients::kind(name).ok_or_else(|| {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        source.error(Some(table.kind.span()), format!("no kind of client `{name}`"), suggestion(name, &known))
    })?;
    let base = kind.properties;
    let fixed_address = table.fixed_address.unwrap_or(base.fixed_address);
    let properties = Properties {
        guid: table.guid.unwrap_or(base.guid),
        protocol_version: table.protocol_version.unwrap_or(base.protocol_version),
        max_connections: match fixed_address {
            0 => table.max_connections.unwrap_or(base.max_connections),
            _ => 0,
        },
        fixed_address,
        single_receive_buffer: table.single_receive_buffer.unwrap_or(base.single_receive_buffer),
        max_message_length: table
            .max_message_length
            .as_ref()
            .map_or(base.max_message_length, |s| *s.get_ref()),
        vtag: table.vtag.unwrap_or(base.vtag),
    };
    if !(1..=MAX_MESSAGE_LENGTH).contains(&properties.max_message_length) {
        let at = table.max_message_length.as_ref().map_or(span, Spanned::span);
        let reason = format!("a longest message of {} bytes", properties.max_message_length);
        return Err(source.error(Some(at), reason, format!("choose 1 to {MAX_MESSAGE_LENGTH}")));
    }
    let (address, at) = match &table.address {
        Some(address) => (*address.get_ref(), address.span()),
        None => (fixed_address, span),
    };
    if address == 0 {
        return Err(source.error(Some(at), "no client id", "give `address`, 1 to 255; 0 is the bus"));
    }
    if fixed_address != 0 && address != fixed_address {
        return Err(source.error(
            Some(at),
            format!("client id {address} differs from the fixed address {fixed_address}"),
            "leave `address` out: a fixed address is the id",
        ));
    }
    let own = settings.get(kind.name).cloned().map(ValueDeserializer::from);
    let recipe = (kind.settings)(own).map_err(|error| source.toml_error(&error))?;
    Ok(ClientEntry {
        kind,
        address,
        properties,
        connect_delay: table.connect_delay_ms,
        presence: if table.absent { Presence::Absent } else { Presence::Present },
        recipe,
    })
}

fn default_depth() -> u8 {
    128
}

fn depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let depth = u8::deserialize(deserializer)?;
    if matches!(depth, 16 | 32 | 64 | 128) {
        return Ok(depth);
    }
    Err(D::Error::custom(format!("a depth of {depth} slots; it is 16, 32, 64 or 128")))
}

fn device<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Device, D::Error> {
    let id = u16::deserialize(deserializer)?;
    pci::lookup(id).ok_or_else(|| D::Error::custom(format!("no MEI function has the device id {id:#06x}")))
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "1.0" => Ok(Version::new(1, 0)),
        "1.1" => Ok(Version::new(1, 1)),
        "2.0" => Ok(Version::new(2, 0)),
        "2.1" => Ok(Version::new(2, 1)),
        "2.2" => Ok(Version::new(2, 2)),
        _ => {
            Err(D::Error::custom(format!("no protocol version {text:?}; there are 1.0, 1.1, 2.0, 2.1, 2.2")))
        }
    }
}

fn guid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Guid>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let uuid = uuid::Uuid::try_parse(&text)
        .map_err(|error| D::Error::custom(format!("{text:?} is no GUID ({error})")))?;
    Ok(Some(Guid(uuid.to_bytes_le())))
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u32::deserialize(deserializer).map(|value| Duration::from_millis(value.into()))
}
