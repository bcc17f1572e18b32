//! A device whose every access is written down.

use crate::access::{Answer, Hex, Question};
use crate::recording::HEADER;
use crate::token::Register;
use mei_wire::registers::{H_CB_WW, ME_CB_RW};
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// A device that behaves as `D` and writes down what passes. See the crate's documentation for the format.
///
/// A line goes to `W` in one piece. When that fails the recording ends, not the device.
pub struct Recorder<D, W> {
    device: D,
    // Reading memory for DMA changes nothing of the device, but is written down.
    tape: RefCell<Tape<W>>,
}

struct Tape<W> {
    /// None once it failed.
    output: Result<W, io::Error>,
    clock: Box<dyn FnMut() -> Instant + Send>,
    start: Instant,
    line: String,
}

impl<D, W: Write> Recorder<D, W> {
    /// Begins a recording on `output`, in which nothing is buffered here.
    pub fn new(device: D, output: W) -> Self {
        Self::with_clock(device, output, Instant::now)
    }

    /// Begins a recording with times from `clock`.
    pub fn with_clock(device: D, output: W, mut clock: impl FnMut() -> Instant + Send + 'static) -> Self {
        let mut tape =
            Tape { output: Ok(output), start: clock(), clock: Box::new(clock), line: String::new() };
        tape.line.push_str(HEADER);
        tape.end_line();
        Self { device, tape: RefCell::new(tape) }
    }

    /// The device inside.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device inside. What is done to it here is not recorded.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Ends the recording: the device, and the output or why it stopped before.
    pub fn into_parts(self) -> (D, io::Result<W>) {
        let finish = |mut output: W| output.flush().map(|()| output);
        (self.device, self.tape.into_inner().output.and_then(finish))
    }

    fn note(&self, question: &Question, answer: &Answer) {
        self.tape.borrow_mut().note(format_args!("{question}{answer}"));
    }
}

impl<W: Write> Tape<W> {
    /// Writes a line: the time, and what was done.
    fn note(&mut self, what: fmt::Arguments<'_>) {
        self.begin_line();
        // A String takes everything.
        let _ = self.line.write_fmt(what);
        self.end_line();
    }

    fn note_window(&mut self, what: fmt::Arguments<'_>, slots: &[u32], end: &str) {
        self.begin_line();
        let _ = self.line.write_fmt(what);
        for slot in slots {
            let _ = write!(self.line, " {slot:#010x}");
        }
        self.line.push_str(end);
        self.end_line();
    }

    fn begin_line(&mut self) {
        let time = (self.clock)().saturating_duration_since(self.start);
        let _ = write!(self.line, "{}.{:09} ", time.as_secs(), time.subsec_nanos());
    }

    fn end_line(&mut self) {
        self.line.push('\n');
        if let Ok(output) = &mut self.output
            && let Err(error) = output.write_all(self.line.as_bytes())
        {
            log::error!("the recording ends here, it cannot be written: {error}");
            self.output = Err(error);
        }
        self.line.clear();
    }
}

impl<D: Registers, W: Write> Registers for Recorder<D, W> {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        let result = self.device.read32(offset);
        self.note(&Question::Read(Register(offset)), &Answer::of_read(result));
        result
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        let result = self.device.write32(offset, value);
        self.note(&Question::Write(Register(offset), value), &Answer::of_write(result));
        result
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        let result = self.device.read_window(slots);
        let register = Register(ME_CB_RW);
        match result {
            Ok(()) if slots.is_empty() => {}
            Ok(()) => self.tape.get_mut().note_window(format_args!("read {register} ="), slots, ""),
            Err(Gone) => self.note(&Question::Read(register), &Answer::Gone),
        }
        result
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        let result = self.device.write_window(slots);
        if !slots.is_empty() {
            let end = if result.is_ok() { "" } else { " = gone" };
            self.tape.get_mut().note_window(format_args!("write {}", Register(H_CB_WW)), slots, end);
        }
        result
    }
}

impl<D: ConfigSpace, W: Write> ConfigSpace for Recorder<D, W> {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        let result = self.device.read_config32(offset);
        self.note(&Question::Config(offset), &Answer::of_read(result));
        result
    }
}

impl<D: DmaMemory, W: Write> DmaMemory for Recorder<D, W> {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        let address = self.device.allocate_dma(size);
        self.note(&Question::Allocate(size), &Answer::Address(address));
        address
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        let result = self.device.read_dma(address, bytes);
        let question = Question::DmaRead(address, bytes.len());
        match result {
            Ok(()) => self.tape.borrow_mut().note(format_args!("{question} = {}", Hex(bytes))),
            Err(Gone) => self.note(&question, &Answer::Gone),
        }
        result
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        let result = self.device.write_dma(address, bytes);
        let answer = Answer::of_write(result);
        self.tape.get_mut().note(format_args!("dma-write {address:#x} {}{answer}", Hex(bytes)));
        result
    }
}

impl<D: Device, W: Write> Device for Recorder<D, W> {
    fn run(&mut self, now: Instant) {
        self.device.run(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.device.deadline()
    }

    fn take_interrupt(&mut self) -> bool {
        let interrupted = self.device.take_interrupt();
        if interrupted {
            self.note(&Question::Interrupt, &Answer::Done);
        }
        interrupted
    }

    fn end_of_interrupt(&mut self) {
        self.device.end_of_interrupt();
        self.note(&Question::EndOfInterrupt, &Answer::Done);
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        self.device.interrupt_fd()
    }
}

impl<D: fmt::Debug, W> fmt::Debug for Recorder<D, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("device", &self.device).finish_non_exhaustive()
    }
}
