//! clap's complaints, without what may be a secret: it repeats the argument that it does not like,
//! and that may be a URL with a password in it, put where none belongs.

use crate::narration;

/// Ends the program with clap's words.
pub(super) fn refuse(error: &clap::Error) -> ! {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let text = error.to_string();
    narration::leave(&without_secrets(&text, &arguments), error)
}

/// `text` with `…` for each argument, or value behind a `=`, that may hold a password.
fn without_secrets(text: &str, arguments: &[String]) -> String {
    let mut secrets: Vec<&str> = arguments
        .iter()
        .filter(|word| word.contains(['@', ':', '/']))
        .flat_map(|word| [Some(word.as_str()), word.split_once('=').map(|(_, value)| value)])
        .flatten()
        .filter(|word| !word.starts_with('-'))
        .collect();
    // The longest first: a part of it may be another argument.
    secrets.sort_by_key(|word| std::cmp::Reverse(word.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_not_repeated_and_other_arguments_are() {
        let words = ["redis://:s3cret@h", "--brokr=redis://:s3cret@h", "ann:s3cret@h", "fast"];
        for word in words {
            let text = format!("error: unexpected argument '{word}' found");
            let shown = without_secrets(&text, &[word.to_owned()]);
            assert!(!shown.contains("s3cret"), "{shown}");
            assert_eq!(shown == text, word == "fast", "{shown}");
        }
    }
}
