//! Every dependency's licence is one that `deny.toml` allows: the list stands there only.

use std::collections::BTreeSet;

use super::Finding;
use crate::metadata::Foreign;

pub(super) fn check(foreign: &BTreeSet<Foreign>, deny: &toml::Table) -> Vec<Finding> {
    let allowed = strings(deny.get("licenses").and_then(|licenses| licenses.get("allow")));
    if allowed.is_empty() {
        return vec![Finding::new(
            "deny.toml",
            0,
            "no [licenses] allow list; name the licences that are allowed",
        )];
    }
    let mut findings = Vec::new();
    for package in foreign {
        let name = format!("{} {}", package.name, package.version);
        let excepted = exceptions(deny, &package.name);
        let licence = package.licence.as_str();
        if permits(licence, &|name| allowed.contains(&name) || excepted.contains(&name)) {
            continue;
        }
        let what = if licence.is_empty() {
            format!("{name} states no licence; replace it")
        } else {
            format!(
                "{name} is under {licence}, which deny.toml does not allow; replace it, or allow it there"
            )
        };
        findings.push(Finding::new("Cargo.lock", 0, what));
    }
    findings
}

fn strings(value: Option<&toml::Value>) -> Vec<&str> {
    value.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str).collect()
}

/// Licences that `deny.toml` allows for one crate only.
fn exceptions<'a>(deny: &'a toml::Table, name: &str) -> Vec<&'a str> {
    let all =
        deny.get("licenses").and_then(|licenses| licenses.get("exceptions")).and_then(toml::Value::as_array);
    let own =
        all.into_iter().flatten().filter(|e| e.get("crate").and_then(toml::Value::as_str) == Some(name));
    own.flat_map(|entry| strings(entry.get("allow"))).collect()
}

/// An SPDX expression holds: one side of each OR, both of each AND. The old `MIT/Apache-2.0` is an OR.
/// What cannot be read does not hold.
fn permits(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let holds = any(&mut rest, allowed);
    rest.is_empty() && holds == Some(true)
}

fn any(words: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut holds = all(words, allowed)?;
    while let Some(rest) = words.strip_prefix(&["OR"]) {
        *words = rest;
        holds |= all(words, allowed)?;
    }
    Some(holds)
}

fn all(words: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut holds = one(words, allowed)?;
    while let Some(rest) = words.strip_prefix(&["AND"]) {
        *words = rest;
        holds &= one(words, allowed)?;
    }
    Some(holds)
}

/// A bracket, or a licence; with its exception (`Apache-2.0 WITH LLVM-exception`) it is another licence.
fn one(words: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let holds = any(words, allowed)?;
        *words = words.strip_prefix(&[")"])?;
        return Some(holds);
    }
    if let [with, exception, rest @ ..] = *words
        && *with == "WITH"
    {
        *words = rest;
        return Some(allowed(&format!("{first} WITH {exception}")));
    }
    Some(allowed(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str =
        "[licenses]\nallow = [\"MIT\", \"Zlib\"]\nexceptions = [{ crate = \"b\", allow = [\"MPL-2.0\"] }]";

    fn found(name: &str, licence: &str, deny: &str) -> usize {
        let (name, version, licence) = (name.to_owned(), "1.0.0".to_owned(), licence.to_owned());
        check(&BTreeSet::from([Foreign { name, version, licence }]), &deny.parse().unwrap()).len()
    }

    #[test]
    fn licences_off_the_list_are_found() {
        let bad = [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MPL-2.0",
            "(MIT OR Zlib) AND GPL-3.0",
            "MIT OR",
            "(MIT",
            "MIT Zlib",
            "",
        ];
        for licence in bad {
            assert_eq!(found("a", licence, DENY), 1, "{licence}");
        }
    }

    #[test]
    fn licences_on_the_list_pass() {
        for licence in
            ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "(GPL-3.0 OR MIT) AND Zlib", "MIT OR MIT WITH X"]
        {
            assert_eq!(found("a", licence, DENY), 0, "{licence}");
        }
    }

    #[test]
    fn an_exception_is_for_its_crate_and_an_empty_list_is_found() {
        assert_eq!(found("b", "MPL-2.0", DENY), 0);
        assert_eq!(found("a", "MPL-2.0", DENY), 1);
        assert_eq!(found("a", "MIT", ""), 1);
    }
}
