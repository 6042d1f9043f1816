//! The fleet of a trace whose source lists no machines: `--fleet` and `--zones`.

use scheduler_core::instance_type;
use serde::Serialize;

/// So many container instances of each of some kinds: `m5.4xlarge=3200`, or, for machines that are no EC2 type,
/// `cpu=98304,memory=786432,gpu=8,count=40` in CPU units and MiB; several, with commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machines(Vec<Machine>);

/// The Availability Zones of a fleet: names with commas, or how many: `3` is `zone-1`, `zone-2`, `zone-3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zones(Vec<Box<str>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Machine {
    kind: Kind,
    count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    InstanceType(Box<str>),
    Resources(ResourcesOutput),
}

/// Why a fleet cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MachinesError {
    /// The text is no fleet.
    #[error("`{0}` is no fleet; write it like m5.4xlarge=3200,c5.large=2 or cpu=98304,memory=786432,gpu=8,count=40")]
    Text(Box<str>),
    /// The built-in table does not know what the type has.
    #[error(
        "nothing is known of the capacity of instance type `{0}`; write what it has: cpu=4096,memory=15793,count=2"
    )]
    Type(Box<str>),
    /// The text names no zones.
    #[error("`{0}` names no zones; write how many, from 1 to 1000, or their names with commas")]
    Zones(Box<str>),
}

impl std::str::FromStr for Machines {
    type Err = MachinesError;

    fn from_str(text: &str) -> Result<Self, MachinesError> {
        let wrong = || MachinesError::Text(text.into());
        let mut machines: Vec<Machine> = Vec::new();
        for part in text.split(',') {
            let (key, number) = part.split_once('=').ok_or_else(wrong)?;
            let number: u32 = number.trim().parse().map_err(|_| wrong())?;
            match (key.trim(), machines.last_mut()) {
                ("cpu", _) => {
                    let kind = Kind::Resources(ResourcesOutput { cpu: number, memory: 0, gpu: 0, ports: [] });
                    machines.push(Machine { kind, count: 0 });
                }
                ("memory", Some(Machine { kind: Kind::Resources(own), .. })) => own.memory = number,
                ("gpu", Some(Machine { kind: Kind::Resources(own), .. })) if number <= 64 => own.gpu = number,
                ("count", Some(Machine { kind: Kind::Resources(_), count })) => *count = number,
                ("memory" | "gpu" | "count", _) => return Err(wrong()),
                (name, _) => {
                    let known = instance_type(name).filter(|it| it.cpu_units.is_some() && it.memory_mib.is_some());
                    known.ok_or_else(|| MachinesError::Type(name.into()))?;
                    machines.push(Machine { kind: Kind::InstanceType(name.into()), count: number });
                }
            }
        }
        let is_complete = |machine: &Machine| match &machine.kind {
            Kind::InstanceType(_) => machine.count > 0,
            Kind::Resources(own) => {
                machine.count > 0 && own.memory > 0 && i32::try_from(own.cpu.max(own.memory)).is_ok()
            }
        };
        if machines.iter().all(is_complete) { Ok(Self(machines)) } else { Err(wrong()) }
    }
}

impl std::str::FromStr for Zones {
    type Err = MachinesError;

    fn from_str(text: &str) -> Result<Self, MachinesError> {
        let wrong = || MachinesError::Zones(text.into());
        let zones: Vec<Box<str>> = match text.trim().parse::<u32>() {
            Ok(count @ 1..=1000) => (1..=count).map(|number| format!("zone-{number}").into()).collect(),
            Ok(_) => return Err(wrong()),
            Err(_) => text.split(',').map(|name| name.trim().into()).collect(),
        };
        let is_name = |zone: &str| (1..=128).contains(&zone.len()) && !zone.contains(char::is_control);
        if zones.iter().all(|zone| is_name(zone)) { Ok(Self(zones)) } else { Err(wrong()) }
    }
}

impl Default for Zones {
    /// One zone.
    fn default() -> Self {
        Self(vec!["zone-1".into()])
    }
}

impl Machines {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many instances there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|machine| u64::from(machine.count)).sum()
    }

    /// The entries of the trace: each kind spread evenly over the zones, the first ones taking what is over.
    pub(super) fn entries(&self, zones: &Zones) -> Vec<MachineOutput> {
        let zone_count = zones.0.len() as u32;
        let entry = |machine: &Machine, zone: &str, count: u32| MachineOutput {
            count,
            availability_zone: zone.into(),
            instance_type: match &machine.kind {
                Kind::InstanceType(name) => Some(name.clone()),
                Kind::Resources(_) => None,
            },
            registered_resources: match &machine.kind {
                Kind::InstanceType(_) => None,
                Kind::Resources(own) => Some(own.clone()),
            },
        };
        let of_zone = |machine: &Machine, index: u32| (machine.count + zone_count - 1 - index) / zone_count;
        let entries = self.0.iter().flat_map(|machine| {
            (0..).zip(&zones.0).map(move |(index, zone)| entry(machine, zone, of_zone(machine, index)))
        });
        entries.filter(|entry| entry.count > 0).collect()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MachineOutput {
    count: u32,
    availability_zone: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_type: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_resources: Option<ResourcesOutput>,
}

/// What a machine registers; no port of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ResourcesOutput {
    pub(super) cpu: u32,
    pub(super) memory: u32,
    pub(super) gpu: u32,
    pub(super) ports: [u16; 0],
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fleet: &str, zones: &str) -> String {
        let (fleet, zones): (Machines, Zones) = (fleet.parse().expect("a fleet"), zones.parse().expect("zones"));
        serde_json::to_string(&fleet.entries(&zones)).expect("memory")
    }

    #[test]
    fn a_fleet_is_spread_over_its_zones() {
        let name = "\"availabilityZone\"";
        assert_eq!(
            written("m5.large=5,cpu=64,memory=32,gpu=1,count=1", "2"),
            format!(
                "[{{\"count\":3,{name}:\"zone-1\",\"instanceType\":\"m5.large\"}},\
                 {{\"count\":2,{name}:\"zone-2\",\"instanceType\":\"m5.large\"}},\
                 {{\"count\":1,{name}:\"zone-1\",\"registeredResources\":\
                 {{\"cpu\":64,\"memory\":32,\"gpu\":1,\"ports\":[]}}}}]"
            )
        );
        assert!(written("m5.large=1", "us-east-1a,b").contains("us-east-1a"));
    }

    #[test]
    fn what_is_no_fleet_is_refused() {
        for text in ["", "m5.large", "m5.large=0", "m5.large=-1", "memory=1,cpu=1,count=1", "cpu=1,memory=2", "count=3"]
        {
            assert_eq!(text.parse::<Machines>(), Err(MachinesError::Text(text.into())), "{text}");
        }
        assert_eq!("m5.vast=1".parse::<Machines>(), Err(MachinesError::Type("m5.vast".into())));
        for text in ["", "0", "a,,b", "1001"] {
            assert!(text.parse::<Zones>().is_err(), "{text}");
        }
    }
}
