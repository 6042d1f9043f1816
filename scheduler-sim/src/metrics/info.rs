//! What a metric is called, measured in and good for: the one list that help, headers and documentation share.

use super::quotient::Quotient;

/// Which value of a metric is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The higher one.
    Higher,
    /// The lower one.
    Lower,
    /// Neither: never marked as best.
    Neither,
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Copies that somebody wants.
    Copies,
    /// Tasks.
    Tasks,
    /// Seconds.
    Seconds,
    /// A part of a whole; tables show percent, differences in points.
    Share,
    /// Container instances.
    Instances,
    /// Dollars.
    Dollars,
    /// A name.
    Name,
}

impl Unit {
    /// The unit in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copies => "copies",
            Self::Tasks => "tasks",
            Self::Seconds => "s",
            Self::Share => "share",
            Self::Instances => "instances",
            Self::Dollars => "$",
            Self::Name => "name",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its path in a run of the JSON result, with dots; its name everywhere.
    pub name: &'static str,
    /// The head of its column.
    pub header: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// Which value is the better one.
    pub direction: Direction,
    /// What it is, and when it is absent.
    pub definition: &'static str,
}

/// The value of one metric in one run.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(Quotient),
    /// A name.
    Text(String),
    /// Counts by reason, the largest first.
    Tally(Vec<(String, u64)>),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<Quotient> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) | Self::Tally(_) => None,
        }
    }
}

/// The metrics of one run that apply, in the documented order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values(Vec<(&'static MetricInfo, Value)>);

impl Values {
    /// Puts the values in the order of `table`.
    pub(super) fn sorted(mut values: Vec<(&'static MetricInfo, Value)>, table: &[&'static MetricInfo]) -> Self {
        values.sort_by_key(|(info, _)| table.iter().position(|known| known.name == info.name));
        Self(values)
    }

    /// The value of that name; `None` if it does not apply.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(info, _)| info.name == name).map(|(_, value)| value)
    }

    /// The number of that name; `None` if it does not apply or is no number.
    pub fn number(&self, name: &str) -> Option<Quotient> {
        self.get(name).and_then(Value::number)
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static MetricInfo, &Value)> {
        self.0.iter().map(|(info, value)| (*info, value))
    }
}

/// Where a metric puts what it found.
#[derive(Debug, Default)]
pub struct Report(Vec<(&'static MetricInfo, Value)>);

impl Report {
    /// A whole number.
    pub(super) fn count(&mut self, info: &'static MetricInfo, count: u64) {
        self.0.push((info, Value::Number(Quotient::whole(count))));
    }

    /// A number, if it exists.
    pub(super) fn number(&mut self, info: &'static MetricInfo, number: Option<Quotient>) {
        if let Some(number) = number {
            self.0.push((info, Value::Number(number)));
        }
    }

    /// Anything.
    pub(super) fn value(&mut self, info: &'static MetricInfo, value: Value) {
        self.0.push((info, value));
    }

    pub(super) fn into_values(self) -> Vec<(&'static MetricInfo, Value)> {
        self.0
    }
}
