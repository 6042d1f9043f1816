//! The traces that come with the program: small stories on which strategies disagree.

/// A bundled trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Story {
    /// What to call it by.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// The trace, a document.
    pub text: &'static str,
}

/// All of them, the one to start with first.
pub static STORIES: &[Story] = &[
    Story {
        name: "mixed-memory",
        about: "ten tasks of mixed sizes fit on 4, 5 or 6 instances, as the order of their deployment and the strategy have it",
        text: include_str!("../stories/mixed-memory.json"),
    },
    Story {
        name: "az-outage",
        about: "an Availability Zone fails and comes back: how much each strategy loses",
        text: include_str!("../stories/az-outage.json"),
    },
    Story {
        name: "notes",
        about: "a task and a service of up to three copies on three t2.micro: one copy too many waits for the task to stop",
        text: include_str!("../stories/notes.json"),
    },
    Story {
        name: "member-of",
        about: "constrained tasks beside others that take the places only they may use",
        text: include_str!("../stories/member-of.json"),
    },
    Story {
        name: "ports",
        about: "static host ports, TCP, UDP and of the host's network, that clash on half-empty instances",
        text: include_str!("../stories/ports.json"),
    },
    Story {
        name: "queue",
        about: "more work than fits waits for its turn: how long, and when the last task ends",
        text: include_str!("../stories/queue.json"),
    },
];

/// The story of that name.
///
/// ```
/// let story = scheduler_sim::stories::find("az-outage").expect("bundled");
/// assert!(story.text.contains("failContainerInstances"));
/// ```
pub fn find(name: &str) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{OpenOptions, from_bytes};

    #[test]
    fn every_story_is_a_sound_trace_without_warnings() {
        for story in STORIES {
            let source = from_bytes(story.name, story.text.as_bytes(), OpenOptions::default()).expect("readable");
            let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(survey.warnings, [], "{}", story.name);
            assert!(survey.event_count > 0);
        }
    }
}
