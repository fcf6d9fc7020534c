//! The provider of ciphers for peers that take the program's: ring, as evtls has it.

/// Makes ring this program's provider. Built for TLS, reqwest wants one before it is asked for anything, plain HTTP too.
pub(crate) fn install() {
    // A second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
