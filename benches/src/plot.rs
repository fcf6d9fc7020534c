//! A picture of an area: a bar for each peer's processor time per operation, the reference's length marked in each case.
//! Pure: rows in, SVG text out.

use crate::measure::Row;
use std::fmt::Write;

const WIDTH: u32 = 860;
/// Where bars begin and how long the longest is.
const BARS_FROM: u32 = 270;
const LONGEST: f64 = 380.0;
const FIGURES_FROM: u32 = BARS_FROM + 394;
const ROW: u32 = 22;
const HEADING: u32 = 34;
/// A bar is cut at so many times the reference's: one slow peer must not squeeze all others.
const CUT: f64 = 4.0;

const OURS: &str = "#1a7f5a";
const FLOOR: &str = "#b9bec6";
const OTHERS: &str = "#6b86b3";

/// The bars of one area, under `caption`: what was measured where, by which command.
pub(crate) fn svg(area: &str, rows: &[&Row], caption: &[String]) -> String {
    let mut body = String::new();
    let mut y = 30;
    text(&mut body, (16, y), "font-size='17' font-weight='600'", area);
    for case in rows.chunk_by(|a, b| a.case == b.case) {
        y += HEADING;
        let heading = format!("{}: {}", case[0].case, case[0].what);
        text(&mut body, (16, y), "font-weight='600'", &heading);
        y = bars(&mut body, case, y);
    }
    for line in caption {
        y += ROW;
        text(&mut body, (16, y), "font-size='12' fill='#5a6070'", line);
    }
    let height = y + 16;
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' \
         font-family='system-ui, sans-serif' font-size='13' fill='#1d2330'>\n\
         <rect width='100%' height='100%' fill='#ffffff'/>\n{body}</svg>\n"
    )
}

/// One case's bars, each below the one before; returns how far down they go.
fn bars(out: &mut String, rows: &[&Row], from: u32) -> u32 {
    let times = || rows.iter().filter_map(|row| time(row));
    let unit = reference(rows).unwrap_or_else(|| times().fold(0.0, f64::max));
    let longest = times().fold(0.0, f64::max).min(CUT * unit);
    let scale = LONGEST / longest.max(f64::MIN_POSITIVE);
    let mut y = from;
    for row in rows {
        y += ROW;
        // What follows a semicolon is for the table, which has room.
        let name = row.peer.split(';').next().unwrap_or(row.peer);
        text(out, (BARS_FROM - 8, y), "text-anchor='end'", name);
        let Some(time) = time(row) else {
            text(out, (FIGURES_FROM, y), "fill='#8a8f99'", "not run");
            continue;
        };
        let length = (time.min(longest) * scale).max(1.0);
        let top = y - 12;
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<rect x='{BARS_FROM}' y='{top}' width='{length:.1}' height='15' rx='2' fill='{}'/>",
            colour(row.peer)
        );
        let cut = if time > longest { "… " } else { "" };
        let ratio = time / unit;
        let label = format!("{cut}{} · {ratio:.2}", readable(time));
        text(out, (FIGURES_FROM, y), "", &label);
    }
    let (top, bottom) = (from + 6, y + 6);
    let x = f64::from(BARS_FROM) + unit.min(longest) * scale;
    let _ = writeln!(
        out,
        "<line x1='{x:.1}' x2='{x:.1}' y1='{top}' y2='{bottom}' stroke='#c0392b' stroke-dasharray='3 3'/>"
    );
    y
}

fn time(row: &Row) -> Option<f64> {
    let figures = row.figures.as_ref().ok()?;
    Some(figures.cpu_ns_per_op)
}

/// What the case is divided by: who has the ratio 1 has its time.
fn reference(rows: &[&Row]) -> Option<f64> {
    let one = rows.iter().find_map(|row| {
        let figures = row.figures.as_ref().ok()?;
        Some(figures.cpu_ns_per_op / figures.ratio_to_reference?)
    });
    one.filter(|unit| *unit > 0.0)
}

fn colour(peer: &str) -> &'static str {
    match peer {
        _ if peer.starts_with("ev") => OURS,
        _ if peer.contains("floor") => FLOOR,
        _ => OTHERS,
    }
}

/// Three digits and a unit.
fn readable(nanos: f64) -> String {
    let (value, unit) = match nanos {
        _ if nanos < 1e3 => (nanos, "ns"),
        _ if nanos < 1e6 => (nanos / 1e3, "µs"),
        _ if nanos < 1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    match value {
        _ if value < 10.0 => format!("{value:.2} {unit}"),
        _ if value < 100.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

fn text(out: &mut String, (x, y): (u32, u32), style: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "<text x='{x}' y='{y}' {style}>{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Figures;

    fn row(peer: &'static str, cpu: Option<f64>) -> Row {
        let figures = |cpu| Figures {
            cpu_ns_per_op: cpu,
            spread: 0.0,
            wall_ns_per_op: cpu,
            peak_kb: 0.0,
            syscalls_per_op: None,
            allocations_per_op: None,
            ratio_to_reference: Some(cpu / 100.0),
        };
        Row {
            area: "fetch",
            case: "64",
            what: "GET",
            peer,
            ops: 1,
            figures: cpu.map(figures).ok_or_else(|| "absent".to_owned()),
        }
    }

    #[test]
    fn a_picture_shows_all_and_cuts_what_is_far_too_long() {
        let rows = [
            row("hyper", Some(100.0)),
            row("evhttp; all layers", Some(80.0)),
            row("slow & old", Some(1e6)),
            row("node", None),
        ];
        let picture = svg("fetch", &rows.each_ref(), &["made by a test".to_owned()]);
        for part in [
            "64: GET",
            "hyper",
            "80.0 ns · 0.80",
            "… 1.00 ms · 10000.00",
            "slow &amp; old",
            "not run",
            "made by a test",
        ] {
            assert!(picture.contains(part), "{part} is missing in {picture}");
        }
        let widths: Vec<&str> = picture
            .split("width='")
            .skip(3)
            .filter_map(|rest| rest.split('\'').next())
            .collect();
        assert_eq!(widths, ["95.0", "76.0", "380.0"], "{picture}");
    }

    #[test]
    fn times_have_three_digits() {
        let readable: Vec<String> = [1.234, 45.67, 999.4, 16_049.0, 2.5e9].map(readable).into();
        assert_eq!(
            readable,
            ["1.23 ns", "45.7 ns", "999 ns", "16.0 µs", "2.50 s"]
        );
    }
}
