//! Versions (`mkhi.md` §3).

use super::call::{Answer, Call};
use crate::clients::amt::Text;
use mei_wire::mkhi::{FwVersion, ImageFwVersion, MkhiVersion, result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zerocopy::byteorder::little_endian::{U16, U32};

/// A version as `fw_ver` in sysfs shows it: `0:11.8.93.4323` is platform, major, minor, hotfix, build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    platform: u8,
    major: u8,
    minor: u16,
    hotfix: u16,
    build: u16,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (platform, version) = text.split_once(':').unwrap_or(("0", text));
        let mut numbers = version.split('.');
        let mut number = || numbers.next().and_then(|number| number.parse::<u16>().ok());
        let version = Self {
            platform: platform.parse().ok()?,
            major: u8::try_from(number()?).ok()?,
            minor: number()?,
            hotfix: number()?,
            build: number()?,
        };
        numbers.next().is_none().then_some(version)
    }

    /// As firmware and AMT version of the update client: major, minor, hotfix, build.
    pub(crate) fn words(self) -> [u16; 4] {
        [self.major.into(), self.minor, self.hotfix, self.build]
    }

    fn to_wire(self) -> FwVersion {
        FwVersion {
            minor: U16::new(self.minor),
            major: self.major,
            platform: self.platform,
            build: U16::new(self.build),
            hotfix: U16::new(self.hotfix),
        }
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is no version; write \"0:11.8.93.4323\", platform first"))
        })
    }
}

/// One to three: what the driver keeps.
pub(super) fn versions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Version>, D::Error> {
    let versions = Vec::<Version>::deserialize(deserializer)?;
    if (1..=3).contains(&versions.len()) {
        return Ok(versions);
    }
    Err(D::Error::custom(format!("{} versions; a machine has one to three", versions.len())))
}

/// The version of a flash partition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Image {
    /// Its name, such as `ISHC`. The first four bytes are its id.
    name: Text<12>,
    version: Version,
    #[serde(default)]
    tcb_svn: u32,
    #[serde(default)]
    arb_svn: u32,
    #[serde(default)]
    vcn: u32,
}

/// Most images that programs take.
const MAX_IMAGES: usize = 20;

pub(super) fn mkhi(call: &mut Call<'_>) -> Answer {
    let [major, minor] = call.settings.version;
    call.put(&MkhiVersion { minor: U16::new(minor), major: U16::new(major) });
    Answer::SUCCESS
}

pub(super) fn firmware(call: &mut Call<'_>) -> Answer {
    if call.settings.firmware.is_empty() {
        return Answer::Result(result::NOT_SUPPORTED);
    }
    for version in &call.settings.firmware {
        call.put(&version.to_wire());
    }
    Answer::SUCCESS
}

pub(super) fn image_type(call: &mut Call<'_>) -> Answer {
    call.put_word(call.settings.image_type);
    Answer::SUCCESS
}

/// The partitions with the name that the request spells. coreboot spells "ISHC" as 0x43485349: little-endian.
pub(super) fn image(call: &mut Call<'_>) -> Answer {
    let id: [u8; 4] = call.data.first_chunk().copied().unwrap_or_default();
    let asked = |image: &&Image| image.name.field::<4>() == id;
    let images = || call.settings.images.iter().filter(asked).take(MAX_IMAGES);
    let count = u32::try_from(images().count()).unwrap_or(0);
    call.reply.extend_from_slice(&count.to_le_bytes());
    for image in images() {
        let [major, minor, hotfix, build] = image.version.words().map(U16::new);
        let entry = ImageFwVersion {
            name: image.name.field(),
            major,
            minor,
            hotfix,
            build,
            vendor: U32::new(0x8086),
            tcb_svn: U32::new(image.tcb_svn),
            arb_svn: U32::new(image.arb_svn),
            vcn: U32::new(image.vcn),
            reserved: [0; 52],
        };
        call.reply.extend_from_slice(zerocopy::IntoBytes::as_bytes(&entry));
    }
    Answer::SUCCESS
}
