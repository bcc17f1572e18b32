//! What ran and how it went: a table for people, a last line for machines.

use super::libtest::Verdict;
use std::fmt::Write;
use std::time::Duration;

/// Numbers of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// Adds one test.
    pub(crate) fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Skipped => self.skipped += 1,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Whether a row has to have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// How the client reached the engine.
    pub(crate) transport: String,
    /// The kernel below.
    pub(crate) kernel: String,
    /// Who judged.
    pub(crate) client: String,
    pub(crate) counts: Counts,
    pub(crate) need: Need,
}

/// One stage of the run.
#[derive(Debug)]
struct Stage {
    name: &'static str,
    took: Duration,
    outcome: Result<(), String>,
}

/// Everything there is to say at the end.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    stages: Vec<Stage>,
    rows: Vec<Row>,
    repeated: Vec<String>,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Summary {
    /// A stage is over; one that judges as a whole, such as formatting, counts as one test.
    pub(crate) fn stage(&mut self, name: &'static str, took: Duration, outcome: Result<(), String>) {
        self.stages.push(Stage { name, took, outcome });
    }

    /// Adds to the row of the same transport, kernel and client, or makes one.
    pub(crate) fn row(&mut self, row: Row) {
        let same = |known: &&mut Row| {
            known.transport == row.transport && known.kernel == row.kernel && known.client == row.client
        };
        match self.rows.iter_mut().find(same) {
            Some(known) => known.counts.add(row.counts),
            None => self.rows.push(row),
        }
    }

    /// A test passed, but not the first time.
    pub(crate) fn passed_when_repeated(&mut self, test: String) {
        self.repeated.push(test);
    }

    /// A test failed, for the list at the end.
    pub(crate) fn failed(&mut self, test: String) {
        self.failed.push(test);
    }

    /// A test did not run, and why.
    pub(crate) fn skipped(&mut self, test: String) {
        self.skipped.push(test);
    }

    /// All counts; a required row of which nothing ran counts as one failure.
    pub(crate) fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for stage in &self.stages {
            all.add(if stage.outcome.is_ok() { Counts::PASSED } else { Counts::FAILED });
        }
        for row in &self.rows {
            all.add(row.counts);
            if did_not_run(row) {
                all.add(Counts::FAILED);
            }
        }
        all
    }

    /// The whole text; its last line is `N passed, N failed, N skipped`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if !self.stages.is_empty() {
            text.push_str("\nstage     seconds  outcome\n");
        }
        for stage in &self.stages {
            let outcome = stage.outcome.as_ref().map_or_else(String::as_str, |()| "ok");
            push(&mut text, format_args!("{:<10}{:>7}  {outcome}", stage.name, stage.took.as_secs()));
        }
        if !self.rows.is_empty() {
            self.push_table(&mut text);
        }
        for (title, tests) in [
            ("skipped", &self.skipped),
            ("passed only when repeated", &self.repeated),
            ("failed", &self.failed),
        ] {
            if !tests.is_empty() {
                push(&mut text, format_args!("\n{title}:"));
                for test in tests {
                    push(&mut text, format_args!("  {test}"));
                }
            }
        }
        let Counts { passed, failed, skipped } = self.counts();
        push(&mut text, format_args!("\n{passed} passed, {failed} failed, {skipped} skipped"));
        text
    }

    fn push_table(&self, text: &mut String) {
        let width = |title: &str, field: fn(&Row) -> &str| {
            let longest = self.rows.iter().map(|row| field(row).len()).max().unwrap_or(0);
            longest.max(title.len()) + 2
        };
        let transport = width("transport", |row| &row.transport);
        let kernel = width("kernel", |row| &row.kernel);
        let client = width("client", |row| &row.client);
        push(
            text,
            format_args!(
                "\n{:<transport$}{:<kernel$}{:<client$}passed  failed  skipped",
                "transport", "kernel", "client"
            ),
        );
        for row in &self.rows {
            let Counts { passed, failed, skipped } = row.counts;
            let note = match row.need {
                Need::Required if did_not_run(row) => "  REQUIRED, BUT DID NOT RUN",
                _ => "",
            };
            push(
                text,
                format_args!(
                    "{:<transport$}{:<kernel$}{:<client$}{passed:>6}  {failed:>6}  {skipped:>7}{note}",
                    row.transport, row.kernel, row.client
                ),
            );
        }
    }
}

fn did_not_run(row: &Row) -> bool {
    row.need == Need::Required && row.counts.passed + row.counts.failed == 0
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes all text");
}

#[cfg(test)]
mod tests {
    use super::{Counts, Need, Row, Summary};
    use std::time::Duration;

    fn row(client: &str, counts: Counts) -> Row {
        let text = str::to_owned;
        Row {
            transport: text("CUSE"),
            kernel: text("6.1"),
            client: text(client),
            counts,
            need: Need::Required,
        }
    }

    #[test]
    fn rows_of_one_client_add_up_and_the_last_line_counts_everything() {
        let mut summary = Summary::default();
        summary.stage("format", Duration::from_secs(3), Ok(()));
        summary.row(row("umei info", Counts { passed: 2, failed: 0, skipped: 1 }));
        summary.row(row("umei info", Counts { passed: 1, failed: 1, skipped: 0 }));
        assert!(summary.text().ends_with("\n4 passed, 1 failed, 1 skipped\n"));
    }

    #[test]
    fn a_required_row_that_did_not_run_is_a_failure() {
        let mut summary = Summary::default();
        summary.row(row("fwupd", Counts { passed: 0, failed: 0, skipped: 3 }));
        assert!(summary.text().contains("DID NOT RUN"));
        assert_eq!(summary.counts(), Counts { passed: 0, failed: 1, skipped: 3 });
    }
}
