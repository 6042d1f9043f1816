//! Exact numbers of a report: a quotient of two integers, formed once, rounded only where it is printed.

use std::cmp::Ordering;
use std::fmt;

/// Decimals that reports print.
const DECIMALS: usize = 4;

/// `numerator / denominator`, kept exact.
#[derive(Debug, Clone, Copy)]
pub struct Quotient {
    is_negative: bool,
    numerator: u128,
    denominator: u128,
}

impl Quotient {
    /// A whole number.
    pub fn whole(number: impl Into<i128>) -> Self {
        let number = number.into();
        Self { is_negative: number < 0, numerator: number.unsigned_abs(), denominator: 1 }
    }

    /// A quotient of two numbers that are not negative, or `None` where the denominator is 0.
    pub fn new(numerator: u128, denominator: u128) -> Option<Self> {
        (denominator > 0).then_some(Self { is_negative: false, numerator, denominator })
    }

    /// The value in floating point, for statistics over seeds.
    #[expect(clippy::cast_precision_loss, reason = "statistics are in floating point; nothing else uses this")]
    pub fn to_f64(self) -> f64 {
        let magnitude = self.numerator as f64 / self.denominator as f64;
        if self.is_negative { -magnitude } else { magnitude }
    }

    /// Ten-thousandths, halves away from zero; `None` beyond 128 bits.
    pub fn ten_thousandths(self) -> Option<i128> {
        self.scaled(DECIMALS)
    }

    /// Units of the `decimals`-th decimal, halves away from zero; `None` beyond 128 bits.
    pub fn scaled(self, decimals: usize) -> Option<i128> {
        let mut scaled = self.numerator / self.denominator;
        let mut rest = self.numerator % self.denominator;
        for _ in 0..decimals {
            let (digit, new_rest) = times_ten(rest, self.denominator);
            scaled = scaled.checked_mul(10)?.checked_add(digit)?;
            rest = new_rest;
        }
        if rest >= self.denominator - rest {
            scaled = scaled.checked_add(1)?;
        }
        let scaled = i128::try_from(scaled).ok()?;
        Some(if self.is_negative { -scaled } else { scaled })
    }

    /// How two values compare as they are printed, with four decimals.
    pub fn cmp_rounded(self, other: Self) -> Ordering {
        match (self.ten_thousandths(), other.ten_thousandths()) {
            (Some(own), Some(other)) => own.cmp(&other),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }
}

/// The digit and the rest of `10 * rest / denominator`, for `rest < denominator`, without overflow.
fn times_ten(rest: u128, denominator: u128) -> (u128, u128) {
    if let Some(product) = rest.checked_mul(10) {
        return (product / denominator, product % denominator);
    }
    let (mut digit, mut sum) = (0, 0_u128);
    for _ in 0..10 {
        // sum + rest may exceed 128 bits: compare before adding.
        if sum >= denominator - rest {
            sum -= denominator - rest;
            digit += 1;
        } else {
            sum += rest;
        }
    }
    (digit, sum)
}

/// Equal as printed.
impl PartialEq for Quotient {
    fn eq(&self, other: &Self) -> bool {
        self.cmp_rounded(*other) == Ordering::Equal
    }
}

/// The shortest form with at most four decimals: `12`, `0.73`, never `0.7300` or `1e-4`.
impl fmt::Display for Quotient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ten_thousandths() {
            Some(scaled) => f.write_str(&shortest(scaled, DECIMALS)),
            None => write!(f, "{}{}", if self.is_negative { "-" } else { "" }, self.numerator / self.denominator),
        }
    }
}

/// A number of units of the `decimals`-th decimal in its shortest form.
pub fn shortest(scaled: i128, decimals: usize) -> String {
    let unit = 10_u128.pow(u32::try_from(decimals).unwrap_or(0));
    let sign = if scaled < 0 { "-" } else { "" };
    let (whole, part) = (scaled.unsigned_abs() / unit, scaled.unsigned_abs() % unit);
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let part = format!("{part:0decimals$}");
    format!("{sign}{whole}.{}", part.trim_end_matches('0'))
}

/// Milliseconds as seconds in the shortest form.
pub fn seconds(milliseconds: u64) -> String {
    shortest(milliseconds.into(), 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_print_in_the_shortest_form_and_round_halves_away_from_zero() {
        let cases: [(u128, u128, &str); 9] = [
            (0, 7, "0"),
            (12, 1, "12"),
            (73, 100, "0.73"),
            (1, 3, "0.3333"),
            (2, 3, "0.6667"),
            (1, 20_000, "0.0001"),   // 0.00005 is a half
            (1, 20_001, "0"),        // a little less is not
            (199_999, 200_000, "1"), // 0.999995
            (u128::MAX - 1, u128::MAX, "1"),
        ];
        for (numerator, denominator, text) in cases {
            let quotient = Quotient::new(numerator, denominator).expect("not 0");
            assert_eq!(quotient.to_string(), text, "{numerator}/{denominator}");
        }
        assert!(Quotient::new(1, 0).is_none());
        assert_eq!(Quotient::whole(-3).to_string(), "-3");
    }

    #[test]
    fn long_division_agrees_with_the_product_where_both_can_be_formed() {
        for (rest, denominator) in [(0, 1), (5, 7), (699, 700), (123_456_789, 987_654_321)] {
            let scaled = |factor: u128| times_ten(rest * factor, denominator * factor);
            let (digit, left) = scaled(1);
            assert_eq!(scaled(1 << 90), (digit, left << 90), "{rest}/{denominator}");
        }
    }

    #[test]
    fn seconds_have_at_most_three_decimals() {
        assert_eq!(seconds(12_500), "12.5");
        assert_eq!(seconds(13_000), "13");
        assert_eq!(seconds(1), "0.001");
    }
}
