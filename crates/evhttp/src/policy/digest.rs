//! Digest authentication (RFC 7616): a challenge in, the Authorization field
//! out. What is counted and remembered between calls is `policy::auth`'s; the
//! server's side is in `guard`.

use md5::Md5;
use sha2::{Sha256, Sha512_256};

use super::challenge::Challenge;

pub(crate) mod guard;
pub(crate) mod info;
mod nonces;

/// The hash of a challenge; the stronger is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

impl Hash {
    fn hex(self, parts: &[&[u8]]) -> String {
        fn digest<H: sha2::Digest>(parts: &[&[u8]]) -> String {
            let mut hash = H::new();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    hash.update(b":");
                }
                hash.update(part);
            }
            let digits = hash.finalize();
            digits.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        match self {
            Hash::Md5 => digest::<Md5>(parts),
            Hash::Sha256 => digest::<Sha256>(parts),
            Hash::Sha512_256 => digest::<Sha512_256>(parts),
        }
    }
}

/// What the answer vouches for besides the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quality {
    /// RFC 2069: nothing is counted.
    None,
    Auth,
    /// The content as well.
    AuthInt,
}

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) hash: Hash,
    pub(crate) nonce: String,
    pub(crate) stale: bool,
    pub(crate) quality: Quality,
    realm: String,
    opaque: Option<String>,
    /// As the server wrote it; `None` if it did not.
    algorithm: Option<String>,
    session: bool,
    userhash: bool,
}

/// Who asks for what.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
    pub(crate) method: &'a str,
    /// The target as it stands in the request line.
    pub(crate) target: &'a str,
    /// The content, if it is at hand.
    pub(crate) content: &'a [u8],
    pub(crate) cnonce: &'a str,
    /// How often the nonce is used with this, from 1.
    pub(crate) count: u32,
}

impl Digest {
    /// `None` if it asks for something unknown; `content`: whether that is
    /// at hand, to be vouched for.
    pub(crate) fn of(challenge: &Challenge, content: bool) -> Option<Digest> {
        let algorithm = challenge.get("algorithm");
        let name = algorithm.unwrap_or("MD5").to_ascii_uppercase();
        let (name, session) = match name.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let hash = match name {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            "SHA-512-256" => Hash::Sha512_256,
            _ => return None,
        };
        let is = |name| {
            challenge
                .get(name)
                .is_some_and(|v| v.eq_ignore_ascii_case("true"))
        };
        Some(Digest {
            hash,
            session,
            nonce: challenge.get("nonce")?.to_owned(),
            stale: is("stale"),
            userhash: is("userhash"),
            quality: quality(challenge.get("qop"), content)?,
            realm: challenge.get("realm").unwrap_or("").to_owned(),
            opaque: challenge.get("opaque").map(str::to_owned),
            algorithm: algorithm.map(str::to_owned),
        })
    }

    /// RFC 7616 §3.4.1.
    fn response(&self, ask: &Ask<'_>) -> String {
        let a1 = [ask.name, &self.realm, ask.password].map(str::as_bytes);
        self.response_by(self.hash.hex(&a1), ask)
    }

    /// The same for who keeps a hash of name, realm and password instead of these.
    fn response_by(&self, mut a1: String, ask: &Ask<'_>) -> String {
        let hash = |parts: &[&str]| {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            self.hash.hex(&parts)
        };
        if self.session {
            a1 = hash(&[&a1, &self.nonce, ask.cnonce]);
        }
        let a2 = match self.quality {
            Quality::AuthInt => {
                let content = self.hash.hex(&[ask.content]);
                hash(&[ask.method, ask.target, &content])
            }
            _ => hash(&[ask.method, ask.target]),
        };
        match self.quality.name() {
            None => hash(&[&a1, &self.nonce, &a2]),
            Some(quality) => {
                let count = format!("{:08x}", ask.count);
                hash(&[&a1, &self.nonce, &count, ask.cnonce, quality, &a2])
            }
        }
    }

    /// What a server proves itself with (RFC 7616 §3.5): the same without the method.
    pub(crate) fn proof(&self, ask: &Ask<'_>) -> String {
        self.response(&Ask { method: "", ..*ask })
    }

    /// The Authorization field.
    pub(crate) fn answer(&self, ask: &Ask<'_>) -> String {
        let mut field = format!("Digest {}", self.username(ask.name));
        let mut quoted = |name: &str, value: &str| {
            field.push_str(&format!(", {name}=\"{}\"", escape(value)));
        };
        quoted("realm", &self.realm);
        quoted("nonce", &self.nonce);
        quoted("uri", ask.target);
        quoted("response", &self.response(ask));
        if let Some(opaque) = &self.opaque {
            quoted("opaque", opaque);
        }
        let quality = self.quality.name();
        if quality.is_some() || self.session {
            quoted("cnonce", ask.cnonce);
        }
        if let Some(algorithm) = &self.algorithm {
            field.push_str(&format!(", algorithm={algorithm}"));
        }
        if let Some(quality) = quality {
            field.push_str(&format!(", qop={quality}, nc={:08x}", ask.count));
        }
        if self.userhash {
            field.push_str(", userhash=true");
        }
        field
    }

    /// RFC 7616 §3.4.4, and §3.4 for names beyond ASCII.
    fn username(&self, name: &str) -> String {
        if self.userhash {
            let parts = [name.as_bytes(), self.realm.as_bytes()];
            return format!("username=\"{}\"", self.hash.hex(&parts));
        }
        if name.is_ascii() {
            return format!("username=\"{}\"", escape(name));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
        let mut encoded = String::new();
        for byte in name.bytes() {
            match plain(byte) {
                true => encoded.push(byte.into()),
                false => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("username*=UTF-8''{encoded}")
    }
}

impl Quality {
    fn name(self) -> Option<&'static str> {
        match self {
            Quality::None => None,
            Quality::Auth => Some("auth"),
            Quality::AuthInt => Some("auth-int"),
        }
    }
}

/// `auth` if it is offered; the content is vouched for only where the server
/// insists, for nobody can check more than what it has read.
fn quality(offered: Option<&str>, content: bool) -> Option<Quality> {
    let Some(offered) = offered else {
        return Some(Quality::None);
    };
    let has = |wanted: &str| {
        let mut names = offered.split([',', ' ']).map(str::trim);
        names.any(|name| name.eq_ignore_ascii_case(wanted))
    };
    match (has("auth"), has("auth-int") && content) {
        (true, _) => Some(Quality::Auth),
        (false, true) => Some(Quality::AuthInt),
        (false, false) => None,
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
