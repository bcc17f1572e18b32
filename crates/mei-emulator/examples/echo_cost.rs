//! What a message to the engine and back costs, as its host sees it: `cargo run --release -p mei-emulator
//! --example echo_cost`.

use mei_emulator::{Engine, Persona};
use mei_wire::{Device, Gone, Registers};
use std::time::Instant;

const ROUNDS: u32 = 1_000_000;
const H_CSR: u32 = 4;
const COMPLETE: u32 = 1 << 31;
/// H_IE, H_IS, H_IG, H_RDY.
const BELL: u32 = 0b1111;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = "name = 'x'\ndevice = 0x1E3A\nhbm = '2.0'\n[[client]]\nkind = 'echo'\naddress = 32\n[timings]\nready-ms = 0";
    let now = Instant::now();
    let mut engine = Engine::new(&Persona::parse(text, "built in")?, now);
    engine.write32(H_CSR, 0x11)?;
    engine.run(now);
    engine.write32(H_CSR, BELL)?;
    send(&mut engine, COMPLETE | 4 << 16, &[0x0202_0001], now)?;
    send(&mut engine, COMPLETE | 4 << 16, &[0x0001_2006], now)?;
    drain(&mut engine, &mut [0; 128])?;
    for length in [16u32, 508] {
        let mut slots = [0; 128];
        let start = Instant::now();
        for _ in 0..ROUNDS {
            let data = &[7; 127][..length as usize / 4];
            send(&mut engine, 32 | 1 << 8 | length << 16 | COMPLETE, data, now)?;
            send(&mut engine, COMPLETE | 8 << 16, &[0x0001_2008, 0], now)?;
            while drain(&mut engine, &mut slots)? > 0 {
                engine.write32(H_CSR, BELL)?;
                engine.run(now);
            }
        }
        println!("{length} bytes and back: {:?}", start.elapsed() / ROUNDS);
    }
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| engine.run(now));
    println!("nothing to do: {:?}", start.elapsed() / ROUNDS);
    Ok(())
}

fn send(engine: &mut Engine, header: u32, slots: &[u32], now: Instant) -> Result<(), Gone> {
    engine.write32(0, header)?;
    engine.write_window(slots)?;
    engine.write32(H_CSR, BELL)?;
    engine.run(now);
    Ok(())
}

/// Takes out what waits in the ME window; slots.
fn drain(engine: &mut Engine, slots: &mut [u32]) -> Result<usize, Gone> {
    let [_, write, read, _] = engine.read32(0x00C)?.to_be_bytes();
    let filled = usize::from(write.wrapping_sub(read));
    engine.read_window(&mut slots[..filled])?;
    Ok(filled)
}
