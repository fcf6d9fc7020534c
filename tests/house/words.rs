//! Charters, leftovers and the words things are named with.

use super::source::Source;
use proc_macro2::Ident;
use syn::visit::{self, Visit};

pub(crate) fn charter(sources: &[Source]) -> Vec<String> {
    let bare = sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "));
    bare.map(|source| format!("{}: opens without its charter (`//! ...`)", source.path))
        .collect()
}

/// In comments as well: hence the raw text.
pub(crate) fn left_for_later(sources: &[Source]) -> Vec<String> {
    const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "unimplemented", "todo"];
    let mut breaches = Vec::new();
    for source in sources {
        for (index, line) in source.text.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '!');
            let found = words.find(|word| match word.strip_suffix('!') {
                Some(word) => MARKS.contains(&word),
                None => MARKS[..3].contains(word),
            });
            breaches.extend(found.map(|word| format!("{}: {word}", source.place(index + 1))));
        }
    }
    breaches
}

/// Words that name nothing of ours, and what to say instead. Names of others (`std::process`,
/// `task::Context`, methods of a foreign trait) are theirs to choose.
const BANNED: &[(&str, &str)] = &[
    ("deferred", "promise"),
    (
        "handler",
        "callback, if it is the user's; else what it does",
    ),
    ("manager", "what it really is: pool, store, registry"),
    ("context", "what is in it"),
    ("data", "bytes, piece, body, payload"),
    ("process", "the verb that is meant"),
    ("do", "the verb without do_"),
];

pub(crate) fn banned(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let mut names = Names(Vec::new());
        names.visit_file(&source.file);
        for name in names.0 {
            let text = name.to_string();
            let words = words_of(&text);
            for (word, instead) in BANNED
                .iter()
                .filter(|(word, _)| words.iter().any(|w| w == word))
            {
                let place = source.place(name.span().start().line);
                breaches.push(format!("{place}: `{text}` says {word}; say {instead}"));
            }
        }
    }
    breaches
}

/// `read_buffer` and `ReadBuffer` are both `read`, `buffer`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        if c != '_' {
            words
                .last_mut()
                .expect("never empty")
                .extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

/// The names a file gives, as opposed to those it uses.
struct Names(Vec<Ident>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        use syn::Item;
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Mod(item) => Some(&item.ident),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.0.extend(name.cloned());
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none() {
            let functions = item.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(function) => Some(function.sig.ident.clone()),
                _ => None,
            });
            self.0.extend(functions);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.0.push(function.sig.ident.clone());
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.0.extend(field.ident.clone());
        visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.0.push(variant.ident.clone());
        visit::visit_variant(self, variant);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.0.push(pattern.ident.clone());
        visit::visit_pat_ident(self, pattern);
    }
}
