//! How much a worker tells.

use clap::ValueEnum;

use super::Word;

/// How much is told: `celery worker --loglevel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum LogLevel {
    /// All.
    Info,
    /// What has to wait, and what went wrong.
    Warning,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// Whether a line that begins with `word` is told.
    pub(super) fn tells(self, word: Word) -> bool {
        self <= match word {
            Word::Now(_) | Word::Good(_) => Self::Info,
            Word::Wait(_) => Self::Warning,
            Word::Bad(_) => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_tells_less_than_the_one_before() {
        let words = [Word::Now(""), Word::Good(""), Word::Wait(""), Word::Bad("")];
        let told = [LogLevel::Info, LogLevel::Warning, LogLevel::Error]
            .map(|level| words.map(|word| level.tells(word)));
        assert_eq!(told, [[true; 4], [false, false, true, true], [false, false, false, true]]);
    }
}
