//! The tray: open and close the window. Never the only way back: a second start raises it too.

use tauri::menu::{Menu, MenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Runtime};

use crate::window;

pub fn build<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    let french = std::env::var("LANG").is_ok_and(|lang| lang.starts_with("fr"));
    let words = |fr: &'static str, en: &'static str| if french { fr } else { en };
    let open = MenuItem::with_id(app, "open", words("Ouvrir Courtier", "Open Courtier"), true, None::<&str>)?;
    let close = words("Fermer la fenêtre (le courtier continue)", "Close the window (the broker goes on)");
    let quit = MenuItem::with_id(app, "quit", close, true, None::<&str>)?;
    let menu = Menu::with_items(app, &[&open, &quit])?;
    let mut tray =
        TrayIconBuilder::new().menu(&menu).tooltip("Courtier").on_menu_event(|app, event| match event.id().as_ref() {
            "open" => window::raise(app),
            "quit" => app.exit(0),
            _ => {}
        });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    Ok(())
}
