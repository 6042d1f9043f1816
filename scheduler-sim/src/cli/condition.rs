//! `--fail-if`: comparisons of metrics with numbers, joined by `&&`.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::comparison::RunResult;
use crate::metrics::metric;

/// A condition on a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition(Vec<Comparison>);

#[derive(Debug, Clone, PartialEq)]
struct Comparison {
    metric: &'static str,
    operator: &'static str,
    /// The number, in units of its last decimal, and how many decimals it has.
    number: i128,
    decimals: u32,
}

/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [&str; 6] = ["<=", ">=", "==", "!=", "<", ">"];

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split("&&").map(|part| parse(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn parse(text: &str) -> Result<Comparison, String> {
    let found = text.char_indices().find_map(|(at, _)| {
        OPERATORS.iter().find(|operator| text[at..].starts_with(**operator)).map(|operator| (at, *operator))
    });
    let Some((at, operator)) = found else {
        return Err(format!("`{text}` compares nothing; write it like `tasks.unplaced>0`"));
    };
    let (name, number) = (text[..at].trim(), text[at + operator.len()..].trim());
    let info = metric(name).ok_or_else(|| unknown_metric(name))?;
    let (number, decimals) = decimal(number).ok_or_else(|| format!("`{number}` is no number such as 0 or 0.95"))?;
    Ok(Comparison { metric: info.name, operator, number, decimals })
}

/// What to say of a name that no metric has.
pub(super) fn unknown_metric(name: &str) -> String {
    let scored = crate::metrics::all_metrics().map(|info| (strsim::damerau_levenshtein(name, info.name), info.name));
    let nearest = scored.min().filter(|(distance, _)| *distance <= 4);
    let hint = nearest.map_or_else(String::new, |(_, nearest)| format!("; did you mean `{nearest}`?"));
    format!("there is no metric `{name}`{hint} (scheduler-sim help metrics lists them)")
}

fn decimal(text: &str) -> Option<(i128, u32)> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let is_number = !whole.is_empty() && all.len() <= 30 && all.bytes().all(|byte| byte.is_ascii_digit());
    let number: i128 = all.parse().ok().filter(|_| is_number)?;
    Some((sign * number, u32::try_from(part.len()).ok()?))
}

impl Condition {
    /// The metrics that it compares.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|comparison| comparison.metric)
    }

    /// Whether it holds for a run, by the numbers as they are printed.
    ///
    /// # Errors
    /// The name of a metric that the run does not have.
    pub(super) fn holds(&self, run: &RunResult) -> Result<bool, &'static str> {
        let mut holds = true;
        for Comparison { metric, operator, number, decimals } in &self.0 {
            let value = run.metrics.number(metric).and_then(crate::metrics::Quotient::ten_thousandths);
            let value = value.ok_or(*metric)?;
            let (left, right) = match decimals.cmp(&4) {
                Ordering::Less => (value, number.saturating_mul(10_i128.pow(4 - decimals))),
                _ => (value.saturating_mul(10_i128.saturating_pow(decimals - 4)), *number),
            };
            holds &= match *operator {
                "<" => left < right,
                "<=" => left <= right,
                ">" => left > right,
                ">=" => left >= right,
                "==" => left == right,
                _ => left != right,
            };
        }
        Ok(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_refused_with_a_hint() {
        let condition: Condition = "tasks.unplaced > 0 && utilization.cpu.mean<=0.95".parse().expect("a condition");
        let read: Vec<_> = condition.0.iter().map(|part| (part.metric, part.operator, part.number)).collect();
        assert_eq!(read, [("tasks.unplaced", ">", 0), ("utilization.cpu.mean", "<=", 95)]);
        for (text, part) in [
            ("tasks.unplaced", "compares nothing"),
            ("tasks.unplacd>0", "did you mean `tasks.unplaced`?"),
            ("tasks.unplaced>many", "is no number"),
        ] {
            let error = text.parse::<Condition>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
