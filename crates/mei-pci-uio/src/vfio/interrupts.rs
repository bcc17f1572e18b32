//! Interrupts by VFIO: a message or the line, and VFIO's own wish to have the device back.

use crate::error::{OpenError, Step};
use crate::open::Interrupt;
use crate::sys::vfio::{self, Irq};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use vfio_bindings::bindings::vfio as abi;

/// The events of one device, behind one descriptor.
///
/// The counters are watched edge-triggered and never read: an interrupt costs one system call.
#[derive(Debug)]
pub(crate) struct Interrupts {
    device: Arc<OwnedFd>,
    epoll: OwnedFd,
    /// VFIO counts in them; kept open for it.
    events: [OwnedFd; 2],
    irq: Option<Irq>,
}

/// Which event it was.
const INTERRUPT: u64 = 0;
const REQUEST: u64 = 1;

/// What happened since the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Happened {
    /// The function interrupted.
    pub(crate) interrupt: bool,
    /// VFIO wants the device back, or can no longer tell.
    pub(crate) gone: bool,
}

impl Interrupts {
    /// Connects the function's interrupt of the wanted kind. `None` inside [`Interrupts::irq`]: it has none, and must
    /// be polled.
    pub(crate) fn new(device: Arc<OwnedFd>, wanted: Interrupt) -> Result<Self, OpenError> {
        let failed = Step::Interrupt.failed();
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let events = [eventfd(0, flags).map_err(&failed)?, eventfd(0, flags).map_err(&failed)?];
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(&failed)?;
        for (event, data) in events.iter().zip([INTERRUPT, REQUEST]) {
            let flags = EventFlags::IN | EventFlags::ET;
            epoll::add(&epoll, event, EventData::new_u64(data), flags).map_err(&failed)?;
        }
        match vfio::trigger(device.as_fd(), Irq::Request, events[1].as_fd()) {
            Ok(()) => {}
            // Kernels before 3.19 do not have it.
            Err(errno) => {
                log::warn!("VFIO cannot ask for the device back ({errno}): do not unbind it by force")
            }
        }
        let kinds: &[Irq] = match wanted {
            Interrupt::Automatic => &[Irq::Msi, Irq::IntX],
            Interrupt::Message => &[Irq::Msi],
            Interrupt::Line => &[Irq::IntX],
            Interrupt::Polling => &[],
        };
        let mut connected = None;
        for &kind in kinds {
            match connect(device.as_fd(), kind, events[0].as_fd()) {
                Ok(()) => {
                    connected = Some(kind);
                    break;
                }
                Err(errno) => log::info!("no interrupt by {kind:?}: {errno}"),
            }
        }
        if connected.is_none() && !matches!(wanted, Interrupt::Automatic | Interrupt::Polling) {
            return Err(OpenError::NoInterrupt { wanted });
        }
        Ok(Self { device, epoll, events, irq: connected })
    }

    /// Which interrupt is connected.
    pub(crate) fn irq(&self) -> Option<Irq> {
        self.irq
    }

    /// Whether it is the line, which is masked when it fires.
    pub(crate) fn is_line(&self) -> bool {
        self.irq == Some(Irq::IntX)
    }

    /// Readable when [`Interrupts::take`] has something to say.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// What happened since the last call.
    pub(crate) fn take(&mut self) -> Happened {
        let mut happened = Happened::default();
        let mut events = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 2];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        match epoll::wait(&self.epoll, &mut events[..], Some(&now)) {
            Ok(count) => {
                for event in &events[..count] {
                    match event.data.u64() {
                        INTERRUPT => happened.interrupt = true,
                        _ => happened.gone = true,
                    }
                }
            }
            Err(Errno::INTR) => {}
            Err(errno) => {
                log::error!("cannot wait for interrupts: {errno}");
                happened.gone = true;
            }
        }
        if happened.gone {
            log::warn!("VFIO wants the function back");
        }
        happened
    }

    /// Interrupts in place of the function, for one that was looked at: whoever waits for the descriptor wakes up.
    pub(crate) fn raise(&self) {
        if let Err(errno) = rustix::io::write(&self.events[0], &1u64.to_ne_bytes()) {
            log::error!("cannot raise an interrupt: {errno}");
        }
    }

    /// Opens the line, which VFIO masked when it fired. Messages need nothing.
    pub(crate) fn unmask(&mut self) -> Result<(), Errno> {
        match self.irq {
            Some(Irq::IntX) => vfio::unmask(self.device.as_fd(), Irq::IntX),
            _ => Ok(()),
        }
    }
}

fn connect(device: BorrowedFd<'_>, kind: Irq, event: BorrowedFd<'_>) -> Result<(), Errno> {
    let info = vfio::irq(device, kind)?;
    if info.count == 0 || info.flags & abi::VFIO_IRQ_INFO_EVENTFD == 0 {
        return Err(Errno::NXIO);
    }
    vfio::trigger(device, kind, event)
}
