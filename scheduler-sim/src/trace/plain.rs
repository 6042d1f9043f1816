//! The event that most lines of a long trace are: a runTask with few keys and plain values, read in one go.
//!
//! What is read here needs no further check and would be read alike the long way; whatever is written in another way, or
//! not sound, goes that way.

use super::json::Span;
use super::number::MAX_MS;
use super::shape::NAME_LIMIT;

/// What a plain runTask says; its texts as spans of the event's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainRunTask {
    pub(super) at_ms: u64,
    pub(super) definition: Span,
    pub(super) group: Option<Span>,
    pub(super) id: Option<Span>,
    pub(super) count: Option<u32>,
    pub(super) duration_ms: Option<u64>,
}

/// Ids from this length on are checked with the numbers of their copies.
const ID_LIMIT: usize = NAME_LIMIT - 12;
/// The most copies of a runTask.
const MOST_COPIES: u64 = 1 << 31;

impl PlainRunTask {
    /// Reads `{"atSeconds":S,"runTask":{…}}`, from the first byte on.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.take(b'{')?;
        cursor.key("atSeconds")?;
        let at_ms = cursor.milliseconds()?;
        cursor.take(b',')?;
        cursor.key("runTask")?;
        cursor.take(b'{')?;
        let (mut definition, mut group, mut id, mut count, mut duration_ms) = (None, None, None, None, None);
        loop {
            let key = cursor.text()?;
            cursor.take(b':')?;
            match &text[key] {
                "taskDefinition" => put(&mut definition, cursor.text()?)?,
                "durationSeconds" => put(&mut duration_ms, cursor.milliseconds()?)?,
                "count" => put(&mut count, cursor.count()?)?,
                "id" => put(&mut id, cursor.text()?)?,
                "group" => put(&mut group, cursor.text()?)?,
                _ => return None,
            }
            if cursor.take(b',').is_none() {
                break;
            }
        }
        cursor.take(b'}')?;
        cursor.take(b'}')?;
        cursor.skip_space();
        let is_sound = cursor.at == text.len() && id.as_ref().is_none_or(|id: &Span| id.len() <= ID_LIMIT);
        is_sound.then_some(Self { at_ms, definition: definition?, group, id, count, duration_ms })
    }
}

/// The value of a key that stands once.
fn put<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

/// Bytes that stand for themselves in a text: printable ASCII but `"` and the backslash.
const IS_PLAIN: [bool; 256] = {
    let mut is_plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        is_plain[byte as usize] = !matches!(byte, b'"' | b'\\');
        byte += 1;
    }
    is_plain
};

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// A sign, with white space after it.
    fn take(&mut self, sign: u8) -> Option<()> {
        if self.peek() != Some(sign) {
            return None;
        }
        self.at += 1;
        self.skip_space();
        Some(())
    }

    /// A key that is known, and its colon.
    fn key(&mut self, key: &str) -> Option<()> {
        let found = self.text()?;
        if self.text[found] == *key { self.take(b':') } else { None }
    }

    /// A text that is a name, of printable ASCII without escapes.
    fn text(&mut self) -> Option<Span> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.at + 1;
        let rest = &self.text.as_bytes()[start..];
        let length = rest.iter().position(|byte| !IS_PLAIN[usize::from(*byte)])?;
        if rest[length] != b'"' || length == 0 || length > NAME_LIMIT {
            return None;
        }
        self.at = start + length + 1;
        self.skip_space();
        Some(start..start + length)
    }

    /// Digits without a zero before them; so few that no sum overflows.
    fn digits(&mut self) -> Option<u64> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 || length > 15 || (length > 1 && rest[0] == b'0') {
            return None;
        }
        self.at += length;
        Some(rest[..length].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// Seconds with at most three decimals.
    fn milliseconds(&mut self) -> Option<u64> {
        let mut milliseconds = self.digits()? * 1_000;
        if self.peek() == Some(b'.') {
            let rest = &self.text.as_bytes()[self.at + 1..];
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 3 {
                return None;
            }
            let scales = [100, 10, 1];
            milliseconds +=
                rest[..length].iter().zip(scales).map(|(digit, scale)| u64::from(digit - b'0') * scale).sum::<u64>();
            self.at += 1 + length;
        }
        self.after_number()?;
        (milliseconds <= MAX_MS).then_some(milliseconds)
    }

    fn count(&mut self) -> Option<u32> {
        let count = self.digits()?;
        self.after_number()?;
        if (1..=MOST_COPIES).contains(&count) { u32::try_from(count).ok() } else { None }
    }

    fn after_number(&mut self) -> Option<()> {
        if !matches!(self.peek(), Some(b',' | b'}' | b' ' | b'\t')) {
            return None;
        }
        self.skip_space();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_run_tasks_are_read_and_others_are_left() {
        let full = concat!(
            r#"{"atSeconds": 12.05, "runTask": {"taskDefinition":"web:2","id":"a b","count":3, "#,
            r#""durationSeconds":0.125,"group":"g"}}"#,
            "\r\n"
        );
        let plain = PlainRunTask::read(full).expect("plain");
        assert_eq!((plain.at_ms, plain.count, plain.duration_ms), (12_050, Some(3), Some(125)));
        let texts = [Some(plain.definition), plain.id, plain.group].map(|span| &full[span.expect("given")]);
        assert_eq!(texts, ["web:2", "a b", "g"]);
        let least = r#"{"atSeconds":0,"runTask":{"taskDefinition":"web"}}"#;
        assert!(PlainRunTask::read(least).is_some());
        let long = "x".repeat(256);
        for (from, to) in [
            ("0,", "01,"),
            ("0,", "-0,"),
            ("0,", "1e3,"),
            ("0,", "1.,"),
            ("0,", "1.0000,"),
            ("0,", "100000000000.001,"),
            ("0,", "0,\"x-note\":1,"),
            ("web", ""),
            ("web", "w\\u0065b"),
            ("web", "wéb"),
            ("web", &*long),
            ("\"web\"", "7"),
            ("\"web\"", "\"web\",\"taskDefinition\":\"web\""),
            ("\"web\"", "\"web\",\"count\":0"),
            ("\"web\"", "\"web\",\"count\":1.0"),
            ("\"web\"", "\"web\",\"count\":4294967297"),
            ("\"web\"", "\"web\",\"launchType\":\"EC2\""),
            ("\"web\"", "\"web\","),
            ("\"taskDefinition\":\"web\"", "\"id\":\"a\""),
            ("}}", "}} x"),
            ("}}", "}"),
            ("{\"at", " {\"at"),
        ] {
            let text = least.replacen(from, to, 1);
            assert_ne!(text, least);
            assert_eq!(PlainRunTask::read(&text), None, "{text}");
        }
    }
}
