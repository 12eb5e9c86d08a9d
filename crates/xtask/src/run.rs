//! `cargo xtask run`: from a fresh clone to a running Courtier.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{cargo, npm, root, step};
use crate::{install, packages};

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    demo: bool,
    browser: bool,
    data: Option<PathBuf>,
}

impl Options {
    pub fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--demo" => options.demo = true,
                "--browser" => options.browser = true,
                "--data" => match rest.next() {
                    Some(folder) => options.data = Some(PathBuf::from(folder)),
                    None => bail!("--data needs a folder"),
                },
                other => bail!("unknown option {other:?} for run"),
            }
        }
        Ok(options)
    }
}

pub fn run(options: &Options) -> Result<()> {
    install::toolchains()?;
    let window = !options.browser && display();
    install::debian(packages::BUILD)?;
    if window {
        install::debian(packages::WINDOW)?;
    }
    interface()?;
    let mut build = cargo();
    build.args(["build", "--locked", "-p", "headless"]);
    if window {
        build.args(["-p", "courtier"]);
    }
    step("build", &mut build)?;
    start(options, window)
}

/// Builds the interface into `ui/dist`.
pub fn interface() -> Result<()> {
    install::node_packages("ui")?;
    step("interface", npm("ui").args(["run", "--silent", "build"]))
}

fn start(options: &Options, window: bool) -> Result<()> {
    let folder = root().join("target/debug");
    let mut program = Command::new(folder.join(if window { "courtier" } else { "courtierd" }));
    if !window {
        program.arg("run");
    }
    if let Some(data) = &options.data {
        program.arg("--data").arg(data);
    }
    if options.demo {
        program.arg("--demo");
    }
    step("Courtier", &mut program)
}

/// Whether a window can be shown: always but on a Linux without a display.
fn display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let parse = |words: &[&str]| Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let read = parse(&["--demo", "--data", "there"]).ok();
        let data = Some(PathBuf::from("there"));
        assert_eq!(read, Some(Options { demo: true, browser: false, data }));
        assert!(parse(&["--data"]).is_err());
        assert!(parse(&["--demos"]).is_err());
    }
}
