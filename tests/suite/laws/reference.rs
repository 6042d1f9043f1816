//! The engine and the reference answer alike, after every operation of every history.

use proptest::prelude::*;
use scheduler_core::laws;
use scheduler_tests::twin::{
    Twin, follow, same_books, same_placements, same_refusals, same_room, same_state, same_stops,
};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_cluster_holds_what_the_reference_holds(history in laws::history(40)) {
        follow(&history, |twin| {
            same_state(&twin.run.cluster.snapshot(), &twin.reference)?;
            same_books(twin)
        })?;
    }

    #[test]
    fn placement_equals_reference_placement(history in laws::history(30)) {
        follow(&history, same_placements)?;
    }

    #[test]
    fn refusals_and_explanations_equal_the_reference(history in laws::history(30)) {
        follow(&history, same_refusals)?;
    }

    #[test]
    fn the_task_to_stop_equals_the_reference(history in laws::history(40)) {
        follow(&history, same_stops)?;
    }

    #[test]
    fn room_is_the_number_of_tasks_that_can_be_started_one_after_another(history in laws::history(20)) {
        let mut twin = Twin::new(&history);
        for operation in &history.operations {
            twin.apply(operation)?;
        }
        same_room(&twin)?;
    }
}
