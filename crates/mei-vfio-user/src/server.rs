//! One function on one socket, and the loop that owns both.

use crate::config::InterruptMode;
use crate::connection::Connection;
use crate::control::{Control, Order, Orders, Removal, pair};
use crate::engine::Engine;
use crate::function::{Accesses, Function};
use crate::socket::{BindError, Socket};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to leave the listening socket alone after it failed, out of descriptors most likely.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What the owner of a server may choose.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Interrupts that the function offers.
    pub interrupts: InterruptMode,
    /// When the server ends by itself.
    pub lifetime: Lifetime,
}

/// When a server ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// Never: it serves one monitor after the other.
    #[default]
    Endless,
    /// When a monitor that it has agreed with on a version leaves.
    OneMonitor,
}

/// What goes on after an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Serve,
    Stop,
}

/// What woke the loop.
#[derive(Debug, Default, Clone, Copy)]
struct Ready {
    orders: bool,
    socket: bool,
    connection: bool,
    unmask: bool,
}

/// An engine that is served on a socket, one monitor at a time.
#[derive(Debug)]
pub struct Server<E> {
    socket: Socket,
    function: Function<E>,
    connection: Option<Connection>,
    control: Control,
    orders: Orders,
    accept_after: Option<Instant>,
    lifetime: Lifetime,
}

impl<E: Engine> Server<E> {
    /// Listens on `path`. A socket there that nobody listens on is replaced; the path is removed when the
    /// server is dropped. Who may connect is decided by the umask and the directory.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(path: &Path, engine: E, options: Options) -> Result<Self, BindError> {
        let socket = Socket::bind(path)?;
        let (control, orders) = pair().map_err(|errno| BindError::io(path, errno))?;
        Ok(Self {
            socket,
            function: Function::new(engine, options.interrupts),
            connection: None,
            control,
            orders,
            accept_after: None,
            lifetime: options.lifetime,
        })
    }

    /// A handle to give orders by.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves until [`Control::stop`], or the end of its [`Lifetime`].
    ///
    /// # Errors
    /// The system refuses to wait.
    pub fn serve(&mut self) -> io::Result<()> {
        loop {
            let ready = self.wait(Instant::now())?;
            let now = Instant::now();
            if ready.orders && self.carry_out_orders(now) == Next::Stop {
                self.disconnect(now);
                return Ok(());
            }
            if ready.unmask {
                self.function.interrupts.unmask_event();
            }
            if self.serve_connection(ready, now) == Next::Stop {
                return Ok(());
            }
            if self.function.deadline().is_some_and(|deadline| deadline <= now) {
                self.function.run(now);
            }
            // Last, so that a monitor that has left makes room for the next one that waits.
            if ready.socket {
                self.accept(now);
            }
        }
    }

    fn wait(&self, now: Instant) -> io::Result<Ready> {
        let accepts = self.accept_after.is_none_or(|until| until <= now);
        let orders = self.orders.as_fd();
        // An entry that asks for nothing stands in for what is not there.
        let socket =
            if accepts { (self.socket.as_fd(), PollFlags::IN) } else { (orders, PollFlags::empty()) };
        let connection = self.connection.as_ref().map_or((orders, PollFlags::empty()), |connection| {
            (connection.as_fd(), if connection.is_sending() { PollFlags::OUT } else { PollFlags::IN })
        });
        let unmask = self
            .function
            .interrupts
            .unmask_fd()
            .map_or((orders, PollFlags::empty()), |fd| (fd, PollFlags::IN));
        let mut entries = [(orders, PollFlags::IN), socket, connection, unmask]
            .map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags));
        let deadlines = [
            self.function.deadline(),
            self.connection.as_ref().and_then(Connection::deadline),
            self.accept_after.filter(|_| !accepts),
        ];
        let timeout = deadlines
            .into_iter()
            .flatten()
            .min()
            .map(|deadline| timespec(deadline.saturating_duration_since(now)));
        match poll(&mut entries, timeout.as_ref()) {
            Ok(_) => {
                let [orders, socket, connection, unmask] = entries.map(|entry| !entry.revents().is_empty());
                Ok(Ready { orders, socket, connection, unmask })
            }
            Err(Errno::INTR) => Ok(Ready::default()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn serve_connection(&mut self, ready: Ready, now: Instant) -> Next {
        let Some(connection) = &mut self.connection else { return Next::Serve };
        let result = if ready.connection { connection.work(&mut self.function) } else { Ok(()) };
        let Err(reason) = result.and_then(|()| connection.check(now)) else { return Next::Serve };
        if reason.is_farewell() {
            log::info!("{}: {reason}", self.socket.path().display());
        } else {
            log::warn!("{}: the connection is ended: {reason}", self.socket.path().display());
        }
        // Whoever only looks whether somebody listens is not the monitor that is waited for.
        let served = connection.is_ready();
        self.disconnect(now);
        if served && self.lifetime == Lifetime::OneMonitor { Next::Stop } else { Next::Serve }
    }

    fn disconnect(&mut self, now: Instant) {
        if self.connection.take().is_some() {
            let Accesses { reads, writes } = self.function.take_accesses();
            log::info!("{}: {reads} reads of registers, {writes} writes", self.socket.path().display());
            self.function.detach(now);
        }
    }

    fn accept(&mut self, now: Instant) {
        self.accept_after = None;
        let stream = match self.socket.accept() {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(error) => {
                log::warn!("{}: cannot accept a monitor: {error}", self.socket.path().display());
                self.accept_after = Some(now + ACCEPT_PAUSE);
                return;
            }
        };
        if self.connection.is_some() {
            // Rather an error now than a monitor that waits for as long as the first one runs.
            log::warn!(
                "{}: a second monitor is turned away: the function has one already",
                self.socket.path().display()
            );
            return;
        }
        match Connection::new(stream, now) {
            Ok(connection) => {
                log::info!("{}: a monitor connected", self.socket.path().display());
                self.connection = Some(connection);
            }
            Err(error) => {
                log::warn!("{}: a monitor could not connect: {error}", self.socket.path().display())
            }
        }
    }

    fn carry_out_orders(&mut self, now: Instant) -> Next {
        while let Some(order) = self.orders.next() {
            log::info!("{}: {order:?}", self.socket.path().display());
            match order {
                Order::FirmwareReset => self.function.firmware_reset(now),
                Order::Remove(Removal::Surprise) => self.function.remove(),
                Order::Remove(Removal::Requested) => {
                    if !self.function.interrupts.request_release() {
                        log::warn!(
                            "{}: nobody listens for the request to let go",
                            self.socket.path().display()
                        );
                    }
                }
                Order::Reinsert => self.function.reinsert(now),
                Order::Stop => return Next::Stop,
            }
        }
        Next::Serve
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
