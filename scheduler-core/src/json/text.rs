//! Values that are one text or one number in JSON: names, groups, expressions, modes, ports, amounts.

use crate::expression::Expression;
use crate::model::{
    AttributeName, AttributeValue, GpuDemand, HostPort, HostPorts, InstanceStatus, MAX_AMOUNT, NetworkMode, PortRange,
    Protocol, TaskGroup,
};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt::{self, Display};
use std::marker::PhantomData;

/// Reads a text through `parse`. `expected` completes "expected …" where there is no text.
pub(super) fn read_text<'de, D, T, E>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    struct Text<T, F> {
        expected: &'static str,
        parse: F,
        value: PhantomData<T>,
    }

    impl<T, F, E> Visitor<'_> for Text<T, F>
    where
        F: FnOnce(&str) -> Result<T, E>,
        E: Display,
    {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_str<D: Error>(self, text: &str) -> Result<T, D> {
            (self.parse)(text).map_err(D::custom)
        }
    }

    deserializer.deserialize_str(Text { expected, parse, value: PhantomData })
}

/// Types that are a text: how to read it, and how to show it.
macro_rules! as_text {
    ($($type:ty, $expected:literal, $parse:expr, $show:expr;)+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer, $expected, $parse)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&$show(self))
            }
        }
    )+};
}

as_text! {
    AttributeName, "an attribute name", AttributeName::new, AttributeName::as_str;
    AttributeValue, "an attribute value", AttributeValue::new, AttributeValue::as_str;
    TaskGroup, "a task group", TaskGroup::new, TaskGroup::as_str;
    Expression, "a cluster query expression", Expression::parse, Expression::text;
    Protocol, "`tcp` or `udp`", read_protocol, |protocol: &Protocol| protocol.as_str();
    NetworkMode, "a network mode", read_network_mode, |mode: &NetworkMode| mode.as_str();
    InstanceStatus, "`ACTIVE` or `DRAINING`", read_status, |status: &InstanceStatus| status.as_str();
    PortRange, "a port range such as `8000-8010`", read_port_range, |range: &PortRange| *range;
    HostPort, "a port such as `80/tcp`", read_host_port, |port: &HostPort| *port;
}

#[expect(clippy::unnecessary_wraps, reason = "has the form of the other readers")]
fn read_protocol(text: &str) -> Result<Protocol, &'static str> {
    Ok(Protocol::from_ecs(text))
}

fn read_network_mode(text: &str) -> Result<NetworkMode, String> {
    NetworkMode::from_ecs(text).ok_or_else(|| {
        format!(
            "network mode {text:?} is not known; it is `bridge`, `host`, `awsvpc`, `none` or, on Windows, `default`"
        )
    })
}

fn read_status(text: &str) -> Result<InstanceStatus, String> {
    match text {
        "ACTIVE" => Ok(InstanceStatus::Active),
        "DRAINING" => Ok(InstanceStatus::Draining),
        _ => Err(format!("status {text:?} of a container instance is neither `ACTIVE` nor `DRAINING`")),
    }
}

fn read_port_range(text: &str) -> Result<PortRange, String> {
    let range = text
        .split_once('-')
        .and_then(|(first, last)| Some(PortRange { first: read_port(first)?, last: read_port(last)? }));
    range.ok_or_else(|| format!("port range {text:?} is not two ports from 1 to 65535, such as `8000-8010`"))
}

fn read_host_port(text: &str) -> Result<HostPort, String> {
    let port = match text.split_once('/') {
        Some((port, "tcp")) => read_port(port).map(HostPort::tcp),
        Some((port, "udp")) => read_port(port).map(HostPort::udp),
        _ => None,
    };
    port.ok_or_else(|| format!("host port {text:?} is not a port with its protocol, such as `80/tcp`"))
}

/// Decimal digits up to 65535, nothing else.
pub(super) fn read_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl Serialize for HostPorts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for HostPorts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HostPorts, D::Error> {
        Ok(Vec::<HostPort>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// An integer from 0 to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounded<const MAX: u32>(pub(super) u32);

/// An amount of CPU, memory or GPUs.
pub(super) type Amount = Bounded<MAX_AMOUNT>;

impl<'de, const MAX: u32> Deserialize<'de> for Bounded<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u32(BoundedVisitor)
    }
}

struct BoundedVisitor<const MAX: u32>;

impl<const MAX: u32> Visitor<'_> for BoundedVisitor<MAX> {
    type Value = Bounded<MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer from 0 to {MAX}")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Bounded<MAX>, E> {
        let fitting = u32::try_from(value).ok().filter(|&value| value <= MAX);
        fitting.map(Bounded).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Bounded<MAX>, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }
}

/// A port, from 0 to 65535; where 0 means something is for the reader of the port to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port(pub(super) u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Port, D::Error> {
        let Bounded(port) = Bounded::<65_535>::deserialize(deserializer)?;
        u16::try_from(port).map(Port).map_err(D::Error::custom)
    }
}

impl Serialize for GpuDemand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            GpuDemand::Count(count) => serializer.serialize_u32(*count),
            GpuDemand::All => serializer.serialize_str("ALL"),
            // Demands write a share beside the count; alone it is for people to read.
            GpuDemand::Share(milli) => serializer.collect_str(&format_args!("{milli}/1000")),
        }
    }
}

impl<'de> Deserialize<'de> for GpuDemand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<GpuDemand, D::Error> {
        deserializer.deserialize_any(GpuVisitor)
    }
}

/// GPUs: a number, the same as text, or `ALL`.
pub(super) struct GpuVisitor;

impl Visitor<'_> for GpuVisitor {
    type Value = GpuDemand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of GPUs or `ALL`")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<GpuDemand, E> {
        BoundedVisitor::<MAX_AMOUNT>.visit_u64(value).map(|Bounded(count)| GpuDemand::Count(count))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<GpuDemand, E> {
        BoundedVisitor::<MAX_AMOUNT>.visit_i64(value).map(|Bounded(count)| GpuDemand::Count(count))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<GpuDemand, E> {
        if text == "ALL" {
            return Ok(GpuDemand::All);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(count) if digits => self.visit_u64(count),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}
