//! Requests for virtual machines of Huawei Cloud, with affinity, anti-affinity and fault domains (`huawei-topology`).
//!
//! What becomes of what:
//! - a host: a container instance `host-N` with the CPU and memory that its two NUMA nodes have free together, in the one
//!   Availability Zone `huawei`; its rack, where a topology is given, the attribute `rack`;
//! - a VM: a task `vm-N`, one a second in the order of the table; none ends;
//! - an affinity group: a task group, whose tasks but the first have memberOf `task:group == affinity-N`;
//! - an anti-affinity group: a task group with distinctInstance;
//! - the VMs of one fault domain of a group: a task group that no task of the group's other domains joins on an instance.
//!   That they be in different racks too no expression can say, since none compares a rack with the racks of other tasks;
//! - the NUMA nodes of a host are one here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::ImportReport;
use super::error::ImportError;
use super::machines::ResourcesOutput;
use super::table::{Column, Row, Table, UniqueNames};
use super::task_trace::{ConstraintOutput, Preamble, Shape, Task, TaskTrace, title};
use crate::trace::TraceForm;

/// The Availability Zone of all hosts; the list has none.
const ZONE: &str = "huawei";
/// The attribute that holds the rack.
const RACK: &str = "rack";
/// The fault domains of a group.
const DOMAINS: u64 = 3;

/// Writes the trace of a table of VMs, a table of hosts and, if the racks are to be known, a table of hosts and racks, of
/// which `host-N` is the host that the other table numbers N.
///
/// # Errors
/// [`ImportError`] with file and line for a column that is missing, a field that is none, a host or VM that is there twice,
/// or a host without a rack.
pub fn import_huawei_topology(
    hosts: &Path,
    vms: &Path,
    topology: Option<&Path>,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<ImportReport, ImportError> {
    let racks = topology.map(read_racks).transpose()?;
    let hosts = read_hosts(hosts, topology.zip(racks.as_ref()))?;
    let mut table = Table::open(vms)?;
    let columns = Columns::of(&table)?;
    let mut names = UniqueNames::default();
    let mut trace = TaskTrace::new();
    let mut groups = Groups::default();
    let mut rows = 0;
    while let Some(row) = table.next()? {
        let id = names.take(&row, columns.vm)?;
        let (group, constraints) = groups.next(&columns, &row)?;
        let shape = columns.shape(&row)?;
        let task = Task { shape, count: 1, id: Some(format!("vm-{id}")), group, duration_ms: None, constraints };
        trace.add(rows * 1000, task)?;
        rows += 1;
    }
    let preamble = Preamble { name: title(vms), instances: &hosts, start_ms: 0, end_ms: None };
    let mut report = trace.write(&preamble, form, out)?;
    report.rows_read = rows;
    report.container_instances = hosts.len() as u64;
    report.notes.push("VMs arrive one a second in the order of the table, and none ends".into());
    report.notes.extend(groups.notes());
    Ok(report)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HostOutput {
    ec2_instance_id: String,
    availability_zone: &'static str,
    registered_resources: ResourcesOutput,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, Box<str>>,
}

fn read_hosts(path: &Path, racks: Option<(&Path, &Racks)>) -> Result<Vec<HostOutput>, ImportError> {
    let mut table = Table::open(path)?;
    let column = |name| table.column(name, "A table of hosts has `pm`, `CPU1`, `RAM1`, `CPU2` and `RAM2`");
    let (number, cpus) = (column("pm")?, [column("CPU1")?, column("CPU2")?]);
    let memories = [column("RAM1")?, column("RAM2")?];
    let mut names = UniqueNames::default();
    let mut hosts = Vec::new();
    while let Some(row) = table.next()? {
        let name = format!("host-{}", names.take(&row, number)?);
        let sum = |columns: [Column; 2]| -> Result<u32, ImportError> {
            let first = row.exact_amount(columns[0], 1024)?;
            let sum = first.checked_add(row.exact_amount(columns[1], 1024)?);
            let sum = sum.filter(|&sum| i32::try_from(sum).is_ok());
            sum.ok_or_else(|| row.wrong(columns[1], "less: both together are to be below 2147483648"))
        };
        let registered_resources = ResourcesOutput { cpu: sum(cpus)?, memory: sum(memories)?, gpu: 0, ports: [] };
        let mut attributes = BTreeMap::new();
        if let Some((topology, racks)) = racks {
            let rack = racks.get(&*name).ok_or_else(|| ImportError::Unknown {
                file: row.file.into(),
                line: row.line,
                name: (&*name).into(),
                other: topology.to_string_lossy().into(),
            })?;
            attributes.insert(RACK, rack.clone());
        }
        hosts.push(HostOutput { ec2_instance_id: name, availability_zone: ZONE, registered_resources, attributes });
    }
    Ok(hosts)
}

/// The rack of each host.
type Racks = HashMap<Box<str>, Box<str>>;

fn read_racks(path: &Path) -> Result<Racks, ImportError> {
    let mut table = Table::open(path)?;
    let column = |name| table.column(name, "A topology has `host_id` and `rack_id`");
    let (host, rack) = (column("host_id")?, column("rack_id")?);
    let mut names = UniqueNames::default();
    let mut racks = Racks::new();
    while let Some(row) = table.next()? {
        racks.insert(names.take(&row, host)?, row.integer(rack)?.to_string().into());
    }
    Ok(racks)
}

struct Columns {
    vm: Column,
    cpu: Column,
    memory: Column,
    numa: Column,
    strategy: Column,
    group: Column,
    domain: Column,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, ImportError> {
        let column = |name| {
            table.column(
                name,
                "A table of VMs has `vm`, `flavor_vcpus`, `flavor_ram`, `numa`, `strategy`, `group` and `domain`",
            )
        };
        Ok(Self {
            vm: column("vm")?,
            cpu: column("flavor_vcpus")?,
            memory: column("flavor_ram")?,
            numa: column("numa")?,
            strategy: column("strategy")?,
            group: column("group")?,
            domain: column("domain")?,
        })
    }

    fn shape(&self, row: &Row<'_>) -> Result<Shape, ImportError> {
        Ok(Shape {
            family: None,
            cpu_units: row.exact_amount(self.cpu, 1024)?,
            memory_mib: row.exact_amount(self.memory, 1024)?,
            gpus: 0,
            max_tasks_per_instance: None,
        })
    }
}

/// What the groups ask for, and how much of it can be said.
#[derive(Default)]
struct Groups {
    begun: HashSet<u64>,
    affine: u64,
    apart: u64,
    in_domains: u64,
    on_one_numa_node: u64,
    on_two_numa_nodes: u64,
}

impl Groups {
    /// The task group of the next VM, and its constraints.
    fn next(
        &mut self,
        columns: &Columns,
        row: &Row<'_>,
    ) -> Result<(Option<String>, Vec<ConstraintOutput>), ImportError> {
        match row.text(columns.numa) {
            "1" => self.on_one_numa_node += 1,
            "2" => self.on_two_numa_nodes += 1,
            _ => return Err(row.wrong(columns.numa, "1 or 2")),
        }
        match row.text(columns.strategy) {
            "" => Ok((None, Vec::new())),
            "affinity" => {
                self.affine += 1;
                let number = row.integer(columns.group)?;
                let group = format!("affinity-{number}");
                let joins = ConstraintOutput::member_of(format!("task:group == {group}"));
                let is_first = self.begun.insert(number);
                Ok((Some(group), if is_first { Vec::new() } else { vec![joins] }))
            }
            "anti-affinity" => {
                self.apart += 1;
                let group = format!("anti-affinity-{}", row.integer(columns.group)?);
                Ok((Some(group), vec![ConstraintOutput { kind: "distinctInstance", expression: None }]))
            }
            "fault_domain" => {
                self.in_domains += 1;
                let (number, domain) = (row.integer(columns.group)?, row.integer(columns.domain)?);
                if domain >= DOMAINS {
                    return Err(row.wrong(columns.domain, "0, 1 or 2"));
                }
                let name = |domain: u64| format!("fault-domain-{number}-{domain}");
                let others: Vec<_> = (0..DOMAINS).filter(|&other| other != domain).map(name).collect();
                let expression = format!("not(task:group in [{}])", others.join(", "));
                Ok((Some(name(domain)), vec![ConstraintOutput::member_of(expression)]))
            }
            _ => Err(row.wrong(columns.strategy, "affinity, anti-affinity, fault_domain or nothing")),
        }
    }

    fn notes(&self) -> [String; 4] {
        [
            format!(
                "{} VMs in {} affinity groups: all but the first of a group join it, and fail where it was not placed",
                self.affine,
                self.begun.len()
            ),
            format!("{} VMs in anti-affinity groups: distinctInstance", self.apart),
            format!(
                "{} VMs in fault domains: other domains of their group stay off their instance; that they stay off its \
                 rack cannot be said",
                self.in_domains
            ),
            format!(
                "{} VMs ask for one NUMA node and {} for half of each: that cannot be said, the nodes of a host are one",
                self.on_one_numa_node, self.on_two_numa_nodes
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{error_of, fields, table};
    use super::*;

    const HOSTS: &str = "pm,CPU1,RAM1,CPU2,RAM2\n0,16,32,32,64\n1,0,0,36,72\n";
    const RACKS: &str = "host_id,rack_id\nhost-0,7\nhost-1,7\nhost-2,8\n";
    const VMS: &str = "vm,flavor_vcpus,flavor_ram,numa,strategy,group,domain\n0,8,16,1,fault_domain,0,1\n\
        1,8,16,2,affinity,0,\n2,8,16,1,affinity,0,\n3,8,16,1,anti-affinity,0,\n4,2,4,1,,,\n";

    fn import(vms: &str, racks: &str) -> Result<(Vec<u8>, ImportReport), ImportError> {
        let folder = tempfile::tempdir().expect("a folder");
        let (hosts, topology) = (folder.path().join("hosts.csv"), folder.path().join("racks.csv"));
        std::fs::write(&hosts, HOSTS).expect("writable");
        std::fs::write(&topology, racks).expect("writable");
        table(vms, |path, out| import_huawei_topology(&hosts, path, Some(&topology), TraceForm::Lines, out))
    }

    #[test]
    fn groups_become_constraints() {
        let (trace, report) = import(VMS, RACKS).expect("VMs");
        assert_eq!(
            fields(&trace),
            [
                "0 c8192-m16384 x1 vm-0 fault-domain-0-1 -",
                "1 c8192-m16384 x1 vm-1 affinity-0 -",
                "2 c8192-m16384 x1 vm-2 affinity-0 -",
                "3 c8192-m16384 x1 vm-3 anti-affinity-0 -",
                "4 c2048-m4096 x1 vm-4 family:c2048-m4096 -"
            ]
        );
        let text = String::from_utf8_lossy(&trace);
        assert_eq!(text.matches("task:group == affinity-0").count(), 1, "all but the first");
        for part in [
            "not(task:group in [fault-domain-0-0, fault-domain-0-2])",
            "distinctInstance",
            "\"attributes\":{\"rack\":\"7\"}",
            "\"cpu\":49152,\"memory\":98304",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!((report.rows_read, report.container_instances, report.totals.tasks), (5, 2, 5));
    }

    #[test]
    fn broken_rows_are_refused_with_file_and_line() {
        for (from, to, message) in [
            ("fault_domain,0,1", "fault_domain,0,3", "table.csv:2: `domain` is \"3\"; expected 0, 1 or 2"),
            ("anti-affinity,0", "hate,0", "table.csv:5: `strategy` is \"hate\""),
            ("1,8,16,2", "1,8,16,3", "table.csv:3: `numa` is \"3\""),
            ("2,8,16,1", "1,8,16,1", "table.csv:4: `1` is there already, on line 3"),
            ("affinity,0", "affinity,-1", "table.csv:3: `group` is \"-1\"; expected an integer"),
        ] {
            let found = error_of(import(&VMS.replacen(from, to, 1), RACKS));
            assert!(found.contains(message), "{found}");
        }
        let found = error_of(import(VMS, &RACKS.replace("host-1", "host-9")));
        assert!(found.contains("hosts.csv:3: `host-1` is not in ") && found.ends_with("racks.csv"), "{found}");
    }
}
