//! Interrupts: the engine's level in, eventfds of the monitor out.

use crate::config::InterruptMode;
use crate::protocol::{
    IRQ_AUTOMASKED, IRQ_COUNT, IRQ_EVENTFD, IRQ_MASKABLE, IRQ_NORESIZE, SET_ACTION_MASK, SET_ACTION_TRIGGER,
    SET_ACTION_UNMASK, SET_DATA_BOOL, SET_DATA_EVENTFD, SET_DATA_NONE, SetIrqs,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// VFIO's interrupt indices that this function has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    Intx,
    Msi,
    /// The bus reports an unrecoverable error. Nothing fails so here, but QEMU warns where it cannot listen.
    Error,
    /// The function asks the monitor to let go of it.
    Request,
}

/// What a trigger does beyond being told of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mask {
    Open,
    Masked,
}

/// The level of the function's interrupt, before masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Low,
    High,
}

/// Whether it rose since the last update, if only for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    None,
    Rising,
}

/// Whether Interrupt Disable of the command register holds INTx down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntxGate {
    Open,
    Disabled,
}

/// What the monitor wants to be told, and what it was told.
#[derive(Debug)]
pub(crate) struct Interrupts {
    mode: InterruptMode,
    intx: Option<OwnedFd>,
    intx_mask: Mask,
    /// The monitor's other end of the mask: an event here unmasks INTx.
    intx_unmask: Option<OwnedFd>,
    msi: Option<OwnedFd>,
    error: Option<OwnedFd>,
    request: Option<OwnedFd>,
    level: Level,
    gate: IntxGate,
}

impl Interrupts {
    pub(crate) fn new(mode: InterruptMode) -> Self {
        Self {
            mode,
            intx: None,
            intx_mask: Mask::Open,
            intx_unmask: None,
            msi: None,
            error: None,
            request: None,
            level: Level::Low,
            gate: IntxGate::Open,
        }
    }

    /// DEVICE_GET_IRQ_INFO: flags and count of an index; a count of 0 for what a PCI function might have and
    /// this one has not.
    ///
    /// # Errors
    /// EINVAL: no index of a PCI function.
    pub(crate) fn info(&self, index: u32) -> Result<(u32, u32), Errno> {
        Ok(match self.index(index) {
            Some(Index::Intx) => (IRQ_EVENTFD | IRQ_MASKABLE | IRQ_AUTOMASKED, 1),
            Some(Index::Msi | Index::Error | Index::Request) => (IRQ_EVENTFD | IRQ_NORESIZE, 1),
            None if index < IRQ_COUNT => (0, 0),
            None => return Err(Errno::INVAL),
        })
    }

    fn index(&self, index: u32) -> Option<Index> {
        match (index, self.mode) {
            (0, _) => Some(Index::Intx),
            (1, InterruptMode::Msi) => Some(Index::Msi),
            (3, _) => Some(Index::Error),
            (4, _) => Some(Index::Request),
            _ => None,
        }
    }

    /// DEVICE_SET_IRQS. `data` are the bytes of DATA_BOOL; eventfds are taken from `descriptors`.
    ///
    /// # Errors
    /// EINVAL: flags, range, data or descriptors that make no sense for the index.
    pub(crate) fn set(
        &mut self,
        request: &SetIrqs,
        data: &[u8],
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Errno> {
        let action = request.flags & (SET_ACTION_MASK | SET_ACTION_UNMASK | SET_ACTION_TRIGGER);
        let kind = request.flags & (SET_DATA_NONE | SET_DATA_BOOL | SET_DATA_EVENTFD);
        let (_, available) = self.info(request.index)?;
        let end = request.start.checked_add(request.count).ok_or(Errno::INVAL)?;
        if request.flags != action | kind || end > available {
            return Err(Errno::INVAL);
        }
        // One vector each, so that it is all or nothing from here on.
        let selected = match (kind, request.count) {
            (SET_DATA_NONE, 0) if action == SET_ACTION_TRIGGER => return self.disable(request.index),
            (_, 0) => return Err(Errno::INVAL),
            (SET_DATA_BOOL, _) => *data.first().ok_or(Errno::INVAL)? != 0,
            _ => true,
        };
        let index = self.index(request.index).ok_or(Errno::INVAL)?;
        match (action, kind) {
            (SET_ACTION_TRIGGER, SET_DATA_EVENTFD) => self.assign(index, descriptor(descriptors)?),
            (SET_ACTION_TRIGGER, SET_DATA_NONE | SET_DATA_BOOL) if selected => self.signal(index),
            (SET_ACTION_MASK, SET_DATA_NONE | SET_DATA_BOOL) if index == Index::Intx && selected => {
                self.intx_mask = Mask::Masked
            }
            (SET_ACTION_UNMASK, SET_DATA_NONE | SET_DATA_BOOL) if index == Index::Intx && selected => {
                self.unmask()
            }
            (SET_ACTION_UNMASK, SET_DATA_EVENTFD) if index == Index::Intx => {
                self.intx_unmask = descriptor(descriptors)?
            }
            (SET_ACTION_TRIGGER, SET_DATA_BOOL) => {}
            (SET_ACTION_MASK | SET_ACTION_UNMASK, SET_DATA_BOOL) if index == Index::Intx => {}
            _ => return Err(Errno::INVAL),
        }
        Ok(())
    }

    /// Forgets everything about an index. Harmless for one that the function does not have.
    fn disable(&mut self, index: u32) -> Result<(), Errno> {
        match self.index(index) {
            Some(index) => self.assign(index, None),
            None if index < IRQ_COUNT => {}
            None => return Err(Errno::INVAL),
        }
        Ok(())
    }

    fn assign(&mut self, index: Index, trigger: Option<OwnedFd>) {
        match index {
            Index::Intx => {
                if trigger.is_none() {
                    self.intx_unmask = None;
                }
                self.intx = trigger;
                self.unmask();
            }
            Index::Msi => {
                self.msi = trigger;
                // A cause that was pending would never rise again.
                if self.level == Level::High {
                    self.signal(Index::Msi);
                }
            }
            Index::Error => self.error = trigger,
            Index::Request => self.request = trigger,
        }
    }

    /// Takes over what the engine's interrupt and the command register say now.
    pub(crate) fn update(&mut self, level: Level, edge: Edge, gate: IntxGate) {
        self.level = level;
        self.gate = gate;
        if self.msi.is_none() {
            self.raise_intx();
        } else if edge == Edge::Rising {
            self.signal(Index::Msi);
        }
    }

    fn unmask(&mut self) {
        self.intx_mask = Mask::Open;
        if self.msi.is_none() {
            self.raise_intx();
        }
    }

    fn raise_intx(&mut self) {
        if (self.level, self.gate, self.intx_mask) == (Level::High, IntxGate::Open, Mask::Open)
            && self.intx.is_some()
        {
            self.intx_mask = Mask::Masked;
            self.signal(Index::Intx);
        }
    }

    /// Asks the monitor to let go of the function; whether it wanted to be asked.
    pub(crate) fn request_release(&self) -> bool {
        self.signal(Index::Request);
        self.request.is_some()
    }

    /// Adds one to an eventfd. One that is full already says what there is to say: it is never waited for.
    fn signal(&self, index: Index) {
        let trigger = match index {
            Index::Intx => &self.intx,
            Index::Msi => &self.msi,
            Index::Error => &self.error,
            Index::Request => &self.request,
        };
        let Some(trigger) = trigger else { return };
        let mut room = [PollFd::new(trigger, PollFlags::OUT)];
        let has_room = poll(&mut room, Some(&NO_WAIT)) == Ok(1) && room[0].revents().contains(PollFlags::OUT);
        if has_room && let Err(errno) = rustix::io::write(trigger, &1u64.to_ne_bytes()) {
            log::warn!("{index:?} cannot be signalled: {errno}");
        }
    }

    /// What unmasks INTx when it becomes readable, followed by [`Interrupts::unmask_event`].
    pub(crate) fn unmask_fd(&self) -> Option<BorrowedFd<'_>> {
        self.intx_unmask.as_ref().map(AsFd::as_fd)
    }

    /// The descriptor of [`Interrupts::unmask_fd`] became readable, or failed.
    pub(crate) fn unmask_event(&mut self) {
        let Some(event) = &self.intx_unmask else { return };
        match rustix::io::read(event, &mut [0u8; 8]) {
            Ok(8) => self.unmask(),
            Err(Errno::AGAIN | Errno::INTR) => {}
            _ => self.intx_unmask = None,
        }
    }
}

/// The one descriptor of a SET_IRQS: none takes the trigger away. It must be an eventfd, as VFIO wants it,
/// since anything else might block or never run dry.
fn descriptor(descriptors: &mut Vec<OwnedFd>) -> Result<Option<OwnedFd>, Errno> {
    if descriptors.len() > 1 {
        return Err(Errno::INVAL);
    }
    let Some(descriptor) = descriptors.pop() else { return Ok(None) };
    match std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd())) {
        Ok(name) if name.as_os_str() != "anon_inode:[eventfd]" => Err(Errno::INVAL),
        // Without /proc the monitor is taken at its word.
        _ => Ok(Some(descriptor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{EventfdFlags, eventfd};

    const INTX: u32 = 0;
    const MSI: u32 = 1;
    const MSIX: u32 = 2;
    const REQ: u32 = 4;
    const NONE: u32 = 1;
    const BOOL: u32 = 2;
    const EVENTFD: u32 = 4;
    const MASK: u32 = 8;
    const UNMASK: u32 = 16;
    const TRIGGER: u32 = 32;

    fn event() -> OwnedFd {
        eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap()
    }

    /// How often an eventfd was signalled since.
    fn count(event: &OwnedFd) -> u64 {
        let mut bytes = [0; 8];
        match rustix::io::read(event, &mut bytes) {
            Ok(8) => u64::from_ne_bytes(bytes),
            Err(Errno::AGAIN) => 0,
            other => panic!("{other:?}"),
        }
    }

    fn set(
        interrupts: &mut Interrupts,
        index: u32,
        flags: u32,
        count: u32,
        event: Option<&OwnedFd>,
    ) -> Result<(), Errno> {
        let mut descriptors: Vec<_> = event.iter().map(|event| event.try_clone().unwrap()).collect();
        interrupts.set(&SetIrqs { argsz: 20, flags, index, start: 0, count }, &[], &mut descriptors)
    }

    fn level(interrupts: &mut Interrupts, level: Level) {
        interrupts.update(level, Edge::None, IntxGate::Open);
    }

    #[test]
    fn intx_masks_itself_until_it_is_unmasked() {
        let (mut interrupts, line) = (Interrupts::new(InterruptMode::Msi), event());
        set(&mut interrupts, INTX, TRIGGER | EVENTFD, 1, Some(&line)).unwrap();
        level(&mut interrupts, Level::High);
        level(&mut interrupts, Level::High);
        level(&mut interrupts, Level::Low);
        level(&mut interrupts, Level::High);
        assert_eq!(count(&line), 1, "masked since the first");
        set(&mut interrupts, INTX, UNMASK | NONE, 1, None).unwrap();
        assert_eq!(count(&line), 1, "still high");
        level(&mut interrupts, Level::Low);
        set(&mut interrupts, INTX, UNMASK | NONE, 1, None).unwrap();
        assert_eq!(count(&line), 0);
        set(&mut interrupts, INTX, MASK | NONE, 1, None).unwrap();
        level(&mut interrupts, Level::High);
        assert_eq!(count(&line), 0);
        let resample = event();
        set(&mut interrupts, INTX, UNMASK | EVENTFD, 1, Some(&resample)).unwrap();
        rustix::io::write(&resample, &1u64.to_ne_bytes()).unwrap();
        interrupts.unmask_event();
        assert_eq!(count(&line), 1);
        interrupts.unmask_event();
        assert!(interrupts.unmask_fd().is_some(), "an event that was not there is not an error");
    }

    #[test]
    fn the_command_register_holds_intx_down() {
        let (mut interrupts, line) = (Interrupts::new(InterruptMode::Intx), event());
        set(&mut interrupts, INTX, TRIGGER | EVENTFD, 1, Some(&line)).unwrap();
        interrupts.update(Level::High, Edge::None, IntxGate::Disabled);
        assert_eq!(count(&line), 0);
        interrupts.update(Level::High, Edge::None, IntxGate::Open);
        assert_eq!(count(&line), 1);
    }

    #[test]
    fn msi_is_due_on_each_rising_edge_and_silences_intx() {
        let (mut interrupts, line, message) = (Interrupts::new(InterruptMode::Msi), event(), event());
        set(&mut interrupts, INTX, TRIGGER | EVENTFD, 1, Some(&line)).unwrap();
        set(&mut interrupts, MSI, TRIGGER | EVENTFD, 1, Some(&message)).unwrap();
        for _ in 0..3 {
            interrupts.update(Level::High, Edge::Rising, IntxGate::Disabled);
            interrupts.update(Level::High, Edge::None, IntxGate::Disabled);
            interrupts.update(Level::Low, Edge::None, IntxGate::Disabled);
        }
        assert_eq!((count(&message), count(&line)), (3, 0));
        interrupts.update(Level::Low, Edge::Rising, IntxGate::Open);
        assert_eq!((count(&message), count(&line)), (1, 0), "a pulse is an edge");
        set(&mut interrupts, MSI, TRIGGER | NONE, 0, None).unwrap();
        level(&mut interrupts, Level::High);
        assert_eq!((count(&message), count(&line)), (0, 1), "back to the line");
        set(&mut interrupts, MSI, TRIGGER | EVENTFD, 1, Some(&message)).unwrap();
        assert_eq!(count(&message), 1, "what was pending is not lost");
    }

    #[test]
    fn a_full_or_blocking_trigger_never_blocks_the_engine() {
        let mut interrupts = Interrupts::new(InterruptMode::Msi);
        let full = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&full, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        set(&mut interrupts, MSI, TRIGGER | EVENTFD, 1, Some(&full)).unwrap();
        interrupts.update(Level::High, Edge::Rising, IntxGate::Open);
        let (_read, pipe) = rustix::pipe::pipe().unwrap();
        assert_eq!(set(&mut interrupts, MSI, TRIGGER | EVENTFD, 1, Some(&pipe)), Err(Errno::INVAL));
        assert_eq!(set(&mut interrupts, INTX, UNMASK | EVENTFD, 1, Some(&pipe)), Err(Errno::INVAL));
    }

    #[test]
    fn the_monitor_is_asked_to_let_go_only_if_it_wants_to_be() {
        let (mut interrupts, request) = (Interrupts::new(InterruptMode::Msi), event());
        assert!(!interrupts.request_release());
        set(&mut interrupts, REQ, TRIGGER | EVENTFD, 1, Some(&request)).unwrap();
        assert!(interrupts.request_release());
        assert_eq!(count(&request), 1);
    }

    #[test]
    fn a_trigger_can_be_pulled_by_hand() {
        let (mut interrupts, message) = (Interrupts::new(InterruptMode::Msi), event());
        set(&mut interrupts, MSI, TRIGGER | EVENTFD, 1, Some(&message)).unwrap();
        set(&mut interrupts, MSI, TRIGGER | NONE, 1, None).unwrap();
        for bool in [0, 1] {
            let request = SetIrqs { argsz: 21, flags: TRIGGER | BOOL, index: MSI, start: 0, count: 1 };
            interrupts.set(&request, &[bool], &mut Vec::new()).unwrap();
        }
        assert_eq!(count(&message), 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut interrupts = Interrupts::new(InterruptMode::Intx);
        let cases = [
            (INTX, 0, 1),
            (INTX, TRIGGER, 1),
            (INTX, TRIGGER | NONE | BOOL, 1),
            (INTX, TRIGGER | MASK | NONE, 1),
            (INTX, TRIGGER | NONE, 2),
            (INTX, TRIGGER | BOOL, 1),
            (INTX, TRIGGER | EVENTFD, 0),
            (INTX, MASK | NONE, 0),
            (INTX, MASK | EVENTFD, 1),
            (INTX, TRIGGER | NONE | 64, 1),
            (MSI, TRIGGER | EVENTFD, 1),
            (MSIX, TRIGGER | EVENTFD, 1),
            (REQ, MASK | NONE, 1),
            (5, TRIGGER | NONE, 0),
            (u32::MAX, TRIGGER | NONE, 0),
        ];
        for (index, flags, count) in cases {
            assert_eq!(
                set(&mut interrupts, index, flags, count, None),
                Err(Errno::INVAL),
                "{index} {flags:#x} {count}"
            );
        }
        let overflow = SetIrqs { argsz: 20, flags: TRIGGER | NONE, index: INTX, start: u32::MAX, count: 2 };
        assert_eq!(interrupts.set(&overflow, &[], &mut Vec::new()), Err(Errno::INVAL));
        let mut two = vec![event(), event()];
        let request = SetIrqs { argsz: 20, flags: TRIGGER | EVENTFD, index: INTX, start: 0, count: 1 };
        assert_eq!(interrupts.set(&request, &[], &mut two), Err(Errno::INVAL));
        for index in 0..5 {
            assert_eq!(
                set(&mut interrupts, index, TRIGGER | NONE, 0, None),
                Ok(()),
                "switching off what is off"
            );
        }
    }
}
