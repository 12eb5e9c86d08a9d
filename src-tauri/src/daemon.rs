//! Finding the daemon of a data folder, or starting it as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Options;

/// How long a daemon may take until it answers.
const START: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(30);

#[derive(Clone)]
pub struct Daemon(Arc<Inner>);

struct Inner {
    data: PathBuf,
    demo: bool,
    /// One start at a time; the child is kept so that a dead one is noticed and reaped.
    started: Mutex<Option<Child>>,
}

impl Daemon {
    pub fn new(options: Options) -> Result<Daemon> {
        std::fs::create_dir_all(&options.data)
            .with_context(|| format!("the data folder cannot be made: {}", options.data.display()))?;
        let inner = Inner { data: options.data, demo: options.demo, started: Mutex::new(None) };
        Ok(Daemon(Arc::new(inner)))
    }

    pub fn socket(&self) -> PathBuf {
        self.0.data.join("run").join("courtierd.sock")
    }

    /// Returns when a daemon answers: the one that runs, or one that this starts.
    pub fn ensure(&self) -> Result<()> {
        let mut started = self.0.started.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if answers(&self.socket()) {
            return Ok(());
        }
        let mut child = self.start()?;
        let end = Instant::now() + START;
        while !answers(&self.socket()) {
            if let Some(status) = child.try_wait()? {
                bail!("courtierd ended at once ({status}); its journal: {}", self.log().display());
            }
            if Instant::now() > end {
                bail!("courtierd does not answer; its journal: {}", self.log().display());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        *started = Some(child);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.0.data.join("courtierd.log")
    }

    /// In a session of its own: the end of this window, however it comes, does not reach it.
    fn start(&self) -> Result<Child> {
        let program = program();
        let log = std::fs::File::create(self.log())
            .with_context(|| format!("the journal cannot be written: {}", self.log().display()))?;
        let mut command = Command::new(&program);
        command.arg("run").arg("--data").arg(&self.0.data).arg("--no-http");
        if self.0.demo {
            command.arg("--demo");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        #[cfg(windows)]
        // DETACHED_PROCESS
        std::os::windows::process::CommandExt::creation_flags(&mut command, 0x0000_0008);
        command.spawn().with_context(|| format!("courtierd cannot be started ({})", program.display()))
    }
}

/// Beside this program, else where the search path says; `COURTIERD` says otherwise.
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("COURTIERD") {
        return program.into();
    }
    let name = if cfg!(windows) { "courtierd.exe" } else { "courtierd" };
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| name.into())
}

#[cfg(unix)]
fn answers(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

#[cfg(not(unix))]
fn answers(_socket: &Path) -> bool {
    false
}
