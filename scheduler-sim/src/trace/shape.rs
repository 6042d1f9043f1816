//! Checks values against the format's table: known keys, types, ranges, names.

use std::borrow::Cow;

use super::ecs;
use super::error::TraceProblem;
use super::json::{Kind, Value};
use super::number::{MAX_MS, NumberProblem, scaled};
use super::reading::Reading;
use super::suggest::{listed_keys, nearest, nearest_key};

/// Most characters of a name.
pub(super) const NAME_LIMIT: usize = 255;

/// The largest amount of a resource.
pub(super) const AMOUNT_LIMIT: u64 = i32::MAX as u64;

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// The version of the format.
    Version,
    /// Seconds since 1970, or a time as text.
    Moment,
    /// `true` or `false`.
    Bool,
    /// Text without limits of its own.
    Text,
    /// Text of 1 to 255 characters without control characters.
    Name,
    /// An integer.
    Integer { min: u64, max: u64 },
    /// A whole number of this unit, as large as ECS lets it be.
    Amount(&'static str),
    /// Seconds with at most three decimals.
    Seconds,
    /// Dollars with at most six decimals.
    Dollars,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list of such.
    List(&'static Shape),
    /// An object with the author's own names.
    Map(&'static Shape),
    /// One of the format's objects.
    Object(&'static Object),
    /// One of ECS's objects, by the name of its shape.
    Ecs(&'static str),
    /// The first of these that has the value's JSON type.
    Either(&'static [Shape]),
    /// Part of the format, but not of this version of the program.
    Unsupported,
}

/// One of the format's objects.
#[derive(Debug)]
pub(super) struct Object {
    /// What it is, for messages: `a container instance`.
    pub(super) name: &'static str,
    /// One as it may be written, for messages.
    pub(super) example: &'static str,
    /// The keys that mean something here.
    pub(super) keys: &'static [Key],
    /// ECS's shapes whose other names are accepted and have no effect.
    pub(super) ecs: &'static [&'static str],
    /// The key under which ECS's answers wrap it.
    pub(super) wrapper: Option<&'static str>,
}

impl Object {
    /// The object itself, out of the wrapper in which ECS's answers have it.
    pub(super) fn unwrapped<'v, 'a>(&self, value: &'v Value<'a>) -> &'v Value<'a> {
        let wrapped = self.wrapper.and_then(|key| value.get(key)).filter(|it| matches!(it.kind, Kind::Object(_)));
        wrapped.unwrap_or(value)
    }
}

/// A key that means something.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) is_required: bool,
    /// What it means, for the schema.
    pub(super) about: &'static str,
}

impl Key {
    pub(super) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, is_required: false, about }
    }

    pub(super) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, is_required: true, about }
    }
}

/// Reports what is wrong with a value by its shape. True if nothing is.
pub(super) fn check(value: &Value<'_>, shape: &Shape, reading: &mut Reading<'_, '_>) -> bool {
    let at = value.span.start;
    match (shape, &value.kind) {
        (Shape::Bool, Kind::Bool(_))
        | (Shape::Text | Shape::Moment, Kind::Text(_))
        | (Shape::Moment, Kind::Number(_)) => true,
        (Shape::Name, Kind::Text(text)) => reading.ok(at, check_name(text)).is_some(),
        (Shape::Integer { .. } | Shape::Amount(_) | Shape::Seconds | Shape::Dollars, Kind::Number(number)) => {
            reading.ok(at, check_number(number, shape)).is_some()
        }
        (Shape::Version, Kind::Number(number)) => reading.ok(at, check_version(number)).is_some(),
        (Shape::Choice(choices), Kind::Text(text)) => reading.ok(at, check_choice(text, choices)).is_some(),
        (Shape::List(element), Kind::List(elements)) => {
            let bad = elements.iter().filter(|value| !check(value, element, reading)).count();
            bad == 0
        }
        (Shape::Map(element), Kind::Object(members)) => members.iter().fold(true, |is_good, member| {
            let is_named = reading.ok(member.key_at, check_name(&member.key)).is_some();
            check_unless_null(&member.value, element, reading) && is_named && is_good
        }),
        (Shape::Object(object), Kind::Object(_)) => check_object(value, object, reading),
        (Shape::Ecs(name), Kind::Object(_)) => check_ecs_object(value, name, reading),
        (Shape::Either(shapes), _) => match shapes.iter().find(|shape| is_of_type(shape, &value.kind)) {
            Some(shape) => check(value, shape, reading),
            None => wrong_type(value, shape, reading),
        },
        _ => wrong_type(value, shape, reading),
    }
}

fn check_unless_null(value: &Value<'_>, shape: &Shape, reading: &mut Reading<'_, '_>) -> bool {
    value.kind == Kind::Null || check(value, shape, reading)
}

fn wrong_type(value: &Value<'_>, shape: &Shape, reading: &mut Reading<'_, '_>) -> bool {
    let expected = describe(shape).into();
    reading.error(value.span.start, TraceProblem::WrongType { expected, found: value.type_name() });
    false
}

fn is_of_type(shape: &Shape, kind: &Kind<'_>) -> bool {
    match shape {
        Shape::Moment => matches!(kind, Kind::Number(_) | Kind::Text(_)),
        Shape::Bool => matches!(kind, Kind::Bool(_)),
        Shape::Text | Shape::Name | Shape::Choice(_) => matches!(kind, Kind::Text(_)),
        Shape::Version | Shape::Integer { .. } | Shape::Amount(_) | Shape::Seconds | Shape::Dollars => {
            matches!(kind, Kind::Number(_))
        }
        Shape::List(_) => matches!(kind, Kind::List(_)),
        Shape::Map(_) | Shape::Object(_) | Shape::Ecs(_) => matches!(kind, Kind::Object(_)),
        Shape::Either(shapes) => shapes.iter().any(|shape| is_of_type(shape, kind)),
        Shape::Unsupported => false,
    }
}

fn check_object(value: &Value<'_>, object: &'static Object, reading: &mut Reading<'_, '_>) -> bool {
    let mut is_good = true;
    let value = object.unwrapped(value);
    for (index, member) in value.members().iter().enumerate() {
        if is_note(&member.key) || is_repeated(value, index) {
            continue;
        }
        let key = object.keys.iter().find(|key| key.name == member.key);
        is_good &= match key {
            Some(Key { shape: Shape::Unsupported, name, .. }) => {
                check_unsupported(name, &member.value, member.key_at, reading)
            }
            Some(key) => check_unless_null(&member.value, &key.shape, reading),
            None => match object.ecs.iter().find_map(|shape| ecs::member(shape, &member.key)) {
                Some(kind) => check_ecs(&member.value, kind, reading),
                None => unknown_key(object.name, &member.key, member.key_at, &known_names(object), reading),
            },
        };
    }
    for key in object.keys.iter().filter(|key| key.is_required && value.get(key.name).is_none()) {
        reading.error(value.span.start, TraceProblem::MissingKey { object: object.name, key: key.name });
        is_good = false;
    }
    is_good
}

/// A part of the format that this version has not is no error where it says nothing.
pub(super) fn check_unsupported(key: &str, value: &Value<'_>, key_at: usize, reading: &mut Reading<'_, '_>) -> bool {
    let says_nothing = match &value.kind {
        Kind::Null => true,
        Kind::List(elements) => elements.is_empty(),
        Kind::Object(members) => members.is_empty(),
        _ => false,
    };
    if !says_nothing {
        reading.error(key_at, TraceProblem::Unsupported { what: key.into() });
    }
    says_nothing
}

/// The keys of an object, those that mean something first.
fn known_names(object: &'static Object) -> Vec<&'static str> {
    let of_ecs = object.ecs.iter().flat_map(|shape| ecs::members(shape).iter().map(|&(name, _)| name));
    let mut names: Vec<_> = object.keys.iter().map(|key| key.name).collect();
    for name in of_ecs {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether a member's key stands before it in the object already, which is reported where the text is read. The first
/// one counts.
fn is_repeated(object: &Value<'_>, index: usize) -> bool {
    let members = object.members();
    // Larger objects than any of ECS's are broken in other ways, too.
    members[..index.min(100)].iter().any(|earlier| earlier.key == members[index].key)
}

/// A key for the author's own notes.
pub(super) fn is_note(key: &str) -> bool {
    key.starts_with("x-")
}

/// Reports a key that nobody knows; with `--lenient` that is a warning.
pub(super) fn unknown_key(
    object: &'static str,
    key: &str,
    key_at: usize,
    known: &[&'static str],
    reading: &mut Reading<'_, '_>,
) -> bool {
    let is_lenient = reading.messages.is_lenient;
    let is_full = if is_lenient { reading.messages.is_full_of_warnings() } else { reading.messages.is_full() };
    if is_full {
        return is_lenient;
    }
    let shown = if key.chars().count() > NAME_LIMIT {
        key.chars().take(NAME_LIMIT).chain("…".chars()).collect()
    } else {
        key.into()
    };
    let nearest = nearest_key(key, known).map(Into::into);
    let problem = if holds_secrets(object) {
        TraceProblem::UnknownSecretKey { object, known: listed_keys(known) }
    } else {
        TraceProblem::UnknownKey { object, key: shown, nearest, known: listed_keys(known) }
    };
    if is_lenient {
        reading.warn(key_at, problem);
        return true;
    }
    reading.error(key_at, problem);
    false
}

/// One of ECS's objects: all names must be ECS's; scalars are not looked at.
fn check_ecs_object(value: &Value<'_>, shape: &'static str, reading: &mut Reading<'_, '_>) -> bool {
    let mut is_good = true;
    for (index, member) in value.members().iter().enumerate() {
        if is_note(&member.key) || is_repeated(value, index) {
            continue;
        }
        is_good &= if let Some(kind) = ecs::member(shape, &member.key) {
            check_ecs(&member.value, kind, reading)
        } else {
            let known: Vec<_> = ecs::members(shape).iter().map(|&(name, _)| name).collect();
            unknown_key(in_words(shape), &member.key, member.key_at, &known, reading)
        };
    }
    is_good
}

fn check_ecs(value: &Value<'_>, kind: ecs::Kind, reading: &mut Reading<'_, '_>) -> bool {
    match (kind, &value.kind) {
        (_, Kind::Null) | (ecs::Kind::Scalar | ecs::Kind::Map, _) => true,
        (ecs::Kind::List(element), Kind::List(elements)) => {
            let bad = elements.iter().filter(|value| !check_ecs(value, *element, reading)).count();
            bad == 0
        }
        (ecs::Kind::Structure(shape), Kind::Object(_)) => check_ecs_object(value, shape, reading),
        (ecs::Kind::List(_), _) => wrong_ecs_type(value, "a list", reading),
        (ecs::Kind::Structure(shape), _) => wrong_ecs_type(value, &an_object(shape), reading),
    }
}

fn wrong_ecs_type(value: &Value<'_>, expected: &str, reading: &mut Reading<'_, '_>) -> bool {
    reading.error(value.span.start, TraceProblem::WrongType { expected: expected.into(), found: value.type_name() });
    false
}

/// What people write where one of ECS's objects stands, with an example of those that have one.
fn an_object(shape: &str) -> String {
    let example = match shape {
        "PlacementConstraint" | "TaskDefinitionPlacementConstraint" => {
            r#"{"type": "memberOf", "expression": "attribute:stack == prod"}"#
        }
        "PlacementStrategy" => r#"{"type": "binpack", "field": "memory"}"#,
        "ContainerDefinition" => r#"{"name": "nginx", "cpu": 256, "memory": 100}"#,
        "PortMapping" => r#"{"containerPort": 80, "hostPort": 80}"#,
        "Attribute" => r#"{"name": "stack", "value": "prod"}"#,
        "Resource" => r#"{"name": "CPU", "type": "INTEGER", "integerValue": 2048}"#,
        "KeyValuePair" => r#"{"name": "NAME", "value": "VALUE"}"#,
        "NetworkConfiguration" => r#"{"awsvpcConfiguration": {"subnets": ["subnet-1"]}}"#,
        _ => return "an object".to_owned(),
    };
    format!("an object such as `{example}`")
}

/// Objects whose keys, where ECS does not know them, are most likely the author's own names and values.
fn holds_secrets(object: &str) -> bool {
    matches!(object, "an environment entry" | "a secret" | "a tag" | "an environment file")
}

/// A shape of ECS in messages.
fn in_words(shape: &'static str) -> &'static str {
    match shape {
        "ContainerDefinition" => "a container definition",
        "TaskDefinition" | "RegisterTaskDefinitionRequest" => "a task definition",
        "PortMapping" => "a port mapping",
        "KeyValuePair" => "an environment entry",
        "Secret" => "a secret",
        "Tag" => "a tag",
        "EnvironmentFile" => "an environment file",
        "NetworkConfiguration" => "a network configuration",
        "ResourceRequirement" => "a resource requirement",
        "LogConfiguration" => "a log configuration",
        "HealthCheck" => "a health check",
        "LoadBalancer" => "a load balancer",
        "RuntimePlatform" => "a runtime platform",
        "PlacementConstraint" | "TaskDefinitionPlacementConstraint" => "a placement constraint",
        "PlacementStrategy" => "a placement strategy",
        "Attribute" => "an attribute",
        "Resource" => "a resource",
        "DeploymentConfiguration" => "a deployment configuration",
        "AwsVpcConfiguration" => "an awsvpc configuration",
        "TaskOverride" => "a task override",
        "ContainerOverride" => "a container override",
        other => other,
    }
}

/// Whether text is a name.
pub(super) fn check_name(text: &str) -> Result<(), TraceProblem> {
    let length = text.chars().count();
    if length == 0 {
        return Err(TraceProblem::NameEmpty);
    }
    if length > NAME_LIMIT {
        return Err(TraceProblem::NameTooLong { length });
    }
    if text.chars().any(char::is_control) {
        return Err(TraceProblem::NameControlCharacter { name: text.into() });
    }
    Ok(())
}

/// Whether a number is one of its shape.
pub(super) fn check_number(number: &str, shape: &Shape) -> Result<u64, TraceProblem> {
    let (decimals, min, max) = match *shape {
        Shape::Integer { min, max } => (0, min, max),
        Shape::Amount(_) => (0, 0, AMOUNT_LIMIT),
        Shape::Seconds => (3, 0, MAX_MS),
        _ => (6, 0, 1_000_000_000_000_000),
    };
    let wrong = || {
        let found = if number.len() > 40 { format!("{}…", &number[..40]) } else { number.to_owned() };
        TraceProblem::WrongNumber { expected: describe(shape).into(), found: found.into() }
    };
    match scaled(number, decimals, max) {
        Ok(value) if value >= min => Ok(value),
        Ok(_) | Err(NumberProblem::Negative | NumberProblem::TooManyDecimals | NumberProblem::TooLarge) => Err(wrong()),
    }
}

fn check_version(number: &str) -> Result<(), TraceProblem> {
    if scaled(number, 0, 1) == Ok(1) {
        return Ok(());
    }
    Err(TraceProblem::Version { found: number.chars().take(40).collect::<String>().into() })
}

/// Whether text is one of the choices.
pub(super) fn check_choice(text: &str, choices: &'static [&'static str]) -> Result<&'static str, TraceProblem> {
    choices.iter().find(|&&choice| choice == text).copied().ok_or_else(|| TraceProblem::UnknownChoice {
        expected: listed(choices).into(),
        found: text.chars().take(NAME_LIMIT).collect::<String>().into(),
        nearest: nearest(text, choices.iter().copied()),
    })
}

fn listed(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
}

/// A shape in messages.
fn describe(shape: &Shape) -> Cow<'static, str> {
    match shape {
        Shape::Version => "the version of the trace format, 1".into(),
        Shape::Moment => "seconds since 1970, or a time as text".into(),
        Shape::Unsupported => "nothing".into(),
        Shape::Bool => "true or false".into(),
        Shape::Text => "a text".into(),
        Shape::Name => "a name, as text".into(),
        Shape::Integer { min, max } => format!("a whole number from {min} to {max}").into(),
        Shape::Amount(unit) => format!("a whole number of {unit} from 0 to {AMOUNT_LIMIT}").into(),
        Shape::Seconds => format!("seconds from 0 to {} with at most three decimals", MAX_MS / 1000).into(),
        Shape::Dollars => "dollars from 0 to 1000000000 with at most six decimals".into(),
        Shape::Choice(choices) => format!("one of {}", listed(choices)).into(),
        Shape::List(_) => "a list".into(),
        Shape::Map(_) => "an object".into(),
        Shape::Object(object) => format!("an object such as `{}`", object.example).into(),
        Shape::Ecs(name) => an_object(name).into(),
        Shape::Either(shapes) => shapes.iter().map(|shape| describe(shape)).collect::<Vec<_>>().join(", or ").into(),
    }
}
