//! Task-level CPU and memory as ECS writes them: text, with or without a unit, read exactly (spec 1.2).

use super::attribute::Printable;
use super::resources::MAX_AMOUNT;
use std::ops::RangeInclusive;

/// The CPU units that a task may be given as a whole on EC2: 0.125 to 192 vCPU (ECS API reference, 2026; until then the
/// guide said 10240 at most).
pub const TASK_CPU_UNITS: RangeInclusive<u32> = 128..=196_608;

/// CPU units in a vCPU, and MiB in a GB as ECS means it.
const UNITS: u64 = 1024;

/// Why a text is not a task-level amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskSizeError {
    /// Not a CPU value.
    #[error("task cpu `{}` is not CPU units such as `1024`, nor vCPUs such as `1 vCPU` or `.5 vCPU`", Printable(.text))]
    Cpu {
        /// The text.
        text: Box<str>,
    },
    /// Not a memory value.
    #[error("task memory `{}` is not MiB such as `512`, nor GB such as `1GB` or `0.5 GB`", Printable(.text))]
    Memory {
        /// The text.
        text: Box<str>,
    },
    /// CPU outside [`TASK_CPU_UNITS`]. The first sentence is ECS's own.
    #[error(
        "Invalid 'cpu' setting for task. `{cpu_units}` CPU units are outside {} to {}",
        TASK_CPU_UNITS.start(),
        TASK_CPU_UNITS.end()
    )]
    CpuRange {
        /// The CPU units.
        cpu_units: u64,
    },
    /// Memory that is zero or above [`MAX_AMOUNT`].
    #[error("task memory of `{memory_mib}` MiB is outside 1 to {MAX_AMOUNT}")]
    MemoryRange {
        /// The MiB.
        memory_mib: u64,
    },
}

/// Reads task-level `cpu`: `"1024"`, `"1 vCPU"`, `".5 vCPU"`. A fraction of a unit is cut off.
///
/// ```
/// use scheduler_core::model::parse_task_cpu;
///
/// assert_eq!(parse_task_cpu(".5 vCPU"), Ok(512));
/// assert!(parse_task_cpu("64").is_err()); // below 128
/// ```
///
/// # Errors
/// [`TaskSizeError::Cpu`] or [`TaskSizeError::CpuRange`].
pub fn parse_task_cpu(text: &str) -> Result<u32, TaskSizeError> {
    let cpu_units = parse(text, &["vCPU", "vcpu"]).ok_or_else(|| TaskSizeError::Cpu { text: text.into() })?;
    checked_task_cpu(cpu_units)
}

/// Reads task-level `memory`: `"512"`, `"1GB"`, `"0.5 GB"`. A fraction of a MiB is cut off.
///
/// # Errors
/// [`TaskSizeError::Memory`] or [`TaskSizeError::MemoryRange`].
pub fn parse_task_memory(text: &str) -> Result<u32, TaskSizeError> {
    let memory_mib = parse(text, &["GB"]).ok_or_else(|| TaskSizeError::Memory { text: text.into() })?;
    checked_task_memory(memory_mib)
}

pub(crate) fn checked_task_cpu(cpu_units: u64) -> Result<u32, TaskSizeError> {
    u32::try_from(cpu_units)
        .ok()
        .filter(|cpu_units| TASK_CPU_UNITS.contains(cpu_units))
        .ok_or(TaskSizeError::CpuRange { cpu_units })
}

pub(crate) fn checked_task_memory(memory_mib: u64) -> Result<u32, TaskSizeError> {
    u32::try_from(memory_mib)
        .ok()
        .filter(|memory_mib| (1..=MAX_AMOUNT).contains(memory_mib))
        .ok_or(TaskSizeError::MemoryRange { memory_mib })
}

/// The amount in small units; `None` if the text is not one. Amounts beyond 64 bits become the largest.
fn parse(text: &str, large_units: &[&str]) -> Option<u64> {
    match large_units.iter().find_map(|unit| text.strip_suffix(unit)) {
        Some(number) => parse_large(number.strip_suffix(' ').unwrap_or(number)),
        None => parse_digits(text),
    }
}

/// A decimal number of large units, as small units: exact, then cut off.
fn parse_large(number: &str) -> Option<u64> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (if whole.is_empty() { "0" } else { whole }, fraction),
        None => (number, "0"),
    };
    let whole = parse_digits(whole)?;
    parse_digits(fraction)?;
    // A multiple of 1/1024 has at most ten decimals, so digits after the tenth cannot change what is cut off.
    let mut ten_digits = 0;
    for index in 0..10 {
        ten_digits = ten_digits * 10 + fraction.as_bytes().get(index).map_or(0, |digit| u64::from(digit - b'0'));
    }
    Some(whole.saturating_mul(UNITS).saturating_add(ten_digits * UNITS / 10_000_000_000))
}

/// Decimal digits, at least one, nothing else.
fn parse_digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parse: fn(&str) -> Result<u32, TaskSizeError>, text: &str, expected: Result<u32, &str>) {
        let actual = parse(text).map_err(|error| error.to_string());
        assert_eq!(actual, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn cpu_is_units_or_vcpus() {
        for (text, units) in [
            ("1024", 1024),
            ("128", 128),
            ("196608", 196_608),
            ("192 vCPU", 196_608),
            ("1 vCPU", 1024),
            ("1vcpu", 1024),
            (".5 vCPU", 512),
            ("0.25 vCPU", 256),
            ("0.3 vCPU", 307),                    // 307.2
            ("0.2998046875 vCPU", 307),           // exactly 307
            ("0.29980468749999999999 vCPU", 306), // just below it
            ("00001.00000000000000000000 vCPU", 1024),
        ] {
            check(parse_task_cpu, text, Ok(units));
        }
    }

    #[test]
    fn cpu_outside_its_range_is_refused_in_the_words_of_ecs() {
        for (text, units) in [
            ("127", "127"),
            ("0", "0"),
            ("196609", "196609"),
            ("193 vCPU", "197632"),
            ("99999999999999999999", "18446744073709551615"),
            ("99999999999999999999 vCPU", "18446744073709551615"),
        ] {
            let message = format!("Invalid 'cpu' setting for task. `{units}` CPU units are outside 128 to 196608");
            check(parse_task_cpu, text, Err(&message));
        }
    }

    #[test]
    fn other_texts_are_no_cpu() {
        for text in
            ["", "0.5", "1.5", "vCPU", ". vCPU", "1. vCPU", "1  vCPU", " 1024", "+1024", "-1", "1 VCPU", "1e3", "١"]
        {
            let message =
                format!("task cpu `{text}` is not CPU units such as `1024`, nor vCPUs such as `1 vCPU` or `.5 vCPU`");
            check(parse_task_cpu, text, Err(&message));
        }
    }

    #[test]
    fn memory_is_mib_or_gb() {
        for (text, mib) in [("512", 512), ("1", 1), ("1GB", 1024), ("0.5 GB", 512), ("1.5GB", 1536), ("0.001 GB", 1)] {
            check(parse_task_memory, text, Ok(mib));
        }
        for (text, mib) in [("0", "0"), ("0.0001 GB", "0"), ("2147483648", "2147483648"), ("2097152 GB", "2147483648")]
        {
            let message = format!("task memory of `{mib}` MiB is outside 1 to 2147483647");
            check(parse_task_memory, text, Err(&message));
        }
        for text in ["1 gb", "1 MB", "1 GiB", "", "x\n"] {
            let shown = text.replace('\n', "\\n");
            let message = format!("task memory `{shown}` is not MiB such as `512`, nor GB such as `1GB` or `0.5 GB`");
            check(parse_task_memory, text, Err(&message));
        }
    }
}
