//! P8's other half: what the compiler says to who asks too much of a value.
//! Compiles small programs against the evcore this test was built with and
//! reads the messages. No test of behaviour lives here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The folder with the libraries this test was linked from.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

/// The evcore built last: the one just built for this test.
fn evcore(libraries: &Path) -> PathBuf {
    let files = std::fs::read_dir(libraries)
        .unwrap()
        .map(|file| file.unwrap());
    let named = files.filter(|file| {
        let name = file.file_name().into_string().unwrap();
        name.starts_with("libevcore-") && name.ends_with(".rlib")
    });
    let built =
        |file: &std::fs::DirEntry| -> SystemTime { file.metadata().unwrap().modified().unwrap() };
    named.max_by_key(built).expect("evcore was built").path()
}

/// What the compiler says to `body`, as the body of a function with a
/// `page: Promise<Page>`, where `Page` is not `Clone`.
fn said_to(name: &str, body: &str) -> String {
    let libraries = libraries();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(format!("{name}.rs"));
    let program = format!(
        "#![allow(unused)]\nuse evcore::{{Promise, Result}};\npub struct Page(String);\n\
         pub async fn program(page: Promise<Page>, n: Promise<i32>) -> Result<()> {{\n{body}\nOk(())\n}}\n"
    );
    std::fs::write(&source, program).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(compiler)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .arg("--extern")
        .arg(format!("evcore={}", evcore(&libraries).display()))
        .arg("-L")
        .arg(format!("dependency={}", libraries.display()))
        .arg("-o")
        .arg(folder.join(format!("lib{name}.rmeta")))
        .arg(&source)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), !said.contains("error"), "{said}");
    said
}

#[test]
fn p08_awaiting_a_value_that_is_not_clone_names_shared() {
    let said = said_to("awaited", "page.await?;");
    assert!(said.contains("`Promise<Page>` is not a future"), "{said}");
    assert!(said.contains("Promise<ElseShared>"), "{said}");
}

#[test]
fn p08_run_on_a_value_that_is_not_clone_names_shared() {
    let said = said_to("run", "evcore::run(page)?;");
    assert!(said.contains("Promise<ElseShared>"), "{said}");
}

#[test]
fn p08_what_it_names_compiles() {
    assert_eq!(said_to("shared", "page.shared().await?;"), "");
    assert_eq!(said_to("run_shared", "evcore::run(page.shared())?;"), "");
    assert_eq!(said_to("cloned", "n.await?;"), "");
}

#[test]
fn p08_gathering_asks_for_clone_and_says_so() {
    let said = said_to("all", "Promise::all([page]);");
    assert!(
        said.contains("`Clone` is not implemented for `Page`"),
        "{said}"
    );
}

#[test]
fn p06_and_then_says_what_it_follows() {
    let said = said_to("and_then", "n.and_then(|n| n + 1);");
    assert!(
        said.contains("returns a promise or an `evcore::Result`"),
        "{said}"
    );
    assert!(said.contains("for a plain value use `then`"), "{said}");
    let said = said_to("other", "n.and_then(|_| \"x\".parse::<i32>());");
    assert!(
        said.contains("returns a promise or an `evcore::Result`"),
        "{said}"
    );
}

#[test]
fn p01_settling_twice_says_that_the_resolver_was_moved() {
    let twice = "let (p, r) = Promise::<i32>::pending(); r.resolve(1); r.resolve(2);";
    let said = said_to("twice", twice);
    assert!(said.contains("use of moved value: `r`"), "{said}");
}
