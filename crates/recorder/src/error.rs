use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the recordings are damaged: {detail} ({path})", path = path.display())]
    Damaged { detail: String, path: PathBuf },
    #[error("the recordings were written by a newer version ({found}; this one knows {known})")]
    Newer { found: i64, known: i64 },
    #[error("the recordings cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the recordings cannot be moved aside: {source} ({path})", path = path.display())]
    SetAside { source: std::io::Error, path: PathBuf },
    #[error("the writer's thread cannot be started: {0}")]
    Thread(std::io::Error),
    #[error("the recorder is closed")]
    Closed,
}
