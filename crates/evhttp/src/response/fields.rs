//! A response's fields. Most that a program makes have Content-Type and no other, and nobody looks at them before they
//! are written: a map for one field is two allocations and a hash. Here, one such field waits beside the map, which
//! is made when somebody asks for it.

use std::cell::OnceCell;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

#[derive(Clone, Default)]
pub(super) struct Fields {
    /// In the map as well, once there is one.
    content_type: Option<HeaderValue>,
    map: OnceCell<HeaderMap>,
}

impl Fields {
    pub(super) const fn of_type(content_type: HeaderValue) -> Fields {
        Fields {
            content_type: Some(content_type),
            map: OnceCell::new(),
        }
    }

    #[inline]
    pub(super) fn map(&self) -> &HeaderMap {
        match self.map.get() {
            Some(map) => map,
            None => self.make_map(),
        }
    }

    #[cold]
    fn make_map(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let only = self.content_type.clone();
            only.map(|value| (CONTENT_TYPE, value))
                .into_iter()
                .collect()
        })
    }

    pub(super) fn map_mut(&mut self) -> &mut HeaderMap {
        self.map();
        self.content_type = None;
        self.map
            .get_mut()
            .expect("made in the line before the last")
    }

    pub(super) fn into_map(mut self) -> HeaderMap {
        std::mem::take(self.map_mut())
    }

    /// A field instead of all of its name.
    pub(super) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        match self.map.get() {
            None if name == CONTENT_TYPE => self.content_type = Some(value),
            _ => _ = self.map_mut().insert(name, value),
        }
    }

    /// All of them, without a map being made for it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let map = self.map.get();
        let only = self.content_type.iter().filter(move |_| map.is_none());
        let only = only.map(|value| (&CONTENT_TYPE, value));
        only.chain(map.into_iter().flatten())
    }

    pub(super) fn contains(&self, name: &HeaderName) -> bool {
        match self.map.get() {
            Some(map) => map.contains_key(name),
            None => self.content_type.is_some() && *name == CONTENT_TYPE,
        }
    }
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Fields {
        Fields {
            content_type: None,
            map: OnceCell::from(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::DATE;

    const HTML: HeaderValue = HeaderValue::from_static("text/html");
    const LATE: HeaderValue = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT");

    fn written(fields: &Fields) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        fields.iter().map(line).collect()
    }

    #[test]
    fn each_field_is_there_once_whether_the_map_was_asked_for_or_not() {
        let fields = Fields::of_type(HTML);
        assert_eq!(written(&fields), ["content-type: text/html"]);
        assert!(fields.contains(&CONTENT_TYPE) && !fields.contains(&DATE));
        assert_eq!(fields.map().len(), 1);
        assert_eq!(written(&fields), ["content-type: text/html"]);
        assert!(fields.contains(&CONTENT_TYPE) && !fields.contains(&DATE));
    }

    #[test]
    fn a_field_is_replaced_wherever_it_stands() {
        const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");
        let mut fields = Fields::of_type(HTML);
        fields.set(CONTENT_TYPE, PLAIN);
        assert_eq!(fields.map()[CONTENT_TYPE], PLAIN);
        fields.set(DATE, LATE);
        fields.set(CONTENT_TYPE, HTML);
        assert_eq!(fields.map().len(), 2);
        assert_eq!(fields.clone().into_map()[CONTENT_TYPE], HTML);
        fields.map_mut().remove(CONTENT_TYPE);
        assert_eq!(written(&fields), ["date: Thu, 01 Jan 1970 00:00:00 GMT"]);
    }

    #[test]
    fn no_map_is_made_for_a_lone_content_type() {
        let mut fields = Fields::default();
        fields.set(CONTENT_TYPE, HTML);
        assert_eq!(written(&fields).len(), 1);
        assert!(fields.map.get().is_none());
        assert_eq!(fields.into_map().len(), 1);
    }
}
