//! `laws!`: a test for each law.

/// Tests a policy or a constraint of your own against the [laws](mod@crate::laws): a module with a test for each.
///
/// After the rule come the claims it makes, by the names of their laws.
///
/// ```
/// # use scheduler_core::{InstanceView, PlacementRequest, PolicyContext, ScoringPolicy, CustomConstraint};
/// # #[derive(Debug)]
/// # struct FewestTasks;
/// # impl ScoringPolicy for FewestTasks {
/// #     fn name(&self) -> &str { "fewest-tasks" }
/// #     fn score(&self, _: &PlacementRequest, instance: &InstanceView<'_>) -> i64 { -i64::from(instance.running_tasks_count()) }
/// # }
/// # #[derive(Debug)]
/// # struct HalfFree;
/// # impl CustomConstraint for HalfFree {
/// #     fn name(&self) -> &str { "half-free" }
/// #     fn admits(&self, _: &PolicyContext<'_>, instance: &InstanceView<'_>) -> bool { instance.running_tasks_count() < 2 }
/// # }
/// scheduler_core::laws!(policy fewest_tasks = FewestTasks, more_room_is_never_worse);
/// scheduler_core::laws!(constraint half_free = HalfFree, more_room_is_never_worse);
/// ```
///
/// The expression makes the rule anew for each question, and is evaluated where the macro stands. `PROPTEST_CASES`
/// above 512 sets how many histories each test tries, `PROPTEST_RNG_SEED` which. In a library the macro belongs in a
/// module of its tests: the feature is there for them alone.
#[macro_export]
macro_rules! laws {
    (policy $name:ident = $policy:expr $(, $claim:ident)* $(,)?) => {
        $($crate::laws!(@claim $claim);)*
        $crate::laws!(@module $name, policy, $policy, [
            never_panics same_question_same_answer other_questions_do_not_matter chooses_what_may_be_chosen $($claim)*
        ]);
    };
    (constraint $name:ident = $constraint:expr $(, $claim:ident)* $(,)?) => {
        $($crate::laws!(@claim $claim);)*
        $crate::laws!(@module $name, constraint, $constraint, [
            never_panics same_question_same_answer other_questions_do_not_matter $($claim)*
        ]);
    };
    (@module $name:ident, $kind:ident, $rule:expr, [$($law:ident)+]) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $law() {
                    let subject = $crate::laws::Subject::$kind(|| ::std::sync::Arc::new($rule));
                    subject.assert_law($crate::laws!(@law $law), ::std::option_env!("CARGO_TARGET_TMPDIR"));
                }
            )+
        }
    };
    (@law never_panics) => { $crate::laws::Law::NeverPanics };
    (@law same_question_same_answer) => { $crate::laws::Law::SameQuestionSameAnswer };
    (@law other_questions_do_not_matter) => { $crate::laws::Law::OtherQuestionsDoNotMatter };
    (@law chooses_what_may_be_chosen) => { $crate::laws::Law::ChoosesWhatMayBeChosen };
    (@law more_room_is_never_worse) => { $crate::laws::Law::MoreRoomIsNeverWorse };
    (@law less_room_is_never_worse) => { $crate::laws::Law::LessRoomIsNeverWorse };
    // Told where it is claimed.
    (@law $claim:ident) => { $crate::laws::Law::NeverPanics };
    (@claim more_room_is_never_worse) => {};
    (@claim less_room_is_never_worse) => {};
    (@claim $claim:ident) => {
        ::std::compile_error!(::std::concat!(
            "`", ::std::stringify!($claim),
            "` is no claim; there are `more_room_is_never_worse` and `less_room_is_never_worse`"
        ));
    };
}
