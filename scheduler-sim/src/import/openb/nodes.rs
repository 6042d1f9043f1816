//! The list of nodes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::super::error::ImportError;
use super::super::table::{Table, UniqueNames};
use super::{MODEL, ZONE};

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: Box<str>,
    pub(crate) cpu_milli: u32,
    pub(crate) memory_mib: u32,
    pub(crate) gpus: u32,
    pub(crate) model: Box<str>,
}

impl Node {
    pub(super) fn entry(&self) -> impl Serialize {
        NodeOutput {
            ec2_instance_id: &self.name,
            availability_zone: ZONE,
            registered_resources: ResourcesOutput {
                cpu: self.cpu_milli,
                memory: self.memory_mib,
                gpu: self.gpus,
                ports: [],
            },
            attributes: Some((MODEL, &*self.model)).filter(|(_, model)| !model.is_empty()).into_iter().collect(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeOutput<'a> {
    ec2_instance_id: &'a str,
    availability_zone: &'static str,
    registered_resources: ResourcesOutput,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, &'a str>,
}

#[derive(Debug, Serialize)]
struct ResourcesOutput {
    cpu: u32,
    memory: u32,
    gpu: u32,
    ports: [u16; 0],
}

pub(crate) fn read_nodes(path: &Path) -> Result<Vec<Node>, ImportError> {
    const HINT: &str = "A list of nodes has the columns `sn`, `cpu_milli`, `memory_mib`, `gpu` and `model`";
    const MOST_GPUS: u32 = 64;
    let mut table = Table::open(path)?;
    let column = |name| table.column(name, HINT);
    let (name, cpu, memory) = (column("sn")?, column("cpu_milli")?, column("memory_mib")?);
    let (gpu, model) = (column("gpu")?, column("model")?);
    let mut nodes = Vec::new();
    let mut names = UniqueNames::default();
    while let Some(row) = table.next()? {
        let gpus = row.amount(gpu)?;
        if gpus > MOST_GPUS {
            return Err(row.wrong(gpu, "at most 64 GPUs"));
        }
        let model_name = row.text(model);
        if !model_name.is_empty() && !is_model(model_name) {
            return Err(row.wrong(model, MODEL_EXPECTED));
        }
        nodes.push(Node {
            name: names.take(&row, name)?,
            cpu_milli: row.amount(cpu)?,
            memory_mib: row.amount(memory)?,
            gpus,
            model: model_name.into(),
        });
    }
    Ok(nodes)
}

pub(super) const MODEL_EXPECTED: &str = "GPU models of letters, digits, `-`, `_` and `.`, separated by `|`";

/// Whether text can stand as a value in an expression as it is.
pub(super) fn is_model(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
}
