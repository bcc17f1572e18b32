//! MCHI: files and fuses at an address of their own (`mkhi.md` §1, §5).

use super::files::Files;
use super::{Groups, Mkhi};
use crate::client::{Client, Properties};
use crate::clients::{ClientKind, Context};
use mei_wire::mkhi::group;
use serde::Deserialize;

/// `[mchi]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Settings(Files);

impl ClientKind for Settings {
    const NAME: &'static str = "mchi";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::MCHI,
        protocol_version: 1,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 4096,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        let settings = super::Settings::of_files(self.0.clone());
        Box::new(Mkhi::new(context.properties, settings, Groups::Only(group::MCA)))
    }
}
