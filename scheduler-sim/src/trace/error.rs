//! What can be wrong with a trace: one variant a cause, each with its place.

use std::fmt;
use std::sync::Arc;

use scheduler_core::expression::ParseError;
use scheduler_core::{
    AttributeError, ConstraintError, InstanceError, RequestError, ServiceError, StrategyError, TaskDefinitionError,
    TaskGroupError,
};

use super::place::Place;
use crate::strategy::SpecError;

/// Most errors that are kept of one trace.
pub const ERROR_LIMIT: usize = 100;

/// An error or a warning, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceError {
    /// The file as it was named; `-` is standard input.
    pub file: Arc<str>,
    /// The line and column, where there is one.
    pub place: Option<Place>,
    /// What is wrong.
    pub problem: TraceProblem,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", Printable(&self.problem)),
            None => write!(f, "{}: {}", Printable(&self.file), Printable(&self.problem)),
        }
    }
}

impl std::error::Error for TraceError {}

/// Shows something on one line: what a terminal would act upon is written as an escape, such as `\n` or `\u{202e}`.
/// Back slashes and quotes, which names may contain, are shown as they are.
pub(crate) struct Printable<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '\\' | '\'' | '"' => self.0.write_char(character),
            _ => write!(self.0, "{}", character.escape_debug()),
        })
    }
}

/// The errors of one trace, in the order of their places; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceErrors {
    pub(super) errors: Vec<TraceError>,
    pub(super) warnings: Vec<TraceError>,
    pub(super) is_complete: bool,
}

impl TraceErrors {
    /// The errors.
    pub fn errors(&self) -> &[TraceError] {
        &self.errors
    }

    /// What was found besides and is no error.
    pub fn warnings(&self) -> &[TraceError] {
        &self.warnings
    }

    /// Whether all that can be looked at was; else there may be more.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl fmt::Display for TraceErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TraceErrors {}

impl From<TraceError> for TraceErrors {
    fn from(error: TraceError) -> Self {
        Self { errors: vec![error], warnings: Vec::new(), is_complete: true }
    }
}

impl IntoIterator for TraceErrors {
    type Item = TraceError;
    type IntoIter = std::vec::IntoIter<TraceError>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

/// What is wrong. Values of keys that placement does not use are never shown: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum TraceProblem {
    // The file.
    #[error("cannot read the file: {0}")]
    Read(Box<str>),
    #[error("the {form} data is broken or cut off: {problem}; compress the trace again")]
    Compression { form: &'static str, problem: Box<str> },
    #[error("the file is empty; a trace is a JSON document such as {{\"version\": 1}}")]
    Empty,
    #[error("not UTF-8 text; a trace is JSON in UTF-8, plain or compressed with gzip or zstd")]
    NotText,
    #[error("the line is longer than 16 MiB; break the document into lines, or write the trace as JSON Lines")]
    LineTooLong,
    #[error("a document of more than {limit} bytes; write the trace as JSON Lines, which is read as a stream")]
    DocumentTooLarge { limit: u64 },
    #[error("not JSON: {0}")]
    Syntax(Box<str>),
    #[error("something that is not {form} follows the packed data; cut it off, or compress the trace again")]
    AfterPacked { form: &'static str },
    #[error("a second value; the first value of JSON Lines is one line, and the events follow with a line each")]
    SecondValue,
    #[error("the document ended before this, and more text follows; remove it, or a bracket too many before it")]
    AfterDocument,
    #[error("an empty line; in JSON Lines each line after the first is one event")]
    EmptyLine,
    #[error("`events` in the first line of JSON Lines; the events follow it, one a line")]
    EventsInFirstLine,
    #[error(
        "the time goes back, from second {from} to {to}; the events of JSON Lines stand in the order of their times"
    )]
    TimeGoesBack { from: Seconds, to: Seconds },

    // Keys and types.
    #[error("`{key}` is given twice; keep one")]
    DuplicateKey { key: Box<str> },
    #[error("a key is given twice in one object; keep one")]
    DuplicateOwnKey,
    #[error("{object} has no key `{key}`{}", KeyHint(.nearest, .known))]
    UnknownKey { object: &'static str, key: Box<str>, nearest: Option<Box<str>>, known: Box<str> },
    #[error("{object} has a key that it does not know; there are {known}")]
    UnknownSecretKey { object: &'static str, known: Box<str> },
    #[error("a trace needs `version`; write `\"version\": 1`")]
    MissingVersion,
    #[error("{object} needs `{key}`")]
    MissingKey { object: &'static str, key: &'static str },
    #[error("expected {expected}, found {found}")]
    WrongType { expected: Box<str>, found: &'static str },
    #[error("expected {expected}, found {found}")]
    WrongNumber { expected: Box<str>, found: Box<str> },
    #[error("`{found}` is not one of {expected}{}", Suggestion(.nearest))]
    UnknownChoice { expected: Box<str>, found: Box<str>, nearest: Option<Box<str>> },
    #[error("a name of {length} characters; the limit is 255")]
    NameTooLong { length: usize },
    #[error("a name is empty; give it 1 to 255 characters, or leave the key away")]
    NameEmpty,
    #[error("the name `{name}` contains a control character")]
    NameControlCharacter { name: Box<str> },
    #[error("`{what}` is not supported by this version")]
    Unsupported { what: Box<str> },
    #[error("{0}")]
    Value(Box<str>),

    // The document.
    #[error("version {found} of the trace format; this program reads version 1")]
    Version { found: Box<str> },
    #[error("moment `{found}` is no time; it is seconds since 1970, or text such as `2018-06-18T22:28:28Z`")]
    Moment { found: Box<str> },
    #[error("default strategy: {0}")]
    DefaultStrategy(#[from] SpecError),

    // Container instances.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    #[error("{count} container instances with these; the limit is {limit}")]
    TooManyInstances { count: u64, limit: u64 },
    #[error("container instance `{name}` is there already, at {first}")]
    DuplicateInstance { name: Box<str>, first: Place },
    #[error("`remainingResources` belongs to one instance, but `count` is {count}; list the instances one by one")]
    RemainingOfMany { count: u32 },
    #[error(
        "{resource} of `{instance}`: {remaining} are remaining, but {registered} registered less {tasks} of its tasks are \
         fewer; the snapshot contradicts itself"
    )]
    RemainingTooLarge { instance: Box<str>, resource: &'static str, remaining: u32, registered: u32, tasks: u32 },
    #[error("port {port} of `{instance}` is taken by {by}, but `remainingResources` does not list it as taken")]
    PortNotTaken { instance: Box<str>, port: Box<str>, by: &'static str },

    // Task definitions and tasks.
    #[error(transparent)]
    Definition(#[from] TaskDefinitionError),
    #[error("revision {revision} of `{family}` is there already")]
    DuplicateRevision { family: Box<str>, revision: u32 },
    #[error("`{family}` has revision {revision}, the largest there can be; the next needs a number of its own")]
    NoRevisionLeft { family: Box<str>, revision: u32 },
    #[error("no task definition `{name}` here{}", Suggestion(.nearest))]
    UnknownDefinition { name: Box<str>, nearest: Option<Box<str>> },
    #[error("task `{name}` is there already, at {first}")]
    DuplicateTask { name: Box<str>, first: Place },
    #[error("no container instance `{name}` in `containerInstances`")]
    UnknownInstance { name: Box<str> },
    #[error("a task that runs needs `containerInstanceArn`; one without an instance is not running")]
    TaskWithoutInstance,

    // Requests.
    #[error(transparent)]
    Group(#[from] TaskGroupError),
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    #[error("the expression does not parse: {0}")]
    Expression(#[from] ParseError),
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("service `{name}` is there already, at {first}; services have names of their own")]
    DuplicateService { name: Box<str>, first: Place },
    #[error("a REPLICA service needs `desiredCount`")]
    DesiredCountMissing,
    #[error("a DAEMON service has no `placementStrategy`: it runs one task on each instance that may hold it")]
    StrategyOfDaemon,
    #[error("launch type `{found}`; tasks run on EC2 container instances here")]
    LaunchType { found: Box<str> },

    #[error("{count} subnets; the limit is 16")]
    TooManySubnets { count: usize },

    // Events.
    #[error("an event needs one action, such as `runTask`, beside `atSeconds`")]
    NoAction,
    #[error("an event has one action; `{second}` is a second beside `{first}`")]
    SecondAction { first: Box<str>, second: Box<str> },
    #[error("no task `{name}` was requested before{}", Suggestion(.nearest))]
    UnknownTask { name: Box<str>, nearest: Option<Box<str>> },
    #[error("task `{name}` is requested only later, at {later}; stop it after that")]
    TaskOnlyLater { name: Box<str>, later: Place },
    #[error("give one of {keys}")]
    OneOf { keys: &'static str },
    #[error("attributes with the prefix `ecs.` or `com.amazonaws.` are ECS's own; `{name}` cannot be changed (C-44)")]
    ReservedAttribute { name: Box<str> },
    #[error("{count} attributes in one call; the limit is 10")]
    TooManyAttributes { count: usize },

    // Warnings.
    #[error("subnet `{subnet}` is in no known Availability Zone; the task is not restricted. List it in `subnets`")]
    UnknownSubnet { subnet: Box<str> },
    #[error("`{what}` is not modelled; it has no effect here")]
    NoEffect { what: Box<str> },
    #[error("group `{group}` is that of a service's tasks (C-46)")]
    GroupOfService { group: Box<str> },
}

/// "; did you mean `x`?"
struct Suggestion<'a>(&'a Option<Box<str>>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

/// The key that was meant, or else the keys that there are.
struct KeyHint<'a>(&'a Option<Box<str>>, &'a str);

impl fmt::Display for KeyHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(_) => Suggestion(self.0).fmt(f),
            None => write!(f, "; there are {}", self.1),
        }
    }
}

/// Milliseconds, shown as seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(
    /// The milliseconds.
    pub u64,
);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.0 / 1000, self.0 % 1000);
        if milliseconds == 0 {
            write!(f, "{seconds}")
        } else {
            write!(f, "{seconds}.{}", format!("{milliseconds:03}").trim_end_matches('0'))
        }
    }
}
