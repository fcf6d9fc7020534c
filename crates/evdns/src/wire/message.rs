//! A message as it lies in memory: its records one after the other, its names with their pointers followed. What records
//! say of the types we know is put together in `wire`.

use std::rc::Rc;

use super::{COOKIE, Malformed, Type};
use crate::name::Name;

/// The whole message, header included: pointers count from there.
#[derive(Clone, Copy)]
pub(super) struct Message<'a>(pub(super) &'a [u8]);

/// One record where it lies.
pub(super) struct Raw<'a> {
    /// Where its owner's name begins.
    pub(super) owner: usize,
    pub(super) rtype: Type,
    pub(super) class: u16,
    pub(super) ttl: u32,
    pub(super) rdata: &'a [u8],
    /// Where `rdata` begins.
    at: usize,
}

impl<'a> Message<'a> {
    /// The records from `first` on; after one that breaks the format there is no next.
    pub(super) fn records(self, first: usize) -> impl Iterator<Item = Result<Raw<'a>, Malformed>> {
        let mut next = Ok(first);
        std::iter::from_fn(move || {
            let record = self.record(next.ok()?);
            next = record.as_ref().map(Raw::end).map_err(|_| Malformed);
            Some(record)
        })
    }

    fn record(self, owner: usize) -> Result<Raw<'a>, Malformed> {
        let at = self.skip_name(owner)?;
        let rest = self.0.get(at..).ok_or(Malformed)?;
        let (&head, rest) = rest.split_first_chunk::<10>().ok_or(Malformed)?;
        let [t0, t1, c0, c1, ttl0, ttl1, ttl2, ttl3, l0, l1] = head;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        Ok(Raw {
            owner,
            rtype: u16::from_be_bytes([t0, t1]),
            class: u16::from_be_bytes([c0, c1]),
            ttl: u32::from_be_bytes([ttl0, ttl1, ttl2, ttl3]),
            rdata: rest.get(..length).ok_or(Malformed)?,
            at: at + head.len(),
        })
    }

    /// Where what stands behind the name at `at` begins.
    pub(super) fn skip_name(self, mut at: usize) -> Result<usize, Malformed> {
        loop {
            at = match *self.0.get(at).ok_or(Malformed)? {
                0 => return Ok(at + 1),
                length @ ..=63 => at + 1 + usize::from(length),
                0xc0.. => return Ok(at + 2),
                // RFC 6891 §5 and RFC 1035 §4.1.4: kinds of labels that nobody uses.
                _ => return Err(Malformed),
            };
        }
    }

    /// The name at `at`.
    pub(super) fn name(self, at: usize) -> Result<Name, Malformed> {
        let (mut at, mut lowest) = (at, at);
        let labels = std::iter::from_fn(|| {
            loop {
                let (length, behind) = match self.0.get(at..).and_then(<[u8]>::split_first) {
                    Some((&length, behind)) => (length, behind),
                    None => return Some(Err(Malformed)),
                };
                if length < 0xc0 {
                    let label = behind.get(..usize::from(length)).ok_or(Malformed);
                    at += 1 + usize::from(length);
                    return (length > 0).then_some(label);
                }
                // RFC 1035 §4.1.4: to a prior occurrence. So there is an end to it.
                let low = behind.first().copied().map(usize::from);
                match low.map(|low| usize::from(length & 0x3f) << 8 | low) {
                    Some(to) if to < lowest => (at, lowest) = (to, to),
                    _ => return Some(Err(Malformed)),
                }
            }
        });
        Name::from_labels(labels)
    }

    /// The name that is all a record says.
    pub(super) fn only_name(self, raw: &Raw<'_>) -> Result<Name, Malformed> {
        match self.skip_name(raw.at)? == raw.end() {
            true => self.name(raw.at),
            false => Err(Malformed),
        }
    }

    /// The last field of an SOA, behind two names and four numbers (RFC 1035 §3.3.13).
    pub(super) fn soa_minimum(self, raw: &Raw<'_>) -> Result<u32, Malformed> {
        let numbers = self.skip_name(self.skip_name(raw.at)?)?;
        let numbers = self.0.get(numbers..raw.end()).ok_or(Malformed)?;
        match <[u8; 20]>::try_from(numbers) {
            Ok([.., a, b, c, d]) => Ok(u32::from_be_bytes([a, b, c, d])),
            Err(_) => Err(Malformed),
        }
    }

    /// The cookie among the options of an OPT record, of whatever length.
    pub(super) fn cookie(self, opt: &Raw<'_>) -> Result<Option<Rc<[u8]>>, Malformed> {
        let (mut rest, mut cookie) = (opt.rdata, None);
        while let Some((&[c0, c1, l0, l1], behind)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let (option, behind) = behind.split_at_checked(length).ok_or(Malformed)?;
            if u16::from_be_bytes([c0, c1]) == COOKIE && cookie.is_none() {
                cookie = Some(option);
            }
            rest = behind;
        }
        match rest {
            [] => Ok(cookie.map(Rc::from)),
            _ => Err(Malformed),
        }
    }
}

impl Raw<'_> {
    fn end(&self) -> usize {
        self.at + self.rdata.len()
    }
}
