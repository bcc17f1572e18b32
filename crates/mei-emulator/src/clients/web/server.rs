//! HTTP over one stream: requests in, responses out, one after the other.

use super::request::{Persistence, Reader, Request, Step};
use super::response::Status;
use crate::clients::service::{Connection, Stream};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long a connection may stand without a whole request.
const IDLE: Duration = Duration::from_secs(60);

/// Most bytes that wait for their turn. A client that sends more before it reads is cut off.
const MAX_PENDING: usize = 160 * 1024;

/// Answers requests.
pub(super) trait Handler: Debug + Send {
    /// Appends the response to a request to `out`; says whether the connection goes on.
    fn respond(&mut self, request: &Request<'_>, body: &[u8], out: &mut Vec<u8>) -> Persistence;

    /// Appends the response to something that is no request. The connection ends.
    fn refuse(&mut self, status: Status, out: &mut Vec<u8>);
}

/// One connection.
#[derive(Debug)]
pub(super) struct Server<H> {
    handler: H,
    reader: Reader,
    /// Responses being sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// No further request is looked at.
    last: bool,
    idle_until: Instant,
}

impl<H: Handler> Server<H> {
    pub(super) fn new(handler: H, now: Instant) -> Self {
        Self {
            handler,
            reader: Reader::default(),
            out: Vec::new(),
            sent: 0,
            last: false,
            idle_until: now + IDLE,
        }
    }

    /// Answers what can be answered. A response is begun only when the one before it is on its way.
    fn work(&mut self, stream: &mut Stream, now: Instant) {
        loop {
            self.sent += stream.send(&self.out[self.sent..]);
            if self.sent < self.out.len() {
                return;
            }
            self.out.clear();
            self.sent = 0;
            if self.last {
                return stream.close();
            }
            match self.reader.step() {
                Ok(Step::More) => return,
                Ok(Step::Continue) => self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n"),
                Ok(Step::Whole) => {
                    self.idle_until = now + IDLE;
                    let Self { handler, reader, out, .. } = self;
                    let persistence = reader.request(|request, body| handler.respond(request, body, out));
                    self.last = persistence != Some(Persistence::KeepAlive);
                    self.reader.next();
                }
                Err(status) => {
                    self.handler.refuse(status, &mut self.out);
                    self.last = true;
                }
            }
        }
    }
}

impl<H: Handler> Connection for Server<H> {
    fn received(&mut self, bytes: &[u8], stream: &mut Stream, now: Instant) {
        stream.consume(bytes.len());
        if self.last {
            return;
        }
        if self.reader.pending() + bytes.len() > MAX_PENDING {
            self.last = true;
            return stream.close();
        }
        self.reader.push(bytes);
        self.work(stream, now);
    }

    fn advance(&mut self, stream: &mut Stream, now: Instant) {
        self.work(stream, now);
        if self.idle_until <= now && !self.last {
            self.last = true;
            stream.close();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.last).then_some(self.idle_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each request with its path and the length of its body.
    #[derive(Debug)]
    struct Telling;

    impl Handler for Telling {
        fn respond(&mut self, request: &Request<'_>, body: &[u8], out: &mut Vec<u8>) -> Persistence {
            out.extend(format!("[{} {} {}]", request.method, request.path, body.len()).bytes());
            if request.path == "/long" {
                out.resize(out.len() + 50_000, b'x');
            }
            request.persistence
        }

        fn refuse(&mut self, status: Status, out: &mut Vec<u8>) {
            out.extend(format!("[{status:?}]").bytes());
        }
    }

    fn server() -> (Server<Telling>, Stream, Instant) {
        let now = Instant::now();
        (Server::new(Telling, now), Stream::default(), now)
    }

    fn said(stream: &mut Stream) -> String {
        let said = String::from_utf8(stream.waiting().to_vec()).unwrap();
        stream.sent(said.len());
        said
    }

    #[test]
    fn requests_are_answered_in_order() {
        let (mut server, mut stream, now) = server();
        server.received(
            b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nh",
            &mut stream,
            now,
        );
        assert_eq!(said(&mut stream), "[GET /a 0]");
        server.received(b"i", &mut stream, now);
        assert_eq!(said(&mut stream), "[POST /b 2]");
        assert!(!stream.is_closing());
        server.received(
            b"GET /c HTTP/1.1\r\nConnection: close\r\n\r\nGET /d HTTP/1.1\r\n\r\n",
            &mut stream,
            now,
        );
        assert_eq!(said(&mut stream), "[GET /c 0]");
        assert!(stream.is_closing());
    }

    #[test]
    fn a_client_that_waits_for_leave_gets_it() {
        let (mut server, mut stream, now) = server();
        let head = b"POST /b HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
        server.received(head, &mut stream, now);
        assert_eq!(said(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
        server.received(b"hi", &mut stream, now);
        assert_eq!(said(&mut stream), "[POST /b 2]");
    }

    #[test]
    fn what_is_no_request_ends_the_connection() {
        let (mut server, mut stream, now) = server();
        server.received(b"\x16\x03\x01\x00\x05hello\r\n", &mut stream, now);
        assert_eq!(said(&mut stream), "[BadRequest]");
        assert!(stream.is_closing());
        server.received(b"GET / HTTP/1.1\r\n\r\n", &mut stream, now);
        assert_eq!(said(&mut stream), "");
    }

    #[test]
    fn a_client_that_does_not_read_waits_and_then_is_cut_off() {
        let (mut server, mut stream, now) = server();
        for _ in 0..5 {
            server.received(b"GET /long HTTP/1.1\r\n\r\n", &mut stream, now);
        }
        let mut heard = 0;
        while !stream.waiting().is_empty() {
            heard += said(&mut stream).matches("[GET /long 0]").count();
            if stream.take_starved() {
                server.advance(&mut stream, now);
            }
        }
        assert_eq!(heard, 5);
        for _ in 0..10_000 {
            server.received(b"GET /long HTTP/1.1\r\n\r\n", &mut stream, now);
        }
        assert!(stream.is_closing());
    }

    #[test]
    fn an_idle_connection_ends() {
        let (mut server, mut stream, now) = server();
        let due = server.deadline().unwrap();
        assert_eq!(due - now, Duration::from_secs(60));
        server.received(b"GET / HT", &mut stream, now);
        server.advance(&mut stream, due - Duration::from_secs(1));
        assert!(!stream.is_closing());
        server.advance(&mut stream, due);
        assert!(stream.is_closing());
        assert_eq!(server.deadline(), None);
    }
}
