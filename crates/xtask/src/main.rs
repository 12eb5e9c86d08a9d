//! The project's own commands: `cargo xtask run`, `cargo xtask test`, `cargo xtask bundle`.
//!
//! Each installs what it needs (Debian packages, npm packages, a Python environment for the foreign
//! clients) and says clearly what is missing where it cannot. It has no dependencies to speak of, so
//! that the first command starts at once.

mod bundle;
mod canaries;
mod command;
mod install;
mod packages;
mod run;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask run [--demo] [--data DIR] [--browser]
    install what is missing, build, and start Courtier: in a window where there is a display,
    else in the browser (the address to open is printed)
    --demo     add a simulated class
    --data     where the site lives (default: the user's data folder)
    --browser  the browser even where there is a display
cargo xtask test [--long]
    format, lints, Rust tests, interface checks, journeys with foreign clients, screens in Chromium,
    the real window under Xvfb
    --long     also the long forms
cargo xtask bundle
    release build and the Debian packages, in target/installers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((name, options)) = arguments.split_first() else {
        println!("{HELP}");
        return Ok(());
    };
    match name.as_str() {
        "run" => run::run(&run::Options::parse(options)?),
        "test" => match options {
            [] => test::test(test::Length::Short),
            [long] if long == "--long" => test::test(test::Length::Long),
            other => bail!("unknown options {other:?}\n{HELP}"),
        },
        "bundle" => bundle::bundle(),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("unknown command {other:?}\n{HELP}"),
    }
}
