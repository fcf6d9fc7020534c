//! HTTP/1.1 without I/O: bytes in, events out; heads and pieces in, bytes out (RFC 9112). Everything below this file
//! is a function of what it was given: it never sees a socket, a clock or a promise. This file only shows what is
//! there.
//!
//! An exchange is one request and its response, seen from one side: [`ClientExchange`] or [`ServerExchange`]. The caller
//! owns the buffers. It appends what it receives to an input buffer and asks for the [`next`](ClientExchange::next)
//! [`Event`] until that is [`Event::NeedInput`]; it gives an output buffer to the `write_*` functions and sends what
//! they append. When both directions have ended, the [`Verdict`] says whether the connection may carry another
//! exchange, and if not, why.
//!
//! ```
//! use bytes::BytesMut;
//! use evhttp::h1::{BodyLength, ClientExchange, Event, Framing, Limits, ServerExchange, Verdict};
//! use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
//!
//! let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
//!
//! let mut client = ClientExchange::new(Limits::default());
//! let mut headers = HeaderMap::new();
//! headers.insert(header::HOST, HeaderValue::from_static("example.com"));
//! client.write_head(&Method::GET, "/greeting", &headers, BodyLength::None, &mut up)?;
//! client.write_end(None, &mut up)?;
//! assert_eq!(up, "GET /greeting HTTP/1.1\r\nhost: example.com\r\n\r\n");
//!
//! let mut server = ServerExchange::new(Limits::default());
//! let Event::Head(request, Framing::None) = server.next(&mut up)? else { panic!() };
//! assert_eq!(request.target.as_str(), "/greeting");
//! assert!(matches!(server.next(&mut up)?, Event::End { trailers: None }));
//! server.write_head(StatusCode::OK, None, BodyLength::Unknown, &mut down)?;
//! server.write_piece(b"Hello", &mut down)?;
//! server.write_end(None, &mut down)?;
//! assert_eq!(down, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n");
//!
//! let Event::Head(response, Framing::Chunked) = client.next(&mut down)? else { panic!() };
//! assert_eq!(response.status, StatusCode::OK);
//! let Event::Piece(piece) = client.next(&mut down)? else { panic!() };
//! assert_eq!(piece, "Hello");
//! assert!(matches!(client.next(&mut down)?, Event::End { trailers: None }));
//! assert_eq!((client.verdict(), server.verdict()), (Verdict::Keep, Verdict::Keep));
//! # Ok::<(), evhttp::h1::Fault>(())
//! ```

mod chunked;
mod exchange;
mod fault;
mod fixed;
mod framing;
mod head;
mod until_close;
mod verdict;

pub use crate::limits::Limits;
pub use chunked::Frame;
pub use exchange::Event;
pub use exchange::client::ClientExchange;
pub use exchange::server::ServerExchange;
pub(crate) use exchange::server::render_head;
pub(crate) use fault::Size;
pub use fault::{Fault, FaultKind};
pub use framing::{BodyLength, Framing};
pub use head::{RequestHead, ResponseHead, Target};
pub use verdict::{CloseReason, Verdict};
