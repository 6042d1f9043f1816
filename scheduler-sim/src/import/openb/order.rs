//! The orders in which nodes register and pods arrive.

use std::collections::{BTreeMap, HashMap};
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
    let is_wanted = |of_seed: Option<u64>| seed.is_none() || of_seed.is_none() || of_seed == seed;
    let mut orders = read_all(path, column, is_wanted, find, other)?;
    if let Some(order) = orders.remove(&seed).or_else(|| orders.remove(&None)) {
        return Ok(order);
    }
    match (orders.len(), seed) {
        (0, None) => Ok(Vec::new()),
        (1, None) => Ok(orders.into_values().flatten().collect()),
        _ => {
            let seeds = orders.keys().flatten().map(u64::to_string).collect::<Vec<_>>().join(", ");
            Err(ImportError::Seed { file: path.to_string_lossy().into(), seeds: seeds.into() })
        }
    }
}

/// All orders of a file by their seeds, as positions in what they order.
pub(crate) fn read_orders(
    path: &Path,
    column: &'static str,
    find: impl Fn(&str) -> Option<usize>,
    other: &str,
) -> Result<BTreeMap<u64, Vec<usize>>, ImportError> {
    let orders = read_all(path, column, |_| true, find, other)?;
    let positions = |order: Vec<(usize, u64)>| order.into_iter().map(|(position, _)| position).collect();
    Ok(orders.into_iter().map(|(seed, order)| (seed.unwrap_or(0), positions(order))).collect())
}

/// Positions and their lines, by seed.
type Orders = BTreeMap<Option<u64>, Vec<(usize, u64)>>;

/// The orders of a file by their seeds (none: there is no such column), those that are not wanted without their rows.
fn read_all(
    path: &Path,
    column: &'static str,
    is_wanted: impl Fn(Option<u64>) -> bool,
    find: impl Fn(&str) -> Option<usize>,
    other: &str,
) -> Result<Orders, ImportError> {
    let mut table = Table::open(path)?;
    let name = table.column(column, "An order has this column, in the order in which its rows stand")?;
    let seed_column = table.optional_column("seed");
    let mut orders = Orders::new();
    while let Some(row) = table.next()? {
        let seed = seed_column.map(|column| row.integer(column)).transpose()?;
        let order = orders.entry(seed).or_default();
        if !is_wanted(seed) {
            continue;
        }
        let found = find(row.name(name)?).ok_or_else(|| ImportError::Unknown {
            file: row.file.into(),
            line: row.line,
            name: row.text(name).into(),
            other: other.into(),
        })?;
        order.push((found, row.line));
    }
    if seed_column.is_none() {
        orders.entry(None).or_default();
    }
    Ok(orders)
}
