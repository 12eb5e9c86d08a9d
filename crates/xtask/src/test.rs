//! `cargo xtask test`: everything that must hold, from format to the real window.

use std::process::Command;

use anyhow::Result;

use crate::canaries::Ledger;
use crate::command::{cargo, npm, root, step};
use crate::{install, packages, run};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Length {
    Short,
    Long,
}

pub fn test(length: Length) -> Result<()> {
    install::toolchains()?;
    install::debian(packages::BUILD)?;
    install::debian(packages::WINDOW)?;
    install::debian(packages::TEST)?;
    run::interface()?;
    step("interface: types", npm("ui").args(["run", "--silent", "check"]))?;
    step("interface: unit tests", npm("ui").args(["run", "--silent", "test"]))?;
    rust(length)?;
    journeys(length)
}

fn rust(length: Length) -> Result<()> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    let mut lints = cargo();
    lints.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    step("lints", &mut lints)?;
    step("build", cargo().args(["build", "--locked", "--workspace"]))?;
    let mut tests = cargo();
    tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    tests.env("COURTIER_LONG", if length == Length::Long { "1" } else { "" });
    if length == Length::Short {
        // The same cases every time; the long form looks for new ones.
        tests.env("PROPTEST_RNG_SEED", "20260824");
    }
    step("Rust tests", &mut tests)
}

/// Journeys with foreign clients, screens in Chromium, the window under Xvfb: Node's test runner
/// drives the programs that were just built.
fn journeys(length: Length) -> Result<()> {
    install::node_packages("tests")?;
    let python = install::python_environment()?;
    let esphome = install::esphome_environment()?;
    let ledger = Ledger::open(&std::env::temp_dir().join(format!("courtier-ledger-{}", std::process::id())))?;
    let mut tests = Command::new("node");
    tests.env("COURTIER_LEDGER", ledger.path());
    tests.current_dir(root().join("tests"));
    tests.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    for folder in ["journeys", "screens", "window"] {
        let mut files: Vec<_> = std::fs::read_dir(root().join("tests").join(folder))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
            .collect();
        files.sort();
        tests.args(files);
    }
    tests.env("COURTIER_BIN", root().join("target/debug"));
    tests.env("COURTIER_PYTHON", python);
    tests.env("COURTIER_ESPHOME", esphome);
    tests.env("COURTIER_LONG", if length == Length::Long { "1" } else { "" });
    tests.env("LANG", "en_US.UTF-8");
    step("journeys, screens, window", &mut tests)?;
    ledger.check(&root().join("tests/screens/shots"))
}
