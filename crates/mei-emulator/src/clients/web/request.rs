//! Requests, put together from bytes as they come.

use super::body::{Chunk, Framing, Malformed, Progress};
use super::response::Status;

/// Longest head, bytes.
const MAX_HEAD: usize = 8 * 1024;
/// Most header fields.
const MAX_FIELDS: usize = 64;
/// Longest body, bytes. What WS-Management and certificates need is far below.
const MAX_BODY: usize = 64 * 1024;

/// A whole request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// Its method, such as `GET`.
    pub(super) method: &'a str,
    /// The path that it asks for, without a query.
    pub(super) path: &'a str,
    /// Whether the connection goes on after the response.
    pub(super) persistence: Persistence,
}

/// Whether a connection goes on after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Persistence {
    /// It does.
    KeepAlive,
    /// It does not.
    Close,
}

/// What [`Reader::step`] came upon.
#[derive(Debug)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// The client waits for leave to send the body.
    Continue,
    /// A request is whole: [`Reader::request`].
    Whole,
}

/// Puts requests together.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The head, once there is one, and what has not been looked at.
    buffer: Vec<u8>,
    body: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Body {
        /// Bytes of the head, at the front of the buffer.
        head: usize,
        framing: Framing,
    },
    Whole {
        head: usize,
    },
}

impl Reader {
    /// Takes bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that were taken and not looked at yet.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Looks at what came.
    ///
    /// # Errors
    /// The status that refuses it; the connection cannot go on.
    pub(super) fn step(&mut self) -> Result<Step, Status> {
        match &mut self.state {
            State::Whole { .. } => Ok(Step::Whole),
            State::Head => self.head(),
            State::Body { head, framing } => {
                let head = *head;
                let (taken, progress) = framing
                    .decode(&self.buffer[head..], &mut self.body)
                    .map_err(|Malformed| Status::BadRequest)?;
                self.buffer.drain(head..head + taken);
                if self.body.len() > MAX_BODY {
                    return Err(Status::ContentTooLarge);
                }
                if progress == Progress::More {
                    return Ok(Step::More);
                }
                self.state = State::Whole { head };
                Ok(Step::Whole)
            }
        }
    }

    fn head(&mut self) -> Result<Step, Status> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(&self.buffer) {
            Err(_) => Err(Status::BadRequest),
            Ok(httparse::Status::Partial) if self.buffer.len() > MAX_HEAD => Err(Status::HeadTooLarge),
            Ok(httparse::Status::Partial) => Ok(Step::More),
            Ok(httparse::Status::Complete(head)) if head > MAX_HEAD => Err(Status::HeadTooLarge),
            Ok(httparse::Status::Complete(head)) => {
                let framing = framing(&request)?;
                let expects = has_token(&request, "Expect", "100-continue");
                self.state = State::Body { head, framing };
                if expects && framing != Framing::Length(0) && self.buffer.len() == head {
                    return Ok(Step::Continue);
                }
                self.step()
            }
        }
    }

    /// The request that is whole, if one is.
    pub(super) fn request<R>(&self, look: impl FnOnce(&Request<'_>, &[u8]) -> R) -> Option<R> {
        let State::Whole { head } = self.state else { return None };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        // It parsed before.
        request.parse(&self.buffer[..head]).ok()?;
        let target = request.path.unwrap_or("/");
        let persistent = match request.version {
            Some(0) => has_token(&request, "Connection", "keep-alive"),
            _ => !has_token(&request, "Connection", "close"),
        };
        let whole = Request {
            method: request.method.unwrap_or_default(),
            path: target.split(['?', '#']).next().unwrap_or(target),
            persistence: if persistent { Persistence::KeepAlive } else { Persistence::Close },
        };
        Some(look(&whole, &self.body))
    }

    /// Goes on behind the request that was whole.
    pub(super) fn next(&mut self) {
        if let State::Whole { head } = self.state {
            self.buffer.drain(..head);
            self.body.clear();
            self.state = State::Head;
        }
    }
}

/// How the body is framed. Both ways at once, or a length twice, is how requests are smuggled: refused.
fn framing(request: &httparse::Request<'_, '_>) -> Result<Framing, Status> {
    let mut lengths = values(request, "Content-Length");
    let length = match lengths.next() {
        None => None,
        Some(value) => {
            let digits = std::str::from_utf8(value).map_err(|_| Status::BadRequest)?.trim();
            if digits.is_empty()
                || !digits.bytes().all(|digit| digit.is_ascii_digit())
                || lengths.next().is_some()
            {
                return Err(Status::BadRequest);
            }
            Some(digits.parse::<usize>().map_err(|_| Status::ContentTooLarge)?)
        }
    };
    let mut encodings = values(request, "Transfer-Encoding");
    match (encodings.next(), length) {
        (None, None) => Ok(Framing::Length(0)),
        (None, Some(length)) if length > MAX_BODY => Err(Status::ContentTooLarge),
        (None, Some(length)) => Ok(Framing::Length(length)),
        (Some(value), None)
            if value.trim_ascii().eq_ignore_ascii_case(b"chunked") && encodings.next().is_none() =>
        {
            Ok(Framing::Chunked(Chunk::Size))
        }
        (Some(_), _) => Err(Status::BadRequest),
    }
}

fn values<'a>(request: &'a httparse::Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    request.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// Whether a header field that is a list has an entry.
fn has_token(request: &httparse::Request<'_, '_>, name: &str, token: &str) -> bool {
    values(request, name)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .any(|entry| entry.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, path, body, persistence.
    type Seen = (String, String, Vec<u8>, Persistence);

    /// What the requests in `bytes` are, fed in pieces.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Seen>, Status> {
        let mut reader = Reader::default();
        let mut requests = Vec::new();
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            while let Step::Whole = reader.step()? {
                requests.extend(reader.request(|request, body| {
                    (request.method.to_owned(), request.path.to_owned(), body.to_vec(), request.persistence)
                }));
                reader.next();
            }
        }
        Ok(requests)
    }

    #[test]
    fn requests_are_put_together_from_any_pieces() {
        let bytes = b"GET /a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n\
                      POST /wsman HTTP/1.1\r\ncontent-length: 3\r\nConnection: Close\r\n\r\nabc\
                      POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
                      GET / HTTP/1.0\r\n\r\n";
        for piece in 1..bytes.len() {
            let expected = [
                ("GET", "/a", &b""[..], Persistence::KeepAlive),
                ("POST", "/wsman", b"abc", Persistence::Close),
                ("POST", "/wsman", b"abc", Persistence::KeepAlive),
                ("GET", "/", b"", Persistence::Close),
            ]
            .map(|(method, path, body, persistence)| {
                (method.to_owned(), path.to_owned(), body.to_vec(), persistence)
            });
            assert_eq!(read(bytes, piece).unwrap(), expected, "{piece}");
        }
    }

    #[test]
    fn what_is_no_request_or_too_much_is_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(9000));
        let fields = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
        let body =
            format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11000\r\n{}", "a".repeat(0x11000));
        for (bytes, status) in [
            ("\x16\x03\x01\x02", Status::BadRequest),
            ("GET\r\n\r\n", Status::BadRequest),
            (&*long, Status::HeadTooLarge),
            (&*fields, Status::BadRequest),
            ("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", Status::ContentTooLarge),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", Status::ContentTooLarge),
            ("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", Status::BadRequest),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Status::BadRequest),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Status::BadRequest,
            ),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", Status::BadRequest),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Status::BadRequest),
            (&*body, Status::ContentTooLarge),
        ] {
            assert_eq!(read(bytes.as_bytes(), bytes.len()).unwrap_err(), status, "{bytes:.60}");
        }
    }
}
