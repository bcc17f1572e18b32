//! AMT's web service before anybody has logged in: the logon page, and the challenge (`wsman.md` §1).

use super::nonce::Nonces;
use super::request::{Persistence, Request};
use super::response::{Body, Response, Status};
use super::server::Handler;
use crate::clients::amt::{Amt, RootStatus, Web};
use std::sync::Arc;

/// What all connections say of themselves.
#[derive(Debug)]
pub(super) struct Site {
    /// `Server` header field.
    server: String,
    /// Digest realm: `Digest:` and 32 digits.
    realm: String,
    /// The web user interface is on.
    pages: bool,
    /// What is not certain.
    web: Web,
}

impl Site {
    pub(super) fn new(amt: &Amt) -> Self {
        let version = |description: &str| {
            let mut found = amt.versions.iter().filter(|version| version.description == description);
            found.next().map_or("", |version| &*version.version)
        };
        let mut server = format!("Intel(R) Active Management Technology {}", version("AMT"));
        // Firmware of version 16 tells its build as well.
        let major = version("AMT").split('.').next().and_then(|major| major.parse::<u16>().ok());
        if major.is_some_and(|major| major >= 16) {
            server = format!("{server}.{}", version("Build Number"));
        }
        Self {
            server,
            realm: format!("Digest:{}", amt.digest_realm),
            pages: amt.features.web_ui,
            web: amt.web.clone(),
        }
    }
}

/// One connection's answers.
#[derive(Debug)]
pub(super) struct Logon {
    site: Arc<Site>,
    nonces: Nonces,
}

impl Logon {
    pub(super) fn new(site: Arc<Site>, nonces: Nonces) -> Self {
        Self { site, nonces }
    }

    fn begin<'o>(&self, out: &'o mut Vec<u8>, status: Status) -> Response<'o> {
        let mut response = Response::begin(out, status);
        response.field("Server", &[self.site.server.as_bytes()]);
        response
    }

    fn page(&self, out: &mut Vec<u8>, status: Status, page: &str, persistence: Persistence, body: Body) {
        let mut response = self.begin(out, status);
        response.field("Content-Type", &[b"text/html"]);
        response.end(persistence, page.as_bytes(), body);
    }

    fn logon_page(&self, out: &mut Vec<u8>, persistence: Persistence, body: Body) -> Persistence {
        self.page(out, Status::Ok, LOGON_PAGE, persistence, body);
        persistence
    }

    /// Names, order, quotes and commas as every program can read them (`wsman.md` §1, digest).
    fn challenge(&mut self, out: &mut Vec<u8>, body: Body) {
        let nonce = self.nonces.nonce();
        let mut response = Response::begin(out, Status::Unauthorized);
        response.field(
            "WWW-Authenticate",
            &[
                b"Digest realm=\"",
                self.site.realm.as_bytes(),
                b"\", nonce=\"",
                &nonce,
                b"\",stale=\"false\",qop=\"",
                self.site.web.qop.text().as_bytes(),
                b"\"",
            ],
        );
        response.field("Server", &[self.site.server.as_bytes()]);
        response.field("Content-Type", &[b"text/html"]);
        response.end(Persistence::Close, CHALLENGE_PAGE.as_bytes(), body);
    }
}

impl Handler for Logon {
    fn respond(&mut self, request: &Request<'_>, _body: &[u8], out: &mut Vec<u8>) -> Persistence {
        let body = if request.method == "HEAD" { Body::Announced } else { Body::Sent };
        let reads = matches!(request.method, "GET" | "HEAD");
        match request.path {
            "/" | "/logon.htm" if reads && !self.site.pages => {
                self.page(out, Status::NotFound, NOT_FOUND_PAGE, request.persistence, body);
                request.persistence
            }
            "/" if reads => {
                let status = match self.site.web.root_status {
                    RootStatus::Page => return self.logon_page(out, request.persistence, body),
                    RootStatus::MovedPermanently => Status::MovedPermanently,
                    RootStatus::Found => Status::Found,
                    RootStatus::SeeOther => Status::SeeOther,
                    RootStatus::TemporaryRedirect => Status::TemporaryRedirect,
                };
                let mut response = self.begin(out, status);
                response.field("Location", &[b"/logon.htm"]);
                response.end(request.persistence, b"", body);
                request.persistence
            }
            "/logon.htm" if reads => self.logon_page(out, request.persistence, body),
            // Whoever claims to have logged in is challenged like everybody else: nobody can.
            _ => {
                self.challenge(out, body);
                Persistence::Close
            }
        }
    }

    fn refuse(&mut self, status: Status, out: &mut Vec<u8>) {
        self.page(out, status, BAD_REQUEST_PAGE, Persistence::Close, Body::Sent);
    }
}

/// What a browser shows to a person who gives up logging in.
const CHALLENGE_PAGE: &str = "\
<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">
<html>
<head>
<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">
<meta http-equiv=\"Cache-Control\" content=\"no-cache\">
<title>Intel&reg; Active Management Technology</title>
</head>
<body>
<h1>Log on failed</h1>
<p>The user name or the password was not accepted. This computer can only be managed by users whom its
administrator has given access to.</p>
<form method=\"get\" action=\"/index.htm\">
<p>To try once more, choose Log On. To leave, close this window.</p>
<p><input type=\"submit\" value=\"Log On\"></p>
</form>
</body>
</html>
";

const LOGON_PAGE: &str = "\
<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">
<html>
<head>
<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">
<title>Intel&reg; Active Management Technology</title>
</head>
<body>
<h1>Intel&reg; Active Management Technology</h1>
<p>Log on to this computer.</p>
<form method=\"get\" action=\"/index.htm\">
<p><input type=\"submit\" value=\"Log On...\"></p>
</form>
</body>
</html>
";

const NOT_FOUND_PAGE: &str = "<html><head><title>Not found</title></head><body>Not found</body></html>\n";

const BAD_REQUEST_PAGE: &str =
    "<html><head><title>Bad request</title></head><body>Bad request</body></html>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::amt::tests::amt;
    use crate::clients::service::{Connection, Stream};
    use crate::clients::web::server::Server;
    use proptest::prelude::*;
    use std::time::Instant;

    const AMT: &str = "versions = [{ description = 'AMT', version = '11.8.93' }]\n\
                       digest-realm = '10DF0000000000000000000000000000'";

    /// The response to some bytes on a connection of their own, and whether the connection ends after it.
    fn ask_of(tables: &str, bytes: &[u8]) -> (String, bool) {
        let now = Instant::now();
        let logon = Logon::new(Arc::new(Site::new(&amt(tables))), Nonces::from_process());
        let mut server = Server::new(logon, now);
        let mut stream = Stream::default();
        server.received(bytes, &mut stream, now);
        (String::from_utf8(stream.waiting().to_vec()).unwrap(), stream.is_closing())
    }

    fn ask(request: &str) -> (String, bool) {
        ask_of(AMT, request.as_bytes())
    }

    /// The value of a header field.
    fn field<'a>(response: &'a str, name: &str) -> &'a str {
        let (head, _) = response.split_once("\r\n\r\n").unwrap();
        let value =
            |line: &'a str| line.split_once(": ").filter(|(own, _)| *own == name).map(|(_, value)| value);
        head.lines().find_map(value).unwrap_or_else(|| panic!("no {name} in {head}"))
    }

    #[test]
    fn whatever_needs_a_user_is_challenged() {
        let post = "POST /wsman HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        let authorized = "POST /wsman HTTP/1.1\r\nAuthorization: Digest username=\"admin\"\r\n\r\n";
        for request in [post, authorized, "GET /index.htm HTTP/1.1\r\n\r\n"] {
            let (response, closing) = ask(request);
            assert!(response.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{response}");
            assert!(response.ends_with("</html>\n"), "{response}");
            assert!(closing);
            assert_eq!(field(&response, "Connection"), "close");
            assert_eq!(field(&response, "Content-Type"), "text/html");
            assert_eq!(field(&response, "Server"), "Intel(R) Active Management Technology 11.8.93");
            let body = response.split_once("\r\n\r\n").unwrap().1;
            assert_eq!(field(&response, "Content-Length"), body.len().to_string());
        }
    }

    #[test]
    fn the_challenge_can_be_read_by_every_program_and_is_fresh() {
        let challenge = || field(&ask("GET /x HTTP/1.1\r\n\r\n").0, "WWW-Authenticate").to_owned();
        let text = challenge();
        let rest =
            text.strip_prefix("Digest realm=\"Digest:10DF0000000000000000000000000000\", nonce=\"").unwrap();
        let (nonce, rest) = rest.split_at(32);
        assert_eq!(rest, "\",stale=\"false\",qop=\"auth\"");
        assert!(!nonce.contains(['=', '"']));
        assert_ne!(text, challenge());
    }

    #[test]
    fn the_logon_page_is_open_to_everybody() {
        let (response, closing) = ask("GET / HTTP/1.1\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 303 "), "{response}");
        assert_eq!(field(&response, "Location"), "/logon.htm");
        assert!(!closing);
        let (response, closing) = ask("GET /logon.htm HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.contains("Log On"), "{response}");
        assert!(closing);
        let (response, _) = ask("HEAD /logon.htm HTTP/1.1\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\n"), "{response}");
        let (response, _) = ask_of(&format!("{AMT}\nfeatures.web-ui = false"), b"GET / HTTP/1.1\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    }

    #[test]
    fn what_is_not_certain_is_the_personas() {
        for (status, line) in
            [(301, "301 Moved Permanently"), (302, "302 Found"), (307, "307 Temporary Redirect")]
        {
            let (response, _) =
                ask_of(&format!("{AMT}\nweb.root-status = {status}"), b"GET / HTTP/1.1\r\n\r\n");
            assert!(response.starts_with(&format!("HTTP/1.1 {line}\r\n")), "{response}");
            assert_eq!(field(&response, "Location"), "/logon.htm");
        }
        let (response, _) = ask_of(&format!("{AMT}\nweb.root-status = 200"), b"GET / HTTP/1.1\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.contains("Log On"), "{response}");
        let (response, _) = ask_of(&format!("{AMT}\nweb.qop = 'auth-int, auth'"), b"GET /x HTTP/1.1\r\n\r\n");
        let challenge = field(&response, "WWW-Authenticate");
        assert!(challenge.ends_with("\",stale=\"false\",qop=\"auth-int, auth\""), "{challenge}");
    }

    #[test]
    fn firmware_16_tells_its_build() {
        let tables = "versions = [{ description = 'AMT', version = '16.1.25' },\n\
                      { description = 'Build Number', version = '2124' }]";
        let (response, _) = ask_of(tables, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(field(&response, "Server"), "Intel(R) Active Management Technology 16.1.25.2124");
    }

    #[test]
    fn nonsense_is_told_so() {
        let (response, closing) = ask("\x16\x03\x01\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 400 ") && closing, "{response}");
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..400), piece in 1usize..50) {
            let now = Instant::now();
            let logon = Logon::new(Arc::new(Site::new(&amt(AMT))), Nonces::from_process());
            let mut server = Server::new(logon, now);
            let mut stream = Stream::default();
            server.received(b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &mut stream, now);
            for piece in data.chunks(piece) {
                server.received(piece, &mut stream, now);
            }
            prop_assert!(stream.waiting().len() <= Stream::LIMIT);
        }
    }
}
