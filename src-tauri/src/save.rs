//! Saving a file where the user says: one that the page made, or an export that the daemon holds.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_dialog::DialogExt;

use crate::daemon::Daemon;
use crate::forward;

/// Asks where, writes, and answers whether it was written (not when the user thought better of it).
#[tauri::command]
pub async fn save_file<R: Runtime>(app: AppHandle<R>, name: String, base64: String) -> Result<bool, String> {
    let contents = STANDARD.decode(base64).map_err(|error| error.to_string())?;
    let Some(path) = ask(&app, &name).await? else { return Ok(false) };
    std::fs::write(&path, contents).map_err(|error| error.to_string())?;
    Ok(true)
}

/// The same for an export, which goes from the daemon to the file without passing the page.
#[tauri::command]
pub async fn save_export<R: Runtime>(
    app: AppHandle<R>,
    daemon: State<'_, Daemon>,
    id: u32,
    name: String,
) -> Result<bool, String> {
    let Some(path) = ask(&app, &name).await? else { return Ok(false) };
    let written = forward::download(&daemon, &format!("/files/export/{id}"), &path).await;
    if let Err(error) = written {
        // Half a file looks like a whole one.
        std::fs::remove_file(&path).ok();
        return Err(format!("{error:#}"));
    }
    Ok(true)
}

async fn ask<R: Runtime>(app: &AppHandle<R>, name: &str) -> Result<Option<PathBuf>, String> {
    // A name, not a path: the dialog decides about folders.
    let name = name.rsplit(['/', '\\']).next().unwrap_or("courtier").to_owned();
    let dialog = app.dialog().file().set_file_name(name);
    let chosen = tauri::async_runtime::spawn_blocking(move || dialog.blocking_save_file());
    let Some(path) = chosen.await.map_err(|error| error.to_string())? else { return Ok(None) };
    path.into_path().map(Some).map_err(|error| error.to_string())
}
