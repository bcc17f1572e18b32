//! Intel's metee library: poll before every read and write, all four ioctls, firmware status from sysfs.

use super::{ANSWER, MKHI, connect, poll_read, poll_write};
use crate::node::Node;
use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Its sample: the version of the firmware.
pub(super) fn versions(device: &Path) -> Result<()> {
    let (node, properties) = connect(device, MKHI, OFlags::empty())?;
    ensure!(properties.max_message == 2048 && properties.version == 2, "MKHI {properties:?}");
    poll_write(&node, &[0xFF, 0x02, 0, 0])?;
    let answer = poll_read(&node, properties, ANSWER)?;
    ensure!(answer.len() == 28 && answer[..4] == [0xFF, 0x82, 0, 0], "firmware version {answer:02x?}");
    drop(node);

    // What it tries on a fresh file: a tag (refused or not), notifications (refused without a connection).
    let node = Node::open(device, OFlags::empty()).context("open")?;
    let mut tagged = [0; 20];
    tagged[..16].copy_from_slice(&MKHI.0);
    tagged[16] = 1;
    let refused = node.ioctl(0xC014_4804, &mut tagged).map_err(|error| error.raw_os_error());
    let known = [Err(Some(libc::EOPNOTSUPP)), Err(Some(libc::ENOTTY)), Ok(0)];
    ensure!(known.contains(&refused), "CONNECT with a tag: {refused:?}");
    drop(node);
    let node = Node::open(device, OFlags::empty()).context("open")?;
    let refused = node.ioctl(0x4004_4802, &mut 1_u32.to_le_bytes()).map_err(|error| error.raw_os_error());
    let known = [Err(Some(libc::EOPNOTSUPP)), Err(Some(libc::ENODEV))];
    ensure!(known.contains(&refused), "NOTIFY_SET without a connection: {refused:?}");
    firmware_status(device)
}

/// Nine bytes per register, by position; a device without sysfs has none.
fn firmware_status(device: &Path) -> Result<()> {
    let name = device.file_name().context("the device has a name")?;
    let path = Path::new("/sys/class/mei").join(name).join("fw_status");
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    for register in 0..6 {
        let mut line = [0; 9];
        let length = file.read_at(&mut line, register * 9).context("fw_status")?;
        if length == 0 {
            break;
        }
        ensure!(length == 9 && line[8] == b'\n', "fw_status register {register}: {line:02x?}");
        ensure!(line[..8].iter().all(u8::is_ascii_hexdigit), "fw_status register {register}: {line:02x?}");
    }
    Ok(())
}
