//! `a=1&b=two+words`, decoded strictly.
//!
//! The `form_urlencoded` crate, as browsers do, passes a broken `%zz` through and replaces bytes that
//! are not UTF-8. Here either makes the whole text malformed: nobody types that, and a guess would
//! end up in a mail.

/// Names and values in their order, or `None` if an escape is broken or the text is not UTF-8.
pub(super) fn pairs(encoded: &[u8]) -> Option<Vec<(String, String)>> {
    encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// The last value of that name, as Django takes it.
pub(super) fn last<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().rev().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

fn pair(pair: &[u8]) -> Option<(String, String)> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let name = text(halves.next().unwrap_or_default())?;
    let value = text(halves.next().unwrap_or_default())?;
    Some((name, value))
}

fn text(encoded: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(*rest.next()?)? << 4 | hex_digit(*rest.next()?)?,
            plain => *plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Some(pairs.iter().map(own).collect())
    }

    #[test]
    fn names_and_values_are_decoded_in_their_order() {
        let decoded = [
            ("", owned(&[])),
            ("a=1&b=two+words", owned(&[("a", "1"), ("b", "two words")])),
            ("a=%C3%A4%26%3D", owned(&[("a", "ä&=")])),
            ("a=b=c", owned(&[("a", "b=c")])),
            ("a&&b=", owned(&[("a", ""), ("b", "")])),
            ("a=ä", owned(&[("a", "ä")])),
        ];
        for (encoded, expected) in decoded {
            assert_eq!(pairs(encoded.as_bytes()), expected, "{encoded}");
        }
    }

    #[test]
    fn a_broken_escape_or_text_that_is_not_utf_8_is_malformed() {
        for encoded in ["a=%", "a=%4", "a=%zz", "%g0=1", "a=%ff", "a=%C3", "a=%ed%a0%80"] {
            assert_eq!(pairs(encoded.as_bytes()), None, "{encoded}");
        }
        assert_eq!(pairs(b"a=\xff"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_a_browser_encodes_is_decoded_and_what_it_would_not_is_malformed(
            typed in proptest::collection::vec(proptest::prelude::any::<(String, String)>(), 0..6),
            bytes in proptest::prelude::any::<Vec<u8>>(),
        ) {
            let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(&typed).finish();
            // Nobody can tell a pair without name and value from none.
            let typed: Vec<_> = typed.into_iter().filter(|(n, v)| !(n.is_empty() && v.is_empty())).collect();
            let ours = pairs(encoded.as_bytes()).expect("well formed");
            let ours: Vec<_> = ours.into_iter().filter(|(n, v)| !(n.is_empty() && v.is_empty())).collect();
            proptest::prop_assert_eq!(ours, typed);
            if let Some(pairs) = pairs(&bytes) {
                let lenient: Vec<_> = form_urlencoded::parse(&bytes).into_owned().collect();
                proptest::prop_assert_eq!(pairs, lenient);
            }
        }
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts() {
        let pairs = pairs(b"a=1&a=2").expect("well formed");
        assert_eq!(last(&pairs, "a"), Some("2"));
        assert_eq!(last(&pairs, "b"), None);
    }
}
