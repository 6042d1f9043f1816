//! The orders in which nodes register and pods arrive.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::super::error::ImportError;
use super::super::table::Table;
use super::nodes::Node;

/// The nodes in the order of a file, which must have all of them.
pub(super) fn ordered(nodes: &[Node], order: &Path, seed: Option<u64>) -> Result<Vec<Node>, ImportError> {
    let other: Box<str> = "the list of nodes".into();
    let indexes: HashMap<_, _> = nodes.iter().zip(0..).map(|(node, index)| (&*node.name, index)).collect();
    let in_order = read_order(order, "node", seed, |name| indexes.get(name).copied(), &other)?;
    let mut is_taken = vec![false; nodes.len()];
    let mut result = Vec::with_capacity(nodes.len());
    for (index, line) in in_order {
        let node: &Node = &nodes[index];
        if std::mem::replace(&mut is_taken[index], true) {
            let first =
                result.iter().position(|it: &Node| it.name == node.name).map_or(0, |position| position as u64 + 2);
            let (file, name) = (order.to_string_lossy().into(), node.name.clone());
            return Err(ImportError::Duplicate { file, line, name, first });
        }
        result.push(node.clone());
    }
    match is_taken.iter().position(|&is_taken| !is_taken) {
        None => Ok(result),
        Some(missing) => {
            let (file, name) = (order.to_string_lossy().into(), nodes[missing].name.clone());
            Err(ImportError::Incomplete { file, name, other })
        }
    }
}

/// The names of an order with the line of each, as positions in what it orders.
pub(super) fn read_order(
    path: &Path,
    column: &'static str,
    seed: Option<u64>,
    find: impl Fn(&str) -> Option<usize>,
    other: &str,
) -> Result<Vec<(usize, u64)>, ImportError> {
    let mut table = Table::open(path)?;
    let name = table.column(column, "An order has this column, in the order in which its rows stand")?;
    let of_seed = table.optional_column("seed");
    let mut seeds = BTreeSet::new();
    let mut order = Vec::new();
    while let Some(row) = table.next()? {
        if let Some(of_seed) = of_seed {
            let of_seed = row.integer(of_seed)?;
            seeds.insert(of_seed);
            if seed.is_some_and(|seed| seed != of_seed) {
                continue;
            }
        }
        let found = find(row.name(name)?).ok_or_else(|| ImportError::Unknown {
            file: row.file.into(),
            line: row.line,
            name: row.text(name).into(),
            other: other.into(),
        })?;
        order.push((found, row.line));
    }
    let is_one = match seed {
        Some(seed) => of_seed.is_none() || seeds.contains(&seed),
        None => seeds.len() <= 1,
    };
    if is_one {
        return Ok(order);
    }
    let seeds = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    Err(ImportError::Seed { file: path.to_string_lossy().into(), seeds: seeds.into() })
}
