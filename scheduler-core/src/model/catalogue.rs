//! The catalogue of EC2 instance types: what one of each registers, and how many `awsvpc` tasks it takes.
//!
//! Three sources, merged (spec 1.4 to 1.6): the Developer Guide's tables of task limits ("Elastic network interface
//! trunking", April 2023), its table of GPU types ("Working with GPUs"), and the amounts that users saw registered.
//! Where only the advertised memory of a type is known, 95.5 % of it counts as registered (C-12). No prices.

use super::instance_types::INSTANCE_TYPES;

/// One EC2 instance type.
///
/// ```
/// use scheduler_core::model::instance_type;
///
/// let large = instance_type("c5.large").expect("a known type");
/// assert_eq!((large.cpu_units, large.memory_mib), (Some(2048), Some(3704)));
/// assert_eq!((large.eni_task_limit, large.eni_task_limit_trunked), (Some(2), Some(10)));
/// assert_eq!(instance_type("c5.small"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct InstanceType {
    /// Its name, such as `m5.large`.
    pub name: &'static str,
    /// CPU units (vCPU × 1024). `None`: the catalogue does not know the type's capacity.
    pub cpu_units: Option<u32>,
    /// Memory as registered, in MiB: less than advertised. Known exactly when `cpu_units` is.
    pub memory_mib: Option<u32>,
    /// GPUs; 0 where the capacity is not known.
    pub gpus: u32,
    /// `x86_64` or `arm64`, as in the attribute `ecs.cpu-architecture`.
    pub cpu_architecture: &'static str,
    /// `awsvpc` tasks without trunking. `None`: not known.
    pub eni_task_limit: Option<u32>,
    /// `awsvpc` tasks on an instance with a trunk interface. `None`: the type has no trunking.
    pub eni_task_limit_trunked: Option<u32>,
}

/// The type called `name`, if it is in the catalogue. Cost: O(log n) in [`instance_types`].
pub fn instance_type(name: &str) -> Option<&'static InstanceType> {
    let types = instance_types();
    types.binary_search_by(|instance_type| instance_type.name.cmp(name)).ok().map(|index| &types[index])
}

/// The whole catalogue, sorted by name.
pub fn instance_types() -> &'static [InstanceType] {
    INSTANCE_TYPES
}

/// A row of the table, for a type with an Intel or AMD processor.
pub(super) const fn x86_64(
    name: &'static str,
    cpu_units: Option<u32>,
    memory_mib: Option<u32>,
    gpus: u32,
    eni_task_limit: Option<u32>,
    eni_task_limit_trunked: Option<u32>,
) -> InstanceType {
    let cpu_architecture = "x86_64";
    InstanceType { name, cpu_units, memory_mib, gpus, cpu_architecture, eni_task_limit, eni_task_limit_trunked }
}

/// A row of the table, for a type with a Graviton or Apple processor.
pub(super) const fn arm64(
    name: &'static str,
    cpu_units: Option<u32>,
    memory_mib: Option<u32>,
    gpus: u32,
    eni_task_limit: Option<u32>,
    eni_task_limit_trunked: Option<u32>,
) -> InstanceType {
    InstanceType {
        cpu_architecture: "arm64",
        ..x86_64(name, cpu_units, memory_mib, gpus, eni_task_limit, eni_task_limit_trunked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A file of the specification; `None`, and a line in the test's output, where the specification is not at hand.
    fn specification(file: &str) -> Option<String> {
        let path = format!("{}/../../shared/spec/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).ok();
        if text.is_none() {
            eprintln!("SKIPPED: `{path}` is not there, so the catalogue is not compared with it");
        }
        text
    }

    fn number(text: &str) -> Option<u32> {
        text.parse().ok()
    }

    /// The rows of section 1.6: type, CPU units, memory as seen, ENI limits.
    fn seen_rows(text: &str) -> Vec<(&str, [Option<u32>; 4])> {
        let start = text.find("### 1.6").expect("section 1.6");
        let end = text.find("### 1.7").expect("section 1.7");
        let rows = text[start..end].lines().filter(|line| line.starts_with("| ") && line.contains('.'));
        rows.map(|line| {
            let mut cells = line.split('|').map(|cell| cell.split_whitespace().next().unwrap_or(""));
            let name = cells.nth(1).expect("a type");
            (name, [(); 4].map(|()| number(cells.next().expect("five cells"))))
        })
        .collect()
    }

    #[test]
    fn the_catalogue_is_sorted_by_distinct_names() {
        assert!(instance_types().is_sorted_by(|a, b| a.name < b.name));
        assert!(instance_types().iter().all(|it| it.cpu_units.is_some() == it.memory_mib.is_some()));
        assert!(instance_types().iter().all(|it| it.gpus == 0 || it.cpu_units.is_some()));
    }

    #[test]
    fn the_catalogue_agrees_with_the_specification() {
        let Some(limits) = specification("eni-task-limits.csv") else { return };
        let Some(gpus) = specification("gpu-instance-types.csv") else { return };
        let Some(text) = specification("ecs-placement.md") else { return };
        let mut expected: BTreeMap<&str, [Option<u32>; 4]> = BTreeMap::new();
        for line in limits.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            expected.insert(cells[0], [None, None, number(cells[1]), number(cells[2])]);
        }
        let mut gpu_counts = BTreeMap::new();
        for line in gpus.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let (gib, tenths) = cells[4].split_once('.').unwrap_or((cells[4], "0"));
            let tenths = number(gib).expect("GiB") * 10 + number(tenths).expect("tenths of a GiB");
            let row = expected.entry(cells[0]).or_default();
            row[0] = number(cells[3]).map(|vcpus| vcpus * 1024);
            row[1] = u32::try_from(u64::from(tenths) * 1024 * 955 / 10_000).ok();
            gpu_counts.insert(cells[0], number(cells[1]).expect("GPUs"));
        }
        let seen = seen_rows(&text);
        assert_eq!(seen.len(), 22);
        for (name, cells) in seen {
            let row = expected.entry(name).or_default();
            *row = [cells[0], cells[1], row[2].or(cells[2]), row[3].or(cells[3])];
        }
        let actual: BTreeMap<&str, [Option<u32>; 4]> = instance_types()
            .iter()
            .map(|it| (it.name, [it.cpu_units, it.memory_mib, it.eni_task_limit, it.eni_task_limit_trunked]))
            .collect();
        assert_eq!(actual, expected);
        for it in instance_types() {
            assert_eq!(it.gpus, gpu_counts.get(it.name).copied().unwrap_or(0), "{}", it.name);
        }
    }

    #[test]
    fn graviton_types_are_arm64() {
        let check = |name: &str, architecture: &str| {
            assert_eq!(instance_type(name).map(|it| it.cpu_architecture), Some(architecture), "{name}");
        };
        for name in ["a1.large", "m6g.large", "c6gn.large", "r6gd.large", "x2gd.large", "im4gn.large", "g5g.xlarge"] {
            check(name, "arm64");
        }
        for name in ["m5.large", "g4dn.xlarge", "m6i.large", "g5.xlarge", "g4ad.xlarge", "t2.micro"] {
            check(name, "x86_64");
        }
    }

    #[test]
    fn memory_as_seen_wins_over_the_estimate() {
        let check = |name: &str, memory_mib: u32, gpus: u32| {
            let it = instance_type(name).expect(name);
            assert_eq!((it.memory_mib, it.gpus), (Some(memory_mib), gpus), "{name}");
        };
        check("g4dn.xlarge", 15731, 1);
        check("g4dn.2xlarge", 31293, 1); // 32 GiB × 0.955
        check("g3s.xlarge", 29826, 1); // 30.5 GiB × 0.955, rounded down
        check("m4.large", 7985, 0);
    }
}
