//! `[status]`: the firmware status registers, as words or by field.

use mei_wire::status::{Hfs1, WorkingState};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// `[status]`. A register that is not mentioned reads 0, HFS1 as a working engine has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Status {
    hfs1: Option<Hfs1Value>,
    #[serde(default)]
    hfs2: u32,
    #[serde(default)]
    hfs3: u32,
    #[serde(default)]
    hfs4: u32,
    #[serde(default)]
    hfs5: u32,
    #[serde(default)]
    hfs6: u32,
    /// TRC status.
    #[serde(default)]
    pub(super) trc: u32,
}

impl Status {
    /// HFS1 to HFS6.
    pub(super) fn words(&self) -> [u32; 6] {
        let hfs1 = self.hfs1.map_or_else(|| Hfs1Fields::default().word(), |value| value.0);
        [hfs1, self.hfs2, self.hfs3, self.hfs4, self.hfs5, self.hfs6]
    }
}

/// `hfs1 = 0x90000245` or `hfs1 = { working-state = 5, … }`.
#[derive(Debug, Clone, Copy)]
struct Hfs1Value(u32);

impl<'de> Deserialize<'de> for Hfs1Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrFields;

        impl<'de> Visitor<'de> for WordOrFields {
            type Value = Hfs1Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a 32-bit word or a table of HFS1's fields")
            }

            fn visit_i64<E: Error>(self, word: i64) -> Result<Self::Value, E> {
                u32::try_from(word).map(Hfs1Value).map_err(|_| E::custom("not a 32-bit word"))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let fields = Hfs1Fields::deserialize(MapAccessDeserializer::new(map))?;
                fields.check().map_err(A::Error::custom)?;
                Ok(Hfs1Value(fields.word()))
            }
        }

        deserializer.deserialize_any(WordOrFields)
    }
}

/// HFS1 by field (`mkhi.md` §7); the defaults are a working engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Hfs1Fields {
    working_state: u8,
    operation_state: u8,
    operation_mode: u8,
    error_code: u8,
    reset_count: u8,
    init_complete: bool,
    manufacturing_mode: bool,
    update_in_progress: bool,
    d0i3: bool,
}

impl Default for Hfs1Fields {
    fn default() -> Self {
        Self {
            working_state: WorkingState::NORMAL.0,
            operation_state: 1,
            operation_mode: 0,
            error_code: 0,
            reset_count: 0,
            init_complete: true,
            manufacturing_mode: false,
            update_in_progress: false,
            d0i3: false,
        }
    }
}

impl Hfs1Fields {
    fn check(&self) -> Result<(), String> {
        let fields = [
            ("working-state", self.working_state, 15),
            ("operation-state", self.operation_state, 7),
            ("operation-mode", self.operation_mode, 15),
            ("error-code", self.error_code, 15),
            ("reset-count", self.reset_count, 15),
        ];
        match fields.into_iter().find(|(_, value, most)| value > most) {
            Some((name, value, most)) => Err(format!("{name} is {value}, its field holds 0 to {most}")),
            None => Ok(()),
        }
    }

    fn word(&self) -> u32 {
        Hfs1::new()
            .with_working_state(self.working_state)
            .with_operation_state(self.operation_state)
            .with_operation_mode(self.operation_mode)
            .with_error_code(self.error_code)
            .with_reset_count(self.reset_count)
            .with_init_complete(self.init_complete)
            .with_manufacturing_mode(self.manufacturing_mode)
            .with_update_in_progress(self.update_in_progress)
            .with_d0i3_supported(self.d0i3)
            .into()
    }
}
