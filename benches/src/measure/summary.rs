//! From runs to rows: medians and ratios.

use super::Measured;
use crate::area::{Case, Peer};

/// One line of the report.
pub(crate) struct Row {
    pub(crate) area: &'static str,
    pub(crate) case: &'static str,
    /// What one operation is.
    pub(crate) what: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) ops: u64,
    /// Or the reason why it was not run.
    pub(crate) figures: Result<Figures, String>,
}

#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) cpu_ns_per_op: f64,
    /// The distance of the extremes, as a part of the median: how far to trust it.
    pub(crate) spread: f64,
    pub(crate) wall_ns_per_op: f64,
    pub(crate) peak_kb: f64,
    pub(crate) syscalls_per_op: Option<f64>,
    pub(crate) allocations_per_op: Option<f64>,
    pub(crate) ratio_to_reference: Option<f64>,
}

pub(super) fn row(case: &Case, peer: &Peer, figures: Result<Figures, String>) -> Row {
    Row {
        area: case.area,
        case: case.name,
        what: case.what,
        peer: peer.name,
        ops: case.ops,
        figures,
    }
}

/// Fills in the ratios; where the reference did not run there are none.
pub(super) fn relate(rows: &mut [Row], reference: &str) {
    let unit = rows
        .iter()
        .find(|row| row.peer == reference)
        .and_then(|row| row.figures.as_ref().ok());
    let Some(unit) = unit.map(|figures| figures.cpu_ns_per_op) else {
        return;
    };
    for figures in rows.iter_mut().filter_map(|row| row.figures.as_mut().ok()) {
        figures.ratio_to_reference = Some(figures.cpu_ns_per_op / unit);
    }
}

/// The median of each column; nothing is counted yet.
pub(super) fn summary(runs: &[Measured]) -> Figures {
    let median = |column: usize| {
        let mut values: Vec<f64> = runs.iter().map(|run| run[column]).collect();
        values.sort_by(f64::total_cmp);
        (
            values[values.len() / 2],
            values[values.len() - 1] - values[0],
        )
    };
    let (cpu, range) = median(0);
    Figures {
        cpu_ns_per_op: cpu,
        spread: range / cpu,
        wall_ns_per_op: median(1).0,
        peak_kb: median(2).0,
        syscalls_per_op: None,
        allocations_per_op: None,
        ratio_to_reference: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::area::cases;

    fn ran(peer: &'static str, cpu: f64) -> Row {
        let figures = summary(&[[cpu, 1.0, 2.0]]);
        Row {
            area: "area",
            case: "case",
            what: "a step",
            peer,
            ops: 1,
            figures: Ok(figures),
        }
    }

    fn ratio(row: &Row) -> Option<f64> {
        row.figures.as_ref().ok()?.ratio_to_reference
    }

    #[test]
    fn the_median_counts_in_each_column_and_the_spread_is_told() {
        let figures = summary(&[[9.0, 10.0, 5.0], [10.0, 30.0, 7.0], [12.0, 20.0, 6.0]]);
        assert_eq!(
            (
                figures.cpu_ns_per_op,
                figures.wall_ns_per_op,
                figures.peak_kb
            ),
            (10.0, 20.0, 6.0)
        );
        assert_eq!(figures.spread, 0.3);
    }

    #[test]
    fn all_are_divided_by_the_reference() {
        let mut rows = [ran("us", 30.0), ran("them", 20.0)];
        relate(&mut rows, "them");
        assert_eq!((ratio(&rows[0]), ratio(&rows[1])), (Some(1.5), Some(1.0)));
    }

    #[test]
    fn without_the_reference_there_is_no_ratio() {
        let missing = Row {
            figures: Err("not installed".to_owned()),
            ..ran("them", 0.0)
        };
        let mut rows = [ran("us", 30.0), missing];
        relate(&mut rows, "them");
        assert_eq!(ratio(&rows[0]), None);
    }

    #[test]
    fn every_case_names_a_peer_of_its_own_as_reference_and_has_us() {
        for case in cases() {
            let has =
                |wanted: &dyn Fn(&str) -> bool| case.peers.iter().any(|peer| wanted(peer.name));
            assert!(has(&|name| name == case.reference), "{}", case.id());
            assert!(has(&|name| name.starts_with("ev")), "{}", case.id());
        }
    }
}
