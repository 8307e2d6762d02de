//! Whether the mail can go where it is to go: better known at the start than by the first mail.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use crate::mail::ServerError;

/// The mail can't go where the options say.
#[derive(Debug, thiserror::Error)]
pub enum MailRefused {
    /// `--smtp` names no mail server that can be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// `--mail-file` names no file that can be written.
    #[error(
        "the mail file {} can't be written: {source}\n  next: name a file in a folder that exists and is yours, such as --mail-file mails.txt",
        crate::printable::printable(&path.to_string_lossy(), 200)
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// `path`, as long as a mail can be appended to it now.
pub(super) fn writable(path: &Path) -> Result<PathBuf, MailRefused> {
    // Only a file is opened: a named pipe would wait for its reader.
    let opens = std::fs::metadata(path).map_or(true, |found| found.is_file() || found.is_dir());
    let opened = match opens {
        true => OpenOptions::new().create(true).append(true).open(path).map(drop),
        false => Ok(()),
    };
    let refused = |source| MailRefused::File { path: path.to_owned(), source };
    opened.map(|()| path.to_owned()).map_err(refused)
}
