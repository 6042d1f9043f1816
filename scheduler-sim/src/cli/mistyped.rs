//! A first word that is neither a file nor a subcommand: what was meant.

use std::ffi::OsStr;
use std::path::Path;

use clap::Command;

/// Subcommands that later versions have.
const LATER: [&str; 1] = ["report"];

/// What to say of the first word; `None` where it is an option, a subcommand, or may well be a file.
pub(super) fn hint(word: &OsStr, command: &Command) -> Option<String> {
    let text = word.to_str()?;
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_word || names.contains(&text) || Path::new(word).exists() {
        return None;
    }
    if LATER.contains(&text) {
        return Some(format!(
            "`{text}` is a subcommand of later versions, and no file has that name; this version has {}",
            names.join(", ")
        ));
    }
    let scored = names.iter().map(|name| (strsim::damerau_levenshtein(text, name), *name));
    // One letter in three may be wrong.
    let (_, nearest) = scored.min().filter(|(distance, name)| 3 * distance <= name.len())?;
    Some(format!("`{text}` is no subcommand, and no file has that name; did you mean `{nearest}`?"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    #[test]
    fn only_words_that_resemble_a_subcommand_are_taken_for_one() {
        let hint = |word: &str| hint(OsStr::new(word), &Cli::command());
        for (word, part) in [("vaildate", "`validate`"), ("explian", "`explain`"), ("report", "later versions")] {
            assert!(hint(word).is_some_and(|text| text.contains(part)), "{word}: {:?}", hint(word));
        }
        for word in ["validate", "help", "trace.json", "./vaildate", "-s", "-", "", "demo", "production"] {
            assert_eq!(hint(word), None, "{word}");
        }
    }
}
