//! The desktop window: finds or starts `courtierd`, shows its interface, and holds nothing itself.
//! A crash of the web view takes nothing with it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod daemon;
mod forward;
mod save;
mod tray;
mod window;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// What the command line says.
pub struct Options {
    pub data: PathBuf,
    /// Handed on to the daemon that we start.
    pub demo: bool,
}

fn main() -> Result<()> {
    let options = options(std::env::args().skip(1))?;
    let daemon = daemon::Daemon::new(options)?;
    daemon.ensure()?;
    let forwarded = daemon.clone();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::raise(app)))
        .plugin(tauri_plugin_dialog::init())
        .manage(daemon.clone())
        .invoke_handler(tauri::generate_handler![save::save_file, save::save_export])
        .register_asynchronous_uri_scheme_protocol("courtier", move |context, request, responder| {
            let main = context.webview_label() == window::MAIN;
            let daemon = forwarded.clone();
            tauri::async_runtime::spawn(async move {
                responder.respond(match main {
                    true => forward::forward(&daemon, request).await,
                    false => forward::refused(),
                });
            });
        })
        .setup(|app| {
            window::open(app.handle())?;
            tray::build(app.handle())?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the window cannot be made")?;
    app.run(|_, _| {});
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let (mut data, mut demo) = (std::env::var_os("COURTIER_DATA").map(PathBuf::from), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--demo" => demo = true,
            "--data" => data = Some(arguments.next().context("--data needs a folder")?.into()),
            other => bail!("unknown option {other:?}; there are --data DIR and --demo"),
        }
    }
    let home = || directories::ProjectDirs::from("", "", "courtier").map(|dirs| dirs.data_dir().to_path_buf());
    let data = data.or_else(home).context("no home folder: give --data DIR")?;
    Ok(Options { data: std::path::absolute(data)?, demo })
}
