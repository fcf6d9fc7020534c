//! Every constant of `limits.rs` stands in a table of `docs/http.md` with the number it has; where the table has a column
//! for a test, that test exists. What the numbers should be is no business of this file.

use std::collections::{HashMap, HashSet};

use syn::{BinOp, Expr, Item, Lit, Visibility};

use super::source::{files, root};

/// The tests of the repository, by the names of their functions.
pub(crate) fn tests() -> HashSet<String> {
    let name = |after: &str| {
        let name = after.split("fn ").nth(1)?.split('(').next()?;
        Some(name.to_owned())
    };
    files(&["tests", "crates"])
        .iter()
        .filter(|path| path.ends_with(".rs"))
        .filter_map(|path| std::fs::read_to_string(root().join(path)).ok())
        .flat_map(|text| {
            let parts: Vec<_> = text.split("#[test]").skip(1).filter_map(name).collect();
            parts
        })
        .collect()
}

pub(crate) fn breaches(source: &str, document: &str, tests: &HashSet<String>) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut rows = HashMap::new();
    let mut has_tests = false;
    for line in document.lines() {
        let Some(cells) = cells(line) else {
            has_tests = false;
            continue;
        };
        let (first, last) = (cells[0].trim_matches('`'), cells[cells.len() - 1]);
        if last == "test" {
            has_tests = true;
        } else if has_tests && first != "---" && !tests.contains(last.trim_matches('`')) {
            breaches.push(format!("{first}: there is no test {last}"));
        }
        rows.insert(first.to_owned(), cells[1].to_owned());
    }
    for (name, number) in constants(source) {
        match rows.get(&name).map(|cell| parse(cell)) {
            Some(Some(told)) if told == number => {}
            Some(told) => breaches.push(format!("{name} is {number}, the table says {told:?}")),
            None => breaches.push(format!("{name} = {number} has no row in docs/http.md")),
        }
    }
    breaches
}

/// The cells of a table's row.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    (cells.len() > 1).then_some(cells)
}

/// A number as the table has it: milliseconds, bytes, or how many.
fn parse(cell: &str) -> Option<u128> {
    let mut words = cell.split(' ');
    let number: u128 = words.next()?.replace(',', "").parse().ok()?;
    let unit = match words.next() {
        None | Some("ms") => 1,
        Some("s") => 1_000,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some("GiB") => 1 << 30,
        Some(_) => return None,
    };
    Some(number * unit)
}

/// Public constants with their numbers; durations in milliseconds.
fn constants(source: &str) -> Vec<(String, u128)> {
    let file = syn::parse_file(source).expect("limits.rs");
    let public = |item: Item| match item {
        Item::Const(item) if matches!(item.vis, Visibility::Public(_)) => {
            let name = item.ident.to_string();
            let number = number(&item.expr);
            Some((name.clone(), number.unwrap_or_else(|| panic!("{name}?"))))
        }
        _ => None,
    };
    file.items.into_iter().filter_map(public).collect()
}

fn number(expr: &Expr) -> Option<u128> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        Expr::Binary(both) => {
            let (left, right) = (number(&both.left)?, number(&both.right)?);
            match both.op {
                BinOp::Mul(_) => Some(left * right),
                BinOp::Shl(_) => Some(left << right),
                _ => None,
            }
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else {
                return None;
            };
            let unit = match path.path.segments.last()?.ident.to_string().as_str() {
                "from_secs" => 1_000,
                "from_millis" => 1,
                _ => return None,
            };
            Some(unit * number(call.args.first()?)?)
        }
        _ => None,
    }
}
