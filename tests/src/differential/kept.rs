//! Sequences that once told two devices apart, one of which had a mistake put into it, cut down. Every run begins with
//! them.

use super::generate::Reach;
use super::step::Step;

/// Name, what it takes, and text of each.
const KEPT: [(&str, Reach, &str); 4] = [
    ("partial-read", Reach::Host, include_str!("kept/partial-read.jsonl")),
    ("withheld-credit", Reach::Host, include_str!("kept/withheld-credit.jsonl")),
    ("event-once", Reach::Host, include_str!("kept/event-once.jsonl")),
    ("tag-zero", Reach::Host, include_str!("kept/tag-zero.jsonl")),
];

/// Those that can be run.
///
/// # Errors
/// The line of a text that is no step.
pub(super) fn sequences(reach: Reach) -> Result<Vec<(&'static str, Vec<Step>)>, String> {
    KEPT.iter()
        .filter(|(_, needs, _)| *needs == Reach::Host || reach == Reach::Kernel)
        .map(|(name, _, text)| Ok((*name, Step::parse_all(text)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_sequence() {
        let all = sequences(Reach::Kernel).unwrap();
        assert_eq!(all.len(), KEPT.len());
        assert!(all.iter().all(|(_, steps)| !steps.is_empty()));
    }
}
