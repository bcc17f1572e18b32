//! What Rust's test programs print, and what else here prints like them.

use super::summary::Counts;
use std::collections::BTreeMap;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// The verdict on every test that `output` names: lines `test NAME ... ok`, and `SKIPPED NAME: reason` for one
/// that found on its way that it cannot run here.
pub(crate) fn verdicts(output: &str) -> BTreeMap<String, Verdict> {
    let mut found = BTreeMap::new();
    for line in output.lines() {
        if let Some((name, verdict)) = verdict(line) {
            found.insert(name, verdict);
        }
    }
    for (skipped, _) in skipped(output) {
        // A test knows its plain name; the line has its module before it.
        let is_it = |name: &str| name == skipped || name.ends_with(&format!("::{skipped}"));
        for (_, verdict) in
            found.iter_mut().filter(|(name, verdict)| is_it(name) && **verdict == Verdict::Passed)
        {
            *verdict = Verdict::Skipped;
        }
    }
    found
}

fn verdict(line: &str) -> Option<(String, Verdict)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let verdict = match result.split([',', ' ', '(']).next()? {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Skipped,
        _ => return None,
    };
    Some((name.trim_end_matches(" - should panic").to_owned(), verdict))
}

/// The numbers of a last line `N passed, N failed, N skipped`.
pub(crate) fn closing_line(output: &str) -> Option<Counts> {
    let last = output.lines().rev().find(|line| !line.trim().is_empty())?;
    let mut numbers =
        ["passed", "failed", "skipped"].into_iter().zip(last.split(", ")).map(|(word, part)| {
            let (number, rest) = part.split_once(' ')?;
            (rest == word).then_some(number.parse().ok()?)
        });
    let mut next = || numbers.next().flatten();
    Some(Counts { passed: next()?, failed: next()?, skipped: next()? })
}

/// The tests that say that they cannot run here, and why.
pub(crate) fn skipped(output: &str) -> Vec<(String, String)> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("SKIPPED ")?.split_once(": "));
    lines.map(|(name, reason)| (name.to_owned(), reason.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Verdict, closing_line, verdicts};
    use crate::test::summary::Counts;

    #[test]
    fn a_closing_line_counts() {
        let counts = Counts { passed: 12, failed: 0, skipped: 3 };
        assert_eq!(closing_line("x\n12 passed, 0 failed, 3 skipped\n\n"), Some(counts));
        assert_eq!(closing_line("12 passed, 0 failed\n"), None);
        assert_eq!(closing_line("12 passed, 0 failed, 3 skipped\nmore\n"), None);
    }

    #[test]
    fn verdicts_are_read_line_by_line() {
        let output = "running 5 tests\n\
            test a::fine ... ok\n\
            test b ... FAILED\n\
            test c - should panic ... ok\n\
            SKIPPED fine: no /dev/cuse here\n\
            test d ... ignored, needs a guest\n\
            test src/lib.rs - x (line 3) ... ok\n\
            test e ... \n\
            test result: FAILED. 3 passed; 1 failed\n";
        let found = verdicts(output);
        assert_eq!(found.get("a::fine"), Some(&Verdict::Skipped));
        assert_eq!(found.get("b"), Some(&Verdict::Failed));
        assert_eq!(found.get("c"), Some(&Verdict::Passed));
        assert_eq!(found.get("d"), Some(&Verdict::Skipped));
        assert_eq!(found.get("src/lib.rs - x (line 3)"), Some(&Verdict::Passed));
        assert_eq!(found.len(), 5);
    }
}
