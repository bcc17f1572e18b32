//! What the kernel says, from `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg).

use crate::functions::Function;
use anyhow::{Context, Result, bail};
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Longest message that the kernel gives.
const LONGEST: usize = 8192;
/// Warnings and worse.
const WARNING: u8 = 4;
/// Complaints that are printed.
const SHOWN: usize = 20;
/// What is worse than a driver's word, wherever it comes from.
const ALARMS: [&str; 6] = ["nobody cared", "Disabling IRQ", "BUG:", "WARNING:", "Call Trace", "hung task"];

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    /// 0 is the worst, 7 the least.
    level: u8,
    text: String,
}

impl Message {
    /// `PRIORITY,SEQUENCE,TIME,FLAGS;TEXT`, and lines of further information.
    fn parse(record: &str) -> Option<Self> {
        let (prefix, rest) = record.split_once(';')?;
        let priority: u32 = prefix.split(',').next()?.parse().ok()?;
        let level = u8::try_from(priority & 7).ok()?;
        Some(Self { level, text: rest.lines().next()?.to_owned() })
    }
}

/// The kernel's messages since this was made.
#[derive(Debug)]
pub(crate) struct KernelLog {
    file: OwnedFd,
    messages: Vec<Message>,
}

impl KernelLog {
    pub(crate) fn from_now_on() -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open("/dev/kmsg", flags, Mode::empty()).context("/dev/kmsg")?;
        rustix::fs::seek(&file, SeekFrom::End(0)).context("the end of /dev/kmsg")?;
        Ok(Self { file, messages: Vec::new() })
    }

    fn read(&mut self) -> Result<()> {
        let mut buffer = [0; LONGEST];
        loop {
            match rustix::io::read(&self.file, &mut buffer) {
                Ok(length) => {
                    let record = String::from_utf8_lossy(&buffer[..length]);
                    self.messages.extend(Message::parse(&record));
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                // EPIPE: the kernel has said more than it keeps, and what was lost cannot be judged.
                Err(errno) => bail!("reading /dev/kmsg: {errno}"),
            }
        }
    }

    /// How many functions have said this since the message number `since`.
    pub(crate) fn count(&mut self, functions: &[Function], text: &str, since: usize) -> Result<usize> {
        self.read()?;
        let said = self.messages.get(since..).unwrap_or_default();
        let has_said = |function: &&Function| {
            said.iter().any(|message| message.text.contains(&function.address) && message.text.contains(text))
        };
        Ok(functions.iter().filter(has_said).count())
    }

    /// Messages so far.
    pub(crate) fn position(&mut self) -> Result<usize> {
        self.read()?;
        Ok(self.messages.len())
    }

    /// Fails for a warning about one of the functions that is not `allowed`, and for every alarm.
    pub(crate) fn judge(&mut self, functions: &[Function], allowed: &[&str]) -> Result<()> {
        self.read()?;
        let complaints = complaints(&self.messages, functions, allowed);
        let warnings = self.messages.iter().filter(|message| message.level <= WARNING).count();
        println!("the kernel has warned {warnings} times, of what was to be expected: {allowed:?}");
        if complaints.is_empty() {
            return Ok(());
        }
        for complaint in complaints.iter().take(SHOWN) {
            println!("complaint: {complaint}");
        }
        bail!("the kernel complains {} times of what was not to be expected", complaints.len())
    }
}

fn complaints<'a>(messages: &'a [Message], functions: &[Function], allowed: &[&str]) -> Vec<&'a str> {
    let is_alarm = |text: &str| ALARMS.iter().any(|alarm| text.contains(alarm));
    let is_about = |text: &str| {
        functions.iter().any(|function| text.contains(&function.address)) || text.starts_with("mei")
    };
    let is_allowed = |text: &str| allowed.iter().any(|allowed| text.contains(allowed));
    let is_complaint = |message: &&Message| {
        is_alarm(&message.text)
            || (message.level <= WARNING && is_about(&message.text) && !is_allowed(&message.text))
    };
    messages.iter().filter(is_complaint).map(|message| message.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Message, complaints};
    use crate::functions::Function;

    fn judge(records: &[&str], allowed: &[&str]) -> Vec<String> {
        let messages: Vec<Message> = records.iter().filter_map(|record| Message::parse(record)).collect();
        assert_eq!(messages.len(), records.len());
        let functions = [Function { address: "0000:00:03.0".to_owned() }];
        complaints(&messages, &functions, allowed).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn warnings_about_a_function_are_complaints_unless_they_are_allowed() {
        let reset =
            "4,812,103814,-;mei_me 0000:00:03.0: unexpected reset: dev_state = ENABLED\n SUBSYSTEM=pci\n";
        assert_eq!(judge(&[reset], &["unexpected reset"]), [""; 0]);
        assert_eq!(judge(&[reset], &["something else"]).len(), 1);
        let news = "6,1,1,-;mei_me 0000:00:03.0: enabling device (0000 -> 0002)";
        let other = "4,2,2,-;clocksource: Long readout interval";
        let error = "3,3,3,-;mei_me 0000:00:03.0: wait hw start failed";
        assert_eq!(judge(&[news, other, error], &[]), ["mei_me 0000:00:03.0: wait hw start failed"]);
    }

    #[test]
    fn an_alarm_is_one_at_any_level_and_cannot_be_allowed() {
        let alarm = "6,1,1,-;irq 16: nobody cared (try booting with the \"irqpoll\" option)";
        assert_eq!(judge(&[alarm], &["nobody cared"]).len(), 1);
    }
}
