//! Moments: epoch seconds with a fraction, as the JSON protocol has them, or one of the texts of the query language.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// Seconds of 9999-12-31T23:59:59Z; times before the year 1 or after this are refused by the instance that has them.
const MAX_SECONDS: f64 = 253_402_300_799.999;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) i64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970, or a time such as `2018-06-18T22:28:28Z`")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Moment, E> {
        seconds.checked_mul(1000).map(Moment).ok_or_else(|| E::invalid_value(Unexpected::Signed(seconds), &self))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Moment, E> {
        match i64::try_from(seconds) {
            Ok(seconds) => self.visit_i64(seconds),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(seconds), &self)),
        }
    }

    /// A double holds every millisecond of these years apart, so rounding gives back the one that was written.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked, and the value is rounded")]
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Moment, E> {
        if seconds.abs() > MAX_SECONDS || seconds.is_nan() {
            return Err(E::invalid_value(Unexpected::Float(seconds), &self));
        }
        Ok(Moment((seconds * 1000.0).round() as i64))
    }

    /// Without a zone it is UTC, a date alone is its midnight.
    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        let with_zone = text.parse::<jiff::Timestamp>();
        let moment =
            with_zone.or_else(|_| jiff::tz::TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>()?));
        match moment {
            Ok(moment) => Ok(Moment(moment.as_millisecond())),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

impl Serialize for Moment {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds up to the year 9999 are below 2^53")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Moment(milliseconds) = *self;
        if milliseconds % 1000 == 0 {
            serializer.serialize_i64(milliseconds / 1000)
        } else {
            serializer.serialize_f64(milliseconds as f64 / 1000.0)
        }
    }
}
