//! Draws a place in a text: the line, and carets below it.

use super::syntax::Span;

/// How many columns of a line are drawn at most.
const MAX_COLUMNS: usize = 100;
/// How many of them before the place, where the line is longer than that.
const COLUMNS_BEFORE: usize = 60;

/// Draws the line of `text` in which `span` starts, and carets below what the span covers of it, one or more.
pub(super) fn draw(text: &str, span: Span) -> String {
    let start = floor_character(text, span.start);
    let end = floor_character(text, span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let line_end = if text[..line_end].ends_with('\r') && start < line_end { line_end - 1 } else { line_end };

    let mut drawing = Drawing::default();
    let before = columns(&text[line_start..start]);
    let mut skipped = 0;
    for (index, character) in text[line_start..line_end].char_indices() {
        let offset = line_start + index;
        if before > MAX_COLUMNS - 1 && offset < start && before - skipped > COLUMNS_BEFORE {
            if skipped == 0 {
                drawing.add("…", 1, ' ');
            }
            skipped += width(character);
            continue;
        }
        if drawing.columns >= MAX_COLUMNS && offset >= start {
            drawing.add("…", 1, ' ');
            break;
        }
        let marker = if (start..end.max(start + 1)).contains(&offset) { '^' } else { ' ' };
        drawing.add(&shown(character), width(character), marker);
    }
    if !drawing.carets.contains('^') {
        // The place is the end of the line.
        drawing.carets.push('^');
    }
    format!("{}\n{}\n", drawing.line, drawing.carets.trim_end())
}

#[derive(Default)]
struct Drawing {
    line: String,
    carets: String,
    columns: usize,
}

impl Drawing {
    fn add(&mut self, shown: &str, width: usize, marker: char) {
        self.line.push_str(shown);
        self.carets.extend(std::iter::repeat_n(marker, width));
        self.columns += width;
    }
}

/// The last place between characters that is not after `offset`.
fn floor_character(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|&offset| text.is_char_boundary(offset)).unwrap_or(0)
}

/// A character as it is drawn: a tab as a space, and what is no visible character of its own as an escape.
fn shown(character: char) -> String {
    match character {
        '\t' => " ".to_owned(),
        '\\' | '\'' | '"' => character.to_string(),
        _ => character.escape_debug().to_string(),
    }
}

/// How many columns the drawn character takes.
fn width(character: char) -> usize {
    if is_wide(character) { 2 } else { shown(character).chars().count() }
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Whether terminals give the character two columns: the large blocks of East Asian scripts and of pictures.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character),
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, span: (usize, usize), expected: &str) {
        assert_eq!(draw(text, Span::new(span.0, span.1)), expected, "{text:?}");
    }

    #[test]
    fn carets_stand_below_the_place() {
        check("abc", (1, 3), "abc\n ^^\n");
        check("abc", (3, 3), "abc\n   ^\n");
        check("abc", (1, 1), "abc\n ^\n");
        check("", (0, 0), "\n^\n");
        check("abc", (9, 12), "abc\n   ^\n");
    }

    #[test]
    fn one_character_takes_the_columns_it_is_drawn_with() {
        check("a\tb", (2, 3), "a b\n  ^\n");
        check("größe=", (7, 8), "größe=\n     ^\n");
        check("größe=", (3, 4), "größe=\n  ^\n");
        check("日本=", (6, 7), "日本=\n    ^\n");
        check("a\u{1b}[2Jb", (1, 2), "a\\u{1b}[2Jb\n ^^^^^^\n");
        check("a\u{202e}b", (4, 5), "a\\u{202e}b\n         ^\n");
        check(r#"'a\' "b""#, (3, 4), "'a\\' \"b\"\n   ^\n");
    }

    #[test]
    fn only_the_line_of_the_place_is_drawn() {
        check("ab\ncd\nef", (4, 5), "cd\n ^\n");
        check("ab\ncd\nef", (4, 7), "cd\n ^\n");
        check("ab\ncd", (2, 3), "ab\n  ^\n");
        check("ab\r\ncd", (1, 2), "ab\n ^\n");
        check("ab\r\ncd", (4, 6), "cd\n^^\n");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(1500), "b".repeat(400));
        let expected = format!("…{}X{}…\n{}^\n", "a".repeat(60), "b".repeat(38), " ".repeat(61));
        check(&text, (1500, 1501), &expected);
        let expected = format!("{}…\n{}^^\n", "a".repeat(100), " ".repeat(3));
        check(&text, (3, 5), &expected);
        let drawn = draw(&text, Span::new(1500, text.len()));
        assert!(drawn.lines().all(|line| line.chars().count() <= 101), "{drawn}");
    }
}
