//! What a server says once it has seen who asks (RFC 7616 §3.5,
//! Authentication-Info and Proxy-Authentication-Info): that it knows the
//! password as well, and which nonce comes next.

use super::nonces::same;
use super::{Ask, Digest, Quality};
use crate::policy::challenge::parameters;

/// What was made of the field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// `None`: it proves nothing, or nothing that can be checked.
    pub(crate) proven: Option<bool>,
    /// The nonce for the next request.
    pub(crate) next: Option<String>,
}

impl Digest {
    /// Reads `field`, the answer to what was shown with `ask`.
    pub(crate) fn read_info(&self, field: &str, ask: &Ask<'_>) -> Info {
        let parameters = parameters(field);
        let get = |wanted: &str| {
            let mut found = parameters.iter().filter(|(name, _)| name == wanted);
            found.next().map(|(_, value)| value.as_str())
        };
        let proven = match get("rspauth") {
            _ if !is_about(ask, get("cnonce"), get("nc")) => Some(false),
            None => None,
            Some(proof) => self.is_proven(proof, get("qop"), ask),
        };
        Info {
            proven,
            next: get("nextnonce").map(str::to_owned),
        }
    }

    fn is_proven(&self, proof: &str, qop: Option<&str>, ask: &Ask<'_>) -> Option<bool> {
        let quality = match qop.map(str::to_ascii_lowercase).as_deref() {
            // The server SHOULD use what was sent, and need not repeat it.
            None => self.quality,
            Some("auth") => Quality::Auth,
            Some("auth-int") => Quality::AuthInt,
            Some(_) => return Some(false),
        };
        // `auth-int` vouches for content that has not come yet. Without qop
        // (RFC 2069) nothing in it is ours and new: the server chooses the
        // nonce, which may be the text of a proof it has seen. And what we did
        // not ask with, the server has not been told.
        if quality != Quality::Auth || self.quality == Quality::None {
            return None;
        }
        let as_said = Digest {
            quality,
            ..self.clone()
        };
        let right = as_said.proof(ask);
        Some(same(&right, &proof.to_ascii_lowercase()))
    }
}

/// Whether it is the answer to this request and no other: what it repeats has
/// to be what was sent.
fn is_about(ask: &Ask<'_>, cnonce: Option<&str>, count: Option<&str>) -> bool {
    let number = |count| u32::from_str_radix(count, 16).ok();
    cnonce.is_none_or(|cnonce| cnonce == ask.cnonce)
        && count.is_none_or(|count| number(count) == Some(ask.count))
}

/// The field as a server writes it, `digest` being what was asked for.
pub(super) fn write(digest: &Digest, proof: &str, ask: &Ask<'_>, next: Option<&str>) -> String {
    let quality = digest.quality.name().unwrap_or("auth");
    let cnonce = super::escape(ask.cnonce);
    let mut field = format!(
        "rspauth=\"{proof}\", cnonce=\"{cnonce}\", nc={:08x}, qop={quality}",
        ask.count
    );
    if let Some(next) = next {
        field.push_str(&format!(", nextnonce=\"{next}\""));
    }
    field
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MUFASA, digest};
    use super::*;

    const CHALLENGE: &str = r#"Digest realm="http-auth@example.org", qop="auth, auth-int",
        algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;
    /// By Python's hashlib, of the request of RFC 7616 §3.9.1.
    const PROOF: &str = "86d3b25618d41854ca5039a5d7e53ff6355d5134a9b1fb088a78ac3c462195a0";

    fn read(field: &str) -> Info {
        digest(CHALLENGE).read_info(field, &MUFASA)
    }

    fn proven(field: &str) -> Option<bool> {
        read(&field.replace("PROOF", PROOF)).proven
    }

    #[test]
    fn a_proof_is_right_wrong_or_none() {
        let cnonce = "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"";
        let right = format!("qop=auth, rspauth=\"PROOF\", {cnonce}, nc=00000001");
        let capitals = right.replace("PROOF", &PROOF.to_ascii_uppercase());
        let table = [
            (&*right, Some(true)),
            (&*capitals, Some(true)),
            ("rspauth=\"PROOF\"", Some(true)),
            ("rspauth=PROOF, qop=AUTH, nc=1", Some(true)),
            ("rspauth=\"PROOF0\"", Some(false)),
            ("rspauth=\"\"", Some(false)),
            // Of another request, whatever it proves.
            ("rspauth=\"PROOF\", nc=00000002", Some(false)),
            ("rspauth=\"PROOF\", cnonce=\"f2\"", Some(false)),
            ("rspauth=\"PROOF\", nc=one", Some(false)),
            ("nextnonce=n, nc=00000002", Some(false)),
            ("rspauth=\"PROOF\", qop=auth-conf", Some(false)),
            // Nothing that can be known by now.
            ("rspauth=\"PROOF\", qop=auth-int", None),
            ("qop=auth", None),
            ("", None),
        ];
        for (field, expected) in table {
            assert_eq!(proven(field), expected, "{field}");
        }
    }

    /// Nothing in it is the client's own and new, so it may have been recorded.
    #[test]
    fn without_qop_it_proves_nothing() {
        let old = digest(r#"Digest realm="r", nonce="n""#);
        let proof = old.proof(&MUFASA);
        for qop in ["", ", qop=auth"] {
            let info = old.read_info(&format!("rspauth=\"{proof}\"{qop}"), &MUFASA);
            assert_eq!(info.proven, None, "{qop}");
        }
    }

    #[test]
    fn it_is_not_what_the_client_has_said() {
        let said = digest(CHALLENGE).response(&MUFASA);
        let mirrored = format!("rspauth=\"{said}\"");
        assert_eq!(read(&mirrored).proven, Some(false));
    }

    #[test]
    fn what_is_written_is_read() {
        for (qop, proven) in [("auth", Some(true)), ("auth-int", None)] {
            let digest = digest(&CHALLENGE.replace("auth, auth-int", qop));
            let proof = digest.proof(&MUFASA);
            let field = write(&digest, &proof, &MUFASA, Some("next"));
            let info = digest.read_info(&field, &MUFASA);
            let next = Some("next".to_owned());
            assert_eq!(info, Info { proven, next }, "{field}");
        }
    }
}
