//! Attributes of container instances: which names and values exist, and what an instance has.
//!
//! Names and values follow the AWS API type [`Attribute`]; a value that was parsed once is valid for good.
//!
//! [`Attribute`]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attribute.html

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// Names of the attributes that Amazon ECS sets itself.
pub mod names {
    /// The AMI the instance was started from, as `ami-0123456789abcdef0`.
    pub const AMI_ID: &str = "ecs.ami-id";
    /// The Availability Zone, as `us-east-1a`.
    pub const AVAILABILITY_ZONE: &str = "ecs.availability-zone";
    /// The network interface that carries the others; only with trunking.
    pub const AWSVPC_TRUNK_ID: &str = "ecs.awsvpc-trunk-id";
    /// Set, without a value, on external instances only.
    pub const CAPABILITY_EXTERNAL: &str = "ecs.capability.external";
    /// `x86_64` or `arm64`, in lower case, unlike the task definition's `runtimePlatform`.
    pub const CPU_ARCHITECTURE: &str = "ecs.cpu-architecture";
    /// The EC2 instance type, as `m5.large`.
    pub const INSTANCE_TYPE: &str = "ecs.instance-type";
    /// `LINUX`, `WINDOWS_SERVER_2022_CORE` and the like, in upper case.
    pub const OS_FAMILY: &str = "ecs.os-family";
    /// `linux` or `windows`, in lower case.
    pub const OS_TYPE: &str = "ecs.os-type";
    /// The Outpost's ARN; only on Outposts.
    pub const OUTPOST_ARN: &str = "ecs.outpost-arn";
    /// The subnet, as `subnet-0123456789abcdef0`.
    pub const SUBNET_ID: &str = "ecs.subnet-id";
    /// The VPC, as `vpc-0123456789abcdef0`.
    pub const VPC_ID: &str = "ecs.vpc-id";

    /// All of the above, sorted.
    pub const BUILT_IN: &[&str] = &[
        AMI_ID,
        AVAILABILITY_ZONE,
        AWSVPC_TRUNK_ID,
        CAPABILITY_EXTERNAL,
        CPU_ARCHITECTURE,
        INSTANCE_TYPE,
        OS_FAMILY,
        OS_TYPE,
        OUTPOST_ARN,
        SUBNET_ID,
        VPC_ID,
    ];

    /// What the reserved names start with: Amazon's own, not for `PutAttributes`.
    pub const RESERVED_PREFIXES: &[&str] = &["ecs.", "com.amazonaws."];
}

/// An attribute's name: 1 to 128 of ASCII letters, digits, `-`, `_`, `/`, `\` and `.`; case-sensitive.
///
/// A clone shares the text. Names order by bytes.
///
/// ```
/// # use scheduler_core::model::attribute::{AttributeError, AttributeName};
/// let stack = AttributeName::new("stack")?;
/// assert_eq!(stack.as_str(), "stack");
/// assert!(AttributeName::new("my stack").is_err());
/// # Ok::<(), AttributeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeName(Arc<str>);

/// Functions that hand out the built-in names without another allocation.
macro_rules! built_in_names {
    ($($function:ident => $constant:ident),+ $(,)?) => {$(
        #[doc = concat!("The name [`names::", stringify!($constant), "`].")]
            pub fn $function() -> Self {
            static NAME: LazyLock<AttributeName> =
                LazyLock::new(|| AttributeName(names::$constant.into()));
            NAME.clone()
        }
    )+};
}

impl AttributeName {
    /// The most characters a name may have.
    pub const MAX_LENGTH: usize = 128;

    /// Checks `name` and keeps it.
    ///
    /// # Errors
    /// [`AttributeError::EmptyName`], [`AttributeError::NameTooLong`], [`AttributeError::NameCharacter`].
    pub fn new(name: &str) -> Result<Self, AttributeError> {
        if name.is_empty() {
            return Err(AttributeError::EmptyName);
        }
        if let Some(character) = name.chars().find(|&it| !Self::may_contain(it)) {
            return Err(AttributeError::NameCharacter { name: name.into(), character });
        }
        // Only ASCII is left, so bytes are characters.
        if name.len() > Self::MAX_LENGTH {
            return Err(AttributeError::NameTooLong { length: name.len() });
        }
        Ok(Self(name.into()))
    }

    built_in_names! {
        ami_id => AMI_ID,
        availability_zone => AVAILABILITY_ZONE,
        awsvpc_trunk_id => AWSVPC_TRUNK_ID,
        capability_external => CAPABILITY_EXTERNAL,
        cpu_architecture => CPU_ARCHITECTURE,
        instance_type => INSTANCE_TYPE,
        os_family => OS_FAMILY,
        os_type => OS_TYPE,
        outpost_arn => OUTPOST_ARN,
        subnet_id => SUBNET_ID,
        vpc_id => VPC_ID,
    }

    /// Whether `character` may stand in a name.
    pub fn may_contain(character: char) -> bool {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '/' | '\\' | '.')
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is Amazon's own: it starts with one of [`names::RESERVED_PREFIXES`] (C-44).
    pub fn is_reserved(&self) -> bool {
        names::RESERVED_PREFIXES.iter().any(|prefix| self.0.starts_with(prefix))
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AttributeName {
    type Err = AttributeError;

    fn from_str(name: &str) -> Result<Self, AttributeError> {
        Self::new(name)
    }
}

impl AsRef<str> for AttributeName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for AttributeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An attribute's value: 1 to 128 of ASCII letters, digits, `-`, `_`, `.`, `@`, `/`, `\`, `:` and space, with no space
/// at either end; case-sensitive.
///
/// A clone shares the text. An empty text is no value: that is `None` in [`Attributes`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeValue(Arc<str>);

impl AttributeValue {
    /// The most characters a value may have.
    pub const MAX_LENGTH: usize = 128;

    /// Checks `value` and keeps it.
    ///
    /// # Errors
    /// [`AttributeError::EmptyValue`], [`AttributeError::ValueTooLong`], [`AttributeError::ValueCharacter`],
    /// [`AttributeError::ValueEdgeSpace`].
    pub fn new(value: &str) -> Result<Self, AttributeError> {
        if value.is_empty() {
            return Err(AttributeError::EmptyValue);
        }
        if let Some(character) = value.chars().find(|&it| !Self::may_contain(it)) {
            return Err(AttributeError::ValueCharacter { value: value.into(), character });
        }
        if value.starts_with(' ') || value.ends_with(' ') {
            return Err(AttributeError::ValueEdgeSpace { value: value.into() });
        }
        // Only ASCII is left, so bytes are characters.
        if value.len() > Self::MAX_LENGTH {
            return Err(AttributeError::ValueTooLong { length: value.len() });
        }
        Ok(Self(value.into()))
    }

    /// Whether `character` may stand in a value.
    pub fn may_contain(character: char) -> bool {
        AttributeName::may_contain(character) || matches!(character, '@' | ':' | ' ')
    }

    /// The value's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AttributeValue {
    type Err = AttributeError;

    fn from_str(value: &str) -> Result<Self, AttributeError> {
        Self::new(value)
    }
}

impl AsRef<str> for AttributeValue {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Why a text is no attribute name or value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// The name has no character.
    #[error("an attribute name is empty; it has 1 to {} characters", AttributeName::MAX_LENGTH)]
    EmptyName,
    /// The name has more than [`AttributeName::MAX_LENGTH`] characters.
    #[error("an attribute name has {length} characters; the limit is {}", AttributeName::MAX_LENGTH)]
    NameTooLong {
        /// Its characters.
        length: usize,
    },
    /// A character that no name may have.
    #[error(
        "attribute name `{}` contains {character:?}; allowed are letters, digits, `-`, `_`, `/`, `\\` and `.`",
        Printable(.name)
    )]
    NameCharacter {
        /// The name as given.
        name: Box<str>,
        /// The first such character.
        character: char,
    },
    /// The value has no character. Leave the value out instead.
    #[error("an attribute value is empty; it has 1 to {} characters, or there is no value", AttributeValue::MAX_LENGTH)]
    EmptyValue,
    /// The value has more than [`AttributeValue::MAX_LENGTH`] characters.
    #[error("an attribute value has {length} characters; the limit is {}", AttributeValue::MAX_LENGTH)]
    ValueTooLong {
        /// Its characters.
        length: usize,
    },
    /// A character that no value may have.
    #[error(
        "attribute value `{}` contains {character:?}; \
         allowed are letters, digits, `-`, `_`, `.`, `@`, `/`, `\\`, `:` and space",
        Printable(.value)
    )]
    ValueCharacter {
        /// The value as given.
        value: Box<str>,
        /// The first such character.
        character: char,
    },
    /// The value starts or ends with a space.
    #[error("attribute value `{value}` starts or ends with a space; remove the space")]
    ValueEdgeSpace {
        /// The value as given.
        value: Box<str>,
    },
}

/// Shows a text on one line: what a terminal would act upon is written as an escape, such as `\n` or `\u{202e}`.
///
/// Back slashes and quotes, which names and values may contain, are shown as they are.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().try_for_each(|character| match character {
            '\\' | '\'' | '"' => f.write_char(character),
            _ => write!(f, "{}", character.escape_debug()),
        })
    }
}

/// What a container instance has, sorted by name.
///
/// ```
/// # use scheduler_core::model::attribute::{AttributeError, AttributeLookup, AttributeName, AttributeValue, Attributes};
/// let mut attributes = Attributes::new();
/// attributes.insert(AttributeName::new("stack")?, Some(AttributeValue::new("prod")?));
/// attributes.insert(AttributeName::new("gpu")?, None);
/// assert_eq!(attributes.get("stack"), AttributeLookup::Value("prod"));
/// assert_eq!(attributes.get("gpu"), AttributeLookup::WithoutValue);
/// assert_eq!(attributes.get("team"), AttributeLookup::Missing);
/// # Ok::<(), AttributeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attributes(BTreeMap<AttributeName, Option<AttributeValue>>);

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name`, replacing a value it had. True when the name is new.
    pub fn insert(&mut self, name: AttributeName, value: Option<AttributeValue>) -> bool {
        self.0.insert(name, value).is_none()
    }

    /// Removes `name`. True when it was there.
    pub fn remove(&mut self, name: impl AsRef<str>) -> bool {
        self.0.remove(name.as_ref()).is_some()
    }

    /// What there is under `name`.
    pub fn get(&self, name: impl AsRef<str>) -> AttributeLookup<'_> {
        match self.0.get(name.as_ref()) {
            None => AttributeLookup::Missing,
            Some(None) => AttributeLookup::WithoutValue,
            Some(Some(value)) => AttributeLookup::Value(value.as_str()),
        }
    }

    /// Whether there is an attribute `name`, with or without a value.
    pub fn contains(&self, name: impl AsRef<str>) -> bool {
        self.0.contains_key(name.as_ref())
    }

    /// The attributes in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AttributeName, Option<&AttributeValue>)> {
        self.0.iter().map(|(name, value)| (name, value.as_ref()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(AttributeName, Option<AttributeValue>)> for Attributes {
    /// Of two values for one name, the last is kept.
    fn from_iter<I: IntoIterator<Item = (AttributeName, Option<AttributeValue>)>>(attributes: I) -> Self {
        Self(attributes.into_iter().collect())
    }
}

impl Extend<(AttributeName, Option<AttributeValue>)> for Attributes {
    fn extend<I: IntoIterator<Item = (AttributeName, Option<AttributeValue>)>>(&mut self, attributes: I) {
        self.0.extend(attributes);
    }
}

/// What an instance has under an attribute's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeLookup<'a> {
    /// No such attribute.
    Missing,
    /// The attribute, set without a value. In comparisons an empty text counts as this (C-37).
    WithoutValue,
    /// The attribute's value.
    Value(&'a str),
}

impl<'a> AttributeLookup<'a> {
    /// The value, if there is one; never empty.
    pub fn value(self) -> Option<&'a str> {
        match self {
            Self::Value(value) if !value.is_empty() => Some(value),
            Self::Missing | Self::WithoutValue | Self::Value(_) => None,
        }
    }

    /// Whether the attribute is set, with or without a value.
    pub fn exists(self) -> bool {
        self != Self::Missing
    }
}

/// An attribute that a task definition requires of the instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequiredAttribute {
    /// The attribute's name.
    pub name: AttributeName,
    /// The value it must have; `None` asks for the name only.
    pub value: Option<AttributeValue>,
}

impl RequiredAttribute {
    /// Whether `attributes` have the name and, where one is asked for, the same value.
    pub fn is_met_by(&self, attributes: &Attributes) -> bool {
        match &self.value {
            None => attributes.contains(&self.name),
            Some(value) => attributes.get(&self.name) == AttributeLookup::Value(value.as_str()),
        }
    }
}

impl fmt::Display for RequiredAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            None => write!(f, "{}", self.name),
            Some(value) => write!(f, "{}={value}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_characters_of_the_api() {
        for good in ["a", "ecs.os-type", r"a\b", "foundry.signoz.io/storage", "_", &"n".repeat(128)] {
            assert_eq!(AttributeName::new(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(AttributeName::new(""), Err(AttributeError::EmptyName));
        assert_eq!(AttributeName::new(&"n".repeat(129)), Err(AttributeError::NameTooLong { length: 129 }));
        for (bad, character) in [("my attr", ' '), ("my:attr", ':'), ("größe", 'ö'), ("a@b", '@'), ("a\n", '\n')] {
            let error = AttributeError::NameCharacter { name: bad.into(), character };
            assert_eq!(AttributeName::new(bad), Err(error));
        }
    }

    #[test]
    fn a_value_has_no_space_at_either_end() {
        for good in ["x", "a b", "arn:aws:x/y", "me@example.com", &"v".repeat(128)] {
            assert_eq!(AttributeValue::new(good).map(|value| value.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(AttributeValue::new(""), Err(AttributeError::EmptyValue));
        assert_eq!(AttributeValue::new(&"v".repeat(129)), Err(AttributeError::ValueTooLong { length: 129 }));
        for bad in [" a", "a ", " "] {
            assert_eq!(AttributeValue::new(bad), Err(AttributeError::ValueEdgeSpace { value: bad.into() }));
        }
        let error = AttributeError::ValueCharacter { value: "a,b".into(), character: ',' };
        assert_eq!(AttributeValue::new("a,b"), Err(error));
    }

    #[test]
    fn an_error_message_shows_control_characters_as_escapes() {
        let error = AttributeName::new("a\u{1b}[31m").unwrap_err();
        assert_eq!(
            error.to_string(),
            r"attribute name `a\u{1b}[31m` contains '\u{1b}'; allowed are letters, digits, `-`, `_`, `/`, `\` and `.`"
        );
    }

    #[test]
    fn the_built_in_names_are_sorted_valid_and_reserved() {
        assert!(names::BUILT_IN.is_sorted());
        assert!(names::BUILT_IN.iter().all(|name| AttributeName::new(name).is_ok_and(|name| name.is_reserved())));
        assert_eq!(AttributeName::availability_zone().as_str(), "ecs.availability-zone");
    }

    #[test]
    fn a_requirement_without_a_value_asks_for_the_name_only() {
        let name = AttributeName::new("gpu").unwrap();
        let value = |text| Some(AttributeValue::new(text).unwrap());
        let check = |has: &[Option<AttributeValue>], wants: Option<AttributeValue>, expected| {
            let attributes: Attributes = has.iter().map(|value| (name.clone(), value.clone())).collect();
            let requirement = RequiredAttribute { name: name.clone(), value: wants };
            assert_eq!(requirement.is_met_by(&attributes), expected, "{requirement} of {attributes:?}");
        };
        check(&[], None, false);
        check(&[None], None, true);
        check(&[value("a")], None, true);
        check(&[None], value("a"), false);
        check(&[value("a")], value("a"), true);
        check(&[value("A")], value("a"), false);
    }
}
