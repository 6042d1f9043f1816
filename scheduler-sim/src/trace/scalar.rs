//! Single values out of checked ones. What the check by the table would have refused becomes a harmless default, so that
//! reading never fails twice.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::TraceProblem;
use super::json::{Kind, Value};
use super::number::{MAX_MS, scaled};
use super::reading::Reading;

/// An integer.
pub(super) fn integer(value: &Value<'_>) -> u64 {
    number(value, 0, u64::MAX)
}

/// Seconds, in milliseconds.
pub(super) fn milliseconds(value: &Value<'_>) -> u64 {
    number(value, 3, MAX_MS)
}

/// Dollars, in millionths.
pub(super) fn microdollars(value: &Value<'_>) -> u64 {
    number(value, 6, u64::MAX)
}

fn number(value: &Value<'_>, decimals: i64, max: u64) -> u64 {
    match value.kind {
        Kind::Number(number) => scaled(number, decimals, max).unwrap_or(max),
        _ => 0,
    }
}

/// An integer that the table has bounded to 32 bits.
pub(super) fn narrow(integer: u64) -> u32 {
    u32::try_from(integer).unwrap_or(u32::MAX)
}

/// A moment, in milliseconds since 1970: seconds, fractions of which are cut to milliseconds as AWS prints them with
/// more, or one of the text forms of the cluster query language. `null`, the text `""` and absence are the same.
pub(super) fn moment(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<i64> {
    let (read, found) = match &value.kind {
        Kind::Number(number) => (moment_of_seconds(number), *number),
        Kind::Text(text) => (moment_of_text(text), &**text),
        _ => (None, value.type_name()),
    };
    if read.is_none() {
        let found = found.chars().take(80).collect::<String>().into();
        reading.error(value.span.start, TraceProblem::Moment { found });
    }
    read
}

fn moment_of_seconds(number: &str) -> Option<i64> {
    if number.contains(['e', 'E']) {
        // AWS's tools print such moments as 1.7e9.
        return i64::try_from(scaled(number, 3, u64::MAX).ok()?).ok();
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let cut = format!("{whole}.{}", &fraction[..fraction.len().min(3)]);
    let cut = cut.trim_end_matches('.');
    match cut.strip_prefix('-') {
        Some(cut) => i64::try_from(scaled(cut, 3, i64::MAX as u64).ok()?).ok().map(|value| -value),
        None => i64::try_from(scaled(cut, 3, i64::MAX as u64).ok()?).ok(),
    }
}

fn moment_of_text(text: &str) -> Option<i64> {
    let with_zone = text.parse::<Timestamp>();
    let moment = with_zone.or_else(|_| TimeZone::UTC.to_timestamp(text.parse::<DateTime>()?));
    moment.ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_aws_prints_them() {
        let cases = [
            ("1529360912", Some(1_529_360_912_000)),
            ("1529360912.123456", Some(1_529_360_912_123)),
            ("1.529360912E9", Some(1_529_360_912_000)),
            ("-1.5", Some(-1500)),
            ("1e400", None),
        ];
        for (text, expected) in cases {
            assert_eq!(moment_of_seconds(text), expected, "{text}");
        }
        for text in ["2018-06-18T22:28:28+00:00", "2018-06-18T22:28:28Z", "2018-06-18T22:28:28"] {
            assert_eq!(moment_of_text(text), Some(1_529_360_908_000), "{text}");
        }
        assert_eq!(moment_of_text("2018-06-18"), Some(1_529_280_000_000));
        assert_eq!(moment_of_text("yesterday"), None);
    }
}
