//! Whether a name is one that Amazon ECS defines, and what is below it.

use super::ecs_names::SHAPES;

/// What stands below a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text, a number, true or false.
    Scalar,
    /// Names that ECS does not define, such as labels.
    Map,
    /// A list of such.
    List(&'static Kind),
    /// The shape of that name.
    Structure(&'static str),
}

/// The members of a shape, in the order of their names.
pub(super) fn members(shape: &str) -> &'static [(&'static str, Kind)] {
    let found = SHAPES.binary_search_by_key(&shape, |(name, _)| name);
    debug_assert!(found.is_ok(), "`{shape}` is in the table");
    found.map_or(&[], |index| SHAPES[index].1)
}

/// What a member of a shape is, if ECS defines it.
pub(super) fn member(shape: &str, name: &str) -> Option<Kind> {
    let members = members(shape);
    members.binary_search_by_key(&name, |(name, _)| name).ok().map(|index| members[index].1)
}

/// Whether any shape has a member of that name.
pub(super) fn is_member(name: &str) -> bool {
    SHAPES.iter().any(|(shape, _)| member(shape, name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Kind) {
        match kind {
            Kind::Structure(shape) => assert!(!members(shape).is_empty(), "{shape}"),
            Kind::List(element) => check(element),
            Kind::Scalar | Kind::Map => {}
        }
    }

    #[test]
    fn the_table_is_in_order_and_complete() {
        assert!(SHAPES.is_sorted_by_key(|(name, _)| name));
        for (_, members) in SHAPES {
            assert!(members.is_sorted_by_key(|(name, _)| name));
            members.iter().for_each(|(_, kind)| check(kind));
        }
    }

    #[test]
    fn names_of_ecs_are_known() {
        assert_eq!(member("ContainerDefinition", "essential"), Some(Kind::Scalar));
        assert_eq!(member("ContainerDefinition", "dockerLabels"), Some(Kind::Map));
        assert_eq!(
            member("TaskDefinition", "containerDefinitions"),
            Some(Kind::List(&Kind::Structure("ContainerDefinition")))
        );
        assert_eq!(member("ContainerDefinition", "memroy"), None);
    }
}
