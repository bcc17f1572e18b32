//! Files and fuses, read by path or by id (`mkhi.md` §5, group MCA).

use super::call::{Answer, Call};
use crate::clients::amt::values::field;
use crate::clients::amt::{Hex, Text};
use mei_wire::mkhi::{mca, result};
use serde::Deserialize;
use zerocopy::FromBytes;
use zerocopy::byteorder::little_endian::U32;

/// What a persona says about files: `[mkhi.mca]`, and all of `[mchi]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Files {
    /// The files.
    files: Vec<File>,
    /// The result that answers a read of a file that is not there, when it differs from the usual one.
    missing_file_result: Option<u8>,
    /// OEM keys, at most two; none: the command is not supported.
    oem_keys: Option<Vec<OemKey>>,
    /// Anti-rollback versions; none: the command is not supported.
    arb_svn: Option<Vec<ArbSvn>>,
}

/// One file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    /// Its path, for programs that ask by path.
    path: Option<Text<63>>,
    /// Its id, for programs that ask by id.
    id: Option<u32>,
    /// What it holds.
    data: Hex,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OemKey {
    /// Its hash.
    hash: Hex,
    #[serde(default)]
    in_use: bool,
    #[serde(default)]
    revoked: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ArbSvn {
    usage: u8,
    executing: u8,
    minimum: u8,
}

pub(super) fn read_by_path(call: &mut Call<'_>) -> Answer {
    let Ok((request, _)) = mca::ReadFile::ref_from_prefix(call.data) else {
        return Answer::Result(result::SIZE_ERROR);
    };
    let end = request.path.iter().position(|&byte| byte == 0).unwrap_or(request.path.len());
    let path = &request.path[..end];
    let asked = |file: &&File| file.path.as_ref().is_some_and(|own| own.as_bytes() == path);
    let file = call.settings.mca.files.iter().find(asked);
    // A path that this firmware has no use for (`mkhi.md` §5, fwupd usage).
    let missing = call.settings.mca.missing_file_result.unwrap_or(result::NOT_SUPPORTED);
    read(call, file, request.offset, request.size, missing)
}

pub(super) fn read_by_id(call: &mut Call<'_>) -> Answer {
    let Ok((request, _)) = mca::ReadFileEx::ref_from_prefix(call.data) else {
        return Answer::Result(result::SIZE_ERROR);
    };
    let file = call.settings.mca.files.iter().find(|file| file.id == Some(request.id.get()));
    let missing = call.settings.mca.missing_file_result.unwrap_or(mca::result::INVALID_INPUT);
    read(call, file, request.offset, request.size, missing)
}

/// Answers with at most `size` bytes from `offset` on: fewer where the file or the message ends.
fn read(call: &mut Call<'_>, file: Option<&File>, offset: U32, size: U32, missing: u8) -> Answer {
    let Some(file) = file else { return Answer::Result(missing) };
    let offset = usize::try_from(offset.get()).unwrap_or(usize::MAX);
    let Some(data) = file.data.0.get(offset..) else { return Answer::Result(mca::result::SIZE) };
    let room = call.limit.saturating_sub(call.reply.len() + size_of::<U32>());
    let length = data.len().min(usize::try_from(size.get()).unwrap_or(usize::MAX)).min(room);
    call.put_word(u32::try_from(length).unwrap_or(0));
    call.reply.extend_from_slice(&data[..length]);
    Answer::SUCCESS
}

pub(super) fn oem_key_status(call: &mut Call<'_>) -> Answer {
    let Some(keys) = &call.settings.mca.oem_keys else { return Answer::Result(result::NOT_SUPPORTED) };
    let key = |index: usize| match keys.get(index) {
        None => mca::OemKey { valid: 0, in_use: 0, revoked: 0, hash: [0; 64] },
        Some(key) => mca::OemKey {
            valid: 1,
            in_use: u8::from(key.in_use),
            revoked: u8::from(key.revoked),
            hash: field(&key.hash.0),
        },
    };
    // As AMTHI numbers them: 2 SHA-256, 3 SHA-384.
    let hash_type = if keys.first().is_some_and(|key| key.hash.0.len() > 32) { 3 } else { 2 };
    let status = mca::OemKeyStatus {
        revocation_enabled: 0,
        count: u8::try_from(keys.len().min(2)).unwrap_or(2),
        hash_type: U32::new(hash_type),
        keys: [key(0), key(1)],
    };
    call.put(&status);
    Answer::SUCCESS
}

pub(super) fn arb_svn_info(call: &mut Call<'_>) -> Answer {
    let Some(entries) = &call.settings.mca.arb_svn else { return Answer::Result(result::NOT_SUPPORTED) };
    let room = call.limit.saturating_sub(call.reply.len() + size_of::<U32>()) / size_of::<mca::ArbSvn>();
    let entries = &entries[..entries.len().min(room)];
    call.put_word(u32::try_from(entries.len()).unwrap_or(0));
    for entry in entries {
        call.put(&mca::ArbSvn {
            usage: entry.usage,
            reserved: 0,
            executing: entry.executing,
            minimum: entry.minimum,
        });
    }
    Answer::SUCCESS
}

/// Fuses are blown in the factory.
pub(super) fn arb_svn_commit(_: &mut Call<'_>) -> Answer {
    Answer::Result(mca::result::AFTER_MANUFACTURING)
}

/// Fuses are blown in the factory.
pub(super) fn revoke_oem_key_hash(_: &mut Call<'_>) -> Answer {
    Answer::Result(mca::result::AFTER_MANUFACTURING)
}
