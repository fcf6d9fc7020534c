//! Whose credentials are whose: given for an origin, for a call, found in a
//! netrc file, or asked for. And what each origin was found to want.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use evcore::{Promise, Result, blocking};
use url::Url;

use crate::call::Call;
use crate::credentials::{Challenged, Credentials};
use crate::limits::AUTH_ORIGINS;
use crate::policy::auth::Scheme;
use crate::policy::challenge::Challenge;
use crate::policy::netrc;

/// A user's function that is asked for credentials.
pub(crate) type Dialog = Rc<dyn Fn(&Challenged) -> Promise<Option<Credentials>>>;

/// Where credentials come from.
#[derive(Default)]
pub(crate) struct Keyring {
    pub(crate) given: HashMap<String, Credentials>,
    pub(crate) dialog: Option<Dialog>,
    pub(crate) netrc: Option<PathBuf>,
    places: RefCell<HashMap<String, Place>>,
}

/// What is known of an origin.
#[derive(Default)]
struct Place {
    /// What was asked for, or found in the netrc file.
    found: Option<Credentials>,
    shown: Option<(Credentials, Scheme)>,
    digest_seen: bool,
}

impl Keyring {
    /// Whether anything could be shown for this call.
    pub(super) fn may_help(&self, call: &Call) -> bool {
        let sources = self.dialog.is_some() || self.netrc.is_some() || !self.given.is_empty();
        sources || call.options.credentials.is_some()
    }

    /// Those for this call: its own, those given, those found before.
    pub(super) fn of(&self, call: &Call, origin: &str) -> Option<Credentials> {
        let own = call.options.credentials.as_ref();
        let own = own.filter(|scoped| scoped.0 == origin).map(|s| s.1.clone());
        own.or_else(|| self.given.get(origin).cloned()).or_else(|| {
            let places = self.places.borrow();
            places.get(origin)?.found.clone()
        })
    }

    /// How to show them before the server asks, if that is known.
    pub(super) fn scheme(&self, origin: &str, of: Option<&Credentials>) -> Option<Scheme> {
        let of = of?;
        if of.token().is_some() {
            // Nobody has proven anything yet, nor ever does with a token.
            return (!of.is_mutual()).then_some(Scheme::Bearer);
        }
        let places = self.places.borrow();
        let (known, scheme) = places.get(origin)?.shown.as_ref()?;
        (known == of).then(|| scheme.clone())
    }

    pub(super) fn remember(&self, origin: &str, credentials: &Credentials, scheme: &Scheme) {
        self.at(origin, |place| {
            place.shown = Some((credentials.clone(), scheme.clone()));
        });
    }

    pub(super) fn forget(&self, origin: &str) {
        self.at(origin, |place| (place.found, place.shown) = (None, None));
    }

    pub(super) fn saw_digest(&self, origin: &str) {
        self.at(origin, |place| place.digest_seen = true);
    }

    pub(super) fn has_seen_digest(&self, origin: &str) -> bool {
        let places = self.places.borrow();
        places.get(origin).is_some_and(|place| place.digest_seen)
    }

    fn at(&self, origin: &str, change: impl FnOnce(&mut Place)) {
        let mut places = self.places.borrow_mut();
        if !places.contains_key(origin) {
            if places.len() >= AUTH_ORIGINS {
                // That one of the user's own origins wanted Digest is not for others to have forgotten.
                places.retain(|origin, _| self.given.contains_key(origin));
            }
            if places.len() >= AUTH_ORIGINS {
                places.clear();
            }
            places.insert(origin.to_owned(), Place::default());
        }
        if let Some(place) = places.get_mut(origin) {
            change(place);
        }
    }

    /// From the netrc file, unless those were refused; else from the user.
    pub(super) async fn ask(
        &self,
        url: &Url,
        origin: &str,
        offered: &[Challenge],
        refused: bool,
    ) -> Result<Option<Credentials>> {
        let found = self.look(url, offered, refused).await?;
        self.at(origin, |place| place.found = found.clone());
        Ok(found)
    }

    async fn look(
        &self,
        url: &Url,
        offered: &[Challenge],
        refused: bool,
    ) -> Result<Option<Credentials>> {
        if let (Some(path), false) = (self.netrc.clone(), refused) {
            let host = url.host_str().unwrap_or_default().to_owned();
            // A file that can't be read has nothing for us.
            let read = move || netrc::find(&std::fs::read_to_string(path).ok()?, &host);
            if let Some((name, password)) = blocking(read).await? {
                return Ok(Some(Credentials::password(name, password)));
            }
        }
        let Some(dialog) = self.dialog.as_ref().filter(|_| !offered.is_empty()) else {
            return Ok(None);
        };
        let realm = offered.iter().find_map(|c| c.get("realm"));
        let schemes = offered.iter().map(|c| c.scheme.clone()).collect();
        dialog(&Challenged::new(url.clone(), schemes, realm, refused)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "digest")]
    #[test]
    fn a_token_that_has_to_be_earned_is_not_shown_unasked() {
        let token = Credentials::bearer("t");
        let keyring = Keyring::default();
        assert_eq!(keyring.scheme("a", Some(&token)), Some(Scheme::Bearer));
        assert_eq!(keyring.scheme("a", Some(&token.mutual(true))), None);
    }

    /// Or a network that leads to many origins would have the password by Basic in the end.
    #[test]
    fn whose_credentials_were_given_is_not_pushed_out() {
        let mut keyring = Keyring::default();
        let ada = Credentials::password("ada", "s3cret");
        keyring.given.insert("home".into(), ada);
        keyring.saw_digest("home");
        for origin in 0..AUTH_ORIGINS + 9 {
            keyring.saw_digest(&origin.to_string());
        }
        assert!(keyring.has_seen_digest("home"));
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let keyring = Keyring::default();
        for origin in 0..AUTH_ORIGINS {
            keyring.saw_digest(&origin.to_string());
        }
        assert!((0..AUTH_ORIGINS).all(|origin| keyring.has_seen_digest(&origin.to_string())));
        keyring.saw_digest("one more");
        assert!(keyring.has_seen_digest("one more"));
        assert_eq!(keyring.places.borrow().len(), 1);
    }
}
