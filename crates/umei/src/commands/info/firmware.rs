//! What MKHI tells.

use super::TIMEOUTS;
use super::problems::{Problems, Questions};
use super::report::{Features, Firmware, Platform};
use mei_client::Node;
use mei_client::mkhi::Mkhi;
use mei_wire::mkhi::PlatformType;
use std::path::Path;

pub(super) fn collect(device: &Path, problems: &mut Problems) -> Option<Firmware> {
    let connected = Node::open(device).and_then(Mkhi::connect);
    let mut mkhi = match connected {
        Ok(mkhi) => mkhi,
        Err(error) => {
            // Firmware without this client is old or small, not broken.
            if !error.is_absent() {
                problems.add("firmware", &error);
            }
            return None;
        }
    };
    mkhi.connection().set_timeouts(TIMEOUTS);
    let mut questions = Questions::new(mkhi, problems);
    let versions = questions.ask("firmware versions", Mkhi::firmware_versions).unwrap_or_default();
    let features = |features: mei_client::mkhi::Features| Features {
        bits: features.0,
        names: features.names().collect(),
    };
    Some(Firmware {
        versions: versions.iter().map(ToString::to_string).collect(),
        platform: questions.ask("platform type", Mkhi::platform_type).map(Platform::from),
        capable: questions.ask("capabilities", Mkhi::capable).map(features),
        enabled: questions.ask("enabled features", Mkhi::enabled).map(features),
    })
}

impl From<PlatformType> for Platform {
    fn from(platform: PlatformType) -> Self {
        Self {
            usage: match platform.usage() {
                1 => "mobile",
                2 => "desktop",
                4 => "server",
                8 => "workstation",
                _ => "unknown",
            },
            image: match platform.image_type() {
                0 => "none",
                2 => "slim",
                3 => "consumer",
                4 => "corporate",
                15 => "test",
                _ => "unknown",
            },
            brand: match platform.brand() {
                0 => "none",
                1 => "AMT",
                2 => "Standard Manageability",
                3 => "level III manageability",
                4 => "remote PC assist",
                5 => "small business",
                _ => "unknown",
            },
            production: platform.production(),
        }
    }
}
