//! What is not certain of the web service, as long as nobody has logged in (`wsman.md` §1).

use serde::Deserialize;

/// The web service, `[amt.web]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Web {
    /// What answers a request for `/`.
    pub root_status: RootStatus,
    /// Quality of protection that the digest challenge offers.
    pub qop: Qop,
}

/// What answers a request for `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "u16")]
pub enum RootStatus {
    /// 200: the logon page.
    Page,
    /// 301.
    MovedPermanently,
    /// 302.
    Found,
    /// 303.
    #[default]
    SeeOther,
    /// 307.
    TemporaryRedirect,
}

impl TryFrom<u16> for RootStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, String> {
        Ok(match status {
            200 => Self::Page,
            301 => Self::MovedPermanently,
            302 => Self::Found,
            303 => Self::SeeOther,
            307 => Self::TemporaryRedirect,
            _ => {
                return Err(format!(
                    "status {status} for `/`; 200 is the logon page, 301, 302, 303 and 307 lead there"
                ));
            }
        })
    }
}

/// Quality of protection that the digest challenge offers. One program picks `auth-int` wherever it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Qop {
    /// As every program can have it.
    #[default]
    #[serde(rename = "auth")]
    Auth,
    /// As firmware of version 14 may have it.
    #[serde(rename = "auth-int, auth")]
    AuthIntAuth,
}

impl Qop {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthIntAuth => "auth-int, auth",
        }
    }
}
