//! Reading the sources: files, tokens and paths, without comments, strings and test code.
//! What is forbidden where lives in the rules, never here.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, ImplItem, Item};

/// The repository's top folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
        .to_path_buf()
}

/// All files below these folders of the repository, as paths from its root, sorted.
pub(crate) fn files(folders: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let skip = ["target", "node_modules"]
                .iter()
                .any(|name| path.ends_with(name));
            match path.is_dir() {
                true if !skip => walk(&path, found),
                true => {}
                false => found.push(path),
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    for folder in folders {
        walk(&root.join(folder), &mut found);
    }
    let relative =
        |path: PathBuf| Some(path.strip_prefix(&root).ok()?.to_str()?.replace('\\', "/"));
    let mut names: Vec<String> = found.into_iter().filter_map(relative).collect();
    names.sort();
    names
}

/// One word of code and the line it stands on. `::` is one word; a literal keeps no content.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path as written, groups of `use` taken apart: `a::{b, c::d}` is `a::b` and `a::c::d`.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// A Rust file: its text, and its code without what only tests compile.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) file: syn::File,
    /// Modules declared `#[cfg(test)] mod name;`: their files are no part of the crate proper.
    test_modules: Vec<String>,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Source {
        let mut file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut strip = Strip::default();
        strip.visit_file_mut(&mut file);
        Source {
            path: path.into(),
            text: text.into(),
            file,
            test_modules: strip.modules,
        }
    }

    /// The Rust files below these folders, but for test modules and integration tests.
    pub(crate) fn read(folders: &[&str]) -> Vec<Source> {
        let mut sources = Vec::new();
        for path in files(folders) {
            if path.ends_with(".rs") && !path.contains("/tests/") {
                let text = fs::read_to_string(root().join(&path)).expect("readable");
                sources.push(Source::parse(&path, &text));
            }
        }
        let tests: HashSet<String> = sources.iter().flat_map(Source::test_files).collect();
        sources.retain(|source| !tests.contains(&source.path));
        sources
    }

    fn test_files(&self) -> Vec<String> {
        let folder = match self
            .path
            .strip_suffix("/lib.rs")
            .or(self.path.strip_suffix("/main.rs"))
        {
            Some(folder) => folder,
            None => self.path.trim_end_matches(".rs"),
        };
        self.test_modules
            .iter()
            .map(|name| format!("{folder}/{name}.rs"))
            .collect()
    }

    /// `timer` for `crates/evcore/src/timer.rs`, `net::stream` as two, nothing for lib.rs.
    pub(crate) fn module(&self) -> Vec<&str> {
        let inside = self
            .path
            .split_once("/src/")
            .map_or(self.path.as_str(), |(_, inside)| inside);
        match inside.trim_end_matches(".rs") {
            "lib" | "main" => Vec::new(),
            module => module.split('/').collect(),
        }
    }

    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }

    /// The code, word by word, attributes included, doc comments not.
    pub(crate) fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        flatten(quote(&self.file), &mut words);
        words
    }

    /// Lines where these words follow each other: `["Instant", "::", "now"]`.
    pub(crate) fn lines_with(&self, sequence: &[&str]) -> Vec<usize> {
        let words = self.words();
        let matching = |run: &&[Word]| {
            run.iter()
                .zip(sequence)
                .all(|(word, want)| word.text == *want)
        };
        words
            .windows(sequence.len())
            .filter(matching)
            .map(|run| run[0].line)
            .collect()
    }

    /// Every path in the code: all of several segments, and what a `use` names.
    pub(crate) fn paths(&self) -> Vec<Named> {
        let mut found = Vec::new();
        collect_paths(quote(&self.file), &mut found);
        found
    }
}

fn quote(file: &syn::File) -> TokenStream {
    use quote::ToTokens;
    file.to_token_stream()
}

fn flatten(tokens: TokenStream, words: &mut Vec<Word>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let line = token.span().start().line;
        let text = match token {
            TokenTree::Group(group) => {
                if is_doc(&group) {
                    words.pop();
                    continue;
                }
                let (open, close) = brackets(group.delimiter());
                words.push(Word {
                    text: open.into(),
                    line,
                });
                flatten(group.stream(), words);
                let line = group.span_close().end().line;
                words.push(Word {
                    text: close.into(),
                    line,
                });
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' && next_is_colon(tokens.peek()) => {
                tokens.next();
                "::".into()
            }
            TokenTree::Literal(_) => "\"\"".into(),
            other => other.to_string(),
        };
        words.push(Word { text, line });
    }
}

/// A doc comment has become `#[doc = "..."]`; `#[doc(hidden)]` is code.
fn is_doc(group: &proc_macro2::Group) -> bool {
    let mut inside = group.stream().into_iter();
    group.delimiter() == Delimiter::Bracket
        && matches!(inside.next(), Some(TokenTree::Ident(name)) if name == "doc")
        && matches!(inside.next(), Some(TokenTree::Punct(equals)) if equals.as_char() == '=')
}

fn next_is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn collect_paths(tokens: TokenStream, found: &mut Vec<Named>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        let in_use = at > 0 && matches!(&trees[at - 1], TokenTree::Ident(word) if word == "use");
        let starts = matches!(trees[at], TokenTree::Ident(_)) && separator(&trees, at + 1);
        let before = found.len();
        if in_use || starts {
            at = follow_path(&trees, at, &[], found);
        }
        // Nothing recognised, or a group that belongs to an expression: go inside.
        if found.len() == before {
            if let Some(TokenTree::Group(group)) = trees.get(at) {
                collect_paths(group.stream(), found);
            }
            at += 1;
        }
    }
}

fn separator(trees: &[TokenTree], at: usize) -> bool {
    let colon =
        |at| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Reads one path from `at`, below `prefix`; returns where it ends.
fn follow_path(
    trees: &[TokenTree],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<Named>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut line = trees.get(at).map_or(0, |tree| tree.span().start().line);
    if separator(trees, at) {
        at += 2;
    }
    loop {
        match trees.get(at) {
            Some(TokenTree::Ident(word)) => {
                line = word.span().start().line;
                segments.push(word.to_string());
                at += 1;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                follow_group(group.stream(), &segments, found);
                return at + 1;
            }
            _ => break, // a star, or the generics of a turbofish
        }
        match separator(trees, at) {
            true => at += 2,
            false => break,
        }
    }
    found.push(Named { segments, line });
    at
}

fn follow_group(tokens: TokenStream, prefix: &[String], found: &mut Vec<Named>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let comma =
        |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',');
    for part in trees.split(comma).filter(|part| !part.is_empty()) {
        follow_path(part, 0, prefix, found);
    }
}

/// Takes out whatever is compiled for tests only.
#[derive(Default)]
struct Strip {
    modules: Vec<String>,
}

impl VisitMut for Strip {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.strip(&mut file.items);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            self.strip(items);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, item: &mut syn::ItemImpl) {
        item.items.retain(|item| match item {
            ImplItem::Fn(function) => !for_tests(&function.attrs),
            _ => true,
        });
        visit_mut::visit_item_impl_mut(self, item);
    }
}

impl Strip {
    fn strip(&mut self, items: &mut Vec<Item>) {
        items.retain(|item| {
            let kept = !for_tests(attributes(item));
            if let (false, Item::Mod(module)) = (kept, item)
                && module.content.is_none()
            {
                self.modules.push(module.ident.to_string());
            }
            kept
        });
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]` and `#[cfg(all(test, ...))]`, not `#[cfg(not(test))]`.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .any(|attribute| {
            let mut words = Vec::new();
            flatten(quote::ToTokens::to_token_stream(attribute), &mut words);
            let has = |name| words.iter().any(|word| word.text == name);
            has("test") && !has("not") && !has("any")
        })
}

/// How many lines a piece of code covers.
pub(crate) fn span_lines(from: &impl Spanned, to: &impl Spanned) -> usize {
    to.span().end().line - from.span().start().line + 1
}
