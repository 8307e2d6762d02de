//! Arguments as the task's own types want them, kombu's tagged values among them.
//!
//! kombu writes what JSON has no word for as `{"__type__": "uuid", "__value__": …}`. A parameter that
//! is a text, a number, bytes or a time gets the value; one that is any JSON gets the object as it
//! came, so that it goes back to Python as what it was.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use crate::tagged::{Tagged, tagged};

/// Reads `arguments` as an `A`.
pub(super) fn typed<A: DeserializeOwned>(arguments: Value) -> Result<A, Error> {
    if has_tags(&arguments) {
        A::deserialize(Python(arguments))
    } else {
        serde_json::from_value(arguments)
    }
}

fn has_tags(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_tags),
        Value::Object(fields) => tagged(value).is_some() || fields.values().any(has_tags),
        _ => false,
    }
}

/// A value that may be tagged.
struct Python(Value);

impl Python {
    fn tagged(&self) -> Option<Tagged> {
        tagged(&self.0).map(|(_, value)| value)
    }

    /// The same without its tag, for whoever wants a text or a number.
    fn plain(self) -> Value {
        match self.tagged() {
            Some(Tagged::Text(text)) => text.into(),
            Some(Tagged::Bytes(bytes)) => String::from_utf8(bytes).map_or(self.0, Value::from),
            None => self.0,
        }
    }

    /// A decimal is a number where a number is wanted.
    fn number(self) -> Value {
        match tagged(&self.0) {
            Some(("decimal", Tagged::Text(text))) => serde_json::from_str(&text).unwrap_or(self.0),
            _ => self.0,
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Python {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.plain().$method(visitor)
        }
    )*};
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number().$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Python {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Self));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(fields) => {
                let mut fields = MapDeserializer::new(
                    fields.into_iter().map(|(name, value)| (name, Self(value))),
                );
                let value = visitor.visit_map(&mut fields)?;
                fields.end()?;
                Ok(value)
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    texts! { deserialize_char deserialize_str deserialize_string }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.tagged() {
            Some(Tagged::Bytes(bytes)) => visitor.visit_byte_buf(bytes),
            _ => self.0.deserialize_byte_buf(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.tagged() {
            Some(Tagged::Bytes(bytes)) => {
                visitor.visit_seq(SeqDeserializer::new(bytes.into_iter()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // JSON that stays text is serde_json's own.
        if name.starts_with("$serde_json") {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tag(kind: &str, value: Value) -> Value {
        json!({"__type__": kind, "__value__": value})
    }

    #[test]
    fn a_tagged_value_is_what_its_parameter_wants() {
        let id = "6ec62d35-1f0b-4d7c-9d5c-2e9f0a6f7f11";
        let arguments = json!([
            tag("datetime", json!("2026-01-02T03:04:05.678901+02:00")),
            tag("date", json!("2026-01-02")),
            tag("time", json!("03:04:05")),
            tag("uuid", json!({"hex": id.replace('-', "")})),
            tag("decimal", json!("1.50")),
            tag("decimal", json!("1.50")),
            tag("bytes", json!("größe")),
            tag("base64", json!("/wA=")),
        ]);
        type All = (String, String, String, String, String, f64, String, Vec<u8>);
        let all: All = typed(arguments).unwrap();
        assert_eq!(all.0, "2026-01-02T03:04:05.678901+02:00");
        assert_eq!([&*all.1, &all.2, &all.3, &all.4], ["2026-01-02", "03:04:05", id, "1.50"]);
        assert_eq!((all.5, all.6.as_str(), all.7), (1.5, "größe", vec![255, 0]));
    }

    #[test]
    fn values_within_values_are_decoded_and_any_json_stays_as_it_came() {
        let day = tag("date", json!("2026-01-02"));
        let arguments = json!([[day.clone(), null], {"a": [day.clone()]}, day.clone(), day]);
        type Nested = (
            Vec<Option<String>>,
            std::collections::HashMap<String, Vec<String>>,
            Value,
            (String, ()),
        );
        let all: Result<Nested, _> = typed(arguments.clone());
        assert!(all.is_err(), "a date is no pair");
        type Fitting =
            (Vec<Option<String>>, std::collections::HashMap<String, Vec<String>>, Value, String);
        let all: Fitting = typed(arguments.clone()).unwrap();
        assert_eq!(
            (all.0, &*all.1["a"]),
            (vec![Some("2026-01-02".into()), None], &["2026-01-02".to_owned()][..])
        );
        assert_eq!((all.2, all.3.as_str()), (arguments[2].clone(), "2026-01-02"));
    }

    #[test]
    fn what_only_looks_tagged_is_an_object() {
        for odd in [
            tag("uuid", json!("x")),
            tag("uuid", json!({"hex": "x"})),
            tag("unheard of", json!("x")),
            tag("base64", json!("%")),
            json!({"__type__": "date"}),
            json!({"__type__": "date", "__value__": "2026-01-02", "more": 1}),
        ] {
            assert_eq!(tagged(&odd), None, "{odd}");
            assert!(typed::<(String,)>(json!([odd])).is_err(), "{odd}");
        }
    }
}
