//! How redis-cli has to be called to look at the same Redis.

use super::{BrokerUrl, Place};

impl BrokerUrl {
    /// `redis-cli` with the options without which it would look at another Redis, or as somebody
    /// else. Where there is a password redis-cli asks for it: it stands in no line.
    #[must_use]
    pub fn redis_cli(&self) -> String {
        let mut command = "redis-cli".to_owned();
        let mut add = |option: &str, value: &str| {
            command.push_str(&format!(" {option} {}", shell_quoted(value)));
        };
        match &self.place {
            Place::Socket(path) => add("-s", path),
            Place::Tcp { host, port } => {
                if host != "127.0.0.1" {
                    add("-h", host);
                }
                if *port != 6379 {
                    add("-p", &port.to_string());
                }
            }
        }
        if self.db != 0 {
            add("-n", &self.db.to_string());
        }
        if let Some(username) = &self.username {
            add("--user", username);
        }
        match (&self.username, &self.password) {
            (_, Some(_)) => command.push_str(" --askpass"),
            // Without a password redis-cli would not log in at all.
            (Some(_), None) => command.push_str(" --no-auth-warning --pass \"\""),
            (None, None) => {}
        }
        command
    }
}

/// As one word of a shell's line: that of this system.
fn shell_quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+,".contains(letter);
    match word {
        _ if !word.is_empty() && word.chars().all(plain) => word.to_owned(),
        _ if cfg!(windows) => format!("\"{}\"", word.replace('"', "\"\"")),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redis_cli(url: &str) -> String {
        url.parse::<BrokerUrl>().unwrap().redis_cli()
    }

    #[test]
    fn redis_cli_is_told_where_to_look_when_it_would_not_look_there_by_itself() {
        for (url, command) in [
            ("redis://127.0.0.1:6379/0", "redis-cli"),
            ("redis://:6379", "redis-cli"),
            ("redis://localhost:7000/3", "redis-cli -h localhost -p 7000 -n 3"),
            ("redis://box/0", "redis-cli -h box"),
            ("redis://[::1]:7000/0", "redis-cli -h ::1 -p 7000"),
            ("redis://:secret@127.0.0.1/0", "redis-cli --askpass"),
            ("redis://ann:secret@127.0.0.1/2", "redis-cli -n 2 --user ann --askpass"),
            ("redis://ann@127.0.0.1", "redis-cli --user ann --no-auth-warning --pass \"\""),
        ] {
            assert_eq!(redis_cli(url), command, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_word_that_a_shell_would_take_apart_is_quoted() {
        let socket = redis_cli("redis+socket:///tmp/my%20r.sock?virtual_host=2");
        assert_eq!(socket, "redis-cli -s '/tmp/my r.sock' -n 2");
        let user = redis_cli("redis://o'neil;rm:secret@127.0.0.1".replace(';', "%3B").as_str());
        assert_eq!(user, r"redis-cli --user 'o'\''neil;rm' --askpass");
    }
}
