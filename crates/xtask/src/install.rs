//! Installs what is missing: Debian packages by apt-get, npm packages by `npm ci`, Python packages
//! into an environment of our own below `target/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{npm, output, root, step};

/// Checks the two tools that we cannot install ourselves.
pub fn toolchains() -> Result<()> {
    let rust = output("rustc", &["--version"]).unwrap_or_default();
    if version(&rust) < Some((1, 95)) {
        bail!("Rust 1.95 or newer is needed, found {:?}: see https://rustup.rs", rust.trim());
    }
    let node = output("node", &["--version"]).unwrap_or_default();
    if version(&node) < Some((20, 0)) {
        bail!("Node 20 or newer is needed, found {:?}: see https://nodejs.org", node.trim());
    }
    Ok(())
}

/// `rustc 1.95.0 (…)` and `v20.20.2` → major and minor.
fn version(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut parts = text.get(start..)?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Installs the Debian packages that are missing. Elsewhere it says what to install by hand.
pub fn debian(packages: &[&str]) -> Result<()> {
    if cfg!(target_os = "macos") {
        println!("macOS: the Xcode command line tools are needed (xcode-select --install).");
        return Ok(());
    }
    if cfg!(windows) {
        println!("Windows: Visual Studio Build Tools (C++) and WebView2 are needed.");
        return Ok(());
    }
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if output("apt-get", &["--version"]).is_none() {
        bail!("these Debian packages (or their like) are missing, and there is no apt-get here: {}", missing.join(" "));
    }
    println!("Debian packages to install: {}", missing.join(" "));
    step("apt-get update", &mut apt(&["update", "-qq"]))?;
    let mut install = apt(&["install", "-y", "-qq", "--no-install-recommends"]);
    step("apt-get install", install.args(&missing))
}

fn installed(package: &str) -> bool {
    output("dpkg-query", &["-W", "-f=${Status}", package]).is_some_and(|status| status == "install ok installed")
}

/// apt-get as root: directly, or through sudo, which may ask for the password.
fn apt(arguments: &[&str]) -> Command {
    let root = output("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    let mut command = Command::new(if root { "apt-get" } else { "sudo" });
    if !root {
        command.arg("apt-get");
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// `npm ci` where the lock file changed since the last one.
pub fn node_packages(folder: &str) -> Result<()> {
    let lock = root().join(folder).join("package-lock.json");
    let stamp = root().join(folder).join("node_modules/.courtier-lock");
    fresh(&lock, &stamp, || {
        step(&format!("npm ci ({folder})"), npm(folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))
    })
}

/// The Python environment of the foreign clients; returns its interpreter.
pub fn python_environment() -> Result<PathBuf> {
    environment("python", "requirements.txt", Some("requirements-bare.txt"))
}

/// ESPHome lives apart: it wants another version of paho-mqtt than the one we test with.
pub fn esphome_environment() -> Result<PathBuf> {
    environment("python-esphome", "requirements-esphome.txt", None)
}

/// An environment below `target/`. What stands in `bare` is installed without what it asks for: the
/// tests bring stand-ins for it.
fn environment(name: &str, wanted: &str, bare: Option<&str>) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    let python = folder.join("bin/python");
    let pip = |file: &str, options: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(options);
        step(&format!("python packages ({file})"), pip.arg("-r").arg(root().join("tests").join(file)))
    };
    fresh(&root().join("tests").join(wanted), &folder.join("courtier-requirements"), || {
        let mut create = Command::new("/usr/bin/python3");
        step("python environment", create.args(["-m", "venv", "--clear"]).arg(&folder))?;
        pip(wanted, &[])
    })?;
    if let Some(bare) = bare {
        let stamp = folder.join("courtier-requirements-bare");
        fresh(&root().join("tests").join(bare), &stamp, || pip(bare, &["--no-deps"]))?;
    }
    Ok(python)
}

/// Runs `make` unless the stamp holds what `source` holds now.
fn fresh(source: &Path, stamp: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
    if fs::read(stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    make()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read_from_what_the_tools_print() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version("command not found"), None);
    }
}
