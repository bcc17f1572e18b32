//! Instructions per message, counted by callgrind: they are the same on a busy machine. `cargo bench -p umei-bench
//! --features callgrind`, with `gungraun-runner` and valgrind installed.

#![expect(missing_docs, unused_qualifications, reason = "in what the macros make")]

use gungraun::{library_benchmark, library_benchmark_group, main};
use mei_core::Options;
use mei_emulator::{Engine, Persona};
use mei_wire::Device;
use std::hint::black_box;
use std::time::Instant;
use umei_bench::{Machine, PERSONA, Rote};

/// Messages before those that count.
const WARM_UP: usize = 100;

fn persona() -> Persona {
    Persona::parse(PERSONA, "echo.toml").expect("the persona is ours")
}

fn warm<D: Device>(mut machine: Machine<D>) -> Machine<D> {
    for _ in 0..WARM_UP {
        machine.echo(&[0x5A; 512]).expect("an echo");
        machine.echo(&[0x5A; 64]).expect("an echo");
    }
    machine
}

fn host() -> Machine<Rote> {
    let persona = persona();
    let rote = Rote::new(Engine::new(&persona, Instant::now()));
    let mut machine = Machine::start(rote, Options::new(*persona.device)).expect("an engine that works");
    machine.function_mut().learn();
    for _ in 0..WARM_UP {
        machine.echo(&[0x5A; 64]).expect("an echo");
    }
    machine
}

fn host_and_engine() -> Machine<Engine> {
    let persona = persona();
    let engine = Engine::new(&persona, Instant::now());
    warm(Machine::start(engine, Options::new(*persona.device)).expect("an engine that works"))
}

#[library_benchmark]
#[bench::there_and_back_64(setup = host)]
fn host_alone(mut machine: Machine<Rote>) -> Machine<Rote> {
    black_box(machine.echo(black_box(&[0x5A; 64]))).expect("an echo");
    machine
}

#[library_benchmark]
#[bench::there_and_back_64(args = (64), setup = sized)]
#[bench::there_and_back_512(args = (512), setup = sized)]
fn with_engine((mut machine, size): (Machine<Engine>, usize)) -> Machine<Engine> {
    black_box(machine.echo(black_box(&[0x5A; 512][..size]))).expect("an echo");
    machine
}

fn sized(size: usize) -> (Machine<Engine>, usize) {
    (host_and_engine(), size)
}

library_benchmark_group!(name = messages, benchmarks = [host_alone, with_engine]);
main!(library_benchmark_groups = messages);
