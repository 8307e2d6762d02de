//! `argsrepr` and `kwargsrepr`: a task's arguments as Python would show them.
//!
//! Celery sends them along so that a log line or Flower can name the arguments without decoding
//! the body. The rules are those of `celery.utils.saferepr`: Python's literals, at most three
//! levels deep, cut at 1,024 characters with the open brackets closed again.
//! Nothing reads them back; a wrong one would only mislead a person.

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};
use serde_json::{Map, Value};

use crate::tagged::Tagged;
use crate::{json, tagged, time};

/// `Celery.amqp.argsrepr_maxsize`, in characters.
const MAX_LENGTH: usize = 1024;
/// Celery's `task_repr_maxlevels`.
const MAX_LEVELS: usize = 3;

/// The positional arguments as a Python tuple: `('a@example.com', 'hi')`.
pub(crate) fn args(args: &[Value]) -> String {
    let close = if args.len() == 1 { ",)" } else { ")" };
    let mut tokens = Vec::new();
    sequence("(", args, close, 0, &mut tokens);
    cut(&tokens)
}

/// The keyword arguments as a Python dict: `{'email_address': 'a@example.com'}`.
pub(crate) fn kwargs(kwargs: &Map<String, Value>) -> String {
    let mut tokens = Vec::new();
    mapping(kwargs, 0, &mut tokens);
    cut(&tokens)
}

/// One value: `'sent'`, `None`, `[1, 2]`.
pub(crate) fn value(value: &Value) -> String {
    let mut tokens = Vec::new();
    push(value, 0, &mut tokens);
    cut(&tokens)
}

enum Token {
    Open(&'static str),
    Close(&'static str),
    Separator(&'static str),
    Text(String),
    Quoted(String),
}

fn push(value: &Value, level: usize, tokens: &mut Vec<Token>) {
    if let Some(shown) = tagged(value) {
        return tokens.push(shown);
    }
    match value {
        Value::Null => tokens.push(Token::Text("None".into())),
        Value::Bool(true) => tokens.push(Token::Text("True".into())),
        Value::Bool(false) => tokens.push(Token::Text("False".into())),
        Value::Number(number) => tokens.push(Token::Text(match number.as_f64() {
            Some(float) if number.is_f64() => json::float(float),
            _ => number.to_string(),
        })),
        Value::String(text) => tokens.push(Token::Quoted(text.clone())),
        Value::Array(_) if level >= MAX_LEVELS => tokens.push(Token::Text("[...]".into())),
        Value::Array(items) => sequence("[", items, "]", level, tokens),
        Value::Object(_) if level >= MAX_LEVELS => tokens.push(Token::Text("{...}".into())),
        Value::Object(map) => mapping(map, level, tokens),
    }
}

/// What kombu tagged, as Python shows the value.
fn tagged(value: &Value) -> Option<Token> {
    let (kind, value) = tagged::tagged(value)?;
    let text = match (kind, value) {
        ("uuid", Tagged::Text(id)) => format!("UUID('{id}')"),
        ("decimal", Tagged::Text(number)) => format!("Decimal('{number}')"),
        ("date", Tagged::Text(date)) => {
            let date: NaiveDate = date.parse().ok()?;
            format!("datetime.date({}, {}, {})", date.year(), date.month(), date.day())
        }
        ("time", Tagged::Text(time)) => format!("datetime.time({})", clock(time.parse().ok()?)),
        ("datetime", Tagged::Text(text)) => {
            let time = time::parse(&text)?;
            let zone = match (text.len(), time.offset().local_minus_utc()) {
                // Python writes an offset with its colon, or none.
                (length, _) if !text[length.min(10)..].contains(['+', '-', 'Z']) => String::new(),
                (_, 0) => ", tzinfo=datetime.timezone.utc".into(),
                (_, offset) => {
                    format!(", tzinfo=datetime.timezone(datetime.timedelta(seconds={offset}))")
                }
            };
            let (date, clock) = (time.date_naive(), clock(time.time()));
            let (year, month, day) = (date.year(), date.month(), date.day());
            format!("datetime.datetime({year}, {month}, {day}, {clock}{zone})")
        }
        (_, Tagged::Text(_)) => return None,
        (_, Tagged::Bytes(bytes)) => {
            return Some(Token::Quoted(String::from_utf8(bytes).unwrap_or_else(|bytes| {
                bytes.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
            })));
        }
    };
    Some(Token::Text(text))
}

/// Hour and minute, and what is not zero of the rest.
fn clock(time: NaiveTime) -> String {
    let (second, micros) = (time.second(), time.nanosecond() / 1000);
    let mut text = format!("{}, {}", time.hour(), time.minute());
    if second > 0 || micros > 0 {
        text.push_str(&format!(", {second}"));
    }
    if micros > 0 {
        text.push_str(&format!(", {micros}"));
    }
    text
}

fn sequence(
    open: &'static str,
    items: &[Value],
    close: &'static str,
    level: usize,
    tokens: &mut Vec<Token>,
) {
    tokens.push(Token::Open(open));
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            tokens.push(Token::Separator(", "));
        }
        push(item, level + 1, tokens);
    }
    tokens.push(Token::Close(close));
}

fn mapping(map: &Map<String, Value>, level: usize, tokens: &mut Vec<Token>) {
    tokens.push(Token::Open("{"));
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            tokens.push(Token::Separator(", "));
        }
        tokens.push(Token::Quoted(key.clone()));
        tokens.push(Token::Separator(": "));
        push(value, level + 1, tokens);
    }
    tokens.push(Token::Close("}"));
}

/// Writes tokens until [`MAX_LENGTH`] is used up, then `, ...` and the brackets still open.
fn cut(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut left = MAX_LENGTH;
    for (index, token) in tokens.iter().enumerate() {
        if left == 0 && !matches!(token, Token::Close(_)) {
            text.push_str(", ...");
            close(&tokens[index..], &mut text);
            return text;
        }
        let piece = match token {
            Token::Open(piece) | Token::Close(piece) | Token::Separator(piece) => {
                (*piece).to_owned()
            }
            Token::Text(piece) => truncate(piece, left),
            Token::Quoted(piece) => format!("'{}'", truncate(piece, left).replace('\'', "\\'")),
        };
        left = left.saturating_sub(piece.chars().count());
        text.push_str(&piece);
    }
    text
}

/// Closes what was opened before the cut; what opens after it is never shown.
fn close(rest: &[Token], text: &mut String) {
    let mut depth = 0;
    for token in rest {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) if depth > 0 => depth -= 1,
            Token::Close(bracket) => text.push_str(bracket),
            _ => {}
        }
    }
}

/// `celery.utils.text.truncate`: cut at the last space before the limit, where there is one.
fn truncate(text: &str, limit: usize) -> String {
    if text.chars().count() < limit {
        return text.to_owned();
    }
    let head: String = text.chars().take(limit).collect();
    let whole_words = head.rsplit_once(' ').map_or(head.as_str(), |(words, _)| words);
    format!("{whole_words}...")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(value: Value) -> Vec<Value> {
        value.as_array().unwrap().clone()
    }

    #[test]
    fn shows_arguments_as_python_literals() {
        let arguments = list(json!(["it's", 1, 2.0, null, true, [1], {"k": []}]));
        assert_eq!(args(&arguments), r"('it\'s', 1, 2.0, None, True, [1], {'k': []})");
        assert_eq!(args(&list(json!([5]))), "(5,)");
        assert_eq!(args(&[]), "()");
    }

    #[test]
    fn shows_what_kombu_tagged_as_the_value_that_it_is() {
        let tag = |kind: &str, value: Value| json!({"__type__": kind, "__value__": value});
        let cases = [
            (tag("date", json!("2026-01-02")), "datetime.date(2026, 1, 2)"),
            (tag("time", json!("03:04:05.000006")), "datetime.time(3, 4, 5, 6)"),
            (tag("datetime", json!("2026-01-02T03:04:00")), "datetime.datetime(2026, 1, 2, 3, 4)"),
            (
                tag("datetime", json!("2026-01-02T03:04:05+00:00")),
                "datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)",
            ),
            (
                tag("uuid", json!({"hex": "6ec62d351f0b4d7c9d5c2e9f0a6f7f11"})),
                "UUID('6ec62d35-1f0b-4d7c-9d5c-2e9f0a6f7f11')",
            ),
            (tag("decimal", json!("1.50")), "Decimal('1.50')"),
            (tag("bytes", json!("a")), "'a'"),
            (tag("unheard of", json!("a")), "{'__type__': 'unheard of', '__value__': 'a'}"),
        ];
        for (tagged, shown) in cases {
            assert_eq!(value(&tagged), shown);
        }
    }

    #[test]
    fn stops_at_three_levels() {
        // >>> saferepr(([[[1]]],), 1024, maxlevels=3)
        assert_eq!(args(&list(json!([[[[1]]]]))), "([[[...]]],)");
    }

    #[test]
    fn cuts_long_arguments_and_closes_the_brackets() {
        let long = args(&list(json!(["x".repeat(3000), [1, 2]])));
        assert_eq!(long, format!("('{}...', ...)", "x".repeat(1023)));
    }
}
