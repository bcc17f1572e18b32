//! Responses.

use super::request::Persistence;

/// Status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// 200.
    Ok,
    /// 301.
    MovedPermanently,
    /// 302.
    Found,
    /// 303.
    SeeOther,
    /// 307.
    TemporaryRedirect,
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 404.
    NotFound,
    /// 413.
    ContentTooLarge,
    /// 431.
    HeadTooLarge,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::MovedPermanently => "301 Moved Permanently",
            Self::Found => "302 Found",
            Self::SeeOther => "303 See Other",
            Self::TemporaryRedirect => "307 Temporary Redirect",
            Self::BadRequest => "400 Bad Request",
            Self::Unauthorized => "401 Unauthorized",
            Self::NotFound => "404 Not Found",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
        }
    }
}

/// Whether a response's body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// It is.
    Sent,
    /// It is only announced, as HEAD wants it.
    Announced,
}

/// A response being written.
#[derive(Debug)]
pub(super) struct Response<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Response<'o> {
    /// Begins a response at the end of `out`.
    pub(super) fn begin(out: &'o mut Vec<u8>, status: Status) -> Self {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(status.line().as_bytes());
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// Adds a header field; its value is the parts together.
    pub(super) fn field(&mut self, name: &str, value: &[&[u8]]) -> &mut Self {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        value.iter().for_each(|part| self.out.extend_from_slice(part));
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Ends it with a body and says whether the connection goes on.
    pub(super) fn end(&mut self, persistence: Persistence, body: &[u8], sent: Body) {
        self.field("Content-Length", &[body.len().to_string().as_bytes()]);
        if persistence == Persistence::Close {
            self.field("Connection", &[b"close"]);
        }
        self.out.extend_from_slice(b"\r\n");
        if sent == Body::Sent {
            self.out.extend_from_slice(body);
        }
    }
}
