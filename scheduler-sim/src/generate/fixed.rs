//! Powers and logarithms to the base 2 in integers, so that the same seed gives the same bytes on every platform.
//!
//! Numbers with a fraction are `Q32`: an integer that counts 2^-32ths. The functions of the platform's mathematical
//! library differ in their last bits from one platform to the next; these do not.

/// One, in `Q32`.
pub(super) const ONE: u64 = 1 << 32;

const MANTISSA_BITS: u32 = 62;
/// `2^-(2^-k)` for k from 1 to 40, with 62 bits behind the point.
const ROOTS: [u64; 40] = roots();

const fn roots() -> [u64; 40] {
    let mut roots = [0; 40];
    // The root of 1/2, then the root of that, and so on.
    let mut square: u128 = 1 << (2 * MANTISSA_BITS - 1);
    let mut index = 0;
    while index < roots.len() {
        let root = square.isqrt();
        roots[index] = root as u64;
        square = root << MANTISSA_BITS;
        index += 1;
    }
    roots
}

/// `2^-x`, with 62 bits behind the point; of `x` too.
pub(super) fn inverse_power(x: u128) -> u64 {
    let whole = x >> MANTISSA_BITS;
    if whole >= u128::from(MANTISSA_BITS) {
        return 0;
    }
    let mut product = 1 << MANTISSA_BITS;
    let mut rest = (x as u64) << (u64::BITS - MANTISSA_BITS);
    for root in ROOTS {
        if rest >> 63 == 1 {
            product = ((u128::from(product) * u128::from(root)) >> MANTISSA_BITS) as u64;
        }
        rest <<= 1;
        if rest == 0 {
            break;
        }
    }
    product >> whole
}

/// `start × 2^x` for `x` in `Q32`, rounded to the nearest; `u64::MAX` where it is larger.
pub(super) fn scaled_by_power(start: u64, x: u64) -> u64 {
    // 2^x = 2^n ÷ 2^(n - x), with n above x.
    let doublings = (x >> 32) + 1;
    let mantissa = inverse_power(u128::from((doublings << 32) - x) << (MANTISSA_BITS - 32));
    let product = u128::from(start) * u128::from(mantissa);
    let Some(shift @ 1..) = u64::from(MANTISSA_BITS).checked_sub(doublings) else { return u64::MAX };
    u64::try_from((product + (1 << (shift - 1))) >> shift).unwrap_or(u64::MAX)
}

/// The logarithm of `value`, at least 1, in `Q32`, with 26 bits of its fraction.
pub(super) fn logarithm(value: u64) -> u64 {
    const FRACTION_BITS: u32 = 26;
    let whole = value.max(1).ilog2();
    let mut mantissa = value.max(1) << (63 - whole);
    let mut fraction = 0;
    for _ in 0..FRACTION_BITS {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        let is_two = square >> 64 != 0;
        mantissa = if is_two { (square >> 1) as u64 } else { square as u64 };
        fraction = fraction << 1 | u64::from(is_two);
    }
    u64::from(whole) << 32 | fraction << (32 - FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: f64 = 1e-6;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "compared within a tolerance")]
    fn powers_and_logarithms_are_those_of_real_numbers() {
        for x in [0, 1, ONE / 3, ONE / 2, ONE - 1, ONE, 5 * ONE / 2, 20 * ONE + 12_345] {
            let expected = 1e6 * (x as f64 / ONE as f64).exp2();
            let found = scaled_by_power(1_000_000, x) as f64;
            assert!((found / expected - 1.0).abs() < TOLERANCE, "2^({x} / 2^32): {found}, not {expected}");
        }
        for value in [1, 2, 3, 10, 1_000_003, u64::MAX] {
            let found = logarithm(value) as f64 / ONE as f64;
            assert!((found - (value as f64).log2()).abs() < TOLERANCE, "the logarithm of {value}: {found}");
        }
        assert_eq!(inverse_power(0), 1 << 62);
        assert_eq!(inverse_power(1 << 62), 1 << 61);
        assert_eq!(scaled_by_power(1, 70 * ONE), u64::MAX);
    }

    /// Pins the numbers: a change of them changes every generated trace.
    #[test]
    fn the_bits_stay_what_they_are() {
        assert_eq!(logarithm(3), 6_807_362_048);
        assert_eq!(scaled_by_power(1_000_000_000_000, ONE / 3), 1_259_921_049_827);
    }
}
