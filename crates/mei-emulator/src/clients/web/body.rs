//! Bodies of requests: by length, or in chunks.

/// How a body is told from what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(usize),
    /// In chunks.
    Chunked(Chunk),
}

/// Where in a chunked body things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The line with a chunk's size comes next.
    Size,
    /// So many bytes of the chunk are still to come.
    Data(usize),
    /// The line end behind a chunk comes next.
    End,
    /// The last chunk was seen; lines follow, up to an empty one.
    Trailer,
}

/// A body that is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// What became of some input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is needed.
    More,
    /// The body is whole.
    Whole,
}

/// Longest line of sizes and trailers.
const MAX_LINE: usize = 1024;

impl Framing {
    /// Moves what belongs to the body from the front of `input` to `body`; returns how many bytes of `input` were
    /// dealt with.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(usize, Progress), Malformed> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match self {
                Self::Length(left) => {
                    let taken = rest.len().min(*left);
                    body.extend_from_slice(&rest[..taken]);
                    *left -= taken;
                    let progress = if *left == 0 { Progress::Whole } else { Progress::More };
                    return Ok((at + taken, progress));
                }
                Self::Chunked(Chunk::Data(left)) => {
                    let taken = rest.len().min(*left);
                    body.extend_from_slice(&rest[..taken]);
                    at += taken;
                    *left -= taken;
                    if *left > 0 {
                        return Ok((at, Progress::More));
                    }
                    *self = Self::Chunked(Chunk::End);
                }
                Self::Chunked(chunk) => {
                    let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
                        return if rest.len() > MAX_LINE { Err(Malformed) } else { Ok((at, Progress::More)) };
                    };
                    if length > MAX_LINE {
                        return Err(Malformed);
                    }
                    let line = &rest[..length];
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    at += length + 1;
                    match (&chunk, line.is_empty()) {
                        (Chunk::Size, _) => {
                            *chunk = match size(line).ok_or(Malformed)? {
                                0 => Chunk::Trailer,
                                size => Chunk::Data(size),
                            }
                        }
                        (Chunk::End, true) => *chunk = Chunk::Size,
                        (Chunk::End, false) => return Err(Malformed),
                        (Chunk::Trailer, true) => return Ok((at, Progress::Whole)),
                        (Chunk::Trailer | Chunk::Data(_), _) => {}
                    }
                }
            }
        }
    }
}

/// The size at the front of a chunk's line; extensions behind a semicolon are not looked at.
fn size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    usize::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body, and what was left over behind it.
    type Decoded = (Vec<u8>, Vec<u8>);

    /// Decodes `input` in pieces of `piece` bytes; none when the body is not whole.
    fn decode(mut framing: Framing, input: &[u8], piece: usize) -> Result<Option<Decoded>, Malformed> {
        let (mut body, mut pending) = (Vec::new(), Vec::new());
        let mut pieces = input.chunks(piece);
        loop {
            let (taken, progress) = framing.decode(&pending, &mut body)?;
            pending.drain(..taken);
            if progress == Progress::Whole {
                pending.extend(pieces.flatten());
                return Ok(Some((body, pending)));
            }
            match pieces.next() {
                None => return Ok(None),
                Some(piece) => pending.extend_from_slice(piece),
            }
        }
    }

    #[test]
    fn bodies_are_put_together_from_any_pieces() {
        let chunked = b"4\r\nWiki\r\n5;name=value\r\npedia\r\n0\r\nTrailer: x\r\n\r\nnext";
        for piece in 1..chunked.len() {
            let decoded = decode(Framing::Chunked(Chunk::Size), chunked, piece);
            assert_eq!(decoded, Ok(Some((b"Wikipedia".to_vec(), b"next".to_vec()))), "{piece}");
            let decoded = decode(Framing::Length(9), b"Wikipedianext", piece);
            assert_eq!(decoded, Ok(Some((b"Wikipedia".to_vec(), b"next".to_vec()))), "{piece}");
        }
        assert_eq!(decode(Framing::Length(0), b"", 1), Ok(Some((vec![], vec![]))));
        assert_eq!(decode(Framing::Length(3), b"ab", 1), Ok(None));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for bad in [&b"x\r\n"[..], b"-1\r\n", b"+1\r\n", b"\r\n", b"1\r\nab\r\n", b"fffffffffffffffff\r\n"] {
            assert_eq!(decode(Framing::Chunked(Chunk::Size), bad, 1), Err(Malformed), "{bad:?}");
        }
        let endless = vec![b'0'; 2000];
        assert_eq!(decode(Framing::Chunked(Chunk::Size), &endless, 100), Err(Malformed));
    }
}
