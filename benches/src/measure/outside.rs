//! What the system tells of another program: its CPU time and its peak memory (proc(5)).

use std::fs;
use std::time::Duration;

/// The largest resident size so far, in KiB, without the pages of files (VmHWM less RssFile): this binary has all peers in
/// it, and no program that uses one of them would. 0 where there is no such file.
pub(super) fn peak_kb(program: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{program}/status")).unwrap_or_default();
    let of = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(0)
    };
    of("VmHWM:").saturating_sub(of("RssFile:"))
}

/// What the measurements were made on: for a caption.
pub(crate) fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |rest| {
        rest.trim_start_matches([' ', '\t', ':'])
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {model}, Linux {}", kernel.trim())
}

/// The time all threads of a program have been on a core, to the nanosecond (schedstat, where utime counts ticks).
pub(super) fn cpu_time(program: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{program}/task"));
    let nanos = tasks.into_iter().flatten().flatten().map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let first = text.split_whitespace().next();
        first.and_then(|word| word.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanos.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_done_by_this_program_is_seen_from_outside() {
        let before = cpu_time(std::process::id());
        let memory = vec![1_u8; 64 << 20];
        let sum: u64 = memory.iter().map(|&byte| u64::from(byte)).sum();
        assert_eq!(sum, 64 << 20);
        assert!(cpu_time(std::process::id()) > before);
        assert!(peak_kb("self") >= 64 << 10);
    }
}
