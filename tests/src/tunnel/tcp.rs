//! Programs at the ports of a local management service: plain TCP, and behind it the echo of the engine.

use super::pattern::{Pattern, Random};
use anyhow::{Context, Result, bail, ensure};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(40);

/// What is to be carried.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Where the echo is.
    pub echo: SocketAddr,
    /// Says what is sent and which connections end in the middle.
    pub seed: u64,
    /// Bytes that go and come back before it is enough.
    pub bytes: u64,
    /// Connections at a time.
    pub connections: u64,
}

/// Carries a load; the bytes that came back.
///
/// # Errors
/// A byte is another than was sent, or nothing comes any more.
pub fn load(load: Load) -> Result<u64> {
    drop(connect_when_there(load.echo)?);
    let echoed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..load.connections)
            .map(|number| {
                let echoed = &echoed;
                scope.spawn(move || -> Result<()> {
                    let mut random = Random::new(load.seed ^ number << 32);
                    while echoed.load(Ordering::Relaxed) < load.bytes {
                        let back = connection(load.echo, &mut random)?;
                        echoed.fetch_add(back, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker.join().expect("a worker does not panic")?;
        }
        Ok(echoed.load(Ordering::Relaxed))
    })
}

/// The service may still be starting.
fn connect_when_there(address: SocketAddr) -> Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && start.elapsed() < LIMIT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error).with_context(|| format!("connect to {address}")),
        }
    }
}

/// One connection: sends, hears, and every fourth leaves in the middle. The bytes that came back.
fn connection(address: SocketAddr, random: &mut Random) -> Result<u64> {
    let length = 1 + random.below(256 * 1024);
    let enough = if random.below(4) == 0 { random.below(length) } else { length };
    let pattern = Pattern::Seeded(random.next());
    let mut stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    stream.set_read_timeout(Some(LIMIT)).context("a time-out")?;
    stream.set_write_timeout(Some(LIMIT)).context("a time-out")?;
    let mut writer = stream.try_clone().context("a second descriptor")?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = [0; 10_000];
            let mut sent = 0;
            while sent < length {
                let count = buffer.len().min(usize::try_from(length - sent).unwrap_or(usize::MAX));
                pattern.fill(sent, &mut buffer[..count]);
                // The reader has left, or says what is wrong.
                if writer.write_all(&buffer[..count]).is_err() {
                    return;
                }
                sent += count as u64;
            }
        });
        let mut buffer = [0; 10_000];
        let mut heard = 0;
        let outcome = loop {
            if heard >= enough {
                break Ok(heard);
            }
            match stream.read(&mut buffer) {
                Ok(0) => break Err(anyhow::anyhow!("it ends after {heard} of {length} bytes")),
                Ok(count) => {
                    if let Some(at) = pattern.difference(heard, &buffer[..count]) {
                        break Err(anyhow::anyhow!("byte {at} of {length} is another"));
                    }
                    heard += count as u64;
                }
                Err(error) => break Err(error).with_context(|| format!("after {heard} of {length} bytes")),
            }
        };
        // The writer, too, is done.
        let _ = stream.shutdown(Shutdown::Both);
        outcome
    })
}

/// A page of AMT's own through the same service, so that the load did not replace what is there.
///
/// # Errors
/// There is none.
pub fn page(address: SocketAddr) -> Result<()> {
    let mut stream = connect_when_there(address)?;
    stream.set_read_timeout(Some(LIMIT)).context("a time-out")?;
    stream.write_all(b"GET /index.htm HTTP/1.1\r\nConnection: close\r\n\r\n").context("a request")?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page).context("an answer")?;
    ensure!(page.starts_with(b"HTTP/1.1 401 "), "{:?}", String::from_utf8_lossy(&page));
    if !page.ends_with(b"</html>\n") {
        bail!("the page is cut: {:?}", String::from_utf8_lossy(&page));
    }
    Ok(())
}
