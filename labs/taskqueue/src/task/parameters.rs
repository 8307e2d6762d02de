//! Binds arguments to parameters as Python would, in Python's words where they don't fit.

use serde_json::{Map, Value};

use crate::task_error::TaskError;

/// Python's rules for a function without defaults, and its words.
pub(super) fn bind(
    name: &str,
    parameters: &[String],
    args: Vec<Value>,
    mut kwargs: Map<String, Value>,
) -> Result<Value, TaskError> {
    let function = name.rsplit('.').next().unwrap_or_default();
    let type_error = |what: String| TaskError::new("TypeError", format!("{function}() {what}"));
    let (takes, given) = (parameters.len(), args.len());
    if given > takes {
        let plural = if takes == 1 { "" } else { "s" };
        let were = if given == 1 { "was" } else { "were" };
        return Err(type_error(format!(
            "takes {takes} positional argument{plural} but {given} {were} given"
        )));
    }
    let mut bound = args;
    for parameter in &parameters[..given] {
        if kwargs.contains_key(parameter) {
            return Err(type_error(format!("got multiple values for argument '{parameter}'")));
        }
    }
    let mut missing = Vec::new();
    for parameter in &parameters[given..] {
        match kwargs.remove(parameter) {
            Some(value) => bound.push(value),
            None => missing.push(format!("'{parameter}'")),
        }
    }
    if let Some(unexpected) = kwargs.keys().next() {
        return Err(type_error(format!("got an unexpected keyword argument '{unexpected}'")));
    }
    if !missing.is_empty() {
        return Err(type_error(missing_arguments(&missing)));
    }
    Ok(if bound.is_empty() { Value::Null } else { Value::Array(bound) })
}

/// `missing 2 required positional arguments: 'a' and 'b'`.
fn missing_arguments(names: &[String]) -> String {
    let (count, plural) = (names.len(), if names.len() == 1 { "" } else { "s" });
    let list = match names {
        [] => String::new(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [init @ .., last] => format!("{}, and {last}", init.join(", ")),
    };
    format!("missing {count} required positional argument{plural}: {list}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bind(args: Value, kwargs: Value) -> Result<Value, String> {
        let (Value::Array(args), Value::Object(kwargs)) = (args, kwargs) else {
            panic!("not arguments")
        };
        let parameters = ["x", "y"].map(str::to_owned);
        super::bind("wire.add", &parameters, args, kwargs).map_err(|error| error.message())
    }

    #[test]
    fn arguments_are_bound_by_position_and_by_name() {
        for (args, kwargs) in [
            (json!([1, 2]), json!({})),
            (json!([1]), json!({"y": 2})),
            (json!([]), json!({"y": 2, "x": 1})),
        ] {
            assert_eq!(bind(args, kwargs), Ok(json!([1, 2])));
        }
    }

    #[test]
    fn wrong_arguments_are_refused_in_pythons_words() {
        let cases = [
            (json!([1]), json!({}), "add() missing 1 required positional argument: 'y'"),
            (json!([]), json!({}), "add() missing 2 required positional arguments: 'x' and 'y'"),
            (json!([1, 2, 3]), json!({}), "add() takes 2 positional arguments but 3 were given"),
            (json!([1, 2]), json!({"x": 1}), "add() got multiple values for argument 'x'"),
            (json!([1]), json!({"z": 1}), "add() got an unexpected keyword argument 'z'"),
        ];
        for (args, kwargs, message) in cases {
            assert_eq!(bind(args, kwargs), Err(message.to_owned()));
        }
    }
}
