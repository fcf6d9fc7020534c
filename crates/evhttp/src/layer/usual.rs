//! Fields that a client sends with every request, unless the request has its
//! own of that name.

use std::rc::Rc;

use http::HeaderMap;

use crate::call::{Answer, Call, Layer, Next};

pub(crate) struct Usual(pub(crate) HeaderMap);

impl Layer for Usual {
    fn send(self: Rc<Self>, mut call: Call, next: Next) -> Answer {
        for name in self.0.keys() {
            if !call.headers.contains_key(name) {
                let values = self.0.get_all(name).iter();
                values.for_each(|value| _ = call.headers.append(name, value.clone()));
            }
        }
        next.send(call)
    }
}
