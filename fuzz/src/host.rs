//! A driver, and an engine that lies.

use crate::input::Input;
use crate::liar::Liar;
use crate::machine::Machine;
use mei_core::{Blocking, Call, Handle, Options};
use std::time::{Duration, Instant};

const COMPLETE: u32 = 1 << 31;

/// What a driver does first, and an engine that goes along: link, HBM 2.2, two clients.
fn begin(machine: &mut Machine<Liar>) {
    machine.host.start(machine.now);
    machine.settle();
    let mut valid = [0; 36];
    valid[0] = 0x84;
    valid[4] = 0b1000_1000;
    let properties = |address: u8, fixed: u8| {
        let mut message = [0; 28];
        message[0] = 0x85;
        message[1] = address;
        message[4..20].fill(address);
        message[20] = 1;
        message[21] = 4;
        message[22] = fixed;
        message[24..28].copy_from_slice(&512u32.to_le_bytes());
        message
    };
    // START, CAPABILITIES, ENUMERATION, PROPERTIES of 3 and 7.
    let answers: [&[u8]; 5] =
        [&[0x81, 1, 2, 2], &[0x93, 0, 0, 0xFF], &valid, &properties(3, 0), &properties(7, 0)];
    for answer in answers {
        machine.host.function_mut().say(0, 0, COMPLETE, answer);
        machine.settle();
    }
}

/// Registers, frames and interrupts of an engine that lies, under calls of programs.
pub fn host_against_firmware(data: &[u8]) {
    let mut input = Input::new(data);
    let devices = [0xA0E0, 0x1E3A, 0x2A74];
    let Some(device) = mei_wire::pci::lookup(devices[usize::from(input.u8()) % devices.len()]) else {
        return;
    };
    let config = if input.u8() & 1 == 0 { 0x0000_0245 } else { 0x8000_0245 };
    let mut machine = Machine::new(Liar::new(config), Options::new(*device), Instant::now());
    begin(&mut machine);
    let mut handles: Vec<Handle> = Vec::new();
    while !input.is_empty() {
        step(&mut machine, &mut input, &mut handles);
        machine.settle();
        if let Some(opened) = machine.opened.take()
            && handles.len() < 8
        {
            handles.push(opened);
        }
    }
    // Whatever was said: it can be taken away, and every call ends.
    machine.host.remove(machine.now);
    machine.settle();
    for _ in 0..64 {
        if !machine.jump() {
            return;
        }
    }
}

fn step(machine: &mut Machine<Liar>, input: &mut Input<'_>, handles: &mut Vec<Handle>) {
    let operation = input.u8() % 24;
    let place = usize::from(input.u8());
    let handle = handles.get(place % handles.len().max(1)).copied();
    let blocking = if place & 0x80 == 0 { Blocking::NonBlocking } else { Blocking::Wait };
    let liar = machine.host.function_mut();
    match (operation, handle) {
        (0, _) => liar.host_lie = input.u32(),
        (1, _) => liar.me_lie = input.u32(),
        (2, _) => (liar.host_lie, liar.me_lie) = (0, 0),
        (3, _) => liar.me.set_ready(place & 1 != 0),
        (4, _) => liar.interrupt(),
        (5, _) => {
            let count = place % 130;
            liar.push((0..count).map(|_| input.u32()));
        }
        // On the bus, where most of the protocol is.
        (6..=9, _) => liar.say(0, 0, COMPLETE, input.take(place % 80)),
        (10, _) => {
            let (me, host, flags) = (input.u8(), input.u8(), u32::from(input.u8()) << 24);
            liar.say(me, host, flags, input.take(place));
        }
        (11, _) => {
            let (me, host) = (if place & 1 == 0 { 3 } else { 7 }, input.u8() % 4);
            liar.say(me, host, COMPLETE, input.take(place));
        }
        (12, _) => liar.congested = place & 1 != 0,
        (13, _) => drop(machine.jump()),
        (14, _) => {
            machine.now += Duration::from_millis(input.u16().into());
            machine.host.advance(machine.now);
        }
        (15, _) => machine.call(Call::Open),
        (16, Some(handle)) => {
            let commands = [0xC010_4801, 0x4004_4802, 0x8004_4803, 0xC014_4804, input.u32()];
            let guid = [if place & 1 == 0 { 3 } else { 7 }; 20];
            let command = commands[usize::from(input.u8()) % commands.len()];
            if let Ok(copies) = machine.host.ioctl_check(handle, command) {
                let argument = &guid[..copies.input.min(guid.len())];
                machine.call(Call::Ioctl { handle, command, argument, blocking });
            }
        }
        (17, Some(handle)) => {
            let size = usize::from(input.u16());
            machine.call(Call::Read { handle, size, offset: 0, blocking });
        }
        (18, Some(handle)) => {
            let data = input.message();
            machine.call(Call::Write { handle, data, blocking });
        }
        (19, Some(handle)) => machine.call(Call::Poll { handle, events: input.u8().into() }),
        (20, Some(handle)) => {
            handles.retain(|kept| *kept != handle);
            machine.call(Call::Release { handle });
        }
        (21, _) => {
            let (latest, now) = (machine.latest(), machine.now);
            if place & 1 == 0 { machine.host.cancel(latest, now) } else { machine.host.abandon(latest, now) }
        }
        (22, _) => {
            let now = machine.now;
            if place & 1 == 0 { machine.host.suspend(now) } else { machine.host.resume(now) }
        }
        (23, _) => liar.gone = place == 0xFF,
        _ => {}
    }
}
