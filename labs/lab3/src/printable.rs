//! One filter for everything from outside that reaches a terminal or a log.
//!
//! A mail address, a task's name, a server's reply, a line from Redis: whoever wrote it may have put
//! an escape sequence in it that clears the screen, a newline that forges a second log line, or an
//! override that shows letters in another order than they stand. Here each such character is shown
//! escaped (`\x1b`, `\n`, `\u{202e}`), one line stays one line, and a long line is cut with `…`.
//!
//! It is for the eye, not for a parser: a backslash that was typed is left alone, so `\n` on the
//! screen may be a newline or the two characters.

/// `text` on one line of at most `longest` characters, every invisible or steering one escaped.
pub fn printable(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut length = 0;
    let mut before_the_dots = 0;
    for character in text.chars() {
        let piece = show(character);
        length += piece.chars().count();
        if length > longest {
            shown.truncate(before_the_dots);
            shown.push('…');
            return shown;
        }
        shown.push_str(&piece);
        if length < longest {
            before_the_dots = shown.len();
        }
    }
    shown
}

/// Every line of `text` as [`printable`] shows it, in full: for sentences of ours with something from
/// outside in them.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(|line| printable(line, usize::MAX)).collect::<Vec<_>>().join("\n")
}

/// The last filter before the screen: as [`printable_lines`], but the lab's own colours pass, and so
/// does a letter's tab.
pub fn on_screen(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let colour = colour(rest);
        let (piece, after) = rest.split_at(colour.max(character.len_utf8()));
        match character {
            '\n' | '\t' => shown.push(character),
            _ if colour > 0 => shown.push_str(piece),
            other => shown.push_str(&show(other)),
        }
        rest = after;
    }
    shown
}

/// How long the colour is with which `text` begins; 0 if it begins otherwise.
fn colour(text: &str) -> usize {
    // Reset, bold, dimmed, and the four colours that the narration has.
    const OURS: [&str; 7] = ["0", "1", "2", "31", "32", "33", "36"];
    let Some((codes, _)) = text.strip_prefix("\x1b[").and_then(|rest| rest.split_once('m')) else {
        return 0;
    };
    let ours = codes.split(';').all(|code| OURS.contains(&code));
    if ours { codes.len() + "\x1b[m".len() } else { 0 }
}

/// The beginning of a task's id, by which people tell one from another; an id is any text.
pub(crate) fn short(id: &str) -> String {
    printable(&id.chars().take(8).collect::<String>(), 40)
}

fn show(character: char) -> String {
    match character {
        '\n' | '\r' | '\t' => character.escape_default().to_string(),
        control if control.is_control() => format!("\\x{:02x}", u32::from(control)),
        steering if steers(steering) => steering.escape_unicode().to_string(),
        plain => plain.to_string(),
    }
}

/// Characters that have no shape of their own but change how others are read.
///
/// The zero-width joiner is among them, so a joined emoji comes apart: the price of seeing the one
/// that hides between the syllables of `paypal`.
pub(crate) fn steers(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of direction
            | '\u{180e}' | '\u{200b}'..='\u{200d}' // zero width
            | '\u{2028}' | '\u{2029}' // ends of lines and paragraphs
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // embeddings, overrides, isolates
            | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' // invisible operators, old controls
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' // byte order mark, annotations
            | '\u{e0000}'..='\u{e007f}' // tags: ASCII that cannot be seen
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_by_its_beginning_whatever_it_is() {
        assert_eq!(short("f09a22db-2fea-4edd-9f5d-3d3f539d34bf"), "f09a22db");
        assert_eq!(
            (short("größen/7 and more").as_str(), short("a\u{1b}b").as_str()),
            ("größen/7", r"a\x1bb")
        );
    }

    #[test]
    fn plain_text_of_any_script_stays_as_it_is() {
        for text in ["", "hello", "Grüße", "שלום", "日本語 👍", r"C:\new"] {
            assert_eq!(printable(text, 80), text);
        }
    }

    #[test]
    fn what_steers_a_terminal_or_hides_is_shown_escaped() {
        let shown = [
            ("\x1b[2J", r"\x1b[2J"),
            ("a\0b\x7f", r"a\x00b\x7f"),
            ("\u{9b}31m", r"\x9b31m"),
            ("one\r\ntwo\tthree", r"one\r\ntwo\tthree"),
            ("\u{202e}gpj.exe", r"\u{202e}gpj.exe"),
            ("\u{2066}a\u{2069}", r"\u{2066}a\u{2069}"),
            ("a\u{200f}\u{200e}\u{61c}", r"a\u{200f}\u{200e}\u{61c}"),
            ("pay\u{200b}pal\u{feff}", r"pay\u{200b}pal\u{feff}"),
            ("a\u{2028}b\u{2029}c", r"a\u{2028}b\u{2029}c"),
            ("\u{e0041}", r"\u{e0041}"),
        ];
        for (text, expected) in shown {
            assert_eq!(printable(text, 80), expected);
        }
    }

    #[test]
    fn a_long_line_is_cut_with_an_ellipsis_at_the_given_length() {
        assert_eq!(printable("12345", 5), "12345");
        assert_eq!(printable("123456", 5), "1234…");
        assert_eq!(printable("äöüß€é", 4), "äöü…");
    }

    #[test]
    fn an_escape_is_never_cut_in_its_middle() {
        assert_eq!(printable("ab\x1bcd", 5), "ab…");
        assert_eq!(printable("ab\x1b", 6), r"ab\x1b");
    }

    #[test]
    fn the_last_filter_lets_our_colours_pass_and_nothing_else_that_steers() {
        for ours in ["\x1b[1;31mred\x1b[0m and\n\tplain", "\x1b[2mdimmed\x1b[0m"] {
            assert_eq!(on_screen(ours), ours);
        }
        let shown = [
            ("\x1b]0;X\x07", r"\x1b]0;X\x07"),
            ("\x1b[2J\x1b[8mhidden\x1b[", r"\x1b[2J\x1b[8mhidden\x1b["),
            ("\x1b[31;5m\r\u{9b}m\u{202e}", r"\x1b[31;5m\r\x9bm\u{202e}"),
        ];
        for (text, expected) in shown {
            assert_eq!(on_screen(text), expected);
        }
        assert_eq!(printable_lines("a\x1b[31m\nb\t"), "a\\x1b[31m\nb\\t");
    }

    #[test]
    fn no_character_that_comes_out_can_start_a_second_line() {
        let everything: String = ('\0'..='\u{3000}').collect();
        let shown = printable(&everything, usize::MAX);
        assert!(!shown.chars().any(|c| c.is_control() || steers(c)));
    }
}
