//! `cargo xtask bundle`: release programs and the packages people install.

use std::process::Command;

use anyhow::Result;

use crate::command::{cargo, root, step};
use crate::{install, packages, run};

pub fn bundle() -> Result<()> {
    install::toolchains()?;
    install::debian(packages::BUILD)?;
    install::debian(packages::WINDOW)?;
    install::debian(packages::BUNDLE)?;
    run::interface()?;
    let mut build = cargo();
    build.args(["build", "--locked", "--release", "-p", "headless", "-p", "courtier"]);
    // Without it, a release window of Tauri looks for a development server.
    build.args(["--features", "courtier/custom-protocol"]);
    step("release build", &mut build)?;
    let mut debs = Command::new("sh");
    debs.current_dir(root()).arg("installers/deb/build.sh").arg(root().join("target/release"));
    step("Debian packages", &mut debs)
}
