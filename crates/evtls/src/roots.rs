//! Where trust begins: the system's root certificates, read on a helper
//! thread when first needed, and the caller's own.

use std::cell::RefCell;

use evcore::Promise;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::error::{Error, ErrorKind};

/// The system's certificates, and what could not be read of them.
#[derive(Clone)]
struct Found {
    certificates: Vec<CertificateDer<'static>>,
    trouble: Vec<String>,
}

/// Which certificates a connector trusts.
pub(crate) struct Roots {
    pub(crate) own: Vec<CertificateDer<'static>>,
    pub(crate) platform: bool,
    loading: RefCell<Option<Promise<Found>>>,
}

impl Roots {
    pub(crate) fn new(own: Vec<CertificateDer<'static>>, platform: bool) -> Roots {
        let loading = RefCell::default();
        Roots {
            own,
            platform,
            loading,
        }
    }

    /// All of them. The system's are read once; whoever asks meanwhile waits
    /// for the same reading.
    pub(crate) async fn load(&self) -> evcore::Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        for own in &self.own {
            store.add(own.clone()).map_err(Error::from)?;
        }
        if !self.platform {
            return Ok(store);
        }
        let reading = self
            .loading
            .borrow_mut()
            .get_or_insert_with(|| evcore::blocking(read))
            .fork();
        let found = reading.await;
        // A reactor that has ended meanwhile is no reason never to try again.
        drop(self.loading.take());
        let found = found?;
        // Some systems carry certificates that are no trust anchors.
        let (added, _) = store.add_parsable_certificates(found.certificates);
        if added == 0 && self.own.is_empty() {
            return Err(none_found(&found.trouble).into());
        }
        Ok(store)
    }
}

/// `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for the system's places if set.
fn read() -> Found {
    let found = rustls_native_certs::load_native_certs();
    Found {
        certificates: found.certs,
        trouble: found.errors.iter().map(ToString::to_string).collect(),
    }
}

fn none_found(trouble: &[String]) -> Error {
    let why = match trouble.first() {
        Some(first) => format!(": {first}"),
        None => ": none installed, and SSL_CERT_FILE and SSL_CERT_DIR name none".into(),
    };
    let sentence = format!("no root certificate to trust{why}");
    Error::new(ErrorKind::NoRoots, sentence)
}
