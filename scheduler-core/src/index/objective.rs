//! Objectives: what an order sorts by, as a number that is smaller for a better instance.

use super::block::Key;
use crate::cluster::{HeadroomWeights, InstanceId};

/// What an order sorts by. The last tie is always the registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objective {
    /// The earliest registration.
    Registration,
    /// The most headroom.
    Headroom,
    /// The least CPU.
    Cpu,
    /// The least CPU, then the most headroom.
    CpuThenHeadroom,
    /// The least CPU, then the least memory.
    CpuThenMemory,
    /// The least memory.
    Memory,
    /// The least memory, then the most headroom.
    MemoryThenHeadroom,
    /// The least memory, then the least CPU.
    MemoryThenCpu,
}

impl Objective {
    pub(crate) fn key(self, weights: HeadroomWeights, cpu: u32, memory: u32, id: InstanceId) -> Key {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        // With equal CPU the order of headroom is that of memory, if memory counts at all; and the reverse.
        let most = |amount: u32, weight: u32| if weight > 0 { u32::MAX - amount } else { 0 };
        let objective = match self {
            Self::Registration => 0,
            Self::Headroom => u64::MAX - weights.headroom(cpu, memory),
            Self::Cpu => pair(cpu, 0),
            Self::CpuThenHeadroom => pair(cpu, most(memory, weights.memory)),
            Self::CpuThenMemory => pair(cpu, memory),
            Self::Memory => pair(memory, 0),
            Self::MemoryThenHeadroom => pair(memory, most(cpu, weights.cpu)),
            Self::MemoryThenCpu => pair(memory, cpu),
        };
        Key { objective, registration: id.0 }
    }

    /// No instance with less than these amounts has a key below this one... unless the order sorts by neither.
    pub(crate) fn least_key(self, cpu: u32, memory: u32) -> Key {
        let objective = match self {
            Self::Registration | Self::Headroom => 0,
            Self::Cpu | Self::CpuThenHeadroom | Self::CpuThenMemory => u64::from(cpu) << 32,
            Self::Memory | Self::MemoryThenHeadroom | Self::MemoryThenCpu => u64::from(memory) << 32,
        };
        Key { objective, registration: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_key_parts_those_with_less_from_those_with_enough() {
        let key =
            |objective: Objective, cpu, memory| objective.key(HeadroomWeights::default(), cpu, memory, InstanceId(0));
        for objective in [Objective::Cpu, Objective::CpuThenHeadroom, Objective::CpuThenMemory] {
            let least = objective.least_key(5, 7);
            assert!(key(objective, 4, 9) < least && least <= key(objective, 5, 0), "{objective:?}");
        }
        for objective in [Objective::Memory, Objective::MemoryThenHeadroom, Objective::MemoryThenCpu] {
            let least = objective.least_key(7, 5);
            assert!(key(objective, 9, 4) < least && least <= key(objective, 0, 5), "{objective:?}");
        }
        for objective in [Objective::Registration, Objective::Headroom] {
            assert_eq!(objective.least_key(7, 5), Key::FIRST);
        }
    }
}
