//! Cluster query expressions: whether a container instance is one that a text describes.
//!
//! An [`Expression`] is parsed once, with a [`ParseError`] that points and suggests, and then asked about any number of
//! instances through [`InstanceFacts`].
//!
//! ```
//! use scheduler_core::expression::Expression;
//!
//! let expression: Expression = "attribute:stack==prod && !(task:group == 'service:web')".parse()?;
//! assert_eq!(expression.to_string(), "attribute:stack == prod and not(task:group == service:web)");
//!
//! let error = Expression::parse("ecs.instance-type == t2.small").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "`ecs.instance-type` is not a subject; did you mean `attribute:ecs.instance-type`?"
//! );
//! # Ok::<(), scheduler_core::expression::ParseError>(())
//! ```
//!
//! The language follows [the developer guide]; [`reference`](mod@reference) tells all of it.
//!
//! [the developer guide]: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html

mod argument;
mod attributes_alone;
mod error;
mod evaluation;
mod lexer;
mod lint;
mod parser;
mod pattern;
mod pointer;
mod suggest;
mod syntax;
mod value;

#[doc = include_str!("reference.md")]
pub mod reference {
    /// The text of this page, in Markdown.
    pub const TEXT: &str = include_str!("reference.md");
}

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

pub use error::{ParseError, ParseErrorKind};
pub use lint::{Lint, LintKind};
pub use pattern::{Pattern, PatternError, PatternErrorKind, UnsupportedFeature};
pub use syntax::{Argument, Comparison, Node, Operator, Span, Subject};
pub use value::Version;

use self::attributes_alone::AttributesAlone;
use crate::model::attribute::{AttributeLookup, AttributeName, Attributes};

/// A cluster query expression. A clone shares the tree.
///
/// Equality and hash go by the tree, whatever spaces, quotes and parentheses it was written with.
///
/// ```
/// # use scheduler_core::expression::{Expression, InstanceFacts};
/// # use scheduler_core::model::attribute::{AttributeLookup, AttributeName};
/// struct Micro;
///
/// impl InstanceFacts for Micro {
///     fn ec2_instance_id(&self) -> &str { "i-0a3" }
///     fn attribute(&self, name: &AttributeName) -> AttributeLookup<'_> {
///         match name.as_str() {
///             "ecs.instance-type" => AttributeLookup::Value("t2.micro"),
///             _ => AttributeLookup::Missing,
///         }
///     }
///     fn agent_connected(&self) -> bool { true }
///     fn agent_version(&self) -> &str { "1.103.0" }
///     fn registered_at_ms(&self) -> i64 { 0 }
///     fn running_tasks_count(&self) -> u64 { 1 }
///     fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool { test("service:web") }
/// }
///
/// let is_true = |text: &str| Expression::parse(text).unwrap().matches(&Micro);
/// assert!(is_true("attribute:ecs.instance-type =~ t2.*"));
/// assert!(is_true("agentVersion > 1.9 and task:group == service:web"));
/// // Without the attribute, `!=` is false; only `not` negates the answer.
/// assert!(!is_true("attribute:stack != prod"));
/// assert!(is_true("not(attribute:stack == prod)"));
/// ```
#[derive(Clone)]
pub struct Expression(Arc<Inner>);

/// What clones of an expression share.
struct Inner {
    text: Box<str>,
    root: Node,
    attribute_names: Box<[AttributeName]>,
    is_static: bool,
    reads_tasks: bool,
}

impl Expression {
    /// The most characters an expression may have, as in the AWS API.
    pub const MAX_CHARACTERS: usize = 2000;

    /// Parses `text`.
    ///
    /// # Errors
    /// [`ParseError`]: the text is no expression, with the first place where that shows.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let root = parser::parse(text)?;
        let mut inner =
            Inner { text: text.into(), root, attribute_names: Box::default(), is_static: true, reads_tasks: false };
        let mut names = Vec::new();
        visit(&inner.root, &mut |comparison| match &comparison.subject {
            Subject::Attribute(name) => names.push(name.clone()),
            Subject::TaskGroup | Subject::RunningTasksCount => (inner.is_static, inner.reads_tasks) = (false, true),
            Subject::AgentConnected | Subject::AgentVersion | Subject::Ec2InstanceId | Subject::RegisteredAt => {
                inner.is_static = false;
            }
        });
        names.sort_unstable();
        names.dedup();
        inner.attribute_names = names.into();
        Ok(Self(Arc::new(inner)))
    }

    /// The text as written. Spans point into it.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The tree.
    pub fn root(&self) -> &Node {
        &self.0.root
    }

    /// Whether the expression holds on the instance with these `facts`.
    ///
    /// Cost: linear in the expression and the facts it asks for; operands that decide nothing any more are not asked.
    pub fn matches(&self, facts: &dyn InstanceFacts) -> bool {
        evaluation::holds(&self.0.root, facts)
    }

    /// Whether an instance with these attributes matches. For an expression that [is static](Self::is_static); of other
    /// subjects it knows nothing: no task, no agent, no name.
    pub fn matches_attributes(&self, attributes: &Attributes) -> bool {
        self.matches(&AttributesAlone(attributes))
    }

    /// Whether every subject is an attribute, so that the answer changes only with the instance's attributes.
    pub fn is_static(&self) -> bool {
        self.0.is_static
    }

    /// Whether a subject is `task:group` or `runningTasksCount`, so that starting a task can change the answer.
    pub fn reads_tasks(&self) -> bool {
        self.0.reads_tasks
    }

    /// The attributes that are asked for: sorted, each once.
    pub fn attribute_names(&self) -> &[AttributeName] {
        &self.0.attribute_names
    }

    /// What is worth a remark, in the order of the text.
    ///
    /// Cost: that of parsing; nothing is kept.
    pub fn lints(&self) -> Vec<Lint> {
        parser::lints(&self.0.text)
    }
}

/// Calls `see` for each comparison, in the order of the text.
fn visit<'n>(node: &'n Node, see: &mut dyn FnMut(&'n Comparison)) {
    match node {
        Node::Or(operands) | Node::And(operands) => operands.iter().for_each(|operand| visit(operand, see)),
        Node::Not(operand) => visit(operand, see),
        Node::Comparison(comparison) => see(comparison),
    }
}

/// The canonical text, which parses to an equal expression; [the text as written](Expression::text) where that would
/// exceed [`MAX_CHARACTERS`](Expression::MAX_CHARACTERS).
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canonical = self.0.root.to_string();
        let is_too_long = canonical.chars().nth(Self::MAX_CHARACTERS).is_some();
        f.pad(if is_too_long { &self.0.text } else { &canonical })
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.root == other.0.root
    }
}

impl Eq for Expression {}

impl Hash for Expression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.root.hash(state);
    }
}

impl FromStr for Expression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// What expressions ask about one container instance.
pub trait InstanceFacts {
    /// The instance's name, for `ec2InstanceId`.
    fn ec2_instance_id(&self) -> &str;

    /// What the instance has under an attribute's name.
    fn attribute(&self, name: &AttributeName) -> AttributeLookup<'_>;

    /// Whether the agent is connected.
    fn agent_connected(&self) -> bool;

    /// The agent's version. A text that is no version is neither greater nor less than any.
    fn agent_version(&self) -> &str;

    /// When the instance registered, in milliseconds since the Unix epoch.
    fn registered_at_ms(&self) -> i64;

    /// How many tasks are on the instance.
    fn running_tasks_count(&self) -> u64;

    /// Whether `test` holds for the group of at least one task on the instance; it may be called once for each group.
    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

#[cfg(test)]
mod tests;
