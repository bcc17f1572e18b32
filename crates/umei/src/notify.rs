//! Words to the service manager, if there is one.

use sd_notify::NotifyState;

/// The device works.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The device is going away.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("telling the service manager: {error}");
    }
}
