//! Published figures, and whether a run equals them.

use std::collections::BTreeMap;
use std::path::Path;

use super::run::StudyPolicy;
use crate::import::ImportError;
use crate::import::table::Table;

/// Published means of the allocation at 100 % arrived, by workload and policy, in percent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected(BTreeMap<(Box<str>, &'static str), f64>);

/// How a mean stands to the published one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Equal at the printed precision; or, of a policy that draws lots, as near as its mean can be asked to be.
    Met,
    /// It differs by so much.
    Missed(f64),
}

/// How far the mean of a policy that draws lots may be, in points.
const RANDOM_TOLERANCE: f64 = 0.4;
/// Numbers of two digits that differ by less are equal.
const LAST_DIGIT: f64 = 0.005;

impl Expected {
    /// Reads a table whose first column, `workload` or `variant`, names the workloads, and whose others are named as
    /// policies are, by us or by the study.
    ///
    /// # Errors
    /// [`ImportError`] for a file that is no such table.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        const HINT: &str = "Expected figures have the workloads in this column, and one column a policy";
        let mut table = Table::open(path)?;
        let variant = match table.optional_column("workload") {
            Some(column) => column,
            None => table.column("variant", HINT)?,
        };
        let policies: Vec<_> = StudyPolicy::ALL
            .into_iter()
            .filter_map(|policy| {
                let column = table.optional_column(policy.name).or_else(|| table.optional_column(policy.paper_name));
                column.map(|column| (policy.name, column))
            })
            .collect();
        let mut means = BTreeMap::new();
        while let Some(row) = table.next()? {
            let variant: Box<str> = row.name(variant)?.into();
            for (policy, column) in &policies {
                if row.text(*column).is_empty() {
                    continue;
                }
                let percent = row.text(*column).parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
                let percent = percent.ok_or_else(|| row.wrong(*column, "a percentage, such as 90.62"))?;
                means.insert((variant.clone(), *policy), percent);
            }
        }
        Ok(Self(means))
    }

    /// The published mean, if there is one.
    pub fn of(&self, variant: &str, policy: StudyPolicy) -> Option<f64> {
        self.0.get(&(variant.into(), policy.name)).copied()
    }

    /// How a mean stands to the published one, if there is one.
    pub fn verdict(&self, variant: &str, policy: StudyPolicy, mean: f64) -> Option<Verdict> {
        let difference = mean - self.of(variant, policy)?;
        let tolerance = if policy.is_random { RANDOM_TOLERANCE } else { LAST_DIGIT };
        Some(if difference.abs() <= tolerance { Verdict::Met } else { Verdict::Missed(difference) })
    }
}
