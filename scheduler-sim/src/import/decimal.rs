//! Numbers of tables, exactly: decimals that are multiplied without loss and rounded once.

/// A decimal from 0 on: `digits` over ten to the power of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    scale: u32,
}

/// An integer, and whether the decimal was that integer before it was rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rounded {
    pub(super) value: u64,
    pub(super) is_exact: bool,
}

/// Decimals beyond this many are cut off: they are far below what a trace tells.
const MOST_DECIMALS: u32 = 24;

impl Decimal {
    pub(super) const ONE: Self = Self { digits: 1, scale: 0 };

    /// Reads `12`, `0.5` or `1e3`; not NaN, infinities or what is below 0.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut digits: u128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            digits = digits.checked_mul(10)?.checked_add(u128::from(digit - b'0'))?;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Self { digits, scale: 0 }.shifted(scale)
    }

    /// The decimal over ten to the power of `scale`.
    fn shifted(self, scale: i32) -> Option<Self> {
        let (mut digits, mut scale) = (self.digits, scale);
        while scale > MOST_DECIMALS.cast_signed() && digits > 0 {
            digits /= 10;
            scale -= 1;
        }
        while scale < 0 && digits > 0 {
            digits = digits.checked_mul(10)?;
            scale += 1;
        }
        Some(Self { digits, scale: if digits == 0 { 0 } else { scale.unsigned_abs() } })
    }

    /// The product; `None` if it has more digits than fit.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Self { digits, scale: 0 }.shifted((self.scale + other.scale).cast_signed())
    }

    /// The nearest integer, halves up, if it is at most `max`.
    pub(super) fn rounded(self, max: u64) -> Option<Rounded> {
        let unit = 10_u128.checked_pow(self.scale)?;
        let (whole, rest) = (self.digits / unit, self.digits % unit);
        let nearest = whole + u128::from(rest * 2 >= unit && rest > 0);
        let value = u64::try_from(nearest).ok().filter(|&value| value <= max)?;
        Some(Rounded { value, is_exact: rest == 0 })
    }
}

impl From<u32> for Decimal {
    fn from(number: u32) -> Self {
        Self { digits: number.into(), scale: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_until_they_are_rounded() {
        let product = |text: &str, factor: &str| {
            let product = Decimal::parse(text)?.times(Decimal::parse(factor)?)?.rounded(u64::MAX)?;
            Some((product.value, product.is_exact))
        };
        for (text, factor, expected) in [
            ("0.75", "1024", Some((768, true))),
            ("937.5", "1024", Some((960_000, true))),
            ("0.005404705821447985", "262144", Some((1417, false))),
            ("1e3", "1", Some((1000, true))),
            ("25e-1", "1", Some((3, false))),
            (".5", "2.", Some((1, true))),
            ("0e-999", "7", Some((0, true))),
            ("1e-40", "1", Some((0, true))),
            ("116.38162544169612", "1000", Some((116_382, false))),
            ("NaN", "1", None),
            ("-1", "1", None),
            ("inf", "1", None),
            ("", "1", None),
            (".", "1", None),
            ("1e40", "1", None),
            ("1,5", "1", None),
            ("99999999999999999999", "1", None),
        ] {
            assert_eq!(product(text, factor), expected, "{text} times {factor}");
        }
    }
}
