//! Numbers as they are written, exactly: seconds to milliseconds, dollars to millionths, counts.

/// The largest moment or duration, in milliseconds: a hundred thousand million seconds, some 3,170 years. Sums of a few of
/// them, and products with counts, stay far inside what their types hold.
pub(super) const MAX_MS: u64 = 100_000_000_000_000;

/// Why a number cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberProblem {
    Negative,
    TooManyDecimals,
    TooLarge,
}

/// `number`, in JSON's grammar, times ten to the power of `decimals`, if that is an integer from 0 to `max`.
pub(super) fn scaled(number: &str, decimals: i64, max: u64) -> Result<u64, NumberProblem> {
    let (number, is_negative) = match number.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (number, false),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let is_zero = |digits: &str| digits.bytes().all(|digit| digit == b'0');
    if is_zero(whole) && is_zero(fraction) {
        return Ok(0);
    }
    if is_negative {
        return Err(NumberProblem::Negative);
    }
    // The digits without zeros at the end, and the power of ten that they are multiplied with.
    let (whole_digits, zeros) = if fraction.is_empty() {
        let trimmed = whole.trim_end_matches('0');
        (trimmed, whole.len() - trimmed.len())
    } else {
        (whole, 0)
    };
    let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let power = exponent.saturating_add(decimals).saturating_add(length(zeros)).saturating_sub(length(fraction.len()));
    if power < 0 {
        return Err(NumberProblem::TooManyDecimals);
    }
    let mut value: u64 = 0;
    for digit in whole_digits.bytes().chain(fraction.bytes()) {
        let appended = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0')));
        value = appended.filter(|&value| value <= max).ok_or(NumberProblem::TooLarge)?;
    }
    for _ in 0..power {
        value = value.checked_mul(10).filter(|&value| value <= max).ok_or(NumberProblem::TooLarge)?;
    }
    Ok(value)
}

/// An exponent of JSON's grammar; one that no number here can have becomes the largest there is.
fn parse_exponent(text: &str) -> i64 {
    const MOST: i64 = 1 << 40;
    let (digits, sign) = match text.as_bytes().first() {
        Some(b'-') => (&text[1..], -1),
        Some(b'+') => (&text[1..], 1),
        _ => (text, 1),
    };
    sign * digits.parse::<i64>().unwrap_or(MOST).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_milliseconds_or_refused() {
        let good = [
            ("0", 0),
            ("-0", 0),
            ("0e400", 0),
            ("1", 1000),
            ("1e3", 1_000_000),
            ("1E+3", 1_000_000),
            ("1.5", 1500),
            ("0.001", 1),
            ("12.3450", 12_345),
            ("1500e-3", 1500),
            ("0.0010e1", 10),
            ("100000000000", MAX_MS),
            ("1.20e1", 12_000),
        ];
        for (text, milliseconds) in good {
            assert_eq!(scaled(text, 3, MAX_MS), Ok(milliseconds), "{text}");
        }
        let bad = [
            ("-1", NumberProblem::Negative),
            ("-1e400", NumberProblem::Negative),
            ("0.0001", NumberProblem::TooManyDecimals),
            ("1e-400", NumberProblem::TooManyDecimals),
            ("1.2345", NumberProblem::TooManyDecimals),
            ("1e400", NumberProblem::TooLarge),
            ("1e99999999999999999999", NumberProblem::TooLarge),
            ("100000000000.001", NumberProblem::TooLarge),
            ("99999999999999999999999", NumberProblem::TooLarge),
            ("1e-99999999999999999999", NumberProblem::TooManyDecimals),
        ];
        for (text, problem) in bad {
            assert_eq!(scaled(text, 3, MAX_MS), Err(problem), "{text}");
        }
    }

    #[test]
    fn integers_may_be_written_as_any_number_that_is_one() {
        assert_eq!(scaled("2.0", 0, 10), Ok(2));
        assert_eq!(scaled("1e1", 0, 10), Ok(10));
        assert_eq!(scaled("1e1", 0, 9), Err(NumberProblem::TooLarge));
        assert_eq!(scaled("18446744073709551615", 0, u64::MAX), Ok(u64::MAX));
        assert_eq!(scaled("18446744073709551616", 0, u64::MAX), Err(NumberProblem::TooLarge));
    }
}
