//! What JSON has no word for, as kombu writes it: `{"__type__": "uuid", "__value__": {"hex": …}}`.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use uuid::Uuid;

/// What stands behind a tag.
#[derive(Debug, PartialEq)]
pub(crate) enum Tagged {
    /// A date, a time, a UUID or a decimal number, as Python's `str` shows it.
    Text(String),
    Bytes(Vec<u8>),
}

/// The type and the value of what kombu tagged; none where the value is not of that type.
pub(crate) fn tagged(value: &Value) -> Option<(&str, Tagged)> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let (kind, value) = (fields.get("__type__")?.as_str()?, fields.get("__value__")?);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let value = match kind {
        "datetime" | "date" | "time" | "decimal" => Tagged::Text(text(value)?),
        "uuid" => Tagged::Text(Uuid::parse_str(value.get("hex")?.as_str()?).ok()?.to_string()),
        "bytes" => Tagged::Bytes(text(value)?.into_bytes()),
        "base64" => Tagged::Bytes(BASE64_STANDARD.decode(value.as_str()?).ok()?),
        _ => return None,
    };
    Some((kind, value))
}
