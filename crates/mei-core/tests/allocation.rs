//! A message allocates nothing once the host is warm: written, sent, received, polled for, read, parked or not.

#[path = "host/bench.rs"]
#[expect(dead_code, reason = "the other tests' bench has more than this one needs")]
mod bench;
#[path = "host/stub.rs"]
#[expect(dead_code, clippy::cast_possible_truncation, reason = "as for the bench")]
mod stub;

use mei_core::{Blocking, Call, CallId, Handle, Host, Output, Reply};
use mei_wire::{ConfigSpace, DmaMemory, Gone, Registers};
use std::time::Instant;
use stub::Stub;

/// The stub until the link is up, then a firmware that answers each message with the next credits and an echo of
/// one frame, in arrays.
struct Quick {
    stub: Stub,
    live: bool,
    /// What the host has to read.
    out: [u32; 128],
    filled: usize,
    /// The echo that waits for a credit of the host's, and the credits that wait for an echo.
    echo: [u32; 128],
    echo_length: usize,
    credits: u32,
    read: u8,
    write: u8,
    interrupt: bool,
    me: u8,
    host: u8,
}

impl Quick {
    fn put(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.out[self.filled] = slot;
            self.filled += 1;
            self.write = self.write.wrapping_add(1);
        }
        self.interrupt = true;
    }
}

impl Registers for Quick {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        if !self.live {
            return self.stub.read32(offset);
        }
        Ok(match offset {
            0x004 => 0x8000_0029 | u32::from(self.interrupt) << 1,
            0x00C => 0x8000_0008 | u32::from(self.read) << 8 | u32::from(self.write) << 16,
            _ => 0,
        })
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        if !self.live {
            return self.stub.write32(offset, value);
        }
        if offset == 0x004 && value & 2 != 0 {
            self.interrupt = false;
        }
        Ok(())
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        if !self.live {
            return slots.iter_mut().try_for_each(|slot| self.stub.read32(0x008).map(|value| *slot = value));
        }
        slots.copy_from_slice(&self.out[..slots.len()]);
        self.out.copy_within(slots.len()..self.filled, 0);
        self.filled -= slots.len();
        self.read = self.read.wrapping_add(u8::try_from(slots.len()).expect("one buffer"));
        Ok(())
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        if !self.live {
            return slots.iter().try_for_each(|&slot| self.stub.write32(0x000, slot));
        }
        self.interrupt = true;
        if slots[0] & 0xFFFF != 0 {
            let address = u32::from(self.me) << 8 | u32::from(self.host) << 16;
            self.put(&[0x8008_0000, 0x08 | address, 0]);
            self.echo[..slots.len()].copy_from_slice(slots);
            self.echo_length = slots.len();
        } else {
            self.credits += 1;
        }
        if self.credits > 0 && self.echo_length > 0 {
            self.credits -= 1;
            let echo = self.echo;
            self.put(&echo[..self.echo_length]);
            self.echo_length = 0;
        }
        Ok(())
    }
}

impl ConfigSpace for Quick {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        self.stub.read_config32(offset)
    }
}

impl DmaMemory for Quick {}

/// What the reply to `wanted` says: bytes read, bytes written, or events.
fn drain(host: &mut Host<Quick>, wanted: CallId) -> Option<usize> {
    let mut found = None;
    while let Some(output) = host.next_output() {
        if let Output::Reply(call, reply) = output
            && call == wanted
        {
            found = Some(match reply {
                Reply::Data(bytes) => bytes.len(),
                Reply::Written(count) => count,
                Reply::Events(events) => events as usize,
                other => panic!("{other:?}"),
            });
        }
    }
    found
}

struct Program {
    host: Host<Quick>,
    now: Instant,
    next: u64,
    file: Handle,
}

impl Program {
    fn call(&mut self, call: Call<'_>) -> CallId {
        self.next += 1;
        self.host.call(CallId(self.next), call, self.now);
        CallId(self.next)
    }

    fn interrupts(&mut self) {
        while self.host.function().interrupt {
            self.host.interrupt(self.now);
        }
    }

    fn round(&mut self, length: usize) {
        let (handle, data) = (self.file, [7; 400]);
        let write = self.call(Call::Write { handle, data: &data[..length], blocking: Blocking::Wait });
        assert_eq!(drain(&mut self.host, write), Some(length));
        let read = self.call(Call::Read { handle, size: 512, offset: 0, blocking: Blocking::Wait });
        assert_eq!(drain(&mut self.host, read), None, "the reader waits");
        self.interrupts();
        assert_eq!(drain(&mut self.host, read), Some(length));
        let _ = self.host.deadline();

        let poll = self.call(Call::Poll { handle, events: 1 });
        assert_eq!(drain(&mut self.host, poll), Some(0));
        let write = self.call(Call::Write { handle, data: &data[..length], blocking: Blocking::NonBlocking });
        assert_eq!(drain(&mut self.host, write), Some(length));
        self.interrupts();
        let poll = self.call(Call::Poll { handle, events: 1 });
        assert_eq!(drain(&mut self.host, poll), Some(1));
        let read = self.call(Call::Read { handle, size: 512, offset: 0, blocking: Blocking::NonBlocking });
        assert_eq!(drain(&mut self.host, read), Some(length));
    }
}

#[test]
fn messages_allocate_nothing_once_the_host_is_warm() {
    // The bench brings the device up and connects a file; the quick firmware then takes over.
    let quick = Quick {
        stub: Stub::new(bench::clients()),
        live: false,
        out: [0; 128],
        filled: 0,
        echo: [0; 128],
        echo_length: 0,
        credits: 0,
        read: 0,
        write: 0,
        interrupt: false,
        me: 3,
        host: 1,
    };
    let now = Instant::now();
    let mut host = Host::new(quick, bench::options());
    host.start(now);
    let settle = |host: &mut Host<Quick>| {
        for _ in 0..50 {
            host.function_mut().stub.run();
            if host.function().stub.interrupts() {
                host.interrupt(now);
            }
        }
    };
    settle(&mut host);
    while host.next_output().is_some() {}
    host.call(CallId(1), Call::Open, now);
    let Some(Output::Reply(_, Reply::Opened(file))) = host.next_output() else { panic!("open") };
    let connect =
        Call::Ioctl { handle: file, command: bench::CONNECT, argument: &[3; 16], blocking: Blocking::Wait };
    host.call(CallId(2), connect, now);
    settle(&mut host);
    assert!(matches!(host.next_output(), Some(Output::Reply(_, Reply::Ioctl(_)))));
    host.function_mut().live = true;

    let mut program = Program { host, now, next: 2, file };
    for length in [1, 4, 100, 400] {
        program.round(length);
    }
    let allocated = allocation_counter::measure(|| {
        for _ in 0..100 {
            for length in [1, 4, 100, 400] {
                program.round(length);
            }
        }
    });
    assert_eq!(allocated.count_total, 0);
}
