//! What a server leaves with us: cookies, and the wish to be spoken to by
//! https alone. Taken from heads that came by wire only, so below retries and
//! caches. And the two layers that act on it, further up.

use std::cell::RefCell;
use std::rc::Rc;

#[cfg(feature = "cookies")]
use http::HeaderValue;
use http::header::STRICT_TRANSPORT_SECURITY;
#[cfg(feature = "cookies")]
use http::header::{COOKIE, SET_COOKIE};

use crate::call::{Answer, Call, Layer, Next};
use crate::clock;
#[cfg(feature = "cookies")]
use crate::cookies::CookieJar;
use crate::event::{REDIRECT, Redirect};
use crate::policy::hsts::Hsts;

pub(crate) struct Harvest {
    #[cfg(feature = "cookies")]
    pub(crate) jar: Option<CookieJar>,
    pub(crate) hsts: Rc<RefCell<Hsts>>,
}

impl Layer for Harvest {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        #[cfg(feature = "cookies")]
        let wants_cookies = self.jar.is_some();
        #[cfg(not(feature = "cookies"))]
        let wants_cookies = false;
        if !wants_cookies && call.url.scheme() != "https" {
            return next.send(call);
        }
        let url = call.url.clone();
        next.send(call).map(move |response| {
            let headers = response.headers();
            // RFC 6797 §8.1: the first of several counts.
            if let Some(field) = headers.get(STRICT_TRANSPORT_SECURITY)
                && let Ok(field) = field.to_str()
            {
                self.hsts.borrow_mut().heard(&url, field, clock::unix());
            }
            #[cfg(feature = "cookies")]
            for field in headers.get_all(SET_COOKIE) {
                let jar = self.jar.as_ref();
                jar.into_iter().for_each(|jar| jar.store(&url, field));
            }
            Ok(response)
        })
    }
}

/// Goes to https where a server is known to want that (RFC 6797 §8.3), hop by
/// hop and before anything is looked up for the URL.
pub(crate) struct Upgrade(pub(crate) Rc<RefCell<Hsts>>);

impl Layer for Upgrade {
    fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
        let hsts = self.0.borrow();
        let upgraded = match hsts.is_empty() {
            true => None,
            false => hsts.upgraded(&call.url, clock::unix()),
        };
        drop(hsts);
        if let Some(url) = upgraded {
            let from = std::mem::replace(&mut call.url, url);
            if call.emitter.wants(REDIRECT) {
                let told = Redirect::new(None, from, call.url.clone(), call.method.clone());
                call.emitter.emit(REDIRECT, told);
            }
        }
        next.send(call)
    }
}

/// Lets cookies go along with requests.
#[cfg(feature = "cookies")]
pub(crate) struct Attach(pub(crate) CookieJar);

#[cfg(feature = "cookies")]
impl Layer for Attach {
    fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
        // Who sets the field by hand wants these and no others.
        if !call.headers.contains_key(COOKIE)
            && let Some(field) = self.0.field(&call.url)
            && let Ok(mut field) = HeaderValue::try_from(field)
        {
            field.set_sensitive(true);
            call.headers.insert(COOKIE, field);
        }
        next.send(call)
    }
}
