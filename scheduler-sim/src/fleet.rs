//! Another fleet on the same trace, and what instance types cost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use scheduler_core::{Demand, InstanceStatus, InstanceType, instance_type, instance_types, names};

use crate::trace::{Header, InstanceDescription, InstanceEntry, Place};

/// So many instances of each of some types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    types: Vec<(Box<str>, u32)>,
    /// Empty: those of the trace.
    zones: Vec<Box<str>>,
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.types.iter().enumerate() {
            write!(f, "{}{name}={count}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Why a fleet or a price list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The text is no list of types and counts.
    #[error("`{0}` is no fleet; write it like m5.large=4,c5.xlarge=2")]
    Text(Box<str>),
    /// The built-in table does not know what the type has.
    #[error(
        "nothing is known of the capacity of instance type `{0}`, only of {known}; of others the trace may tell the resources",
        known = known_types()
    )]
    Type(Box<str>),
    /// The trace names no zone that could be taken over.
    #[error("the trace has no container instance whose zone could be taken; name the zones with --zones")]
    NoZone,
    /// The price list cannot be read.
    #[error("{file}: {problem}")]
    Prices {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

impl std::str::FromStr for Fleet {
    type Err = FleetError;

    fn from_str(text: &str) -> Result<Self, FleetError> {
        let entries: Option<Vec<_>> = text.split(',').map(|part| entry(part.trim())).collect();
        Self::new(entries.ok_or_else(|| FleetError::Text(text.into()))?)
    }
}

/// `TYPE=N`
fn entry(text: &str) -> Option<(Box<str>, u32)> {
    let (name, count) = text.split_once('=')?;
    let count = count.trim().parse().ok().filter(|count| *count > 0)?;
    Some((name.trim().into(), count))
}

impl Fleet {
    /// So many instances of each type, in the zones of the trace; types of which there is none are left out.
    ///
    /// # Errors
    /// [`FleetError::Type`] for a type whose capacity the built-in table does not know.
    pub fn new(types: impl IntoIterator<Item = (Box<str>, u32)>) -> Result<Self, FleetError> {
        let types: Vec<_> = types.into_iter().filter(|(_, count)| *count > 0).collect();
        let is_known = |name: &str| instance_type(name).is_some_and(has_capacity);
        match types.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => Err(FleetError::Type(name.clone())),
            None => Ok(Self { types, zones: Vec::new() }),
        }
    }

    /// So many instances of each type, in order.
    pub fn types(&self) -> &[(Box<str>, u32)] {
        &self.types
    }

    /// The fleet in these zones; none: in those of the trace.
    #[must_use]
    pub fn in_zones(mut self, zones: &[Box<str>]) -> Self {
        self.zones = zones.to_vec();
        self
    }

    /// The zones that were asked for.
    pub fn zones(&self) -> &[Box<str>] {
        &self.zones
    }

    /// The trace with this fleet in the place of its own: the instances take the zones in turn, type by type.
    ///
    /// # Errors
    /// [`FleetError::NoZone`] if no zone is given and the trace has none.
    pub fn replace(&self, header: &Header) -> Result<Header, FleetError> {
        let zones = if self.zones.is_empty() { own_zones(header) } else { self.zones.clone() };
        if zones.is_empty() {
            return Err(FleetError::NoZone);
        }
        let place = Place { file: "--fleet".into(), line: 1, column: 1 };
        let types = self.types.iter().flat_map(|(name, count)| (0..*count).map(move |_| name));
        let instances = types.zip(zones.iter().cycle()).map(|(name, zone)| InstanceEntry {
            name: None,
            count: 1,
            description: Arc::new(description(name, zone)),
            place: place.clone(),
        });
        let mut header = header.clone();
        header.instances = instances.collect();
        Ok(header)
    }
}

fn description(instance_type: &str, zone: &str) -> InstanceDescription {
    InstanceDescription {
        instance_type: Some(instance_type.into()),
        zone: Some(zone.into()),
        resources: None,
        attributes: scheduler_core::Attributes::default(),
        status: InstanceStatus::Active,
        agent_connected: true,
        agent_version: None,
        registered_at_ms: None,
        capacity_provider: None,
        price_microdollars: None,
        gpu_millis: Vec::new(),
        foreign_load: Demand::default(),
    }
}

/// The instance types that a fleet may be of.
fn known_types() -> String {
    let known = instance_types().iter().filter(|known| has_capacity(known)).map(|known| known.name);
    known.collect::<Vec<_>>().join(", ")
}

fn has_capacity(known: &InstanceType) -> bool {
    known.cpu_units.is_some() && known.memory_mib.is_some()
}

/// The zones of the trace's fleet, in the order of their first mention.
pub fn own_zones(header: &Header) -> Vec<Box<str>> {
    let mut zones: Vec<Box<str>> = Vec::new();
    for entry in &header.instances {
        let description = &entry.description;
        let of_attribute = description.attributes.get(names::AVAILABILITY_ZONE).value();
        if let Some(zone) = description.zone.as_deref().or(of_attribute)
            && !zones.iter().any(|known| **known == *zone)
        {
            zones.push(zone.into());
        }
    }
    zones
}

/// What instance types cost, in millionths of a dollar an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices(BTreeMap<Box<str>, u64>);

impl Prices {
    /// Reads a list of `type,dollars per hour`; a first line of words is a heading.
    ///
    /// # Errors
    /// [`FleetError::Prices`] with the line for a file that is no such list.
    pub fn read(path: &Path) -> Result<Self, FleetError> {
        let file = path.display().to_string();
        let wrong = |problem: String| FleetError::Prices { file: file.clone(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot read the file: {error}")))?;
        let text = text.replace("\r\n", "\n");
        let mut prices = BTreeMap::new();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut is_first = true;
        for record in reader.records() {
            let record = record.map_err(|error| wrong(error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let is_heading = std::mem::take(&mut is_first);
            let (name, price) = (record.get(0).unwrap_or_default().trim(), record.get(1).unwrap_or_default().trim());
            match microdollars(price) {
                Some(price) if !name.is_empty() => {
                    if prices.insert(name.into(), price).is_some_and(|other| other != price) {
                        return Err(wrong(format!("line {line}: a second price of `{name}`; keep one")));
                    }
                }
                _ if is_heading => {}
                _ => {
                    return Err(wrong(format!(
                        "line {line}: expected a type and dollars per hour with at most six decimals, found `{name},{price}`"
                    )));
                }
            }
        }
        Ok(Self(prices))
    }

    /// The types of the fleet whose instances have no price, neither here nor of their own.
    pub fn missing<'a>(&self, header: &'a Header) -> BTreeSet<&'a str> {
        let unpriced = header.instances.iter().filter(|entry| entry.description.price_microdollars.is_none());
        let types = unpriced.filter_map(|entry| entry.description.instance_type.as_deref());
        types.filter(|name| self.of(name).is_none()).collect()
    }

    /// The price of a type.
    pub fn of(&self, instance_type: &str) -> Option<u64> {
        self.0.get(instance_type).copied()
    }
}

/// Dollars with at most six decimals, in millionths.
fn microdollars(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || part.len() > 6 {
        return None;
    }
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_and_prices_are_read_exactly() {
        let fleet: Fleet = "m5.large=2, c5.xlarge=1".parse().expect("a fleet");
        assert_eq!(fleet.types, [("m5.large".into(), 2), ("c5.xlarge".into(), 1)]);
        assert_eq!(fleet.to_string(), "m5.large=2,c5.xlarge=1");
        for text in ["", "m5.large", "m5.large=0", "m5.large=x"] {
            assert_eq!(text.parse::<Fleet>(), Err(FleetError::Text(text.into())));
        }
        assert_eq!("m5.enormous=1".parse::<Fleet>(), Err(FleetError::Type("m5.enormous".into())));
        for (text, price) in [("0.096", Some(96_000)), ("2", Some(2_000_000)), ("0.0000001", None), ("x", None)] {
            assert_eq!(microdollars(text), price, "{text}");
        }
    }

    #[test]
    fn a_price_list_may_have_a_heading_and_nothing_else_that_is_no_price() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prices.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            Prices::read(&path)
        };
        let prices = read("type,price\nm5.large,0.096\n").expect("a list");
        assert_eq!((prices.of("m5.large"), prices.of("m5.xlarge")), (Some(96_000), None));
        assert!(read("m5.large,0.096\nm5.xlarge,dear\n").expect_err("no price").to_string().contains("line 2"));
        let twice = read("type,price\n\nm5.large,0.096\nm5.large,0.1\n").expect_err("two prices").to_string();
        assert!(twice.contains("prices.csv") && twice.contains("line 4") && twice.contains("`m5.large`"), "{twice}");
        read("m5.large,0.096\nm5.large,0.096\n").expect("the same twice");
    }
}
