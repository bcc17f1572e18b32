//! Two logs beside each other.

use super::log::Log;
use std::fmt::{self, Write};

/// How many equal lines are shown around a difference.
const AROUND: usize = 2;
/// Beyond this many lines only the first difference is shown.
const LARGEST: usize = 4000;

/// Where two logs differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Compares two logs, thread by thread.
///
/// One thing is left to chance: a program that asks a device again and again, without waiting in the call, asks in
/// vain more or less often. Where that is all the difference, there is none.
///
/// # Errors
/// They differ.
pub fn compare(ours: &Log, theirs: &Log) -> Result<(), Difference> {
    if ours.threads.len() != theirs.threads.len() {
        let (ours, theirs) = (ours.threads.len(), theirs.threads.len());
        return Err(Difference(format!("threads that made the calls: {theirs} and {ours}\n")));
    }
    let mut text = String::new();
    for (number, (ours, theirs)) in ours.threads.iter().zip(&theirs.threads).enumerate() {
        if ours != theirs && without_chance(ours) != without_chance(theirs) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "thread {number}: - the first log, + the second");
            show(theirs, ours, &mut text);
        }
    }
    if text.is_empty() { Ok(()) } else { Err(Difference(text)) }
}

/// Without asking in vain, and waiting until it is worth to ask.
fn without_chance(lines: &[String]) -> Vec<&String> {
    let is_chance = |line: &&String| {
        let waits = ["pselect6(", "select(", "poll(", "ppoll(", "epoll_wait(", "epoll_pwait("];
        let read_in_vain = line.starts_with("read(") && line.contains(" = -1 EAGAIN");
        read_in_vain || waits.iter().any(|call| line.starts_with(call))
    };
    lines.iter().filter(|line| !is_chance(line)).collect()
}

/// Shows what has to go from `old` and what has to come to make `new` of it.
fn show(old: &[String], new: &[String], text: &mut String) {
    if old.len() + new.len() > LARGEST {
        let place = old.iter().zip(new).position(|(old, new)| old != new).unwrap_or(old.len().min(new.len()));
        let line = |lines: &[String]| lines.get(place).map_or("(no more lines)".to_owned(), Clone::clone);
        let _ = writeln!(text, "line {place}:\n- {}\n+ {}", line(old), line(new));
        return;
    }
    let steps = steps(old, new);
    let is_near = |place: usize| {
        let near = place.saturating_sub(AROUND)..(place + AROUND + 1).min(steps.len());
        steps[near].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut skipped = false;
    for (place, (sign, line)) in steps.iter().enumerate() {
        if is_near(place) {
            let _ = writeln!(text, "{sign} {line}");
        } else if !skipped {
            let _ = writeln!(text, "  ...");
        }
        skipped = !is_near(place);
    }
}

/// The shortest way from `old` to `new`, line by line, by their longest common subsequence.
fn steps<'a>(old: &'a [String], new: &'a [String]) -> Vec<(char, &'a str)> {
    // common[i][j]: length of the longest common subsequence of old[i..] and new[j..].
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            steps.push((' ', old[i].as_str()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            steps.push(('-', old[i].as_str()));
            i += 1;
        } else {
            steps.push(('+', new[j].as_str()));
            j += 1;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{compare, show};
    use crate::strace::Log;

    fn log(lines: &[&str]) -> Log {
        Log { threads: vec![lines.iter().map(|line| (*line).to_owned()).collect()] }
    }

    const WRITE: &str = "write(3, \"x\", 1) = 1";
    const READ: &str = "read(3, \"x\", 9) = 1";
    const VAIN: &str = "read(3, ADDRESS, 9) = -1 EAGAIN (Resource temporarily unavailable)";
    const WAIT: &str = "pselect6(4, [3]) = 1 (in [3])";

    #[test]
    fn how_often_a_program_asks_in_vain_is_chance() {
        let often = log(&[WRITE, VAIN, WAIT, VAIN, WAIT, READ]);
        assert_eq!(compare(&often, &log(&[WRITE, READ])), Ok(()));
        assert_eq!(compare(&often, &often), Ok(()));
    }

    #[test]
    fn every_other_difference_is_one() {
        let good = [WRITE, VAIN, WAIT, READ];
        for other in [
            &[WRITE, VAIN, WAIT][..],
            &[VAIN, WAIT, READ],
            &[READ, VAIN, WAIT, WRITE],
            &[WRITE, VAIN, WAIT, "read(3, \"y\", 9) = 1"],
            &[WRITE, "read(3, ADDRESS, 9) = -1 ENODEV (No such device)", WAIT, READ],
            &["write(3, \"x\", 1) = -1 EAGAIN (Resource temporarily unavailable)", VAIN, WAIT, READ],
        ] {
            assert!(compare(&log(other), &log(&good)).is_err(), "{other:?}");
        }
        let none = Log { threads: Vec::new() };
        assert!(compare(&none, &log(&good)).is_err());
    }

    #[test]
    fn a_difference_is_shown_with_what_is_around_it() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let mut text = String::new();
        show(&lines("abcdefghijk"), &lines("abcdeXghijkY"), &mut text);
        assert_eq!(text, "  ...\n  d\n  e\n- f\n+ X\n  g\n  h\n  ...\n  j\n  k\n+ Y\n");
    }
}
