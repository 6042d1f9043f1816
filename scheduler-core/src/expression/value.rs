//! Values that compare by more than their text: decimals, versions, instants.

use std::cmp::Ordering;
use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// The argument of an ordering on `agentVersion`: integers of any length between dots, and perhaps a suffix after `-`.
///
/// Equality and hash go by the text; the order of versions is [`compare`](Self::compare).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(Box<str>);

impl Version {
    /// Reads a version; `None` if `text` is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_version = version_integers(text).split('.').all(is_digits);
        is_version.then(|| Self(text.into()))
    }

    /// The version as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the version `running` stands to this one (C-41); `None` if it is no version.
    ///
    /// Missing integers count as 0 and a suffix after `-` is ignored: `1.14` equals `1.14.0-rc1`.
    pub fn compare(&self, running: &str) -> Option<Ordering> {
        let mut bound = version_integers(&self.0).split('.');
        let mut order = Ordering::Equal;
        for integer in version_integers(running).split('.') {
            if !is_digits(integer) {
                return None;
            }
            order = order.then_with(|| compare_integers(integer, bound.next().unwrap_or("0")));
        }
        Some(bound.fold(order, |order, integer| order.then_with(|| compare_integers("0", integer))))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A version without its suffix.
fn version_integers(version: &str) -> &str {
    version.split_once('-').map_or(version, |(integers, _)| integers)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Orders two runs of digits by their value, however long.
fn compare_integers(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Orders two attribute values (C-39): by number if both are decimals, else by bytes.
pub(super) fn compare_texts(left: &str, right: &str) -> Ordering {
    match (Decimal::parse(left), Decimal::parse(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        _ => left.cmp(right),
    }
}

/// A decimal number of any length, compared digit by digit: exact, and without overflow.
struct Decimal<'a> {
    /// Never set for zero.
    is_negative: bool,
    integer: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// Reads `[+-]?[0-9]+(\.[0-9]+)?`.
    fn parse(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (integer, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        if !is_digits(integer) || !is_digits(fraction) {
            return None;
        }
        let is_zero = unsigned.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        let is_negative = text.starts_with('-') && !is_zero;
        Some(Self { is_negative, integer, fraction: fraction.trim_end_matches('0') })
    }

    fn compare(&self, other: &Self) -> Ordering {
        // Without trailing zeros the order of the fractions' bytes is that of their values.
        let magnitude =
            || compare_integers(self.integer, other.integer).then_with(|| self.fraction.cmp(other.fraction));
        match (self.is_negative, other.is_negative) {
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Reads one of the four forms of `registeredAt` (C-42) into milliseconds since the Unix epoch.
///
/// `2018-06-18T22:28:28+00:00`, `2018-06-18T22:28:28Z`, `2018-06-18T22:28:28` and `2018-06-18`; nothing else, and no
/// instant outside the years 0 to 9999 in UTC. Leap seconds do not exist.
pub(super) fn parse_instant(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, offset_seconds) = match time {
        None => ("00:00:00", 0),
        Some(time) => (time.get(..8)?, parse_offset(time.get(8..)?)?),
    };
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let small = |number: i16| i8::try_from(number).ok();
    let local =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let since_epoch = local.duration_since(EPOCH).checked_sub(SignedDuration::from_secs(offset_seconds))?;
    let instant_ms = since_epoch.as_secs().checked_mul(1000)?;
    utc(instant_ms).map(|_| instant_ms)
}

/// Writes an instant of [`parse_instant`] so that it can be read back.
pub(super) fn write_instant(f: &mut dyn fmt::Write, instant_ms: i64) -> fmt::Result {
    match utc(instant_ms) {
        Some(instant) => write!(f, "{instant}Z"),
        None => write!(f, "{instant_ms} ms"),
    }
}

/// The instant on the UTC clock, if that shows a year of four digits.
fn utc(instant_ms: i64) -> Option<DateTime> {
    let instant = EPOCH.checked_add(SignedDuration::from_millis(instant_ms)).ok()?;
    (instant.year() >= 0).then_some(instant)
}

/// Reads nothing, `Z`, or `+hh:mm` and `-hh:mm` up to 23:59, in seconds.
fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z") {
        return Some(0);
    }
    let [hours, minutes] = numbers(text.strip_prefix(['+', '-'])?, ':', [2, 2])?;
    let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
    let is_valid = hours < 24 && minutes < 60;
    is_valid.then_some(if text.starts_with('-') { -seconds } else { seconds })
}

/// Reads `N` numbers of exactly so many digits between separators.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && is_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_order_by_number_only_if_both_are_decimals() {
        let check = |left: &str, right: &str, expected: Ordering| {
            assert_eq!(compare_texts(left, right), expected, "{left} ? {right}");
            assert_eq!(compare_texts(right, left), expected.reverse(), "{right} ? {left}");
        };
        check("9", "10", Ordering::Less);
        check("9a", "10a", Ordering::Greater);
        check("9", "10a", Ordering::Greater);
        check("+5", "5.0", Ordering::Equal);
        check("-0", "0.00", Ordering::Equal);
        check("-0.1", "0", Ordering::Less);
        check("-2", "-10", Ordering::Greater);
        check("0.5", "0.45", Ordering::Greater);
        check("007", "7", Ordering::Equal);
        check("1.", "1", Ordering::Greater);
        check(".5", "1", Ordering::Less);
        check(&"9".repeat(100), &format!("1{}", "0".repeat(100)), Ordering::Less);
        check("0.1", "0.10000000000000000000000000000000001", Ordering::Less);
        check("1e3", "2", Ordering::Less);
        check("", "0", Ordering::Less);
    }

    #[test]
    fn versions_order_by_integers_and_ignore_suffixes() {
        let check = |running: &str, bound: &str, expected| {
            assert_eq!(Version::parse(bound).unwrap().compare(running), expected, "{running} ? {bound}");
        };
        check("1.9.0", "1.14.5", Some(Ordering::Less));
        check("1.14", "1.14.0", Some(Ordering::Equal));
        check("1.14.0", "1.14", Some(Ordering::Equal));
        check("1.14.1", "1.14", Some(Ordering::Greater));
        check("1.14", "1.14.1", Some(Ordering::Less));
        check("1.14.5-rc1", "1.14.5", Some(Ordering::Equal));
        check("1.014", "1.14", Some(Ordering::Equal));
        check("99999999999999999999999", "100000000000000000000000", Some(Ordering::Less));
        check("", "1", None);
        check("1..2", "1", None);
        check("2.x", "1", None);
        check("v1.14.5", "1", None);
        for bad in ["", ".", "1.", "v1", "-1", "1.x", "+1", "1.2.", "١"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_instant_has_one_of_four_forms() {
        let check = |text: &str, expected| assert_eq!(parse_instant(text), expected, "{text}");
        let instant = Some(1_529_360_908_000);
        check("2018-06-18T22:28:28+00:00", instant);
        check("2018-06-18T22:28:28Z", instant);
        check("2018-06-18T22:28:28", instant);
        check("2018-06-19T00:28:28+02:00", instant);
        check("2018-06-18T16:58:28-05:30", instant);
        check("2018-06-18", Some(1_529_280_000_000));
        check("1970-01-01", Some(0));
        check("1969-12-31T23:59:59Z", Some(-1000));
        check("2020-02-29", Some(1_582_934_400_000));
        check("9999-12-31T23:59:59Z", Some(253_402_300_799_000));
        check("0000-01-01", Some(-62_167_219_200_000));
        for bad in [
            "",
            "2018",
            "2018-6-18",
            "18-06-2018",
            "2018-02-29",
            "2018-13-01",
            "2018-06-18T",
            "2018-06-18Z",
            "2018-06-18T22:28",
            "2018-06-18T24:00:00",
            "2018-06-18T22:28:60",
            "2018-06-18T22:28:28.5Z",
            "2018-06-18t22:28:28",
            "2018-06-18T22:28:28z",
            "2018-06-18T22:28:28+0000",
            "2018-06-18T22:28:28+24:00",
            "2018-06-18T22:28:28+00:60",
            "2018-06-18 22:28:28",
            "+2018-06-18",
            "12018-06-18",
            "yesterday",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
            "2018-06-18T22:28:2é",
            "２018-06-18",
        ] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn decimals_order_as_scaled_integers_do(
            left in -10i128.pow(12)..10i128.pow(12), left_scale in 0u32..8,
            right in -10i128.pow(12)..10i128.pow(12), right_scale in 0u32..8,
        ) {
            let text = |number: i128, scale: u32| {
                let (sign, unit) = (if number < 0 { "-" } else { "" }, 10u128.pow(scale));
                let magnitude = number.unsigned_abs();
                if scale == 0 { return format!("{sign}{magnitude}") }
                format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = scale as usize)
            };
            let scaled = |number: i128, scale: u32| number * 10i128.pow(8 - scale);
            prop_assert_eq!(
                compare_texts(&text(left, left_scale), &text(right, right_scale)),
                scaled(left, left_scale).cmp(&scaled(right, right_scale))
            );
        }

        #[test]
        fn an_instant_survives_print_and_parse(seconds in -62_167_219_200i64..=253_402_300_799) {
            let mut text = String::new();
            write_instant(&mut text, seconds * 1000).unwrap();
            prop_assert_eq!(parse_instant(&text), Some(seconds * 1000), "{}", text);
        }
    }
}
