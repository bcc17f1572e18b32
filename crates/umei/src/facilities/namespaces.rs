//! User namespaces, which distributions and containers restrict each in its way.

use std::fs;
use std::path::Path;

use super::{Facility, status_field};
use crate::sys::{Namespace, try_mounting_in};

const NAME: &str = "user namespaces";

/// Whether this user may make a namespace to mount in.
pub(crate) fn namespaces() -> Facility {
    if try_mounting_in(&[Namespace::Mount]).is_ok() {
        return Facility::works(NAME, "not needed: mounting is allowed without");
    }
    match try_mounting_in(&[Namespace::Mount, Namespace::User]) {
        Ok(()) => Facility::works(NAME, "can be made, and mounted in"),
        Err(error) => Facility::fails(NAME, error.to_string(), namespaces_remedy()),
    }
}

/// What keeps this user from making user namespaces or from mounting in them, and what to do.
pub(crate) fn namespaces_remedy() -> String {
    remedy(&Restrictions::find()).to_owned()
}

/// What is known to restrict user namespaces.
#[derive(Debug, Clone, Copy, Default)]
struct Restrictions {
    /// `user.max_user_namespaces` is 0.
    limit_is_zero: bool,
    /// Debian's switch is off.
    clone_is_off: bool,
    /// Ubuntu's AppArmor takes privileges away in new user namespaces.
    apparmor: bool,
    /// A system call filter is in place, as in a container.
    seccomp: bool,
    /// This is a container.
    container: bool,
}

impl Restrictions {
    fn find() -> Self {
        let sysctl = |name: &str| {
            fs::read_to_string(Path::new("/proc/sys").join(name)).map(|text| text.trim().to_owned())
        };
        let is = |name: &str, value: &str| sysctl(name).is_ok_and(|text| text == value);
        Self {
            limit_is_zero: is("user/max_user_namespaces", "0"),
            clone_is_off: is("kernel/unprivileged_userns_clone", "0"),
            apparmor: is("kernel/apparmor_restrict_unprivileged_userns", "1"),
            seccomp: status_field("Seccomp:").is_some_and(|mode| mode == "2"),
            container: ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists()),
        }
    }
}

fn remedy(restrictions: &Restrictions) -> &'static str {
    if restrictions.seccomp || restrictions.container {
        "the container does not allow it: start it with `--device /dev/fuse --cap-add SYS_ADMIN --security-opt \
         apparmor=unconfined`, or with `--privileged`"
    } else if restrictions.limit_is_zero {
        "user namespaces are off: `sysctl user.max_user_namespaces=10000` as root, or run as root"
    } else if restrictions.clone_is_off {
        "user namespaces are for root only: `sysctl kernel.unprivileged_userns_clone=1` as root, or run as root"
    } else if restrictions.apparmor {
        "AppArmor restricts user namespaces (Ubuntu 23.10 and later): `sysctl \
         kernel.apparmor_restrict_unprivileged_userns=0` as root, or an AppArmor profile for umei that allows \
         `userns,`, or run as root"
    } else {
        "run as root, or let the administrator allow user namespaces"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_restriction_has_its_remedy() {
        let none = Restrictions::default();
        for (restrictions, word) in [
            (Restrictions { limit_is_zero: true, ..none }, "user.max_user_namespaces"),
            (Restrictions { clone_is_off: true, ..none }, "unprivileged_userns_clone"),
            (Restrictions { apparmor: true, ..none }, "apparmor_restrict_unprivileged_userns"),
            (Restrictions { seccomp: true, apparmor: true, ..none }, "--device /dev/fuse"),
            (Restrictions { container: true, ..none }, "SYS_ADMIN"),
            (none, "as root"),
        ] {
            assert!(remedy(&restrictions).contains(word), "{restrictions:?}");
        }
    }
}
