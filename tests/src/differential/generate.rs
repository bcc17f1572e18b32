//! Random sequences.

use super::random::Random;
use super::step::{Breach, Client, Do, Handler, Place, Step, Upset, Way};
use crate::files::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM};

/// Files of one sequence.
pub(super) const SLOTS: usize = 3;
/// Steps of a sequence.
pub(super) const LENGTH: usize = 40;
/// Of so many sequences one waits for a timer of the driver.
const TIMER_EVERY: u64 = 20;

/// What both devices of a pair can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What a host sees of calls.
    Host,
    /// Whatever a program can ask.
    Kernel,
}

const CLIENTS: [Client; 13] = [
    Client::Echo,
    Client::Echo,
    Client::Echo,
    Client::Echo,
    Client::Big,
    Client::Big,
    Client::Single,
    Client::Fixed,
    Client::Tagged,
    Client::Tagged,
    Client::SharedBuffer,
    Client::Late,
    Client::Absent,
];
/// Those that events are about.
const TARGETS: [Client; 8] = [
    Client::Echo,
    Client::Echo,
    Client::Echo,
    Client::Echo,
    Client::Big,
    Client::Tagged,
    Client::Single,
    Client::SharedBuffer,
];
const MASKS: [u16; 12] = [
    0,
    POLLOUT,
    POLLWRNORM,
    POLLOUT | POLLWRNORM,
    POLLIN,
    POLLRDNORM,
    POLLIN | POLLPRI,
    POLLPRI,
    POLLERR | POLLHUP,
    POLLIN | POLLOUT | POLLPRI,
    POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI | POLLERR | POLLHUP,
    0x201D,
];
const UNKNOWN_IOCTLS: [u32; 7] =
    [0xC008_487F, 0xC005_4800, 0x8010_4801, 0x4008_4802, 0xC010_4804, 0xC011_4801, 0x8004_4802];
/// HBM statuses of a refused CONNECT but 1, which takes the client off the list.
const CONNECT_STATUSES: [u8; 6] = [2, 3, 4, 5, 9, 255];
const NOTIFY_STATUSES: [u8; 4] = [1, 3, 6, 7];
const VTAGS: [u8; 5] = [0, 1, 5, 5, 255];

/// The sequence of this number.
pub(super) fn sequence(random: &mut Random, reach: Reach, number: u64) -> Vec<Step> {
    let mut generator = Generator { random, reach };
    if number % TIMER_EVERY == TIMER_EVERY / 2 {
        return generator.timer(number / TIMER_EVERY);
    }
    let mut steps = generator.beginning();
    while steps.len() < LENGTH {
        steps.push(generator.step());
    }
    // What leaves the devices in different states comes last.
    if reach == Reach::Kernel && generator.one_in(4) {
        steps.push(generator.last());
    }
    steps
}

struct Generator<'a> {
    random: &'a mut Random,
    reach: Reach,
}

impl Generator<'_> {
    fn one_in(&mut self, of: usize) -> bool {
        self.random.below(of) == 0
    }

    fn fill(&mut self) -> u8 {
        u8::try_from(self.random.below(256)).unwrap_or(0)
    }

    /// Most sequences go through a connection: calls on fresh files are short of news.
    fn beginning(&mut self) -> Vec<Step> {
        let mut steps = vec![Step::Open { slot: 0, way: Way::ReadWrite, nonblocking: self.one_in(3) }];
        let connect = |slot, client| Step::Call { slot, call: Do::Connect { client, at: Place::Good } };
        let tagged = |slot, vtag| Step::Call {
            slot,
            call: Do::ConnectVtag { client: Client::Tagged, vtag, at: Place::Good },
        };
        let open = |slot| Step::Open { slot, way: Way::ReadWrite, nonblocking: false };
        let event = |upset| Step::Event(upset);
        match self.random.below(16) {
            0 => {}
            1 => steps.push(connect(0, Client::Echo)),
            2 => {
                // What the first connection leaves behind shows in the second, where one message has credit.
                let client = Client::Echo;
                let again = [event(Upset::Disconnect { client }), connect(0, client)];
                let write = Do::Write { length: 64, fill: self.fill(), at: Place::Good };
                let write = Step::Call { slot: 0, call: write };
                let messages = [event(Upset::HoldCredit { client }), write.clone(), write];
                steps.extend([connect(0, client)].into_iter().chain(again).chain(messages));
            }
            3 => {
                let read = Step::Park { slot: 0, call: Do::Read { size: 64, at: Place::Good } };
                steps.extend([connect(0, Client::Echo), read, Step::Close { slot: 0 }]);
            }
            4 => steps.extend([connect(0, Client::Echo), open(1), connect(1, Client::Echo)]),
            5 => steps.push(connect(0, Client::Big)),
            6 => steps.extend([tagged(0, 0), tagged(0, 5), tagged(0, 5), open(1), tagged(1, 6)]),
            7 => steps.extend([connect(0, Client::Single), open(1), connect(1, Client::Single)]),
            8 => steps.extend([connect(0, Client::Fixed), open(1), connect(1, Client::Fixed)]),
            9 => {
                let hold = event(Upset::HoldCredit { client: Client::Echo });
                steps.extend([connect(0, Client::Echo), hold, Step::Fill { slot: 0 }]);
            }
            10 => {
                let status = self.random.of(&CONNECT_STATUSES);
                steps.push(Step::Refuse { slot: 0, client: Client::Echo, status });
            }
            11 => {
                let status = self.random.of(&NOTIFY_STATUSES);
                steps.extend([connect(0, Client::Echo), Step::RefuseNotify { slot: 0, status }]);
            }
            12 => {
                let nonblocking = Step::Call { slot: 0, call: Do::SetNonblocking { on: true } };
                let send = event(Upset::SendWithoutCredit { client: Client::Echo, length: 64 });
                let read = Step::Call { slot: 0, call: Do::Read { size: 512, at: Place::Good } };
                steps.extend([connect(0, Client::Echo), nonblocking, send, read]);
            }
            _ => {
                let set = Step::Call { slot: 0, call: Do::NotifySet { value: 1, at: Place::Good } };
                steps.extend([connect(0, Client::Echo), set]);
                if self.one_in(2) {
                    let get = Step::Call { slot: 0, call: Do::NotifyGet { at: Place::Good } };
                    steps.extend([event(Upset::Notify { client: Client::Echo }), get]);
                }
            }
        }
        steps
    }

    /// One wait for a timer of the driver, with something before and after it.
    fn timer(&mut self, number: u64) -> Vec<Step> {
        let mut steps = vec![
            Step::Open { slot: 1, way: Way::ReadWrite, nonblocking: false },
            Step::Call { slot: 1, call: Do::Connect { client: Client::Big, at: Place::Good } },
            Step::Open { slot: 0, way: Way::ReadWrite, nonblocking: false },
        ];
        let connect = Step::Call { slot: 0, call: Do::Connect { client: Client::Echo, at: Place::Good } };
        // A host on virtual time is through with all that a timer brings about when the call ends; over FUSE it goes on.
        match if self.reach == Reach::Host { 0 } else { number % 3 } {
            0 => steps.push(Step::SilentConnect { slot: 0 }),
            1 => steps.extend([connect, Step::SilentClose { slot: 0 }]),
            _ => steps.extend([connect, Step::SilentNotify { slot: 0 }]),
        }
        for _ in 0..5 {
            let call = self.call(0);
            steps.push(Step::Call { slot: 0, call });
            let call = self.call(1);
            steps.push(Step::Call { slot: 1, call });
        }
        steps
    }

    fn step(&mut self) -> Step {
        // The first file has most of the company.
        let slot = self.random.of(&[0, 0, 0, 1, 1, 2]);
        let client = self.random.of(&CLIENTS);
        let target = self.random.of(&TARGETS);
        match self.random.below(100) {
            0..=6 => Step::Open { slot, way: self.way(), nonblocking: self.one_in(3) },
            7..=8 => Step::Close { slot },
            9..=10 => Step::Duplicate { slot, to: self.random.below(SLOTS) },
            11..=17 => Step::Call { slot, call: Do::Connect { client, at: Place::Good } },
            18..=73 => {
                let call = self.call(slot);
                Step::Call { slot, call }
            }
            74..=79 => {
                let call = self.sleeper();
                Step::Park { slot, call }
            }
            80..=81 => Step::Signal { slot, handler: self.random.of(&[Handler::Plain, Handler::Restarting]) },
            82..=83 => {
                let call = self.twin();
                Step::Race { slot, calls: [call.clone(), call] }
            }
            84 => Step::Refuse { slot, client: target, status: self.random.of(&CONNECT_STATUSES) },
            85 => Step::Delay { slot, client: target, milliseconds: 20 },
            86 => Step::RefuseNotify { slot, status: self.random.of(&NOTIFY_STATUSES) },
            87 => self.breach(),
            88..=89 => Step::Event(Upset::Disconnect { client: target }),
            90..=92 => Step::Event(Upset::Notify { client: target }),
            93..=94 => {
                Step::Event(Upset::Send { client: target, length: self.random.of(&[0, 5, 64, 512, 700]) })
            }
            95 => Step::Event(Upset::SendWithoutCredit { client: target, length: self.random.of(&[5, 64]) }),
            96 => Step::Event(Upset::HoldCredit { client: target }),
            97 => Step::Event(Upset::ReleaseCredit { client: target }),
            98 => Step::Event(Upset::Add { client: self.random.of(&[Client::Late, Client::Late, target]) }),
            _ if self.one_in(3) => Step::Event(Upset::Remove { client: target }),
            _ => Step::Fill { slot },
        }
    }

    fn breach(&mut self) -> Step {
        let breaches = [Breach::BadHeader, Breach::DropReady, Breach::FrameToNobody, Breach::UnknownCommand];
        Step::Reset(self.random.of(&breaches))
    }

    fn way(&mut self) -> Way {
        let others = [Way::ReadOnly, Way::WriteOnly, Way::Append, Way::Synchronous, Way::Direct];
        if self.reach == Reach::Kernel && self.one_in(4) { self.random.of(&others) } else { Way::ReadWrite }
    }

    /// Where an ioctl's argument lies.
    fn place(&mut self) -> Place {
        if self.reach == Reach::Kernel && self.one_in(8) {
            self.random.of(&[Place::Null, Place::Unmapped])
        } else {
            Place::Good
        }
    }

    /// Around whatever limit a client has.
    fn length(&mut self) -> usize {
        let mtu = self.random.of(&CLIENTS).mtu();
        let any = self.random.below(mtu);
        self.random.of(&[0, 1, 3, 4, 100, any, mtu - 1, mtu, mtu + 1])
    }

    fn call(&mut self, slot: usize) -> Do {
        match self.random.below(56) {
            0..=11 => Do::Read { size: self.length(), at: Place::Good },
            12..=23 => Do::Write { length: self.length(), fill: self.fill(), at: Place::Good },
            24..=31 => Do::Poll { events: self.random.of(&MASKS) },
            32..=33 if self.reach == Reach::Kernel => Do::Epoll { events: self.random.of(&MASKS) },
            32..=35 => Do::Connect { client: self.random.of(&CLIENTS), at: self.place() },
            36..=37 => Do::ConnectVtag {
                client: self.random.of(&[Client::Tagged, Client::Tagged, Client::Echo, Client::Absent]),
                vtag: if self.one_in(2) {
                    5 + u8::try_from(slot).unwrap_or(0)
                } else {
                    self.random.of(&VTAGS)
                },
                at: self.place(),
            },
            38..=41 => {
                Do::NotifySet { value: self.random.of(&[0, 1, 1, 1, 2, 256, u32::MAX]), at: self.place() }
            }
            42..=44 => Do::NotifyGet { at: self.place() },
            45..=46 => Do::Ioctl { command: self.random.of(&UNKNOWN_IOCTLS), at: self.place() },
            47..=48 => Do::Fsync,
            49 => Do::Fdatasync,
            50..=51 => Do::SetNonblocking { on: self.one_in(2) },
            52 => Do::Fionbio { on: self.one_in(2) },
            53 if self.reach == Reach::Kernel => Do::Seek,
            54 if self.reach == Reach::Kernel => {
                Do::WriteInChild { length: self.length(), fill: self.fill() }
            }
            _ => Do::Read { size: 4096, at: Place::Good },
        }
    }

    /// A call that can sleep.
    fn sleeper(&mut self) -> Do {
        match self.random.below(12) {
            0..=4 => Do::Read { size: self.random.of(&[1, 64, 512, 4096]), at: Place::Good },
            5..=7 => Do::Poll { events: self.random.of(&[POLLIN, POLLPRI, POLLIN | POLLPRI, POLLOUT, 0]) },
            8..=9 => Do::NotifyGet { at: Place::Good },
            10 => Do::Write { length: 1, fill: self.fill(), at: Place::Good },
            _ => Do::Fsync,
        }
    }

    /// A call that another thread makes, too, and whose outcomes do not depend on which of them was first.
    fn twin(&mut self) -> Do {
        match self.random.below(8) {
            0..=1 => {
                let length = self.random.of(&[1, 64, 512, 513]);
                Do::Write { length, fill: self.fill(), at: Place::Good }
            }
            2..=3 => Do::Connect { client: self.random.of(&CLIENTS), at: Place::Good },
            4 => Do::Poll { events: self.random.of(&MASKS) },
            5 => Do::NotifySet { value: 1, at: Place::Good },
            6 => Do::Fsync,
            _ => Do::Read { size: 4096, at: Place::Good },
        }
    }

    fn last(&mut self) -> Step {
        let at = self.random.of(&[Place::Null, Place::Unmapped]);
        let call = match self.random.below(4) {
            0 => Do::Read { size: self.length(), at },
            1 => Do::Write { length: self.length(), fill: self.fill(), at },
            2 => Do::ReadVector { sizes: vec![self.length(), self.length()] },
            _ => Do::WriteVector { lengths: vec![self.length(), self.length()], fill: self.fill() },
        };
        Step::Call { slot: 0, call }
    }
}
