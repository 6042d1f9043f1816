//! What was probably meant by a word that the language does not have.

use super::syntax::{Operator, Subject};
use crate::model::attribute::{AttributeName, names};

/// How many letters may differ in a word that was meant.
const MAX_EDITS: usize = 2;

/// A subject for `word`; before an operator any attribute's name will do.
pub(super) fn subject(word: &str, is_before_operator: bool) -> Option<Box<str>> {
    let prefix = Subject::ATTRIBUTE_PREFIX;
    let lower = word.to_ascii_lowercase();
    if let Some(known) = Subject::WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(word)) {
        return Some(known.into());
    }
    if let Some(name) = lower.strip_prefix("attribute.").filter(|name| !name.is_empty()) {
        return Some(format!("{prefix}{}", &word[word.len() - name.len()..]).into());
    }
    if lower.starts_with(prefix) {
        return Some(format!("{prefix}{}", &word[prefix.len()..]).into());
    }
    if lower.starts_with("task:") || matches!(&*lower, "group" | "taskgroup" | "task.group") {
        return Some("task:group".into());
    }
    if names::BUILT_IN.contains(&word) {
        return Some(format!("{prefix}{word}").into());
    }
    if let Some(name) = built_in_attribute(word) {
        return Some(format!("{prefix}{name}").into());
    }
    let near = nearest(&lower, Subject::WORDS.into_iter().map(|known| (known.to_ascii_lowercase(), known)));
    near.map(Box::from)
        .or_else(|| (is_before_operator && AttributeName::new(word).is_ok()).then(|| format!("{prefix}{word}").into()))
}

/// The built-in attribute that a name nearly is; `None` for a built-in one.
pub(super) fn built_in_attribute(name: &str) -> Option<&'static str> {
    if names::BUILT_IN.contains(&name) {
        return None;
    }
    let plain = squeeze(name.strip_prefix("ecs.").unwrap_or(name));
    match &*plain {
        "az" => return Some(names::AVAILABILITY_ZONE),
        "zone" if name.starts_with("ecs.") => return Some(names::AVAILABILITY_ZONE),
        "cpuarch" | "architecture" if name.starts_with("ecs.") => return Some(names::CPU_ARCHITECTURE),
        _ => {}
    }
    let own = |known: &'static str| squeeze(known.strip_prefix("ecs.").unwrap_or(known));
    if let Some(known) = names::BUILT_IN.iter().find(|known| own(known) == plain) {
        return Some(known);
    }
    // Only who writes `ecs.` means a built-in name; custom names may differ from one by a letter.
    let is_close = name.starts_with("ecs.") && !name.starts_with("ecs.capability.");
    is_close.then(|| nearest(&plain, names::BUILT_IN.iter().map(|known| (own(known), *known)))).flatten()
}

/// The operator that was meant by a symbol or word of another language.
pub(super) fn operator(found: &str) -> Option<&'static str> {
    let lower = found.to_ascii_lowercase();
    Some(match &*lower {
        "=" | "===" | "is" | "eq" | "equal" => "==",
        "<>" | "!==" | "=!" | "ne" | "neq" | "is not" => "!=",
        "=>" | "gte" | "ge" => ">=",
        "=<" | "lte" | "le" => "<=",
        ">>" | "gt" => ">",
        "<<" | "lt" => "<",
        "~" | "~=" | "~~" | "like" | "match" | "regex" => "=~",
        "~!" => "!~",
        "! in" | "not in" | "notin" => "!in",
        "! exists" | "not exists" | "notexists" => "!exists",
        "exist" => "exists",
        _ => return nearest(&lower, Operator::ALL.into_iter().map(|known| (known.word().to_owned(), known.word()))),
    })
}

/// The candidate whose key is nearest to `word`, if it is near enough for the length of the word.
fn nearest(word: &str, candidates: impl Iterator<Item = (String, &'static str)>) -> Option<&'static str> {
    candidates
        .map(|(key, candidate)| (strsim::osa_distance(word, &key), candidate))
        .filter(|&(edits, _)| edits <= MAX_EDITS && edits * 3 <= word.chars().count())
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// A name without case and separators, in which `instanceType` is `instance-type`.
fn squeeze(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::operator;

    #[test]
    fn operators_of_other_languages_are_known() {
        let meant = [
            ("==", "= === is eq equal IS"),
            ("!=", "<> !== =! ne neq"),
            (">=", "=> gte ge"),
            ("<=", "=< lte le"),
            (">", ">> gt"),
            ("<", "<< lt"),
            ("=~", "~ ~= ~~ like match regex"),
            ("!~", "~!"),
            ("!in", "notin"),
            ("!exists", "notexists"),
            ("exists", "exist"),
        ];
        for (right, others) in meant {
            for other in others.split(' ') {
                assert_eq!(operator(other), Some(right), "{other}");
            }
        }
        for (right, other) in [("!=", "is not"), ("!in", "! in"), ("!in", "not in"), ("!exists", "! exists")] {
            assert_eq!(operator(other), Some(right), "{other}");
        }
        assert_eq!(operator("startswith"), None);
    }
}
