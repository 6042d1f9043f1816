//! What the study of FGD measures amounts by.

/// The amounts that count as a whole, in CPU units and GPU thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// CPU units.
    pub cpu_units: u32,
    /// GPU thousandths.
    pub gpu_milli: u32,
}

/// That of the study: the largest instance of its fleet, with 128 cores in thousandths and 8 GPUs.
impl Default for Scale {
    fn default() -> Self {
        Self { cpu_units: 128_000, gpu_milli: 8_000 }
    }
}
