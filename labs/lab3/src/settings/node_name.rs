//! A worker's name, as `celery worker -n` understands it.

/// What Celery puts before a bare host.
const USUAL: &str = "celery";

/// `name` in full: `celery@` before what has no `@`, and `%h`, `%n`, `%d` and `%%` expanded for a
/// machine called `host`: its name, the part before its first dot, and the rest.
pub(super) fn node_name(name: &str, host: &str) -> Result<String, String> {
    let (name, place) = name.split_once('@').unwrap_or(("", name));
    let name = if name.is_empty() { USUAL } else { name };
    let place = if place.is_empty() { host } else { place };
    let (short, domain) = host.split_once('.').unwrap_or((host, ""));
    let mut expanded = String::new();
    let full = format!("{name}@{place}");
    let mut letters = full.chars().peekable();
    while let Some(letter) = letters.next() {
        let key = letters.next_if(|next| letter == '%' && (next.is_alphanumeric() || *next == '%'));
        match key {
            None => expanded.push(letter),
            Some('h') => expanded.push_str(host),
            Some('n') => expanded.push_str(short),
            Some('d') => expanded.push_str(domain),
            Some('%') => expanded.push('%'),
            // The number of a child process: there is only this one.
            Some('i') => expanded.push('0'),
            Some('I') => {}
            Some(_) => return Err(format!("`{full}`: after % there is h, n, d or %, as in w1@%h")),
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_expanded_as_celery_expands_them() {
        // As `host_format(default_nodename(name))` of Celery 5.7 answers on `box.example.com`.
        let names = [
            ("", "celery@box.example.com"),
            ("w1", "celery@w1"),
            ("w1@%h", "w1@box.example.com"),
            ("w1@", "w1@box.example.com"),
            ("@%h", "celery@box.example.com"),
            ("%h", "celery@box.example.com"),
            ("%n.%d", "celery@box.example.com"),
            ("%n@other", "box@other"),
            ("a@b@c", "a@b@c"),
            ("100%%@%n", "100%@box"),
            ("w%i@%n%I", "w0@box"),
        ];
        for (name, full) in names {
            assert_eq!(node_name(name, "box.example.com").as_deref(), Ok(full), "{name}");
        }
        assert_eq!(node_name("w@%h.%d", "box").as_deref(), Ok("w@box."));
        assert_eq!(node_name("%@w%", "box").as_deref(), Ok("%@w%"));
        assert!(node_name("w%x", "box").unwrap_err().contains("as in w1@%h"));
    }
}
