//! Moments and durations as traces write them: seconds with at most three decimals.

use std::fmt;

use serde::{Serialize, Serializer};

/// Milliseconds, written as seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seconds(pub(super) u64);

/// The largest moment or duration of a trace, in milliseconds.
pub(super) const MAX_MS: u64 = 100_000_000_000_000;

impl Serialize for Seconds {
    #[expect(clippy::cast_precision_loss, reason = "below 10^14 milliseconds a double tells all of them apart")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 1000 {
            0 => write!(f, "{}", self.0 / 1000),
            part => write!(f, "{}.{part:03}", self.0 / 1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_exactly() {
        for (milliseconds, text) in
            [(0, "0"), (1500, "1.5"), (1, "0.001"), (302_400_000, "302400"), (99_999_999_999_999, "99999999999.999")]
        {
            assert_eq!(serde_json::to_string(&Seconds(milliseconds)).expect("memory"), text);
        }
    }
}
