//! Attributes as facts: all that a static expression asks for.

use super::InstanceFacts;
use crate::model::attribute::{AttributeLookup, AttributeName, Attributes};

/// An instance of which only the attributes are known. Nothing else is asked by an expression that is static.
pub(super) struct AttributesAlone<'a>(pub(super) &'a Attributes);

impl InstanceFacts for AttributesAlone<'_> {
    fn ec2_instance_id(&self) -> &'static str {
        ""
    }

    fn attribute(&self, name: &AttributeName) -> AttributeLookup<'_> {
        self.0.get(name)
    }

    fn agent_connected(&self) -> bool {
        false
    }

    fn agent_version(&self) -> &'static str {
        ""
    }

    fn registered_at_ms(&self) -> i64 {
        0
    }

    fn running_tasks_count(&self) -> u64 {
        0
    }

    fn any_task_group(&self, _test: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}
