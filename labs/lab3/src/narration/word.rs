//! The word at the start of a line.

use colored::Colorize;

/// The word at the start of a line; its colour says what kind of news it is, its symbol says it without colours.
#[derive(Debug, Clone, Copy)]
pub enum Word {
    /// Something began or moved on.
    Now(&'static str),
    /// It went well.
    Good(&'static str),
    /// It has to wait.
    Wait(&'static str),
    /// It went wrong.
    Bad(&'static str),
}

impl Word {
    pub(super) fn shown(self) -> String {
        match self {
            Self::Now(word) => format!("{} {:<10}", "▶".cyan(), word).to_string(),
            Self::Good(word) => format!("{} {}", "✔".green(), format!("{word:<10}").green()),
            Self::Wait(word) => format!("{} {}", "◷".yellow(), format!("{word:<10}").yellow()),
            Self::Bad(word) => format!("{} {}", "✘".red(), format!("{word:<10}").red().bold()),
        }
    }
}
