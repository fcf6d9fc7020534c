//! The one-line functions, on this thread's default client.

use evcore::Promise;
use http::Method;

use crate::client::Client;
use crate::request::Request;
use crate::response::Response;

/// Fetches the document at a URL: on this thread, with this thread's default
/// client, which keeps connections.
///
/// ```no_run
/// fn main() -> evcore::Result<()> {
///     let page = evcore::run(evhttp::fetch("http://example.com/"))?;
///     println!("{}", page.text()?);
///     Ok(())
/// }
/// ```
///
/// The same promise also tells its progress; see [`Request::send`].
///
/// ```no_run
/// # let url = "http://example.com/";
/// let page = evhttp::fetch(url).on(evhttp::PROGRESS, |p| eprint!("\r{p:79}"));
/// ```
///
/// Rejected with one line that says phase, address and cause: see
/// [`Error`](crate::Error). A status of 4xx or 5xx is a response; see
/// [`Response::ok`]. Redirects are followed, compressed content is unpacked.
#[track_caller]
pub fn fetch(url: impl AsRef<str>) -> Promise<Response> {
    Client::current().get(url).send()
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {
        $(
            #[doc = concat!("A ", stringify!($method), " request, on this thread's default client.")]
            pub fn $name(url: impl AsRef<str>) -> Request {
                Client::current().request(Method::$method, url)
            }
        )*
        impl Client {
            $(
                #[doc = concat!("A ", stringify!($method), " request.")]
                pub fn $name(&self, url: impl AsRef<str>) -> Request {
                    self.request(Method::$method, url)
                }
            )*
        }
    };
}

methods!(get GET  head HEAD  post POST  put PUT  patch PATCH  delete DELETE);

/// A request with any method, on this thread's default client.
///
/// ```no_run
/// use evhttp::http::Method;
///
/// let options = evhttp::request(Method::OPTIONS, "http://example.com/").send();
/// println!("{:?}", evcore::run(options)?.header("allow"));
/// # Ok::<(), evcore::Error>(())
/// ```
pub fn request(method: Method, url: impl AsRef<str>) -> Request {
    Client::current().request(method, url)
}
