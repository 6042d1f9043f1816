//! CSV: one line a run, one column a metric, numbers as in JSON.

use crate::comparison::Comparison;
use crate::metrics::{MetricInfo, Value, all_metrics};

/// The runs of all comparisons; without `columns` every metric that some run has.
pub fn csv(comparisons: &[Comparison], columns: Option<&[String]>) -> String {
    let columns: Vec<&MetricInfo> = match columns {
        Some(names) => names.iter().filter_map(|name| crate::metrics::metric(name)).collect(),
        None => all_metrics().filter(|info| is_present(comparisons, info.name)).collect(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["trace", "strategy", "seed"].into_iter().chain(columns.iter().map(|info| info.name));
    // Writing to memory cannot fail, and all lines have as many fields as the head.
    let _ = writer.write_record(head);
    for comparison in comparisons {
        for run in &comparison.runs {
            let seed = run.seed.to_string();
            let mut record = vec![comparison.trace.name.to_string(), run.strategy.clone(), seed];
            record.extend(columns.iter().map(|info| run.metrics.get(info.name).map(text).unwrap_or_default()));
            let _ = writer.write_record(record);
        }
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// The curves of GPU allocation of all runs, one line a point.
pub fn csv_of_curves(comparisons: &[Comparison]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["trace", "strategy", "seed", "arrived", "alloc_pct", "frag_ratio_pct", "frag_amount_pct"];
    // Writing to memory cannot fail, and all lines have as many fields as the head.
    let _ = writer.write_record(head);
    for comparison in comparisons {
        for run in &comparison.runs {
            for point in run.curve.iter().flatten() {
                let numbers = [point.alloc_pct, point.frag_ratio_pct, point.frag_amount_pct]
                    .map(|it| ((it * 1e4).round() / 1e4).to_string());
                let whole = [run.seed.to_string(), point.arrived.to_string()];
                let names = [comparison.trace.name.to_string(), run.strategy.clone()];
                let _ = writer.write_record(names.iter().chain(&whole).chain(&numbers));
            }
        }
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn is_present(comparisons: &[Comparison], name: &str) -> bool {
    let mut runs = comparisons.iter().flat_map(|comparison| &comparison.runs);
    runs.any(|run| run.metrics.get(name).is_some())
}

fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Tally(tally) => {
            tally.iter().map(|(reason, count)| format!("{reason}={count}")).collect::<Vec<_>>().join("; ")
        }
    }
}
