//! Attribute classes: instances that no live request can tell apart by their attributes.
//!
//! Two instances are of one class if they agree on the Availability Zone and on every attribute name that some live
//! prepared request mentions. What a request asks of attributes is then evaluated once per class, not per instance,
//! although real instances carry attributes that are unique to them (host names, trunk ids).

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::model::{AttributeName, Attributes};

/// The number of a class; valid while [`AttributeClasses::identity`] stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassIndex(pub(crate) u32);

impl ClassIndex {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Keeps a name among the mentioned ones as long as it lives.
pub(crate) type Mention = Arc<()>;

#[derive(Debug, Clone)]
pub(crate) struct AttributeClasses {
    /// A new one whenever a class was added or all were numbered anew; forks share it until they part.
    identity: Arc<()>,
    mentions: BTreeMap<AttributeName, Weak<()>>,
    /// Projections of attributes on the mentioned names, and how many instances have each.
    classes: IndexMap<Attributes, u32, FxBuildHasher>,
    unused: usize,
}

impl AttributeClasses {
    pub(crate) fn new() -> Self {
        Self { identity: Arc::new(()), mentions: BTreeMap::new(), classes: IndexMap::default(), unused: 0 }
    }

    /// Changes whenever what is known per class may have changed.
    pub(crate) fn identity(&self) -> &Arc<()> {
        &self.identity
    }

    /// The projections, in the order of their numbers.
    pub(crate) fn projections(&self) -> impl Iterator<Item = &Attributes> {
        self.classes.keys()
    }

    /// Whether instances that differ in one of `names` are always of different classes.
    pub(crate) fn tell_apart(&self, names: &[AttributeName]) -> bool {
        names.iter().all(|name| is_always_mentioned(name) || self.mentions.contains_key(name))
    }

    /// Mentions `names` for as long as the returned tokens live. True beside them: call [`rebuild`](Self::rebuild).
    pub(crate) fn mention(&mut self, names: &[AttributeName]) -> (Vec<Mention>, bool) {
        let must_rebuild = !self.tell_apart(names);
        if must_rebuild {
            self.mentions.retain(|_, mention| mention.strong_count() > 0);
        }
        let tokens = names
            .iter()
            .filter(|name| !is_always_mentioned(name))
            .map(|name| {
                let known = self.mentions.get(name).and_then(Weak::upgrade);
                known.unwrap_or_else(|| {
                    let token = Arc::new(());
                    self.mentions.insert(name.clone(), Arc::downgrade(&token));
                    token
                })
            })
            .collect();
        (tokens, must_rebuild)
    }

    /// The class of an instance that joins it now.
    pub(crate) fn join(&mut self, attributes: &Attributes) -> ClassIndex {
        let projection = self.project(attributes);
        if let Some((index, _, members)) = self.classes.get_full_mut(&projection) {
            self.unused -= usize::from(*members == 0);
            *members += 1;
            return ClassIndex(index as u32);
        }
        self.identity = Arc::new(());
        let (index, _) = self.classes.insert_full(projection, 1);
        ClassIndex(index as u32)
    }

    /// An instance leaves its class. True: so many classes are unused that [`rebuild`](Self::rebuild) pays.
    #[must_use]
    pub(crate) fn leave(&mut self, class: ClassIndex) -> bool {
        let members = &mut self.classes[class.index()];
        *members -= 1;
        self.unused += usize::from(*members == 0);
        self.unused > 64 + self.classes.len() / 2
    }

    /// Numbers the classes anew for the instances given, and returns the class of each.
    pub(crate) fn rebuild<'a>(&mut self, instances: impl Iterator<Item = &'a Attributes>) -> Vec<ClassIndex> {
        self.identity = Arc::new(());
        self.classes.clear();
        self.unused = 0;
        instances.map(|attributes| self.join(attributes)).collect()
    }

    fn project(&self, attributes: &Attributes) -> Attributes {
        let mut projection = Attributes::new();
        for (name, value) in attributes.iter() {
            if is_always_mentioned(name) || self.mentions.contains_key(name) {
                projection.insert(name.clone(), value.cloned());
            }
        }
        projection
    }
}

/// The zone is part of every class: `headroom` and the totals per zone need it.
fn is_always_mentioned(name: &AttributeName) -> bool {
    name.as_str() == crate::model::names::AVAILABILITY_ZONE
}
