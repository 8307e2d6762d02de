//! What an email address is: Django's `EmailField`, without quoted local parts.
//!
//! lettre has the last word, because it writes the address into a header and an SMTP command; but
//! alone it would take `"quoted @ text"@example.com`, `a@b`, bare IP addresses, and any local part
//! beyond ASCII. A domain beyond ASCII has an ASCII form (IDNA), for servers that want one; a local
//! part has none.

use std::net::IpAddr;

use lettre::Address;

use super::LONGEST_EMAIL;
use crate::printable::steers;

/// As RFC 5321 limits it; what one server takes, the next may cut.
const LONGEST_LOCAL_PART: usize = 64;

/// The address, if it is exactly one.
pub(super) fn parse(email: &str) -> Option<Address> {
    let (local, domain) = email.rsplit_once('@')?;
    if !is_dot_atom(local) || !(is_host_name(domain) || is_ip_literal(domain)) {
        return None;
    }
    let address: Address = email.parse().ok()?;
    let ascii = in_ascii(&address)?;
    (AsRef::<str>::as_ref(&ascii).len() <= LONGEST_EMAIL).then_some(address)
}

/// The same address with its domain as the DNS has it, `xn--…`; none if it can't be written so.
pub(crate) fn in_ascii(address: &Address) -> Option<Address> {
    if is_ip_literal(address.domain()) {
        return Some(address.clone());
    }
    let domain = idna::domain_to_ascii(address.domain()).ok()?;
    // Some characters stand for several others, a slash among them.
    if !is_host_name(&domain) {
        return None;
    }
    let ascii = Address::new(address.user(), &domain).ok()?;
    AsRef::<str>::as_ref(&ascii).is_ascii().then_some(ascii)
}

fn is_dot_atom(local: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let filled = |part: &str| !part.is_empty() && part.chars().all(is_atom);
    local.len() <= LONGEST_LOCAL_PART && local.split('.').all(filled)
}

/// Django's rule: at least two labels, or `localhost`; letters of any script, as IDNA allows.
fn is_host_name(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let top_level = labels.last().is_some_and(|top| {
        let all_digits = top.chars().all(|c| c.is_ascii_digit());
        top.chars().count() >= 2 && !all_digits
    });
    domain == "localhost" || labels.len() >= 2 && top_level && labels.iter().all(|l| is_label(l))
}

fn is_label(label: &str) -> bool {
    // What else a label may have, accents that stand alone among it, IDNA decides.
    let beyond = |c: char| !c.is_ascii() && !c.is_control() && !c.is_whitespace() && !steers(c);
    let inside = label.chars().all(|c| c == '-' || c.is_alphanumeric() || beyond(c));
    let edges = label.starts_with('-') || label.ends_with('-');
    inside && !edges && !label.is_empty() && label.len() <= 63
}

fn is_ip_literal(domain: &str) -> bool {
    let inner = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']'));
    inner.is_some_and(|ip| ip.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_django_takes_is_taken() {
        let longest = format!("{}@example.com", "a".repeat(64));
        let valid = [
            "ann@example.com",
            "a.b+c_d@sub.example.org",
            "o'neil!#$%&*/=?^`{|}~-@example.com",
            "ann@localhost",
            "ann@[127.0.0.1]",
            "ann@[::1]",
            "ann@bücher.example",
            "ann@bu\u{308}cher.example",
            "ann@उदाहरण.परीक्षा",
            "ann@xn--bcher-kva.example",
            longest.as_str(),
        ];
        for email in valid {
            assert!(parse(email).is_some(), "{email}");
        }
    }

    #[test]
    fn a_domain_has_the_ascii_form_that_the_dns_has_and_a_local_part_has_none() {
        let forms = [
            ("ann@example.com", "ann@example.com"),
            ("ann@[::1]", "ann@[::1]"),
            ("ann@bücher.example", "ann@xn--bcher-kva.example"),
            ("ann@BÜCHER.Example", "ann@xn--bcher-kva.example"),
            ("ann@bu\u{308}cher.example", "ann@xn--bcher-kva.example"),
            ("ann@faß.example", "ann@xn--fa-hia.example"),
            ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
            ("ann@مثال.إختبار", "ann@xn--mgbh0fb.xn--kgbechtv"),
            ("ann@उदाहरण.परीक्षा", "ann@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"),
        ];
        for (email, expected) in forms {
            let ascii = in_ascii(&email.parse().unwrap()).unwrap();
            assert_eq!(AsRef::<str>::as_ref(&ascii), expected);
        }
        assert_eq!(in_ascii(&"änn@example.com".parse().unwrap()), None);
    }

    #[test]
    fn an_address_that_is_too_long_in_ascii_is_none() {
        let domain = ["ü".repeat(30), "ö".repeat(30), "ä".repeat(30), "é".repeat(30)].join(".");
        let email = format!("{}@{domain}.{domain}.example", "a".repeat(40));
        assert!(email.chars().count() > 254 || parse(&email).is_none());
        assert!(parse(&format!("ann@{}.example", "ü".repeat(31))).is_some());
        assert!(parse(&format!("ann@{}.example", "ü".repeat(60))).is_none());
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let invalid = [
            "",
            "ann",
            " ann@example.com",
            "@example.com",
            "ann@",
            "ann@host",
            "ann@1.1.1.1",
            "ann@example.c",
            "ann@-example.com",
            "ann@exa_mple.com",
            "ann@example..com",
            "ann@exam\u{202e}ple.com",
            "ann@exam\u{ad}ple.com",
            "ann@exam\u{a0}ple.com",
            "ann@a\u{2260}b\u{ff0f}c.example",
            ".ann@example.com",
            "an..n@example.com",
            "\"ann b\"@example.com",
            "änn@example.com",
            "ann@example.com, bob@example.com",
            "ann@example.com bob@example.com",
            "Ann <ann@example.com>",
            "ann@example.com\r\nBcc: bob@example.com",
            "ann\u{1b}@example.com",
            long_local.as_str(),
        ];
        for email in invalid {
            assert!(parse(email).is_none(), "{email}");
        }
    }
}
