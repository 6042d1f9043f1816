//! The study of FGD again (Weng et al., "Beware of Fragmentation", USENIX ATC 2023): its workloads, policies and seeds, from
//! its published data, and its figures.
//!
//! Tasks arrive one after another and none ends; one that finds no place is dropped. After each arrival the cluster is
//! measured.

mod data;
mod expected;
mod report;
mod run;

pub use data::{Study, Workload};
pub use expected::{Expected, Verdict};
pub use report::{Format, render};
pub use run::{FinalState, Run, StudyError, StudyPolicy, run, run_all};
