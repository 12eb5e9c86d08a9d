fn main() {
    let commands = tauri_build::AppManifest::new().commands(&["save_file", "save_export"]);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)) {
        println!("cargo::error={error:#}");
    }
}
