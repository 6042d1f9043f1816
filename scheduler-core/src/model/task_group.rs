//! Task groups: the name under which tasks count together, for spread and distinctInstance.

use std::fmt;
use std::sync::Arc;

const FAMILY: &str = "family:";
const SERVICE: &str = "service:";

/// What is wrong with the name of a task group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskGroupError {
    /// No name.
    #[error("the task group is empty; it has 1 to {} characters", TaskGroup::MAX_CHARACTERS)]
    Empty,
    /// A name above [`TaskGroup::MAX_CHARACTERS`].
    #[error("the task group has {count} characters; it may have at most {}", TaskGroup::MAX_CHARACTERS)]
    TooLong {
        /// Its number of characters, without `family:` or `service:`.
        count: usize,
    },
    /// A control character, such as a line feed.
    #[error("the task group {group:?} has a control character")]
    ControlCharacter {
        /// The group.
        group: Box<str>,
    },
}

/// The group that a task counts under, fixed at launch: `service:NAME` for the tasks of a service, else what the caller
/// names, by default `family:FAMILY` (spec 7.1; Developer Guide, "Group related tasks").
///
/// A clone shares the text.
///
/// ```
/// use scheduler_core::model::TaskGroup;
///
/// let group = TaskGroup::service("web")?;
/// assert_eq!(group.as_str(), "service:web");
/// assert!(group.is_service());
/// assert_eq!(TaskGroup::new("service:web")?, group);
/// # Ok::<(), scheduler_core::model::TaskGroupError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskGroup(Arc<str>);

impl TaskGroup {
    /// The most characters of a group. A leading `family:` or `service:` is not counted, as families and services may
    /// have names of this length themselves.
    pub const MAX_CHARACTERS: usize = 255;

    /// The group called `group`.
    ///
    /// # Errors
    /// If it is empty, too long, or has a control character.
    pub fn new(group: &str) -> Result<TaskGroup, TaskGroupError> {
        let name = group.strip_prefix(FAMILY).or_else(|| group.strip_prefix(SERVICE)).unwrap_or(group);
        if name.is_empty() {
            return Err(TaskGroupError::Empty);
        }
        let count = name.chars().count();
        if count > Self::MAX_CHARACTERS {
            return Err(TaskGroupError::TooLong { count });
        }
        if name.chars().any(char::is_control) {
            return Err(TaskGroupError::ControlCharacter { group: group.into() });
        }
        Ok(TaskGroup(group.into()))
    }

    /// `family:FAMILY`, the default of `RunTask` and `StartTask`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn family(family: &str) -> Result<TaskGroup, TaskGroupError> {
        TaskGroup::new(&format!("{FAMILY}{family}"))
    }

    /// The like for a family that is already known to be a valid name.
    pub(super) fn of_valid_family(family: &str) -> TaskGroup {
        debug_assert!(TaskGroup::family(family).is_ok(), "`{family}` is a valid end of a group's name");
        TaskGroup(format!("{FAMILY}{family}").into())
    }

    /// `service:NAME`, the group of a service's tasks.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn service(name: &str) -> Result<TaskGroup, TaskGroupError> {
        TaskGroup::new(&format!("{SERVICE}{name}"))
    }

    /// The group as ECS shows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name starts with `service:`. `RunTask` may name such a group too (C-46).
    pub fn is_service(&self) -> bool {
        self.0.starts_with(SERVICE)
    }
}

impl fmt::Display for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for TaskGroup {
    type Err = TaskGroupError;

    fn from_str(text: &str) -> Result<TaskGroup, TaskGroupError> {
        TaskGroup::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(group: &str, expected: Result<(), &str>) {
        let actual = TaskGroup::new(group).map(|group| group.to_string()).map_err(|error| error.to_string());
        assert_eq!(actual, expected.map(|()| group.to_owned()).map_err(str::to_owned));
    }

    #[test]
    fn groups_have_1_to_255_characters_and_no_control_characters() {
        check("nightly", Ok(()));
        check("grüße und mehr", Ok(()));
        check(&"ü".repeat(255), Ok(()));
        check(&format!("service:{}", "x".repeat(255)), Ok(()));
        check("", Err("the task group is empty; it has 1 to 255 characters"));
        check("service:", Err("the task group is empty; it has 1 to 255 characters"));
        check(&"x".repeat(256), Err("the task group has 256 characters; it may have at most 255"));
        check("a\nb", Err("the task group \"a\\nb\" has a control character"));
    }

    #[test]
    fn only_the_service_prefix_makes_a_service_group() {
        for (group, is_service) in [("service:web", true), ("family:service:", false), ("services:web", false)] {
            assert_eq!(TaskGroup::new(group).map(|group| group.is_service()), Ok(is_service), "{group}");
        }
    }
}
