//! Reads a message as kombu and Celery read it: what nobody needs may be missing, or of any type.
//!
//! Needed are an id, which may stand in `correlation_id` as well, and a task's name. What stands in
//! the headers of protocol 2 stands in the body in protocol 1, which older clients of other
//! languages send. Whatever is not needed here stays the text that it was, and travels on.

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use super::embed::{Embed, is_nothing};
use super::fields::{object, take_text, text_of};
use super::link::Options as Fields;
use super::parts::{Body, OWN};
use super::{Headers, MAX_SIZE, Message, MessageError, Properties, Raw, raw};
use crate::{json, repr};

/// The three parts of a body, not yet understood.
pub(super) struct Parts {
    args: Raw,
    kwargs: Raw,
    pub(super) embed: Embed,
    /// See [`json::read`].
    no_number: Option<&'static str>,
}

impl Message {
    /// Reads what names its task and its id, whether or not it can be run.
    ///
    /// # Errors
    /// It is no JSON object, or has no id.
    pub(crate) fn read(text: &str) -> Result<Self, MessageError> {
        let mut envelope: Fields =
            serde_json::from_str(&json::read(text).text).map_err(MessageError::Envelope)?;
        let mut properties = Properties::read(object(&mut envelope, "properties"));
        let mut headers = object(&mut envelope, "headers");
        let body = match envelope.remove("body") {
            Some(body) if body.get().starts_with(['{', '[']) => {
                // Not packed into a text at all.
                properties.body_encoding = None;
                body.get().to_owned()
            }
            body => body.as_deref().and_then(text_of).unwrap_or_default(),
        };
        if !headers.has("task") || body.starts_with(['{', 'e']) {
            let bytes = bytes(&body, &properties, &headers);
            bytes.map(|bytes| add_protocol_1(&mut headers, &bytes)).unwrap_or_default();
        }
        Ok(Self {
            headers: Headers::read(headers, properties.correlation_id.as_deref())?,
            body,
            content_encoding: take_text(&mut envelope, "content-encoding"),
            content_type: take_text(&mut envelope, "content-type")
                .filter(|named| !named.is_empty())
                .unwrap_or_else(|| "application/json".into()),
            properties,
        })
    }

    /// Takes the body apart.
    pub(super) fn parts(&self) -> Result<Parts, MessageError> {
        let essence = self.content_type.split(';').next().unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case("application/json") {
            return Err(MessageError::ContentType(self.content_type.clone()));
        }
        let bytes = bytes(&self.body, &self.properties, &self.headers.extra)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| MessageError::Encoding("UTF-8".into()))?;
        let json::Read { text, no_number } = json::read(text);
        let parts = if text.trim_start().starts_with('{') {
            serde_json::from_str(&text).map(|mut call: Fields| {
                let args = call.remove("args").unwrap_or_else(|| raw(&[(); 0]));
                let kwargs = call.remove("kwargs").unwrap_or_else(|| raw(&Map::new()));
                Parts { args, kwargs, embed: Embed::read(call), no_number }
            })
        } else {
            serde_json::from_str(&text).and_then(|[args, kwargs, embed]: [Raw; 3]| {
                let embed = if is_nothing(&embed) {
                    Ok(Fields::default())
                } else {
                    serde_json::from_str(embed.get())
                };
                Ok(Parts { args, kwargs, embed: Embed::read(embed?), no_number })
            })
        };
        parts.map_err(MessageError::Body)
    }
}

impl Parts {
    /// The arguments, none of which may have become another one on the way.
    pub(super) fn understood(self) -> Result<Body, MessageError> {
        let Self { args, kwargs, embed, no_number } = self;
        if let Some(word) = no_number {
            return Err(MessageError::NotANumber(word));
        }
        if let Some(number) =
            [&args, &kwargs].iter().find_map(|part| json::long_integer(part.get()))
        {
            return Err(MessageError::LongInteger(number.chars().take(40).collect()));
        }
        let args = serde_json::from_str(args.get()).map_err(MessageError::Body)?;
        let kwargs = serde_json::from_str(kwargs.get()).map_err(MessageError::Body)?;
        Ok(Body(args, kwargs, embed))
    }
}

/// Protocol 1 has in its body what protocol 2 has in its headers, which prevail where both are there.
fn add_protocol_1(headers: &mut Fields, body: &[u8]) {
    let call = serde_json::from_str::<Fields>(&json::read(&String::from_utf8_lossy(body)).text);
    let Ok(mut call) = call else { return };
    if headers.has("task") && !call.has("args") {
        return;
    }
    if let Some(group) = call.remove("taskset") {
        call.insert("group", group);
    }
    let shown = |name: &str| call.value(name).unwrap_or_default();
    let args = repr::args(shown("args").as_array().map_or(&[], Vec::as_slice));
    let kwargs = repr::kwargs(shown("kwargs").as_object().unwrap_or(&Map::new()));
    call.set_default("argsrepr", &args);
    call.set_default("kwargsrepr", &kwargs);
    for name in OWN.iter().filter(|name| !headers.has(name)).collect::<Vec<_>>() {
        if let Some(value) = call.remove(name) {
            headers.insert(name, value);
        }
    }
}

/// The body's bytes: anything but base64 is plain text.
fn bytes(body: &str, properties: &Properties, headers: &Fields) -> Result<Vec<u8>, MessageError> {
    let is_base64 = |encoding: &str| encoding.eq_ignore_ascii_case("base64");
    let bytes = if properties.body_encoding.as_deref().is_some_and(is_base64) {
        from_base64(body).ok_or_else(|| MessageError::Encoding("base64".into()))?
    } else {
        body.as_bytes().to_vec()
    };
    match headers.value("compression") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(bytes),
        Some(Value::String(none)) if none.is_empty() => Ok(bytes),
        // kombu's "gzip" is a zlib stream.
        Some(Value::String(name)) if ["application/x-gzip", "gzip", "zlib"].contains(&&*name) => {
            miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&bytes, MAX_SIZE).map_err(
                |_| MessageError::Encoding(format!("a zlib stream of at most {MAX_SIZE} bytes")),
            )
        }
        Some(other) => Err(MessageError::Encoding(format!("in a compression we know: {other}"))),
    }
}

/// Lines and a missing end are forgiven.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    BASE64_STANDARD.decode(text).ok().or_else(|| {
        let joined: String = text.split_ascii_whitespace().collect();
        GeneralPurpose::new(&STANDARD, FORGIVING).decode(joined).ok()
    })
}
