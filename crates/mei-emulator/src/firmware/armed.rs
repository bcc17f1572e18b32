//! What the test client asked for (`test_client`): rules for what the engine says next, and commands that
//! wait for their time.

use super::Firmware;
use super::connections::State;
use crate::client::ConnectionId;
use crate::persona::Presence;
use crate::test_client::{Action, Answer, Command, MAX_ARMED, Response, Target};
use mei_wire::hbm::Status;
use std::time::{Duration, Instant};

/// Longest HBM message that can be sent, bytes.
const MAX_BUS_MESSAGE: usize = super::transmit::MAX_BUS_MESSAGE;

/// Rules and commands. They outlive link resets.
#[derive(Debug, Default)]
pub(super) struct Armed {
    rules: Vec<Rule>,
    delayed: Vec<(Instant, Command)>,
    /// Answers that go out once everything else has.
    answers: Vec<(ConnectionId, Answer)>,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    response: Response,
    client: usize,
    verdict: Verdict,
    /// How often it still holds, at least once.
    count: u16,
}

/// What happens to a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It carries that status.
    Status(Status),
    /// It is not sent.
    Swallow,
    /// It is sent so much later.
    Delay(Duration),
}

impl Armed {
    /// When the next command is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.delayed.iter().map(|(due, _)| *due).min()
    }

    /// The verdict over a response of a client, used up once.
    #[inline]
    pub(super) fn verdict(&mut self, response: Response, client: Option<usize>) -> Option<Verdict> {
        if self.rules.is_empty() {
            return None;
        }
        let index = self.rules.iter().position(|rule| {
            rule.response == response && client.is_none_or(|client| client == rule.client)
        })?;
        let verdict = self.rules[index].verdict;
        match self.rules[index].count {
            0 | 1 => drop(self.rules.remove(index)),
            _ => self.rules[index].count -= 1,
        }
        Some(verdict)
    }
}

impl Firmware {
    /// Does what test clients have asked for. Whether there was anything.
    #[inline]
    pub(super) fn run_commands(&mut self, now: Instant) -> bool {
        let any = self.outbox.has_commands() || !self.armed.delayed.is_empty();
        any && self.run_some(now)
    }

    fn run_some(&mut self, now: Instant) -> bool {
        let commands = self.outbox.take_commands();
        let mut any = !commands.is_empty();
        for command in commands {
            let origin = command.origin;
            let answer = self.command(command, now);
            self.armed.answers.push((origin, answer));
        }
        while let Some(index) = self.armed.delayed.iter().position(|(due, _)| *due <= now) {
            let (_, command) = self.armed.delayed.remove(index);
            self.perform(&command, now);
            any = true;
        }
        any
    }

    /// Answers the commands whose doings have all gone out. Whether there was anything.
    #[inline]
    pub(super) fn answer_commands(&mut self) -> bool {
        let any = !self.armed.answers.is_empty() && !self.transmit.blocked;
        if any {
            self.answer_all();
        }
        any
    }

    fn answer_all(&mut self) {
        for (origin, answer) in self.armed.answers.drain(..) {
            // One byte per command, and one command per credit: there is room.
            let _ = self.outbox.send(origin, 0, &[answer as u8]);
        }
    }

    fn command(&mut self, command: Command, now: Instant) -> Answer {
        if !command.delay.is_zero() {
            if self.armed.delayed.len() >= MAX_ARMED {
                return Answer::Full;
            }
            if self.target(&command).is_none() {
                return Answer::NoTarget;
            }
            self.armed.delayed.push((now + command.delay, command));
            return Answer::Done;
        }
        self.perform(&command, now)
    }

    /// The client that a command is about.
    fn target(&self, command: &Command) -> Option<usize> {
        match command.target {
            Target::Origin => self.connections.client_of(command.origin),
            Target::Client(guid) => self.clients.iter().position(|slot| slot.properties.guid == guid),
        }
    }

    fn perform(&mut self, command: &Command, now: Instant) -> Answer {
        let Some(client) = self.target(command) else { return Answer::NoTarget };
        match command.action {
            Action::Echo => return Answer::Malformed,
            Action::Status { response, status, count } => {
                return self.arm(Rule { response, client, verdict: Verdict::Status(status), count });
            }
            Action::Swallow { response, count } => {
                return self.arm(Rule { response, client, verdict: Verdict::Swallow, count });
            }
            Action::Delay { response, by, count } => {
                return self.arm(Rule { response, client, verdict: Verdict::Delay(by), count });
            }
            Action::Send { length } => self.for_each(command, client, |this, id| {
                let _ = this.outbox.send(id, 0, &pattern(length));
            }),
            Action::SendUnasked { length } => self.for_each(command, client, |this, id| {
                this.outbox.send_unasked(id, &pattern(length));
            }),
            Action::Disconnect => self.for_each(command, client, |this, id| this.disconnect(id, now)),
            Action::Notify => self.for_each(command, client, |this, id| this.outbox.notify(id)),
            Action::HoldCredit => self.for_each(command, client, |this, id| this.outbox.hold_credit(id)),
            Action::ReleaseCredit => {
                self.for_each(command, client, |this, id| this.outbox.release_credit(id))
            }
            Action::Add => {
                self.clients[client].presence = Presence::Present;
                self.announce(client);
            }
            Action::Remove => {
                self.clients[client].presence = Presence::Absent;
                self.for_each(command, client, |this, id| this.disconnect(id, now));
            }
            Action::Raw => {
                let window = &mut self.registers.me_window;
                if window.free() * 4 < command.payload.len() {
                    return Answer::Full;
                }
                window.push_bytes(&command.payload);
                self.registers.interrupt();
            }
            Action::Bus => {
                if !(1..=MAX_BUS_MESSAGE).contains(&command.payload.len()) {
                    return Answer::Malformed;
                }
                self.send_hbm(&command.payload);
            }
            Action::ResetLink => self.reset_link("asked by the test client", now),
        }
        Answer::Done
    }

    fn arm(&mut self, rule: Rule) -> Answer {
        if self.armed.rules.len() >= MAX_ARMED {
            return Answer::Full;
        }
        self.armed.rules.push(rule);
        Answer::Done
    }

    /// Does something to each connection that a command is about.
    fn for_each(
        &mut self,
        command: &Command,
        client: usize,
        mut action: impl FnMut(&mut Self, ConnectionId),
    ) {
        let concerned = |this: &Self| -> Vec<ConnectionId> {
            let open = this.connections.iter().filter(|connection| connection.state == State::Open);
            match command.target {
                Target::Origin => {
                    open.filter(|connection| connection.id == command.origin).map(|found| found.id).collect()
                }
                Target::Client(_) => {
                    open.filter(|connection| connection.client == client).map(|found| found.id).collect()
                }
            }
        };
        for id in concerned(self) {
            action(self, id);
        }
    }
}

/// What a message that was sent unasked says.
#[expect(clippy::cast_possible_truncation, reason = "the pattern is the low byte")]
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| index as u8).collect()
}
