//! One watchdog device and its one user.

use std::time::Instant;

use cuse::wire::{FileHandle, IoctlFlags, IoctlIovec, OpenFlags, Unique};
use cuse::{Buffer, Channel, Delivery, Errno, Ioctl, Operation, Received, ReplyError, Request, Session};
use cuse_frontend::{Remote, Unanswered};
use mei_core::Host;

use super::abi::{Command, DISABLE, ENABLE, INTEGER, PINGED, PRETIMEOUT, info};
use crate::backend::AnyDevice;
use crate::commands::serve::place::Place;

/// POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM: what the kernel says of a device without a poll of its own.
const ALWAYS: u32 = 0x0145;
/// Requests between two looks at everything else.
const BATCH: usize = 64;

/// A session over whatever kind of node.
pub(super) type AnySession = Box<dyn Session + Send>;

/// A watchdog device that programs can open.
pub(super) struct WatchdogDevice {
    session: AnySession,
    buffer: Buffer,
    user: User,
    /// After the session: the name goes when nobody answers for it any more.
    place: Place,
}

/// What is known of the user.
#[derive(Debug, Default)]
struct User {
    open: Option<FileHandle>,
    opened: u64,
    /// Since the status was last asked for. To open counts, as in the kernel.
    has_pinged: bool,
    /// Seconds before the alarm at which the kernel would write a line into its log. It outlives the user.
    pretimeout: u32,
}

impl WatchdogDevice {
    pub(super) fn new(session: AnySession, place: Place) -> Self {
        Self { session, buffer: Buffer::new(), user: User::default(), place }
    }

    pub(super) fn session(&self) -> &AnySession {
        &self.session
    }

    /// For people.
    pub(super) fn shown(&self) -> &str {
        &self.place.shown
    }

    pub(super) fn is_open(&self) -> bool {
        self.user.open.is_some()
    }

    /// Answers what waits, a batch of it at most: a crowd that asks without a pause keeps nobody from an end. False: the
    /// session has ended.
    pub(super) fn serve(&mut self, remote: &Remote<AnyDevice>) -> Result<bool, cuse::SessionError> {
        for _ in 0..BATCH {
            match self.session.recv(&mut self.buffer)? {
                Received::Request(request) => {
                    let unique = request.unique;
                    if let Err(error) = self.user.answer(&request, self.session.channel(), remote) {
                        log::error!("{unique}: {error}");
                    }
                }
                Received::Served => {}
                Received::Nothing => return Ok(true),
                Received::Ended => {
                    // Nobody closes it any more.
                    if self.is_open() {
                        self.user.close(remote);
                    }
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl User {
    fn answer(
        &mut self,
        request: &Request<'_>,
        channel: &Channel,
        remote: &Remote<AnyDevice>,
    ) -> Result<Delivery, ReplyError> {
        let unique = request.unique;
        match request.operation {
            Operation::Open(_) => match self.open(remote) {
                Ok(fh) => {
                    let delivery = channel.reply_open(unique, fh, OpenFlags::DEVICE)?;
                    if delivery == Delivery::Forgotten {
                        self.close(remote);
                    }
                    Ok(delivery)
                }
                Err(errno) => channel.reply_error(unique, errno),
            },
            Operation::Write(write) => match self.ping(remote) {
                Ok(()) => channel.reply_write(unique, u32::try_from(write.data.len()).unwrap_or(u32::MAX)),
                Err(errno) => channel.reply_error(unique, errno),
            },
            Operation::Ioctl(ioctl) => self.ioctl(unique, &ioctl, channel, remote),
            Operation::Poll(poll) => channel.reply_poll(unique, poll.events & ALWAYS),
            Operation::Release(release) => {
                if self.open == Some(release.fh) {
                    self.close(remote);
                }
                channel.reply_empty(unique)
            }
            Operation::Flush(_) => channel.reply_empty(unique),
            Operation::Read(_) | Operation::Fsync(_) => channel.reply_error(unique, Errno::INVAL),
            // Nothing sleeps here.
            Operation::Interrupt(_) => Ok(Delivery::Delivered),
        }
    }

    fn open(&mut self, remote: &Remote<AnyDevice>) -> Result<FileHandle, Errno> {
        if self.open.is_some() {
            return Err(Errno::BUSY);
        }
        // An open that lost patience may have been heard all the same, and a close that did not may be missing: nobody else
        // can have it, so what is left of them ends.
        ask(remote, |host, now| host.watchdog_stop(now).and_then(|()| host.watchdog_start()))?;
        self.opened += 1;
        self.has_pinged = true;
        let fh = FileHandle(self.opened);
        self.open = Some(fh);
        Ok(fh)
    }

    /// Every close stops it: there is no magic character (`linux-watchdog.md` §4).
    fn close(&mut self, remote: &Remote<AnyDevice>) {
        self.open = None;
        if let Err(errno) = ask(remote, |host, now| host.watchdog_stop(now)) {
            log::warn!("the watchdog could not be stopped: {errno}");
        }
    }

    fn ping(&mut self, remote: &Remote<AnyDevice>) -> Result<(), Errno> {
        self.has_pinged = true;
        ask(remote, |host, now| host.watchdog_ping(now))
    }

    fn ioctl(
        &mut self,
        unique: Unique,
        ioctl: &Ioctl<'_>,
        channel: &Channel,
        remote: &Remote<AnyDevice>,
    ) -> Result<Delivery, ReplyError> {
        let Some(command) = Command::from_code(ioctl.cmd) else {
            return channel.reply_error(unique, Errno::NOTTY);
        };
        let (input, output) = command.copies();
        let room = usize::try_from(ioctl.out_size).unwrap_or(usize::MAX);
        let Some(argument) = ioctl.input.get(..input).filter(|_| room >= output) else {
            let unrestricted = ioctl.flags.contains(IoctlFlags::UNRESTRICTED);
            if !unrestricted || !ioctl.input.is_empty() || room > 0 {
                return channel.reply_error(unique, Errno::INVAL);
            }
            let area = |length: usize| [IoctlIovec { base: ioctl.arg, len: length as u64 }];
            let used = |length: usize| usize::from(length > 0);
            return channel.reply_ioctl_retry(
                unique,
                &area(input)[..used(input)],
                &area(output)[..used(output)],
            );
        };
        let argument = argument.try_into().map_or(0, u32::from_ne_bytes);
        match self.command(command, argument, remote) {
            Ok(out) => channel.reply_ioctl(unique, 0, &out[..output.min(out.len())]),
            Err(errno) => channel.reply_error(unique, errno),
        }
    }

    /// What a command copies out.
    fn command(
        &mut self,
        command: Command,
        argument: u32,
        remote: &Remote<AnyDevice>,
    ) -> Result<Vec<u8>, Errno> {
        let status = ask(remote, |host, _| Ok(host.watchdog()))?;
        let integer = |value: u32| -> [u8; INTEGER] { value.to_ne_bytes() };
        Ok(match command {
            Command::Support => info(status.protocol_version).to_vec(),
            Command::Status => {
                let pinged = if std::mem::take(&mut self.has_pinged) { PINGED } else { 0 };
                integer(pinged | PRETIMEOUT).to_vec()
            }
            Command::BootStatus => integer(0).to_vec(),
            Command::GetPretimeout => integer(self.pretimeout).to_vec(),
            Command::GetTimeout => integer(status.timeout.into()).to_vec(),
            // The kernel's driver does not say how much is left, and its core does not work it out.
            Command::GetTimeLeft => return Err(Errno::OPNOTSUPP),
            Command::KeepAlive => {
                self.ping(remote)?;
                Vec::new()
            }
            Command::SetTimeout => {
                let seconds = u16::try_from(argument).map_err(|_| Errno::INVAL)?;
                ask(remote, move |host, now| host.watchdog_set_timeout(seconds, now))?;
                self.has_pinged = true;
                integer(argument).to_vec()
            }
            Command::SetPretimeout if argument > 0 && argument >= status.timeout.into() => {
                return Err(Errno::INVAL);
            }
            Command::SetPretimeout => {
                self.pretimeout = argument;
                Vec::new()
            }
            Command::SetOptions => {
                if argument & DISABLE != 0 {
                    ask(remote, |host, now| host.watchdog_stop(now))?;
                }
                if argument & ENABLE != 0 {
                    ask(remote, |host, _| host.watchdog_start())?;
                }
                Vec::new()
            }
        })
    }
}

/// Asks the host; ENODEV when it is no more, ETIMEDOUT when its loop does not come round.
pub(super) fn ask<T: Send + 'static>(
    remote: &Remote<AnyDevice>,
    visit: impl FnOnce(&mut Host<AnyDevice>, Instant) -> Result<T, mei_core::Errno> + Send + 'static,
) -> Result<T, Errno> {
    let answer = remote.visit(visit).map_err(Unanswered::errno)?;
    answer.map_err(|errno| Errno::from_raw_os_error(i32::from(errno.0)))
}
