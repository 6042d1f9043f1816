//! The settings of a trace, each with its default (trace format, section 5).

use scheduler_core::{HeadroomWeights, ReleaseOn, TieBreak};

use super::error::Printable;
use super::format::SETTINGS;
use super::json::{Kind, Parser, Value};
use super::reading::{Messages, Reading};
use super::scalar::{integer, milliseconds, moment, narrow};
use super::shape::{Shape, check};
use super::suggest::{listed_keys, nearest_key};
use crate::strategy::Spec;

/// What becomes of a RunTask for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnUnplaceable {
    /// `fail`: as in ECS, a failure in the answer, and that is the end of it.
    #[default]
    Fail,
    /// `queue`: it waits, and is tried again when something changed for it.
    Queue,
}

/// Which year's rules of ECS apply (spec 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// `ecs-2026`
    #[default]
    Ecs2026,
    /// `ecs-2023`
    Ecs2023,
}

/// The settings of a run. [`Settings::set`] takes them by the names they have in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `defaultStrategy`: the SPEC for requests without a strategy, as written.
    pub default_strategy: Box<str>,
    /// `onUnplaceable`
    pub on_unplaceable: OnUnplaceable,
    /// `seed`: every random choice derives from it.
    pub seed: u64,
    /// `tieBreak`
    pub tie_break: TieBreak,
    /// `headroomWeights`
    pub headroom_weights: HeadroomWeights,
    /// `releaseOn`
    pub release_on: ReleaseOn,
    /// `profile`
    pub profile: Profile,
    /// `taskStartSeconds`: from PENDING to RUNNING, in milliseconds.
    pub task_start_ms: u64,
    /// `stopTimeoutSeconds`: from STOPPING to STOPPED, in milliseconds.
    pub stop_timeout_ms: u64,
    /// `spreadIgnoresOtherRevisions` (C-22)
    pub spread_ignores_other_revisions: bool,
    /// `endSeconds`: where the run ends, if it is said, in milliseconds from the start.
    pub end_ms: Option<u64>,
    /// `epoch`: the moment of second 0, in milliseconds since 1970-01-01T00:00:00Z.
    pub epoch_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_strategy: "headroom".into(),
            on_unplaceable: OnUnplaceable::default(),
            seed: 0,
            tie_break: TieBreak::default(),
            headroom_weights: HeadroomWeights::default(),
            release_on: ReleaseOn::default(),
            profile: Profile::default(),
            task_start_ms: 0,
            stop_timeout_ms: 0,
            spread_ignores_other_revisions: false,
            end_ms: None,
            epoch_ms: 0,
        }
    }
}

/// Why a setting cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// No setting has that name.
    #[error("there is no setting `{}`; {}", Printable(.key), did_you_mean(.nearest.as_deref()))]
    UnknownKey {
        /// The name given.
        key: Box<str>,
        /// The setting that was most likely meant.
        nearest: Option<Box<str>>,
    },
    /// The value is none that the setting takes.
    #[error("setting `{key}`: {problem}")]
    Value {
        /// The setting.
        key: Box<str>,
        /// What is wrong.
        problem: Box<str>,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are {}", listed_keys(&setting_names())),
    }
}

fn setting_names() -> Vec<&'static str> {
    SETTINGS.keys.iter().map(|known| known.name).collect()
}

impl Settings {
    /// Makes one setting, by its name and value as in a trace: `seed` and `7`, `onUnplaceable` and `queue`,
    /// `headroomWeights` and `{"cpu": 1}`.
    ///
    /// # Errors
    /// [`SettingError`] for a name or a value that there is not; the settings are then unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let Some(known) = SETTINGS.keys.iter().find(|known| known.name == key) else {
            let nearest = nearest_key(key, &setting_names()).map(Into::into);
            return Err(SettingError::UnknownKey { key: key.into(), nearest });
        };
        let mut messages = Messages::new("--set".into(), false);
        let mut reading = Reading::new(value, (1, 1), &mut messages);
        let mut parser = Parser::new(value, 0, 0);
        let is_text = matches!(known.shape, Shape::Text | Shape::Choice(_) | Shape::Moment);
        let read = match parser.value().and_then(|read| parser.end().map(|()| read)) {
            Ok(read) if !is_text || matches!(read.kind, Kind::Number(_) | Kind::Text(_)) => read,
            _ => Value { span: 0..value.len(), kind: Kind::Text(value.into()) },
        };
        let mut changed = self.clone();
        if check(&read, &known.shape, &mut reading) {
            changed.take(known.name, &read, &mut reading);
        }
        if let Some(error) = messages.errors.first() {
            return Err(SettingError::Value { key: key.into(), problem: Printable(&error.problem).to_string().into() });
        }
        *self = changed;
        Ok(())
    }

    /// The settings of a checked object.
    pub(super) fn read(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Self {
        let mut settings = Self::default();
        for member in value.members().iter().filter(|member| member.value.kind != Kind::Null) {
            settings.take(&member.key, &member.value, reading);
        }
        settings
    }

    /// Takes over one checked value.
    fn take(&mut self, key: &str, value: &Value<'_>, reading: &mut Reading<'_, '_>) {
        let text = value.text().unwrap_or_default();
        match key {
            "defaultStrategy" => {
                reading.ok(value.span.start, Spec::default_strategy(text));
                self.default_strategy = text.into();
            }
            "onUnplaceable" => {
                self.on_unplaceable = if text == "queue" { OnUnplaceable::Queue } else { OnUnplaceable::Fail };
            }
            "seed" => self.seed = integer(value),
            "tieBreak" => {
                self.tie_break = match text {
                    "stable" => TieBreak::Stable,
                    "random" => TieBreak::Random,
                    _ => TieBreak::Headroom,
                }
            }
            "headroomWeights" => {
                let weight = |key| value.get(key).map(|weight| narrow(integer(weight)));
                let old = self.headroom_weights;
                self.headroom_weights.cpu = weight("cpu").unwrap_or(old.cpu);
                self.headroom_weights.memory = weight("memory").unwrap_or(old.memory);
            }
            "releaseOn" => {
                self.release_on =
                    if text == "last-stopped" { ReleaseOn::LastStopped } else { ReleaseOn::DesiredStopped };
            }
            "profile" => self.profile = if text == "ecs-2023" { Profile::Ecs2023 } else { Profile::Ecs2026 },
            "taskStartSeconds" => self.task_start_ms = milliseconds(value),
            "stopTimeoutSeconds" => self.stop_timeout_ms = milliseconds(value),
            "spreadIgnoresOtherRevisions" => self.spread_ignores_other_revisions = value.kind == Kind::Bool(true),
            "endSeconds" => self.end_ms = Some(milliseconds(value)),
            "epoch" => self.epoch_ms = moment(value, reading).unwrap_or_default(),
            _ => {}
        }
    }
}
