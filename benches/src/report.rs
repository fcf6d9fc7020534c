//! How it is shown: an aligned table for people, JSON for machines.
//!
//! Never here: a measurement, or a judgement.

use crate::area::Case;
use crate::measure::{Figures, Row};
use std::fmt::Write;

/// Prints one case's table.
pub(crate) fn print(case: &Case, rows: &[Row]) {
    println!(
        "\n{}: {}; {} operations a run, ratio to {}",
        case.id(),
        case.what,
        case.ops,
        case.reference
    );
    println!(
        "  {:<36}{:>12}{:>7}{:>12}{:>8}{:>8}{:>10}{:>7}",
        "peer", "cpu ns/op", "±", "wall ns/op", "calls", "allocs", "peak KiB", "ratio"
    );
    for row in rows {
        match &row.figures {
            Ok(figures) => println!("  {:<36}{}", row.peer, columns(figures)),
            Err(reason) => println!("  {:<36}not run ({reason})", row.peer),
        }
    }
}

fn columns(figures: &Figures) -> String {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    format!(
        "{:>12.1}{:>6.0}%{:>12.1}{:>8}{:>8}{:>10}{:>7}",
        figures.cpu_ns_per_op,
        figures.spread * 50.0,
        figures.wall_ns_per_op,
        optional(figures.syscalls_per_op),
        optional(figures.allocations_per_op),
        // wrk's is gone when it has ended.
        match figures.peak_kb.is_finite() {
            true => format!("{:.0}", figures.peak_kb),
            false => "-".to_owned(),
        },
        optional(figures.ratio_to_reference),
    )
}

/// All rows as a list of flat objects; what was not measured is null. (Why a peer was not run stands in the table.)
pub(crate) fn json(rows: &[Row]) -> String {
    let objects: Vec<String> = rows.iter().map(object).collect();
    format!("[\n{}\n]\n", objects.join(",\n"))
}

fn object(row: &Row) -> String {
    let mut text = format!(
        "  {{\"area\": {:?}, \"case\": {:?}, \"peer\": {:?}, \"ops\": {}",
        row.area, row.case, row.peer, row.ops
    );
    let figures = row.figures.as_ref().ok();
    let mut field = |name: &str, value: Option<f64>| {
        let value = value.filter(|value| value.is_finite());
        let value = value.map_or("null".to_owned(), |value| format!("{value:.3}"));
        // Writing to a String cannot fail.
        let _ = write!(text, ", \"{name}\": {value}");
    };
    field(
        "cpu_ns_per_op",
        figures.map(|figures| figures.cpu_ns_per_op),
    );
    field(
        "wall_ns_per_op",
        figures.map(|figures| figures.wall_ns_per_op),
    );
    field(
        "syscalls_per_op",
        figures.and_then(|figures| figures.syscalls_per_op),
    );
    field("peak_kb", figures.map(|figures| figures.peak_kb));
    field(
        "ratio_to_reference",
        figures.and_then(|figures| figures.ratio_to_reference),
    );
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_not_run_is_there() {
        let figures = Err("node: \"not\" found".to_owned());
        let row = Row {
            area: "promise",
            case: "hot",
            what: "",
            peer: "V8",
            ops: 5,
            figures,
        };
        let expected = "[\n  {\"area\": \"promise\", \"case\": \"hot\", \"peer\": \"V8\", \"ops\": 5, \
            \"cpu_ns_per_op\": null, \"wall_ns_per_op\": null, \"syscalls_per_op\": null, \"peak_kb\": null, \
            \"ratio_to_reference\": null}\n]\n";
        assert_eq!(json(&[row]), expected);
    }
}
