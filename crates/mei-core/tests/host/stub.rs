//! A function whose firmware does what the test says: the register file of `hw.md` with a small responder.

use mei_wire::registers::{
    D0i3Control, H_CB_WW, H_CSR, H_D0I3C, HostCsr, ME_CB_RW, ME_CSR_HA, ME_TRC, MeCsr,
};
use mei_wire::{ConfigSpace, DmaMemory, Gone, Guid, MessageHeader, Registers};
use std::collections::VecDeque;

/// How requests of a kind are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u8),
    Silence,
}

/// A firmware client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StubClient {
    pub(crate) id: u8,
    pub(crate) guid: Guid,
    pub(crate) version: u8,
    pub(crate) max_connections: u8,
    pub(crate) fixed: u8,
    pub(crate) flags: u8,
    pub(crate) mtu: u32,
}

impl StubClient {
    pub(crate) fn properties(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&self.guid.0);
        bytes[16..20].copy_from_slice(&[self.version, self.max_connections, self.fixed, self.flags]);
        bytes[20..].copy_from_slice(&self.mtu.to_le_bytes());
        bytes
    }
}

/// What the echo has heard and may say.
#[derive(Debug, Default)]
struct Conversation {
    partly: Vec<u8>,
    whole: VecDeque<Vec<u8>>,
    credits: u32,
}

#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) depth: u8,
    pub(crate) h_csr: u32,
    host_ring: VecDeque<u32>,
    host_read: u8,
    host_write: u8,
    me_ring: VecDeque<u32>,
    waiting: VecDeque<Vec<u32>>,
    me_read: u8,
    me_write: u8,
    pub(crate) me_ready: bool,
    pub(crate) gone: bool,
    /// Comes ready after a reset.
    pub(crate) recovers: bool,
    /// Takes what the host writes.
    pub(crate) consumes: bool,
    /// Answers bus messages.
    pub(crate) responds: bool,
    /// Answers all bus messages but those of this command.
    pub(crate) silent_on: Option<u8>,
    /// Status of each properties answer.
    pub(crate) properties_status: u8,
    /// Enumerates without end: each answer is about client 0 and a new GUID.
    pub(crate) endless: bool,
    /// Gives back each message, one per credit of the host's.
    pub(crate) echo: bool,
    /// Asserts what the host may be relied on for.
    pub(crate) checks: bool,
    heard: std::collections::BTreeMap<(u8, u8), Conversation>,
    pub(crate) version: (u8, u8),
    pub(crate) capabilities: u8,
    pub(crate) clients: Vec<StubClient>,
    pub(crate) connect: Answer,
    pub(crate) disconnect: Answer,
    pub(crate) notify: Answer,
    pub(crate) ring: Answer,
    /// Credits granted after each connect.
    pub(crate) credits: u8,
    pub(crate) hfs: [u32; 6],
    pub(crate) d0i3c: u32,
    /// D0i3 changes take until [`Stub::finish_d0i3`].
    pub(crate) d0i3_slow: bool,
    pub(crate) memory: Vec<(u64, Vec<u8>)>,
    pub(crate) has_memory: bool,
    /// Bus messages of the host, oldest first.
    pub(crate) hbm: Vec<Vec<u8>>,
    /// Other frames: header and payload.
    pub(crate) data: Vec<(MessageHeader, Vec<u8>)>,
    pub(crate) resets: u32,
    pub(crate) csr_reads: u32,
    pub(crate) csr_writes: u32,
}

const IE: u32 = 1 << 0;
const IS: u32 = 1 << 1;
const IG: u32 = 1 << 2;
const RDY: u32 = 1 << 3;
const RST: u32 = 1 << 4;
const D0I3_IE: u32 = 1 << 5;
const D0I3_IS: u32 = 1 << 6;

impl Stub {
    pub(crate) fn new(clients: Vec<StubClient>) -> Self {
        Self {
            depth: 128,
            h_csr: 0,
            host_ring: VecDeque::new(),
            host_read: 0,
            host_write: 0,
            me_ring: VecDeque::new(),
            waiting: VecDeque::new(),
            me_read: 0,
            me_write: 0,
            me_ready: true,
            gone: false,
            recovers: true,
            consumes: true,
            responds: true,
            silent_on: None,
            properties_status: 0,
            endless: false,
            echo: false,
            checks: true,
            heard: Default::default(),
            version: (2, 2),
            capabilities: 0,
            clients,
            connect: Answer::Status(0),
            disconnect: Answer::Status(0),
            notify: Answer::Status(0),
            ring: Answer::Status(5),
            credits: 1,
            hfs: [0; 6],
            d0i3c: 0,
            d0i3_slow: false,
            memory: Vec::new(),
            has_memory: false,
            hbm: Vec::new(),
            data: Vec::new(),
            resets: 0,
            csr_reads: 0,
            csr_writes: 0,
        }
    }

    pub(crate) fn interrupts(&self) -> bool {
        (self.h_csr & IE != 0 && self.h_csr & IS != 0)
            || (self.h_csr & D0I3_IE != 0 && self.h_csr & D0I3_IS != 0)
    }

    pub(crate) fn raise(&mut self) {
        self.h_csr |= IS;
    }

    /// Puts frames into the firmware's buffer as it has room.
    fn flush(&mut self) {
        while let Some(frame) = self.waiting.front() {
            if self.me_ring.len() + frame.len() > usize::from(self.depth) {
                break;
            }
            if let Some(frame) = self.waiting.pop_front() {
                self.push_slots(&frame);
            }
        }
    }

    /// Puts raw slots into the firmware's buffer.
    pub(crate) fn push_slots(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.me_ring.push_back(slot);
            self.me_write = self.me_write.wrapping_add(1);
        }
        self.raise();
    }

    /// Sends a frame.
    pub(crate) fn frame(&mut self, header: MessageHeader, payload: &[u8]) {
        let mut slots = vec![u32::from(header)];
        for chunk in payload.chunks(4) {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            slots.push(u32::from_le_bytes(word));
        }
        self.waiting.push_back(slots);
        self.flush();
    }

    pub(crate) fn bus(&mut self, payload: &[u8]) {
        let header = MessageHeader::new().with_length(payload.len() as u16).with_msg_complete(true);
        self.frame(header, payload);
    }

    pub(crate) fn message(&mut self, me: u8, host: u8, payload: &[u8]) {
        let mut chunks = payload.chunks(400).peekable();
        if chunks.peek().is_none() {
            self.frame(header(me, host, 0).with_msg_complete(true), &[]);
        }
        while let Some(chunk) = chunks.next() {
            let header = header(me, host, chunk.len()).with_msg_complete(chunks.peek().is_none());
            self.frame(header, chunk);
        }
    }

    pub(crate) fn credit(&mut self, me: u8, host: u8) {
        self.bus(&[0x08, me, host, 0, 0, 0, 0, 0]);
    }

    /// Drops ME_RDY, as a firmware does that resets itself.
    pub(crate) fn drop_ready(&mut self) {
        self.me_ready = false;
        self.raise();
    }

    /// Breaks the firmware's write pointer.
    pub(crate) fn corrupt_me_pointer(&mut self) {
        self.me_write = self.me_write.wrapping_add(200);
        self.raise();
    }

    pub(crate) fn finish_d0i3(&mut self) {
        self.d0i3c &= !1;
        self.h_csr |= D0I3_IS;
    }

    /// The firmware's turn. True when it did something.
    pub(crate) fn run(&mut self) -> bool {
        let mut worked = false;
        if !self.waiting.is_empty() {
            self.flush();
            worked = true;
        }
        if self.h_csr & RST != 0 && !self.me_ready && self.recovers {
            self.me_ready = true;
            self.raise();
            worked = true;
        }
        if !self.consumes || self.host_ring.is_empty() {
            return worked;
        }
        self.host_read = self.host_write;
        self.raise();
        let slots: Vec<u32> = self.host_ring.drain(..).collect();
        let mut at = 0;
        while at < slots.len() {
            let header = MessageHeader::from(slots[at]);
            if header.validate().is_err() {
                assert!(!self.checks, "the host sends what a receiver believes");
                break;
            }
            let length = usize::from(header.length());
            let count = length.div_ceil(4);
            if slots.len() < at + 1 + count {
                assert!(!self.checks, "the host sends whole frames");
                break;
            }
            let mut bytes: Vec<u8> =
                slots[at + 1..at + 1 + count].iter().flat_map(|slot| slot.to_le_bytes()).collect();
            assert!(bytes[length..].iter().all(|&byte| byte == 0), "padding is zero");
            bytes.truncate(length);
            at += 1 + count;
            if header.me_addr() == 0 && header.host_addr() == 0 {
                self.hbm.push(bytes.clone());
                if self.responds {
                    self.respond(&bytes);
                }
            } else {
                if self.echo {
                    self.hear(header, &bytes);
                }
                self.data.push((header, bytes));
            }
        }
        true
    }

    fn hear(&mut self, header: MessageHeader, bytes: &[u8]) {
        let key = (header.me_addr(), header.host_addr());
        if header.dma_ring() {
            let length = u32::from_le_bytes(bytes.try_into().expect("one slot")) as usize;
            let ring = &self.memory[0].1;
            let taken = u32::from_le_bytes(self.memory[2].1[8..12].try_into().expect("an index"));
            let data: Vec<u8> = (0..length).map(|n| ring[(taken as usize * 4 + n) % ring.len()]).collect();
            let taken = taken.wrapping_add(length.div_ceil(4) as u32);
            self.memory[2].1[8..12].copy_from_slice(&taken.to_le_bytes());
            self.heard.entry(key).or_default().partly.extend(data);
        } else {
            self.heard.entry(key).or_default().partly.extend(bytes);
        }
        if header.msg_complete() {
            let conversation = self.heard.entry(key).or_default();
            let whole = std::mem::take(&mut conversation.partly);
            conversation.whole.push_back(whole);
            self.credit(key.0, key.1);
            self.say(key);
        }
    }

    fn say(&mut self, key: (u8, u8)) {
        let conversation = self.heard.entry(key).or_default();
        while conversation.credits > 0
            && let Some(message) = conversation.whole.pop_front()
        {
            conversation.credits -= 1;
            let largest = 4 * usize::from(self.depth.saturating_sub(1)).min(127);
            let mut chunks = message.chunks(largest).peekable();
            while let Some(chunk) = chunks.next() {
                let header = header(key.0, key.1, chunk.len()).with_msg_complete(chunks.peek().is_none());
                let slots = std::iter::once(u32::from(header)).chain(chunk.chunks(4).map(|chunk| {
                    let mut word = [0; 4];
                    word[..chunk.len()].copy_from_slice(chunk);
                    u32::from_le_bytes(word)
                }));
                self.waiting.push_back(slots.collect());
            }
        }
        self.flush();
    }

    fn respond(&mut self, request: &[u8]) {
        if request.first().copied() == self.silent_on {
            return;
        }
        match *request {
            [0x01, ..] => {
                let supported = u8::from(self.version >= (2, 2));
                self.bus(&[0x81, supported, self.version.1, self.version.0]);
            }
            [0x02, ..] => self.bus(&[0x82, 0, 0, 0]),
            [0x13, asked, ..] => self.bus(&[0x93, self.capabilities & asked, 0, 0]),
            [0x12, ..] => {
                if let Answer::Status(status) = self.ring {
                    self.bus(&[0x92, status, 0, 0]);
                }
            }
            [0x04, ..] => {
                let mut answer = [0; 36];
                answer[0] = 0x84;
                for client in &self.clients {
                    answer[4 + usize::from(client.id / 8)] |= 1 << (client.id % 8);
                }
                self.bus(&answer);
            }
            [0x05, id, ..] => {
                let mut answer = vec![0x85, id, 1, 0];
                let found = self.clients.iter().find(|client| client.id == id);
                answer[2] = if found.is_none() { 1 } else { self.properties_status };
                answer.extend(found.map_or([0; 24], StubClient::properties));
                if self.endless {
                    answer[1] = 2;
                    answer[4..8].copy_from_slice(&(self.hbm.len() as u32).to_le_bytes());
                }
                self.bus(&answer);
            }
            [0x08, me, host, ..] if self.echo => {
                self.heard.entry((me, host)).or_default().credits += 1;
                self.say((me, host));
            }
            [0x06, me, host, ..] => {
                self.heard.remove(&(me, host));
                if let Answer::Status(status) = self.connect {
                    self.bus(&[0x86, me, host, status]);
                    if status == 0 {
                        for _ in 0..self.credits {
                            self.credit(me, host);
                        }
                    }
                }
            }
            [0x07, me, host, ..] => {
                if let Answer::Status(status) = self.disconnect {
                    self.bus(&[0x87, me, host, status]);
                }
            }
            [0x10, me, host, start] => {
                if let Answer::Status(status) = self.notify {
                    self.bus(&[0x90, me, host, status, start, 0, 0, 0]);
                }
            }
            _ => {}
        }
    }

    fn me_csr(&self) -> u32 {
        MeCsr::new()
            .with_ready(self.me_ready)
            .with_read_pointer(self.me_read)
            .with_write_pointer(self.me_write)
            .with_depth(self.depth)
            .into()
    }

    fn reset(&mut self) {
        self.resets += 1;
        self.h_csr &= !RDY;
        self.me_ready = false;
        self.host_ring.clear();
        self.me_ring.clear();
        self.waiting.clear();
        (self.host_read, self.host_write, self.me_read, self.me_write) = (0, 0, 0, 0);
    }

    fn write_csr(&mut self, value: u32) {
        self.csr_writes += 1;
        let cleared = value & (IS | D0I3_IS);
        let was = self.h_csr;
        self.h_csr = (was & (IS | D0I3_IS) & !cleared) | (value & (IE | RDY | RST | D0I3_IE));
        if value & RST != 0 && was & RST == 0 {
            self.reset();
        }
        let _ = value & IG;
    }
}

pub(crate) fn header(me: u8, host: u8, length: usize) -> MessageHeader {
    MessageHeader::new().with_me_addr(me).with_host_addr(host).with_length(length as u16)
}

impl Registers for Stub {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        if self.gone {
            return Ok(u32::MAX);
        }
        Ok(match offset {
            H_CSR => {
                self.csr_reads += 1;
                HostCsr::from(self.h_csr)
                    .with_read_pointer(self.host_read)
                    .with_write_pointer(self.host_write)
                    .with_depth(self.depth)
                    .into()
            }
            ME_CSR_HA => {
                self.csr_reads += 1;
                self.me_csr()
            }
            ME_CB_RW => {
                let Some(slot) = self.me_ring.pop_front() else { return Ok(0) };
                self.me_read = self.me_read.wrapping_add(1);
                slot
            }
            H_D0I3C => self.d0i3c,
            ME_TRC => 0x1234_ABCD,
            _ => 0,
        })
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        match offset {
            H_CSR => self.write_csr(value),
            H_CB_WW => {
                self.host_ring.push_back(value);
                self.host_write = self.host_write.wrapping_add(1);
                assert!(self.host_ring.len() <= usize::from(self.depth), "the host overran its buffer");
            }
            H_D0I3C => {
                self.d0i3c = D0i3Control::from(value).with_change_in_progress(self.d0i3_slow).into();
            }
            _ => {}
        }
        Ok(())
    }
}

impl ConfigSpace for Stub {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        let place = [0x40, 0x48, 0x60, 0x64, 0x68, 0x6C].iter().position(|&at| at == offset);
        place.map(|place| self.hfs[place]).ok_or(Gone)
    }
}

impl DmaMemory for Stub {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        if !self.has_memory {
            return None;
        }
        let address = 0x1_0000_0000 + ((self.memory.len() as u64) << 24);
        self.memory.push((address, vec![0; size as usize]));
        Some(address)
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        let (base, block) = self.memory.iter().rfind(|(base, _)| *base <= address).ok_or(Gone)?;
        let at = (address - base) as usize;
        bytes.copy_from_slice(block.get(at..at + bytes.len()).ok_or(Gone)?);
        Ok(())
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        let (base, block) = self.memory.iter_mut().rfind(|(base, _)| *base <= address).ok_or(Gone)?;
        let at = (address - *base) as usize;
        block.get_mut(at..at + bytes.len()).ok_or(Gone)?.copy_from_slice(bytes);
        Ok(())
    }
}
