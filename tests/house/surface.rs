//! What the public face must have and may not have.

use super::source::Source;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{ReturnType, Signature, Type, Visibility};

/// An unhandled error is reported with the user's place: every door has to pass it on.
pub(crate) fn track_caller(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let mut doors = Doors {
            untracked: Vec::new(),
            of_promise: false,
        };
        doors.visit_file(&source.file);
        let breach = |(name, line)| {
            format!(
                "{}: `{name}` returns a promise without #[track_caller]",
                source.place(line)
            )
        };
        breaches.extend(doors.untracked.into_iter().map(breach));
    }
    breaches
}

struct Doors {
    untracked: Vec<(String, usize)>,
    /// Inside `impl Promise`, where `Self` is one too.
    of_promise: bool,
}

impl Doors {
    fn see(&mut self, attributes: &[syn::Attribute], signature: &Signature) {
        let tracked = attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("track_caller"));
        if !tracked && self.makes_promise(&signature.output) {
            self.untracked.push((
                signature.ident.to_string(),
                signature.ident.span().start().line,
            ));
        }
    }

    /// A reference only shows one that is there already.
    fn makes_promise(&self, output: &ReturnType) -> bool {
        let ReturnType::Type(_, output) = output else {
            return false;
        };
        let names = |name: &str| {
            output
                .to_token_stream()
                .into_iter()
                .any(|token| mentions(token, name))
        };
        !matches!(**output, Type::Reference(_))
            && (names("Promise") || (self.of_promise && names("Self")))
    }
}

fn mentions(token: proc_macro2::TokenTree, name: &str) -> bool {
    match token {
        proc_macro2::TokenTree::Ident(ident) => ident == name,
        proc_macro2::TokenTree::Group(group) => group
            .stream()
            .into_iter()
            .any(|token| mentions(token, name)),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Doors {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if matches!(function.vis, Visibility::Public(_)) {
            self.see(&function.attrs, &function.sig);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.of_promise = mentions_type(&item.self_ty, "Promise");
        visit::visit_item_impl(self, item);
        self.of_promise = false;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if matches!(function.vis, Visibility::Public(_)) {
            self.see(&function.attrs, &function.sig);
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if matches!(item.vis, Visibility::Public(_)) {
            visit::visit_item_trait(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.see(&function.attrs, &function.sig);
    }
}

fn mentions_type(of: &Type, name: &str) -> bool {
    matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// A hidden public item is a back door for our own crates; protocols use what is documented, as users do.
pub(crate) fn hidden(sources: &[Source]) -> Vec<String> {
    let core = sources
        .iter()
        .filter(|source| source.path.starts_with("crates/evcore/"));
    let hides = |source: &Source| {
        let lines = source.lines_with(&["doc", "(", "hidden"]).into_iter();
        lines
            .map(|line| format!("{}: doc(hidden)", source.place(line)))
            .collect::<Vec<_>>()
    };
    core.flat_map(hides).collect()
}
