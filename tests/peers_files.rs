//! Files on a disk that is full and where nothing may be written, for real. Needs root, a mount namespace (unshare) and
//! setpriv; devices are made in a folder of the test's own, so that no fault of ours replaces this machine's.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bed::{TempDir, command};
use evcore::{Kind, run};
use evhttp::Body;

/// The folder, set in the process that has it.
const INSIDE: &str = "EVHTTP_FOLDER";

/// Runs `test`, the test of this name, in a process that `command` starts, with a folder.
fn alone(name: &str, command: &str, test: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return test(&PathBuf::from(folder));
    }
    let folder = TempDir::new("files");
    let program = std::env::current_exe().expect("it runs");
    let script = format!(
        "set -e; {command}; export {INSIDE}=\"$1\"; exec $how \"$0\" --exact --nocapture {name}"
    );
    let (program, folder) = (
        program.display().to_string(),
        folder.path().display().to_string(),
    );
    let arguments = ["--mount", "sh", "-c", &script, &program, &folder];
    let finished = command::run("unshare", &arguments, Duration::from_secs(120)).success();
    let said = finished.text();
    assert!(said.contains("1 passed"), "{said}");
}

/// The error's line without the path, and what is in the folder then.
fn refused(folder: &Path, name: &str, length: usize) -> (String, Vec<String>) {
    let path = folder.join(name);
    let error = run(Body::from(vec![7; length]).save(&path)).unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    let line = error.to_string();
    let begin = format!("save {}: ", path.display());
    let why = line.strip_prefix(&begin).expect(&line).to_owned();
    let left = || {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let gone = || left().iter().all(|name| !name.ends_with(".part"));
    assert!(
        bed::wait_until(Duration::from_secs(30), gone),
        "{:?}",
        left()
    );
    (why, left())
}

#[test]
fn a_full_disk() {
    let mount = "mount -t tmpfs -o size=2m none \"$1\"; mknod \"$1/full\" c 1 7";
    alone("a_full_disk", mount, |folder| {
        const FULL: &str = "No space left on device (os error 28)";
        fs::write(folder.join("file"), "before").unwrap();
        let all = ["file", "full"].map(str::to_owned).to_vec();
        for name in ["file", "other"] {
            assert_eq!(
                refused(folder, name, 3 << 20),
                (FULL.to_owned(), all.clone())
            );
        }
        assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "before");
        assert_eq!(refused(folder, "full", 9), (FULL.to_owned(), all));
        let about = fs::metadata(folder.join("full")).unwrap();
        assert!(about.file_type().is_char_device(), "written as it is");
        // There is room again, for what fits, as soon as the helper has closed what was given up.
        let fits = || run(Body::from(vec![7; 1 << 20]).save(folder.join("file")));
        assert!(bed::wait_until(Duration::from_secs(30), || fits()
            .is_ok_and(|length| length == 1 << 20)));
    });
}

#[test]
fn no_permission() {
    let how = "how='setpriv --bounding-set=-dac_override,-dac_read_search --'";
    alone("no_permission", how, |folder| {
        const DENIED: &str = "Permission denied (os error 13)";
        let allow = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        // A file that may not be written is not replaced either, though its folder would allow that.
        let file = folder.join("file");
        fs::write(&file, "before").unwrap();
        allow(&file, 0o444);
        let all = vec!["file".to_owned()];
        assert_eq!(refused(folder, "file", 9), (DENIED.to_owned(), all.clone()));
        allow(&file, 0o644);
        allow(folder, 0o555);
        for name in ["file", "other"] {
            assert_eq!(refused(folder, name, 9), (DENIED.to_owned(), all.clone()));
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        allow(folder, 0o755);
    });
}
