//! Methods of Python's texts and mappings that templates call.

use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

/// Longest text that a method makes, in bytes: more than a conversation, little enough to be made in vain.
const MAX_BYTES: usize = 1 << 20;

/// `value.method(arguments)`. Errors: `UnknownMethod`; what the method cannot do.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().ok_or_else(|| Error::from(ErrorKind::UnknownMethod))?;
            of_text(state, text, value, method, arguments)
        }
        ValueKind::Map => of_map(state, value, method, arguments),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn of_text(
    state: &mut State<'_, '_>,
    text: &str,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let filter = |state: &mut State<'_, '_>, name: &str| {
        let all: Vec<Value> = std::iter::once(value).chain(arguments).cloned().collect();
        state.apply_filter(name, &all)
    };
    match method {
        "upper" | "lower" | "title" | "capitalize" => filter(state, method),
        "strip" | "lstrip" | "rstrip" => stripped(text, method, arguments).map(Value::from),
        "removeprefix" | "removesuffix" => {
            let (part,): (&str,) = from_args(arguments)?;
            let cut =
                if method == "removeprefix" { text.strip_prefix(part) } else { text.strip_suffix(part) };
            Ok(cut.unwrap_or(text).into())
        }
        "startswith" | "endswith" => {
            let (part,): (&Value,) = from_args(arguments)?;
            any_of(
                part,
                |part| if method == "startswith" { text.starts_with(part) } else { text.ends_with(part) },
            )
        }
        "split" | "rsplit" => split(text, method, arguments),
        "splitlines" => Ok(Value::from_iter(text.lines().map(str::to_owned))),
        "replace" => replaced(text, arguments).map(Value::from),
        "find" | "rfind" => {
            let (part,): (&str,) = from_args(arguments)?;
            let at = if method == "find" { text.find(part) } else { text.rfind(part) };
            Ok(at.map_or(-1, |at| text[..at].chars().count() as i64).into())
        }
        "count" => {
            let (part,): (&str,) = from_args(arguments)?;
            Ok(if part.is_empty() { text.chars().count() + 1 } else { text.matches(part).count() }.into())
        }
        "join" => {
            let (items,): (Value,) = from_args(arguments)?;
            state.apply_filter("join", &[items, value.clone()])
        }
        "isdigit" => Ok((!text.is_empty() && text.chars().all(|c| c.is_ascii_digit())).into()),
        "isspace" => Ok((!text.is_empty() && text.chars().all(char::is_whitespace)).into()),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// White space, or any of the characters given.
fn stripped(text: &str, method: &str, arguments: &[Value]) -> Result<String, Error> {
    let (characters,): (Option<&str>,) = from_args(arguments)?;
    let drop = |c: char| characters.map_or(c.is_whitespace(), |set| set.contains(c));
    let cut = match method {
        "strip" => text.trim_matches(drop),
        "lstrip" => text.trim_start_matches(drop),
        _ => text.trim_end_matches(drop),
    };
    Ok(cut.to_owned())
}

/// Of one text, or of several.
fn any_of(parts: &Value, is: impl Fn(&str) -> bool) -> Result<Value, Error> {
    if let Some(part) = parts.as_str() {
        return Ok(is(part).into());
    }
    for part in parts.try_iter()? {
        if part.as_str().is_some_and(&is) {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

/// By a separator, or by white space; at most so many times.
fn split(text: &str, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<&str>, Option<i64>) = from_args(arguments)?;
    let most = most.and_then(|most| usize::try_from(most).ok()).map(|most| most.saturating_add(1));
    let parts: Vec<String> = match (separator, most) {
        (Some(""), _) => return Err(Error::new(ErrorKind::InvalidOperation, "split: empty separator")),
        (Some(by), None) => text.split(by).map(str::to_owned).collect(),
        (Some(by), Some(n)) if method == "split" => text.splitn(n, by).map(str::to_owned).collect(),
        (Some(by), Some(n)) => {
            let mut parts: Vec<String> = text.rsplitn(n, by).map(str::to_owned).collect();
            parts.reverse();
            parts
        }
        (None, None) => text.split_whitespace().map(str::to_owned).collect(),
        (None, Some(_)) => {
            return Err(Error::new(ErrorKind::InvalidOperation, "split: a count needs a separator here"));
        }
    };
    Ok(Value::from(parts))
}

/// All, or the first so many. Errors: a result longer than [`MAX_BYTES`], before it is made.
fn replaced(text: &str, arguments: &[Value]) -> Result<String, Error> {
    let (from, to, most): (&str, &str, Option<i64>) = from_args(arguments)?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let times = text.matches(from).count().min(most);
    let bytes = times.saturating_mul(to.len()).saturating_add(text.len());
    if bytes > MAX_BYTES {
        let what = format!("replace: {bytes} bytes, at most {MAX_BYTES}");
        return Err(Error::new(ErrorKind::InvalidOperation, what));
    }
    Ok(text.replacen(from, to, most))
}

fn of_map(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    match method {
        "items" => state.apply_filter("items", std::slice::from_ref(value)),
        "keys" => Ok(Value::from_iter(value.try_iter()?)),
        "values" => {
            let keys: Vec<Value> = value.try_iter()?.collect();
            let values: Result<Vec<Value>, Error> = keys.iter().map(|key| value.get_item(key)).collect();
            Ok(Value::from(values?))
        }
        "get" => {
            let (key, default): (&Value, Option<Value>) = from_args(arguments)?;
            let found = value.get_item(key)?;
            Ok(if found.is_undefined() { default.unwrap_or_else(|| Value::from(())) } else { found })
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}
