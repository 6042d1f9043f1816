//! Several seeds: means, and whether a strategy differs from the baseline by more than chance (metrics.md, section 9).
//!
//! Differences are paired: both strategies of a pair ran with the same seed.

use crate::comparison::{Comparison, RunResult};
use crate::metrics::{Direction, MetricInfo, all_metrics};

/// The runs of one strategy together.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The strategy's name.
    pub strategy: String,
    /// How many seeds it ran with.
    pub seeds: usize,
    /// The metrics that have a number with every seed, in the documented order.
    pub metrics: Vec<(&'static MetricInfo, MetricSummary)>,
}

/// One metric over the seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricSummary {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, with n - 1; `None` for one seed.
    pub sd: Option<f64>,
    /// The difference to the baseline; `None` if the baseline does not have the metric with every seed.
    pub difference: Option<Difference>,
    /// What the difference comes to; `None` where neither direction is better.
    pub verdict: Option<Verdict>,
}

/// The paired differences to the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Their mean.
    pub mean: f64,
    /// The interval that holds the true mean with 95 % confidence; `None` for one seed.
    pub ci95: Option<[f64; 2]>,
}

/// What a difference comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Better than the baseline: the interval does not contain 0.
    Better,
    /// Worse than the baseline: the interval does not contain 0.
    Worse,
    /// The same with every seed.
    Same,
    /// Chance may explain it.
    Unclear,
}

impl Verdict {
    /// Its name in results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Unclear => "unclear",
        }
    }
}

/// The summary of each strategy, in order.
pub fn summaries(comparison: &Comparison) -> Vec<Summary> {
    let baseline = comparison.strategies().find(|runs| runs[0].strategy == comparison.baseline);
    let baseline = baseline.unwrap_or_default();
    comparison.strategies().map(|runs| summary(runs, baseline)).collect()
}

fn summary(runs: &[RunResult], baseline: &[RunResult]) -> Summary {
    let metrics = all_metrics().filter_map(|info| {
        let values = values(runs, info.name)?;
        let base = self::values(baseline, info.name).filter(|base| base.len() == values.len());
        Some((info, metric_summary(info.direction, &values, base.as_deref())))
    });
    Summary { strategy: runs[0].strategy.clone(), seeds: runs.len(), metrics: metrics.collect() }
}

/// The numbers of a metric in the order of the seeds; `None` unless every run has one.
fn values(runs: &[RunResult], name: &str) -> Option<Vec<f64>> {
    runs.iter().map(|run| run.metrics.number(name).map(crate::metrics::Quotient::to_f64)).collect()
}

fn metric_summary(direction: Direction, values: &[f64], base: Option<&[f64]>) -> MetricSummary {
    let differences: Option<Vec<f64>> =
        base.map(|base| values.iter().zip(base).map(|(value, base)| value - base).collect());
    let difference = differences
        .as_deref()
        .map(|differences| Difference { mean: mean(differences), ci95: confidence_interval(differences) });
    let verdict = match (direction, &differences, difference) {
        (Direction::Neither, _, _) | (_, None, _) | (_, _, None) => None,
        (direction, Some(differences), Some(difference)) => Some(verdict(direction, differences, difference)),
    };
    MetricSummary { mean: mean(values), sd: deviation(values), difference, verdict }
}

fn verdict(direction: Direction, differences: &[f64], difference: Difference) -> Verdict {
    if differences.iter().all(|difference| *difference == 0.0) {
        return Verdict::Same;
    }
    let is_higher = match difference.ci95 {
        Some([low, _]) if low > 0.0 => true,
        Some([_, high]) if high < 0.0 => false,
        _ => return Verdict::Unclear,
    };
    if is_higher == (direction == Direction::Higher) { Verdict::Better } else { Verdict::Worse }
}

#[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 seeds")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// With n - 1; `None` for fewer than two values.
#[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 seeds")]
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// mean +- t(0.975, n - 1) x sd / sqrt(n)
#[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 seeds")]
fn confidence_interval(values: &[f64]) -> Option<[f64; 2]> {
    let half = t_quantile(values.len() - 1) * deviation(values)? / (values.len() as f64).sqrt();
    let mean = mean(values);
    Some([mean - half, mean + half])
}

/// t(0.975) for 1 to 40 degrees of freedom.
const T_QUANTILES: [f64; 40] = [
    12.706_204_736_174_7,
    4.302_652_729_749_464,
    3.182_446_305_283_71,
    2.776_445_105_197_794,
    2.570_581_835_636_316,
    2.446_911_851_144_97,
    2.364_624_251_592_785,
    2.306_004_135_204_167,
    2.262_157_162_798_206,
    2.228_138_851_986_275,
    2.200_985_160_091_64,
    2.178_812_829_667_229,
    2.160_368_656_462_793,
    2.144_786_687_917_804,
    2.131_449_545_559_776,
    2.119_905_299_221_255,
    2.109_815_577_833_317,
    2.100_922_040_241_038,
    2.093_024_054_408_31,
    2.085_963_447_265_865,
    2.079_613_844_727_68,
    2.073_873_067_904_026,
    2.068_657_610_419_049,
    2.063_898_561_628_026,
    2.059_538_552_753_298,
    2.055_529_438_642_873,
    2.051_830_516_480_286,
    2.048_407_141_795_245,
    2.045_229_642_132_704,
    2.042_272_456_301_238,
    2.039_513_446_396_408,
    2.036_933_343_460_102,
    2.034_515_297_449_339,
    2.032_244_509_317_719,
    2.030_107_928_250_343,
    2.028_094_000_980_451,
    2.026_192_463_029_11,
    2.024_394_163_911_97,
    2.022_690_920_036_761,
    2.021_075_390_306_273,
];

/// The 97.5 % quantile of Student's t: a table, and beyond it the expansion of Cornish and Fisher, which is off by less
/// than 1e-8 there.
#[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 seeds")]
fn t_quantile(degrees: usize) -> f64 {
    /// The same quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    if let Some(quantile) = degrees.checked_sub(1).and_then(|index| T_QUANTILES.get(index)) {
        return *quantile;
    }
    let (v, z2) = (degrees as f64, Z * Z);
    let terms = [
        (z2 + 1.0) / (4.0 * v),
        ((5.0 * z2 + 16.0) * z2 + 3.0) / (96.0 * v * v),
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / (384.0 * v * v * v),
        ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / (92_160.0 * v * v * v * v),
    ];
    Z * (1.0 + terms.iter().sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-7
    }

    #[test]
    fn quantiles_of_t_pass_from_the_table_to_the_expansion_without_a_step() {
        // From tables of 30 digits: t(0.975) of 41, 60, 100 and 1,000 degrees of freedom.
        let cases = [(41, 2.019_540_970_4), (60, 2.000_297_822_0), (100, 1.983_971_518_5), (1_000, 1.962_339_081_0)];
        for (degrees, quantile) in cases {
            assert!(is_close(t_quantile(degrees), quantile), "{degrees}: {}", t_quantile(degrees));
        }
        assert!(T_QUANTILES.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn differences_are_paired_and_judged_by_their_interval() {
        // Differences 1, 2, 3: mean 2, sd 1, half width 4.3026527 / sqrt(3) = 2.4841377.
        let summary = metric_summary(Direction::Higher, &[11.0, 22.0, 33.0], Some(&[10.0, 20.0, 30.0]));
        assert!(is_close(summary.mean, 22.0));
        assert!(is_close(summary.sd.expect("three"), 11.0));
        let difference = summary.difference.expect("a baseline");
        let [low, high] = difference.ci95.expect("three");
        assert!(is_close(difference.mean, 2.0) && is_close(low, -0.484_137_7) && is_close(high, 4.484_137_7));
        assert_eq!(summary.verdict, Some(Verdict::Unclear));
        // Differences 9, 10, 11: the interval is 10 +- 2.48.
        let verdict = |direction| metric_summary(direction, &[19.0, 30.0, 41.0], Some(&[10.0, 20.0, 30.0])).verdict;
        assert_eq!(verdict(Direction::Higher), Some(Verdict::Better));
        assert_eq!(verdict(Direction::Lower), Some(Verdict::Worse));
        assert_eq!(verdict(Direction::Neither), None);
    }

    #[test]
    fn one_seed_has_no_spread() {
        let summary = metric_summary(Direction::Lower, &[3.0], Some(&[3.0]));
        assert_eq!((summary.sd, summary.verdict), (None, Some(Verdict::Same)));
        assert_eq!(summary.difference, Some(Difference { mean: 0.0, ci95: None }));
        assert_eq!(metric_summary(Direction::Lower, &[4.0], Some(&[3.0])).verdict, Some(Verdict::Unclear));
        assert_eq!(metric_summary(Direction::Lower, &[4.0], None).difference, None);
    }
}
