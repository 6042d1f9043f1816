//! What the benches share: fleets and request shapes, a plain scan to compare with, and a churn that both go through.
//!
//! The plain scan ([`PlainScheduler`]) keeps what remains of each instance in one record and looks at all of them for
//! every placement, as a straightforward scheduler does. It is the base of every ratio, and its every answer is compared
//! with the engine's. The soft spots are held against a harder base: the core's own scan of columns ([`Contest`]).

mod batch;
mod churn;
mod contest;
mod options;
mod plain;
mod replay;
mod soft_spots;
mod workload;

pub use batch::Batch;
pub use churn::{Churn, Outcome, Recorded};
pub use contest::{Contest, Script, Setup, Step, Times};
pub use options::Extent;
pub use plain::PlainScheduler;
pub use replay::Replay;
pub use soft_spots::{SoftSpot, soft_spots};
pub use workload::{Fleet, FleetInstance, Mode, Shape, State, StepDraw, Workload};
