//! Status words of responses (`amthi.md` §5).

/// Status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $constant:ident = $code:literal, $name:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $constant: Self = Self($code);)*

            /// What it means, if that is known.
            pub const fn name(self) -> Option<&'static str> {
                Some(match self.0 {
                    $($code => $name,)*
                    _ => return None,
                })
            }
        }
    };
}

statuses! {
    /// Done.
    SUCCESS = 0, "success";
    /// The firmware failed.
    INTERNAL_ERROR = 1, "internal error";
    /// Not yet.
    NOT_READY = 2, "not ready";
    /// AMT is in a mode that has no such command.
    INVALID_AMT_MODE = 3, "invalid AMT mode";
    /// The request is too short or too long.
    INVALID_MESSAGE_LENGTH = 4, "invalid message length";
    /// There is no certificate fingerprint.
    FINGERPRINT_NOT_AVAILABLE = 5, "fingerprint not available";
    /// Integrity check failed.
    INTEGRITY_CHECK_FAILED = 6, "integrity check failed";
    /// Refused in this state.
    NOT_PERMITTED = 0x10, "not permitted";
    /// A limit is reached.
    MAX_LIMIT_REACHED = 0x17, "limit reached";
    /// Provisioning is in another state.
    INVALID_PROVISIONING_STATE = 0x20, "invalid provisioning state";
    /// No such object.
    UNSUPPORTED_OBJECT = 0x21, "unsupported object";
    /// A parameter is wrong.
    INVALID_PARAMETER = 0x24, "invalid parameter";
    /// Flash was written too often.
    FLASH_WRITE_LIMIT = 0x26, "flash write limit";
    /// The seed is being made.
    RNG_GENERATION_IN_PROGRESS = 0x2F, "random seed being generated";
    /// There is no seed.
    RNG_NOT_READY = 0x30, "random seed not ready";
    /// There is no certificate.
    CERTIFICATE_NOT_READY = 0x31, "certificate not ready";
    /// Enterprise access: not granted.
    ACCESS_NOT_GRANTED = 0x200, "enterprise access not granted";
    /// Enterprise access: VPN is disabled.
    ACCESS_VPN_DISABLED = 0x201, "enterprise access: VPN disabled";
    /// Enterprise access: granted without dynamic DNS.
    ACCESS_GRANTED = 0x202, "enterprise access granted";
    /// Enterprise access: granted with dynamic DNS.
    ACCESS_GRANTED_WITH_DDNS = 0x203, "enterprise access granted with dynamic DNS";
    /// Switched off by policy.
    DISABLED_BY_POLICY = 0x400, "disabled by policy";
    /// No such handle.
    INVALID_HANDLE = 0x805, "invalid handle";
    /// Data are missing.
    DATA_MISSING = 0x809, "data missing";
    /// It exists already.
    DUPLICATE = 0x80A, "duplicate";
    /// The command is not supported.
    UNSUPPORTED = 0x812, "unsupported";
    /// There is none.
    NOT_FOUND = 0x814, "not found";
    /// IPv6 is switched off on the interface.
    IPV6_DISABLED = 2500, "IPv6 disabled";
    /// There is no such interface.
    NO_SUCH_INTERFACE = 2501, "interface does not exist";
}
