//! The server's side of Digest (RFC 7616): what is asked for, and whether an
//! answer is right. Passwords are not kept, only the hashes they go into.

use std::time::Duration;

use super::nonces::{Nonces, same};
use super::{Ask, Digest, Hash, Quality, escape, info};
use crate::policy::challenge::{Challenge, parse};

/// How a name, a password and a request become an answer (RFC 7616 §6.1).
///
/// ```
/// use evhttp::server::{Algorithm, Digest};
///
/// let all = Digest::new("home").algorithms(Algorithm::ALL);
/// let known = Digest::new("home").algorithms([Algorithm::Sha256, Algorithm::Md5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// For clients that know nothing else.
    Md5,
    /// The same, bound to nonce and cnonce.
    Md5Session,
    /// What RFC 7616 wants everybody to know.
    Sha256,
    /// The same, bound to nonce and cnonce.
    Sha256Session,
    /// The strongest, and the least known.
    Sha512_256,
    /// The same, bound to nonce and cnonce.
    Sha512_256Session,
}

impl Algorithm {
    /// All of them, the strongest first: as they may be offered.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Sha512_256,
        Algorithm::Sha512_256Session,
        Algorithm::Sha256,
        Algorithm::Sha256Session,
        Algorithm::Md5,
        Algorithm::Md5Session,
    ];

    fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Session => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Session => "SHA-256-sess",
            Algorithm::Sha512_256 => "SHA-512-256",
            Algorithm::Sha512_256Session => "SHA-512-256-sess",
        }
    }

    fn parts(self) -> (Hash, bool) {
        match self {
            Algorithm::Md5 => (Hash::Md5, false),
            Algorithm::Md5Session => (Hash::Md5, true),
            Algorithm::Sha256 => (Hash::Sha256, false),
            Algorithm::Sha256Session => (Hash::Sha256, true),
            Algorithm::Sha512_256 => (Hash::Sha512_256, false),
            Algorithm::Sha512_256Session => (Hash::Sha512_256, true),
        }
    }
}

/// What was asked for, as it came.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) content: &'a [u8],
}

/// Somebody who has passed, and what the answer to him can prove (§3.5).
pub(crate) struct Passed {
    pub(crate) name: String,
    digest: Digest,
    /// As good as the password.
    a1: String,
    target: String,
    cnonce: String,
    count: u32,
    bodiless: bool,
}

impl Passed {
    /// Authentication-Info for an answer with this content. Where that is not
    /// known the answer is vouched for without it.
    pub(crate) fn info(&self, content: Option<&[u8]>, next: Option<&str>) -> String {
        let content = if self.bodiless {
            Some(&b""[..])
        } else {
            content
        };
        let mut digest = self.digest.clone();
        if content.is_none() {
            digest.quality = Quality::Auth;
        }
        let ask = Ask {
            name: "",
            password: "",
            method: "",
            target: &self.target,
            content: content.unwrap_or(b""),
            cnonce: &self.cnonce,
            count: self.count,
        };
        let proof = digest.response_by(self.a1.clone(), &ask);
        info::write(&digest, &proof, &ask, next)
    }
}

/// Why nobody passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no answer, or a wrong one.
    Unknown,
    /// All is right but the nonce: too old, or this count of it was used.
    Stale,
    /// It vouches for another target, or can't be read (§3.4: status 400).
    Malformed,
}

pub(crate) struct Guard {
    realm: String,
    pub(crate) algorithms: Vec<Algorithm>,
    /// The content has to be vouched for.
    pub(crate) content: bool,
    pub(crate) userhash: bool,
    users: Vec<User>,
    nonces: Nonces,
    /// Unknown users are checked as well, against what nobody can answer: time does not tell who is known.
    nobody: User,
}

/// For each hash: name and realm, and A1.
struct User {
    name: String,
    hashes: [(String, String); 3],
}

impl User {
    fn new(name: String, realm: &str, password: &str) -> User {
        let of = |hash: Hash| {
            let parts = [name.as_bytes(), realm.as_bytes(), password.as_bytes()];
            (hash.hex(&parts[..2]), hash.hex(&parts))
        };
        let hashes = [Hash::Md5, Hash::Sha256, Hash::Sha512_256].map(of);
        User { name, hashes }
    }

    fn hashes(&self, hash: Hash) -> &(String, String) {
        let [md5, sha256, sha512_256] = &self.hashes;
        match hash {
            Hash::Md5 => md5,
            Hash::Sha256 => sha256,
            Hash::Sha512_256 => sha512_256,
        }
    }
}

impl Guard {
    /// Two secrets nobody can foresee: for the nonces, and for nobody's password.
    pub(crate) fn new(realm: &str, [key, nobody]: [String; 2]) -> Guard {
        // No field can have them.
        let realm: String = realm.chars().filter(|c| !c.is_control()).collect();
        Guard {
            nobody: User::new(String::new(), &realm, &nobody),
            realm,
            algorithms: vec![Algorithm::Sha256],
            content: false,
            userhash: false,
            users: Vec::new(),
            nonces: Nonces::new(key),
        }
    }

    /// One of the same name is replaced.
    pub(crate) fn add(&mut self, name: String, password: &str) {
        self.users.retain(|user| user.name != name);
        self.users.push(User::new(name, &self.realm, password));
    }

    /// WWW-Authenticate, a field each, the preferred one first (§3.7).
    pub(crate) fn challenges(&self, stale: bool, now: Duration, chance: u64) -> Vec<String> {
        let (realm, nonce) = (escape(&self.realm), self.nonces.make(now, chance));
        let quality = if self.content { "auth-int" } else { "auth" };
        let one = |algorithm: &Algorithm| {
            let mut field = format!(
                "Digest realm=\"{realm}\", qop=\"{quality}\", algorithm={}, nonce=\"{nonce}\", charset=UTF-8",
                algorithm.name()
            );
            field.push_str(if self.userhash { ", userhash=true" } else { "" });
            field.push_str(if stale { ", stale=true" } else { "" });
            field
        };
        self.algorithms.iter().map(one).collect()
    }

    /// Who it is, if `field` (Authorization) is right for what was asked.
    pub(crate) fn verify(
        &mut self,
        field: &str,
        asked: &Asked<'_>,
        now: Duration,
    ) -> Result<Passed, Refusal> {
        let answers = parse(field);
        let [answer] = &answers[..] else {
            return Err(Refusal::Unknown);
        };
        if answer.scheme != "digest" {
            return Err(Refusal::Unknown);
        }
        let get = |name| answer.get(name).ok_or(Refusal::Malformed);
        let (nonce, cnonce, count) = (get("nonce")?, get("cnonce")?, get("nc")?);
        let count = Some(count).filter(|count| count.len() == 8);
        let count = count.and_then(|count| u32::from_str_radix(count, 16).ok());
        let count = count.ok_or(Refusal::Malformed)?;
        if get("uri")? != asked.target {
            return Err(Refusal::Malformed);
        }
        let digest = self.offered(answer, nonce).ok_or(Refusal::Unknown)?;
        let (user, a1) = self.user(answer, digest.hash);
        let ask = Ask {
            name: "",
            password: "",
            method: asked.method,
            target: asked.target,
            content: asked.content,
            cnonce,
            count,
        };
        let right = same(&digest.response_by(a1.clone(), &ask), get("response")?);
        let name = user.filter(|_| right).ok_or(Refusal::Unknown)?;
        if !self.nonces.take(nonce, count, now) {
            return Err(Refusal::Stale);
        }
        Ok(Passed {
            name,
            digest,
            a1,
            target: asked.target.to_owned(),
            cnonce: cnonce.to_owned(),
            count,
            bodiless: asked.method == "HEAD",
        })
    }

    /// The nonce to go on with, if the one that was used is getting old: who
    /// takes it up is never told that his is stale.
    pub(crate) fn renewed(&self, passed: &Passed, now: Duration, chance: u64) -> Option<String> {
        let old = self.nonces.is_old(&passed.digest.nonce, now);
        old.then(|| self.nonces.make(now, chance))
    }

    /// What we asked for, if the answer is to that: nobody chooses something weaker.
    fn offered(&self, answer: &Challenge, nonce: &str) -> Option<Digest> {
        let name = answer.get("algorithm").unwrap_or("MD5");
        let mut algorithms = self.algorithms.iter();
        let algorithm = algorithms.find(|known| known.name().eq_ignore_ascii_case(name))?;
        let quality = match (answer.get("qop")?, self.content) {
            ("auth", false) => Quality::Auth,
            ("auth-int", true) => Quality::AuthInt,
            _ => return None,
        };
        if answer.get("realm")? != self.realm {
            return None;
        }
        let (hash, session) = algorithm.parts();
        Some(Digest {
            hash,
            session,
            nonce: nonce.to_owned(),
            stale: false,
            quality,
            realm: self.realm.clone(),
            opaque: None,
            algorithm: None,
            userhash: false,
        })
    }

    /// Who it claims to be, by name, by `username*` or by the hash of it; and A1.
    fn user(&self, answer: &Challenge, hash: Hash) -> (Option<String>, String) {
        let is = |value: &str| value.eq_ignore_ascii_case("true");
        let hashed = self.userhash && answer.get("userhash").is_some_and(is);
        let name = match (answer.get("username"), answer.get("username*")) {
            (Some(name), None) => name.to_owned(),
            (None, Some(name)) if !hashed => extended(name),
            _ => String::new(),
        };
        let mut users = self.users.iter();
        let user = users.find(|user| match hashed {
            true => user.hashes(hash).0.eq_ignore_ascii_case(&name),
            false => user.name == name,
        });
        let (_, a1) = user.unwrap_or(&self.nobody).hashes(hash);
        (user.map(|user| user.name.clone()), a1.clone())
    }
}

/// RFC 8187, of which RFC 7616 wants UTF-8.
fn extended(value: &str) -> String {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language) = (parts.next(), parts.next());
    let utf8 = charset.is_some_and(|name| name.eq_ignore_ascii_case("UTF-8"));
    let text = parts.next().filter(|_| utf8).unwrap_or("");
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests;
