#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a text of {len} bytes fits no QR code")]
    QrTooLong { len: usize },
    #[error("a built-in font cannot be read")]
    Font,
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}
