//! JSON text as Python's `json.dumps` writes it.
//!
//! kombu writes messages and results with `json.dumps`: a space after `:` and `,`, and every
//! character outside printable ASCII as `\uXXXX`.
//! A consumer would read other spellings just as well; this one lets `redis-cli` show the same
//! bytes whoever wrote them, and lets a test compare them.

mod python;
mod reading;

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

pub(crate) use python::is_pythons;
use reading::length_of_string;
pub(crate) use reading::{Read, from_slice, long_integer, read};

/// Serialises `value` with Python's separators and escapes.
///
/// Fails where serde_json fails: a map with a key that is no string, or a `Serialize` that errs.
pub(crate) fn dumps<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut text = Vec::with_capacity(1024);
    value.serialize(&mut Serializer::with_formatter(&mut text, Python))?;
    // The formatter writes ASCII only.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A float as Python's `repr` writes it: `1e-05` where Rust writes `1e-5`.
pub(crate) fn float(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        if text.bytes().all(is_plain) {
            return out.write_all(text.as_bytes());
        }
        for character in text.chars() {
            write_ascii(out, character)?;
        }
        Ok(())
    }
}

fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

fn write_ascii<W: ?Sized + io::Write>(out: &mut W, character: char) -> io::Result<()> {
    if character.is_ascii() && is_plain(character as u8) {
        return out.write_all(&[character as u8]);
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_what_python_writes() {
        let value = json!({"a": [1, 2.5, null, true], "b": "ž😀\u{7f}\n\"\\/"});
        // >>> json.dumps({"a": [1, 2.5, None, True], "b": "ž😀\x7f\n\"\\/"})
        let python = r#"{"a": [1, 2.5, null, true], "b": "\u017e\ud83d\ude00\u007f\n\"\\/"}"#;
        assert_eq!(dumps(&value).unwrap(), python);
    }

    #[test]
    fn writes_floats_as_python_does() {
        let floats = [1e16, 1e-5, 1.5e300, 1e15, 0.0001, -2e-7, 20.5, 3.0];
        let python =
            ["1e+16", "1e-05", "1.5e+300", "1000000000000000.0", "0.0001", "-2e-07", "20.5", "3.0"];
        assert_eq!(floats.map(float), python);
    }
}
