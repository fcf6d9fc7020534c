//! How long files and functions are, beside codebases worth learning from. A mirror, not a gate.

use super::source::{Source, span_lines};
use std::fmt::Write;
use syn::visit::{self, Visit};

pub(crate) fn table(sources: &[Source]) -> String {
    let mut files: Vec<(usize, String)> = sources
        .iter()
        .map(|source| (source.text.lines().count(), source.path.clone()))
        .collect();
    let mut functions = Vec::new();
    for source in sources {
        let mut measure = Measure {
            source,
            found: &mut functions,
        };
        measure.visit_file(&source.file);
    }
    let mut text = String::new();
    section(
        &mut text,
        "files",
        &mut files,
        50,
        "median; the models have 137 to 153",
    );
    section(
        &mut text,
        "functions",
        &mut functions,
        90,
        "90th percentile; the models have 21 to 37",
    );
    text
}

fn section(
    text: &mut String,
    what: &str,
    rows: &mut [(usize, String)],
    percent: usize,
    beside: &str,
) {
    rows.sort_by(|a, b| b.cmp(a));
    let _ = writeln!(text, "{} {what}", rows.len());
    if let Some((lines, _)) = rows.get(rows.len().saturating_sub(1) * (100 - percent) / 100) {
        let _ = writeln!(text, "{lines:>6}  {beside}");
    }
    for (lines, place) in rows.iter().take(10) {
        let _ = writeln!(text, "{lines:>6}  {place}");
    }
}

struct Measure<'a> {
    source: &'a Source,
    found: &'a mut Vec<(usize, String)>,
}

impl Measure<'_> {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let place = self.source.place(signature.ident.span().start().line);
        self.found.push((
            span_lines(signature, block),
            format!("{place} {}", signature.ident),
        ));
    }
}

impl<'ast> Visit<'ast> for Measure<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
    }
}
