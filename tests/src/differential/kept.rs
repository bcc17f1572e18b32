//! Sequences that once told two devices apart, cut down. Every run begins with them.

use super::generate::Reach;
use super::step::Step;

/// Name, what it takes, and text of each.
const KEPT: [(&str, Reach, &str); 0] = [];

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
