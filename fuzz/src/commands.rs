//! Every firmware client of every persona, by commands that it knows and by any other.
//!
//! `amthi` and `mkhi` take messages as they are; here the input chooses a command and the header is right, so that what
//! it says is read to the end.

use crate::input::Input;
use crate::machine::{Machine, engine_of, personas};
use mei_core::Handle;
use mei_emulator::Engine;
use mei_wire::amthi::Command;
use mei_wire::{Guid, clients};
use std::collections::BTreeMap;

/// Groups and commands of MKHI and MCHI, declared again; and some that nobody knows.
const MKHI: [(u8, u8); 28] = [
    (0x00, 0x0B),
    (0x03, 0x02),
    (0x03, 0x03),
    (0x03, 0x06),
    (0x05, 0x01),
    (0x05, 0x02),
    (0x05, 0x03),
    (0x0A, 0x02),
    (0x0A, 0x0A),
    (0x0A, 0x0D),
    (0x0A, 0x1B),
    (0x0A, 0x1C),
    (0x0A, 0x2F),
    (0xFF, 0x01),
    (0xFF, 0x02),
    (0xFF, 0x0A),
    (0xFF, 0x0C),
    (0xFF, 0x0D),
    (0xFF, 0x11),
    (0xFF, 0x14),
    (0xFF, 0x18),
    (0xFF, 0x1C),
    (0xFF, 0x1D),
    (0xFF, 0x22),
    (0xFF, 0x23),
    (0xF0, 0x03),
    (0x03, 0x7F),
    (0x42, 0x00),
];

/// A message to a client: a command that it knows with data of the input's, or whatever the input says.
fn message(guid: Guid, input: &mut Input<'_>) -> Vec<u8> {
    let choice = usize::from(input.u8());
    let length = input.u16() % 600;
    let data = input.take(length.into());
    // Data of one byte repeated: names, hashes and paths are long.
    let data = match choice & 0x80 {
        0 => data.to_vec(),
        _ => data.first().map_or(Vec::new(), |&byte| vec![byte; length.into()]),
    };
    let choice = choice & 0x7F;
    match guid {
        clients::AMTHI => {
            let Some(command) = Command::ALL.get(choice) else { return data };
            let length = u32::try_from(data.len()).unwrap_or_default();
            [&[1, 1, 0, 0], &command.0.to_le_bytes(), &length.to_le_bytes(), &data[..]].concat()
        }
        clients::MKHI | clients::MCHI => {
            let Some(&(group, command)) = MKHI.get(choice) else { return data };
            [&[group, command, 0, 0], &data[..]].concat()
        }
        _ => data,
    }
}

/// What every answer of a client is like.
fn check(guid: Guid, request: &[u8], answers: &[Vec<u8>]) {
    match guid {
        clients::AMTHI => {
            let [answer] = answers else { panic!("{} answers to {request:02x?}", answers.len()) };
            assert!((16..=5120).contains(&answer.len()), "{} bytes", answer.len());
            assert_eq!(answer[8..12], u32::try_from(answer.len() - 12).unwrap_or_default().to_le_bytes());
            let failed = answer[12..16] != [0; 4];
            assert!(!failed || answer.len() == 16, "a failure has no data");
            if request.len() >= 8 {
                let command = u32::from_le_bytes([request[4], request[5], request[6], request[7]]);
                assert_eq!(answer[4..8], (command | 0x80_0000).to_le_bytes());
            }
        }
        clients::MKHI | clients::MCHI => {
            assert!(answers.len() <= 1, "{} answers to {request:02x?}", answers.len());
            for answer in answers {
                assert!((4..=4096).contains(&answer.len()), "{} bytes", answer.len());
                assert_eq!(answer[..3], [request[0], request[1] | 0x80, 0]);
                assert!(answer[3] == 0 || answer.len() == 4, "a failure has no data");
            }
        }
        _ => assert!(answers.iter().all(|answer| answer.len() <= 16_384)),
    }
}

fn converse(machine: &mut Machine<Engine>, handle: Handle, guid: Guid, request: &[u8]) -> Vec<Vec<u8>> {
    // A device takes no empty message.
    let written = !request.is_empty() && machine.try_write(handle, request);
    let answers: Vec<_> = std::iter::from_fn(|| machine.read(handle)).take(64).collect();
    if written {
        check(guid, request, &answers);
    }
    answers
}

/// A persona, then steps: a client, and what is said to it.
pub fn commands(data: &[u8]) {
    let mut input = Input::new(data);
    let personas = personas();
    let persona = &personas[usize::from(input.u8()) % personas.len()];
    let mut machine = engine_of(persona);
    let guids: Vec<Guid> = persona
        .describe()
        .clients
        .iter()
        .filter(|client| client.max_connections > 0)
        .map(|client| client.guid)
        .collect();
    let mut handles: BTreeMap<Guid, Handle> = BTreeMap::new();
    while !input.is_empty() && !guids.is_empty() {
        let step = input.u8();
        let guid = guids[usize::from(step) % guids.len()];
        let handle = match handles.get(&guid) {
            Some(handle) => *handle,
            None => match machine.connected(guid) {
                Some(handle) => *handles.entry(guid).or_insert(handle),
                None => return,
            },
        };
        match step >> 5 {
            7 => drop(machine.jump()),
            6 => {
                machine.close(handle);
                handles.remove(&guid);
            }
            _ => {
                let request = message(guid, &mut input);
                converse(&mut machine, handle, guid, &request);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command of every table is answered as one that is known, by the persona with everything.
    #[test]
    fn every_command_is_reached() {
        let everything = personas().last().expect("there are some");
        let mut machine = engine_of(everything);
        for (guid, count, unknown) in [(clients::AMTHI, Command::ALL.len(), 0x12), (clients::MKHI, 25, 0x8D)]
        {
            let handle = machine.connected(guid).unwrap();
            for choice in 0..count {
                let input = [u8::try_from(choice).unwrap(), 40, 0].into_iter().chain([0; 40]);
                let request = message(guid, &mut Input::new(&input.collect::<Vec<u8>>()));
                let answers = converse(&mut machine, handle, guid, &request);
                let at = if guid == clients::AMTHI { 12 } else { 3 };
                assert!(answers.iter().all(|answer| answer[at] != unknown), "{request:02x?}: {answers:02x?}");
            }
        }
    }
}
