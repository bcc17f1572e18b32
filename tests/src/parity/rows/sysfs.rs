//! The attributes of `/sys/class/mei/meiN` (`device-abi.md` §12), where the transport has them.

use super::table;
use crate::files::Errno;
use crate::parity::{Bench, Step};
use crate::test_client::Event;

table! {
    Any: sysfs_dev_state sysfs_hbm_ver_drv sysfs_hbm_ver sysfs_fw_status sysfs_fw_ver sysfs_kind
        sysfs_tx_queue_limit sysfs_tx_queue_limit_bounds sysfs_tx_queue_limit_applies
        sysfs_state_after_reset;
}

fn sysfs_dev_state(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("dev_state")?;
    b.check(text == "ENABLED", format!("dev_state {text:?}"))
}

fn sysfs_state_after_reset(b: &Bench<'_>) -> Step {
    b.files().attribute("dev_state")?;
    b.engine()?.reset(&Event::BadHeader)?;
    sysfs_dev_state(b)
}

fn sysfs_hbm_ver_drv(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("hbm_ver_drv")?;
    b.check(text == "2.2\n", format!("hbm_ver_drv {text:?}"))
}

fn sysfs_hbm_ver(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("hbm_ver")?;
    let known = ["1.0\n", "1.1\n", "2.0\n", "2.1\n", "2.2\n"];
    b.check(known.contains(&text.as_str()), format!("hbm_ver {text:?}"))
}

fn sysfs_fw_status(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("fw_status")?;
    let good = |line: &str| line.len() == 8 && line.bytes().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'));
    b.check(text.lines().all(good) && text.len() % 9 == 0 && text.len() <= 54, format!("fw_status {text:?}"))
}

fn sysfs_fw_ver(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("fw_ver")?;
    // 0:11.8.93.4323
    let number = |part: &str| part.parse::<u16>().is_ok();
    let good = |line: &str| {
        line.split_once(':').is_some_and(|(platform, version)| {
            number(platform) && version.split('.').count() == 4 && version.split('.').all(number)
        })
    };
    b.check(
        text.lines().count() == 3 && text.ends_with('\n') && text.lines().all(good),
        format!("fw_ver {text:?}"),
    )
}

fn sysfs_kind(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("kind")?;
    b.check(text == "mei\n", format!("kind {text:?}"))
}

fn sysfs_tx_queue_limit(b: &Bench<'_>) -> Step {
    let text = b.files().attribute("tx_queue_limit")?;
    b.check(text == "50\n", format!("tx_queue_limit {text:?}"))
}

fn set(b: &Bench<'_>, text: &str, expected: Result<(), Errno>) -> Step {
    let result = b.files().set_attribute("tx_queue_limit", text)?;
    b.check(result == expected, format!("tx_queue_limit {text:?}: {result:?} instead of {expected:?}"))
}

fn sysfs_tx_queue_limit_bounds(b: &Bench<'_>) -> Step {
    for text in ["29", "0", "256", "4294967295", "-1", "abc", "30 31"] {
        set(b, text, Err(Errno::EINVAL))?;
    }
    for text in ["4294967296", "99999999999"] {
        set(b, text, Err(Errno::ERANGE))?;
    }
    for text in ["30", "255\n", "50"] {
        set(b, text, Ok(()))?;
    }
    sysfs_tx_queue_limit(b)
}

fn sysfs_tx_queue_limit_applies(b: &Bench<'_>) -> Step {
    set(b, "30", Ok(()))?;
    let full = super::queue::full(b);
    set(b, "50", Ok(()))?;
    let (file, taken) = full?;
    b.check(taken == 31, format!("the queue took {taken} messages instead of 31"))?;
    // The new limit holds from the next write on.
    file.write(&[0; 4])?.returns(4)
}
