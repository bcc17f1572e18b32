//! Lines of a log without what is different in every run: addresses, process ids, remaining times, random bytes,
//! numbers that the kernel gives out one after the other.

use std::borrow::Cow;

/// The processes and threads of a log; each has a name by its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes(Vec<u32>);

impl Processes {
    /// These, in the order in which they began.
    #[must_use]
    pub fn new(mut ids: Vec<u32>) -> Self {
        ids.sort_unstable();
        Self(ids)
    }

    fn name(&self, number: &str) -> Option<String> {
        let id: u32 = number.parse().ok()?;
        let place = self.0.iter().position(|known| *known == id)?;
        Some(format!("PROCESS{place}"))
    }
}

/// Shortest hexadecimal number that is taken for an address; a flag or a size is shorter.
const ADDRESS: usize = "0x12345".len();

/// Calls that take or bring processes. In others a number that is one of a process as well is something else.
const ABOUT_PROCESSES: [&str; 10] =
    ["set_tid_address", "getpid", "gettid", "getppid", "clone", "clone3", "vfork", "kill", "tgkill", "wait4"];

/// A line without what is different in every run. Strings stay as they are, but for random ones.
#[must_use]
pub fn normalise(line: &str, processes: &Processes) -> String {
    let mut said = String::new();
    let call = line.split('(').next().unwrap_or_default();
    let is_random = call == "getrandom";
    let none = Processes::default();
    let processes = if ABOUT_PROCESSES.contains(&call) { processes } else { &none };
    for piece in Pieces(line) {
        match piece {
            Piece::String(_) if is_random => said.push_str("RANDOM"),
            Piece::String(text) | Piece::Other(text) => said.push_str(text),
            Piece::Word(word) => said.push_str(&normalise_word(word, &said, processes)),
        }
    }
    squeeze(&without_remainder(&said))
}

fn normalise_word<'a>(word: &'a str, before: &str, processes: &Processes) -> Cow<'a, str> {
    // `pipe:[1234]` and `socket:[1234]` are numbered as they are made, drivers of devices as they are loaded.
    if before.ends_with(":[") {
        return "NUMBER".into();
    }
    if before.ends_with("makedev(") {
        return "DRIVER".into();
    }
    // The kernel's device may be one of several, ours is the first of its driver.
    if before.ends_with("makedev(DRIVER, ") {
        return "DEVICE".into();
    }
    if word.starts_with("0x") && word.len() >= ADDRESS {
        return "ADDRESS".into();
    }
    processes.name(word).map_or(word.into(), Cow::Owned)
}

/// Takes out how much of a time-out was left.
fn without_remainder(line: &str) -> String {
    const LEFT: &str = "left {";
    match line.split_once(LEFT) {
        Some((before, after)) => match after.split_once('}') {
            Some((_, rest)) => format!("{before}left TIME{rest}"),
            None => line.to_owned(),
        },
        None => line.to_owned(),
    }
}

/// Takes out the spaces by which results stand one below the other.
fn squeeze(line: &str) -> String {
    match line.rsplit_once(" = ") {
        Some((call, result)) => format!("{} = {result}", call.trim_end()),
        None => line.to_owned(),
    }
}

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// In double quotes, which are part of it.
    String(&'a str),
    /// Letters, digits, underscores.
    Word(&'a str),
    /// One other character.
    Other(&'a str),
}

/// Cuts a line into pieces.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let first = self.0.chars().next()?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match first {
            '"' => string_length(self.0),
            _ if is_word(first) => self.0.find(|c| !is_word(c)).unwrap_or(self.0.len()),
            _ => first.len_utf8(),
        };
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(match first {
            '"' => Piece::String(piece),
            _ if is_word(first) => Piece::Word(piece),
            _ => Piece::Other(piece),
        })
    }
}

/// Bytes of the string that `text` begins with, both quotes included; all of it if it does not end.
fn string_length(text: &str) -> usize {
    let mut is_escaped = true;
    for (place, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{Processes, normalise};

    fn says(line: &str, expected: &str) {
        assert_eq!(normalise(line, &Processes::new(vec![153, 147])), expected);
    }

    #[test]
    fn what_every_run_has_of_its_own_is_taken_out() {
        says("brk(0x148d4d00)                         = 0x148d4d00", "brk(ADDRESS) = ADDRESS");
        says("set_tid_address(0x148d4650)   = 147", "set_tid_address(ADDRESS) = PROCESS0");
        says("kill(153, 0) = -1 ESRCH (No such process)", "kill(PROCESS1, 0) = -1 ESRCH (No such process)");
        says(
            r#"getrandom("\x27\x22\"\x32", 8, GRND_NONBLOCK) = 8"#,
            "getrandom(RANDOM, 8, GRND_NONBLOCK) = 8",
        );
        says(
            "pselect6(4, [3</dev/mei0>], NULL, NULL, {tv_sec=2, tv_nsec=0}, NULL) = 1 (in [3], left {tv_sec=1, tv_nsec=99})",
            "pselect6(4, [3</dev/mei0>], NULL, NULL, {tv_sec=2, tv_nsec=0}, NULL) = 1 (in [3], left TIME)",
        );
        says(
            r#"stat("/dev/mei0", {st_rdev=makedev(0xf6, 0), ...}) = 0"#,
            r#"stat("/dev/mei0", {st_rdev=makedev(DRIVER, DEVICE), ...}) = 0"#,
        );
        says("close(10<pipe:[10202]>)                 = 0", "close(10<pipe:[NUMBER]>) = 0");
    }

    #[test]
    fn what_a_driver_is_responsible_for_stays() {
        for line in [
            r#"write(3</dev/mei0>, "\x01\x01\x00 = 0x12345678 \"147", 12) = 12"#,
            "ioctl(3</dev/mei0>, _IOC(_IOC_READ|_IOC_WRITE, 0x48, 0x1, 0x10), NULL) = -1 EFAULT (Bad address)",
            "read(3</dev/mei0>, \"\", 147) = 153",
            "an \"open string",
        ] {
            says(line, line);
        }
    }
}
