/// What this room can fail at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write the bundle: {0}")]
    Bundle(#[from] zip::result::ZipError),
    #[error("cannot write a file of the bundle: {0}")]
    Write(#[from] std::io::Error),
}
