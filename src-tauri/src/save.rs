//! Saving a file that the page made, where the user says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tauri::{AppHandle, Runtime};
use tauri_plugin_dialog::DialogExt;

/// Asks where, writes, and answers whether it was written (not when the user thought better of it).
#[tauri::command]
pub async fn save_file<R: Runtime>(app: AppHandle<R>, name: String, base64: String) -> Result<bool, String> {
    let contents = STANDARD.decode(base64).map_err(|error| error.to_string())?;
    // A name, not a path: the dialog decides about folders.
    let name = name.rsplit(['/', '\\']).next().unwrap_or("courtier").to_owned();
    let dialog = app.dialog().file().set_file_name(name);
    let chosen = tauri::async_runtime::spawn_blocking(move || dialog.blocking_save_file());
    let Some(path) = chosen.await.map_err(|error| error.to_string())? else { return Ok(false) };
    let path = path.into_path().map_err(|error| error.to_string())?;
    std::fs::write(&path, contents).map_err(|error| error.to_string())?;
    Ok(true)
}
