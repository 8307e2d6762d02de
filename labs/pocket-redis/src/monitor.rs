//! What MONITOR shows: every command as it ran, with time, database and sender.
//!
//! `1795328044.309634 [0 127.0.0.1:43488] "HELLO" "3"`, and `[0 lua]` for what a script calls.
//! Passwords are not shown.

use crate::client::ClientId;
use crate::quote::quote;
use crate::reply::Reply;
use crate::world::{World, since_1970};

impl World {
    /// Shows a command of a client.
    pub(crate) fn show(&mut self, id: ClientId, db: usize, args: &[Vec<u8>]) {
        if self.monitors.is_empty() {
            return;
        }
        if let Some(sender) = self.clients.get(&id).map(|client| client.addr.to_string()) {
            self.send_line(db, &sender, args);
        }
    }

    /// Shows a command of a script.
    pub(crate) fn show_script(&mut self, db: usize, args: &[Vec<u8>]) {
        if !self.monitors.is_empty() {
            self.send_line(db, "lua", args);
        }
    }

    fn send_line(&mut self, db: usize, sender: &str, args: &[Vec<u8>]) {
        let time = since_1970();
        let args = redacted(args).iter().map(|arg| quote(arg)).collect::<Vec<_>>().join(" ");
        let (seconds, micros) = (time.as_secs(), time.subsec_micros());
        let line = format!("+{seconds}.{micros:06} [{db} {sender}] {args}\r\n");
        for id in self.monitors.clone() {
            if let Some(client) = self.clients.get_mut(&id) {
                client.out.extend_from_slice(line.as_bytes());
            }
            // Checks what is unread and wakes the connection.
            self.push(id, &Reply::NOTHING);
        }
    }
}

/// What follows AUTH is a secret, whether it is a command or an option of HELLO.
pub(crate) fn redacted(args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let is = |arg: &Vec<u8>, word: &[u8]| arg.eq_ignore_ascii_case(word);
    let mut shown = args.to_vec();
    let may_have = args.first().is_some_and(|name| is(name, b"hello") || is(name, b"auth"));
    let auth = args.iter().position(|arg| is(arg, b"auth")).filter(|_| may_have);
    let secrets = auth.map_or(args.len(), |at| at + 1);
    for secret in shown.iter_mut().skip(secrets).take(2) {
        *secret = b"(redacted)".to_vec();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Protocol;

    #[test]
    fn a_password_in_hello_is_not_shown() {
        let args = ["HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me"];
        let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        let mut out = Vec::new();
        Reply::bulks(redacted(&args)).encode(Protocol::Resp2, &mut out);
        let shown = String::from_utf8(out).unwrap();
        assert!(!shown.contains("secret") && shown.contains("me"), "{shown}");
    }
}
