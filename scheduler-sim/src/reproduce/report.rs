//! What the study's runs come to: a table of means, or all curves as JSON or CSV.

use std::fmt::Write;

use serde::Serialize;

use super::expected::{Expected, Verdict};
use super::run::{Run, StudyPolicy};
use crate::metrics::CurvePoint;

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// The means at 100 % arrived, a row a workload, a column a policy.
    #[default]
    Table,
    /// Every run with its curve.
    Json,
    /// Every run with its curve, a row a point.
    Csv,
}

/// The demand at which the study compares, in percent of the GPUs.
const COMPARED_AT: usize = 100;

/// The result of some runs in a format, and whether every figure expected is met.
pub fn render(runs: &[Run], expected: Option<&Expected>, format: Format) -> (String, bool) {
    let means = means(runs);
    let is_met = means.iter().all(|mean| {
        expected
            .is_none_or(|all| !matches!(all.verdict(mean.variant, mean.policy, mean.percent), Some(Verdict::Missed(_))))
    });
    let text = match format {
        Format::Table => table(&means, expected),
        Format::Json => json(runs),
        Format::Csv => csv(runs),
    };
    (text, is_met)
}

/// The mean over the seeds of one workload and policy.
struct Mean<'a> {
    variant: &'a str,
    policy: StudyPolicy,
    /// Two digits.
    percent: f64,
}

/// In the order of the runs.
fn means(runs: &[Run]) -> Vec<Mean<'_>> {
    let mut sums: Vec<(Mean<'_>, f64)> = Vec::new();
    for run in runs {
        let Some(point) = run.curve.point(COMPARED_AT) else { continue };
        let hundredths = (point.alloc_pct * 100.0).round();
        let is_same =
            |(mean, _): &&mut (Mean<'_>, f64)| *mean.variant == *run.variant && mean.policy.name == run.policy.name;
        match sums.iter_mut().find(is_same) {
            Some((mean, count)) => {
                mean.percent += hundredths;
                *count += 1.0;
            }
            None => sums.push((Mean { variant: &run.variant, policy: run.policy, percent: hundredths }, 1.0)),
        }
    }
    // Sums of hundredths are whole, so a half is a half: it is rounded up.
    sums.into_iter().map(|(mean, count)| Mean { percent: (mean.percent / count).round() / 100.0, ..mean }).collect()
}

fn table(means: &[Mean<'_>], expected: Option<&Expected>) -> String {
    let (mut variants, mut policies): (Vec<&str>, Vec<StudyPolicy>) = (Vec::new(), Vec::new());
    for mean in means {
        if !variants.contains(&mean.variant) {
            variants.push(mean.variant);
        }
        if !policies.iter().any(|policy| policy.name == mean.policy.name) {
            policies.push(mean.policy);
        }
    }
    let width = variants.iter().map(|variant| variant.len()).max().unwrap_or(0).max("workload".len());
    let mut text = format!("{:<width$}", "workload");
    for policy in &policies {
        let _ = write!(text, "  {:>14}", policy.name);
    }
    text.push('\n');
    for variant in variants {
        let _ = write!(text, "{variant:<width$}");
        for policy in &policies {
            let mean = means.iter().find(|mean| mean.variant == variant && mean.policy.name == policy.name);
            let _ = write!(text, "  {:>14}", mean.map_or_else(String::new, |mean| cell(mean, expected)));
        }
        text.push('\n');
    }
    text.push_str("GPUs allocated when the demand of 100 % of them has arrived, in percent: means over the seeds\n");
    if expected.is_some() {
        text.push_str("= as published (of random: within 0.4 points); else the difference\n");
    }
    text
}

/// A mean, and how it stands to the published one.
fn cell(mean: &Mean<'_>, expected: Option<&Expected>) -> String {
    let percent = format!("{:.2}", mean.percent);
    match expected.and_then(|expected| expected.verdict(mean.variant, mean.policy, mean.percent)) {
        None => percent,
        Some(Verdict::Met) => format!("{percent} ="),
        Some(Verdict::Missed(difference)) => format!("{percent} {difference:+.2}"),
    }
}

#[derive(Serialize)]
struct Output<'a> {
    runs: Vec<RunOutput<'a>>,
}

#[derive(Serialize)]
struct RunOutput<'a> {
    variant: &'a str,
    policy: &'static str,
    seed: u64,
    arrivals: u64,
    placed: u64,
    alloc_pct_at_100: Option<f64>,
    curve: Vec<PointOutput>,
}

#[derive(Serialize)]
struct PointOutput {
    arrived: usize,
    alloc_pct: f64,
    frag_ratio_pct: f64,
    frag_amount_pct: f64,
}

impl From<CurvePoint> for PointOutput {
    fn from(point: CurvePoint) -> Self {
        let CurvePoint { arrived, alloc_pct, frag_ratio_pct, frag_amount_pct } = point;
        Self { arrived, alloc_pct, frag_ratio_pct, frag_amount_pct }
    }
}

fn json(runs: &[Run]) -> String {
    let runs = runs.iter().map(|run| RunOutput {
        variant: &run.variant,
        policy: run.policy.name,
        seed: run.seed,
        arrivals: run.arrivals,
        placed: run.placed,
        alloc_pct_at_100: run.curve.point(COMPARED_AT).map(|point| point.alloc_pct),
        curve: run.curve.points().into_iter().map(Into::into).collect(),
    });
    let mut text = serde_json::to_string(&Output { runs: runs.collect() }).unwrap_or_default();
    text.push('\n');
    text
}

fn csv(runs: &[Run]) -> String {
    let mut text =
        String::from("variant,policy,seed,arrivals,placed,arrived,alloc_pct,frag_ratio_pct,frag_amount_pct\n");
    for run in runs {
        for point in run.curve.points() {
            let Run { variant, policy, seed, arrivals, placed, .. } = run;
            let CurvePoint { arrived, alloc_pct, frag_ratio_pct, frag_amount_pct } = point;
            let _ = writeln!(
                text,
                "{variant},{},{seed},{arrivals},{placed},{arrived},{alloc_pct},{frag_ratio_pct},{frag_amount_pct}",
                policy.name
            );
        }
    }
    text
}
