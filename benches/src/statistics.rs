//! What is told of several measurements.

use crate::client::Measured;
use anyhow::{Context, Result};
use std::fmt;

/// Median and extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    lowest: f64,
    highest: f64,
}

impl Summary {
    /// Of at least one number.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Result<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let (first, last) = numbers.first().zip(numbers.last()).context("no measurement")?;
        // Of an even number the lower of the two in the middle: it was measured.
        Ok(Self { median: numbers[(numbers.len() - 1) / 2], lowest: *first, highest: *last })
    }
}

/// The columns in which two devices are set beside each other: times, quotients, evenness.
pub(crate) fn beside(pairs: &[(Measured, Measured)]) -> Result<String> {
    let summary = |number: fn(&(Measured, Measured)) -> f64| Summary::of(pairs.iter().map(number));
    Ok(format!(
        "{:.2} | {:.2} | {} | {} | {:.2} | {:.2}",
        summary(|(ours, _)| ours.time)?.median,
        summary(|(_, theirs)| theirs.time)?.median,
        summary(|(ours, theirs)| theirs.time / ours.time)?,
        summary(|(ours, theirs)| theirs.work / ours.work)?,
        summary(|(ours, _)| ours.evenness)?.median,
        summary(|(_, theirs)| theirs.evenness)?.median,
    ))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.lowest, self.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn the_median_is_one_of_the_numbers() {
        let text = |numbers: &[f64]| Summary::of(numbers.iter().copied()).unwrap().to_string();
        assert_eq!(text(&[3.0, 1.0, 2.0]), "2.00 (1.00–3.00)");
        assert_eq!(text(&[4.0, 3.0, 1.0, 2.0]), "2.00 (1.00–4.00)");
        assert!(Summary::of([]).is_err());
    }
}
