//! Task definitions: one for all pods that ask for the same.

use std::collections::HashMap;

use serde::Serialize;

use super::MODEL;
use super::pods::{Pod, Shape};

/// The task definitions, one a shape, in the order in which the shapes first come up.
#[derive(Debug, Default)]
pub(super) struct Definitions<'p> {
    shapes: Vec<&'p Shape>,
    pub(super) names: HashMap<&'p Shape, String>,
}

impl<'p> Definitions<'p> {
    pub(super) fn of(pods: &'p [Pod]) -> Self {
        let mut definitions = Self::default();
        let mut families = UsedNames::default();
        for pod in pods {
            definitions.names.entry(&pod.shape).or_insert_with(|| {
                definitions.shapes.push(&pod.shape);
                families.next(&family(&pod.shape), '-')
            });
        }
        definitions
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = impl Serialize> {
        self.shapes.iter().map(|shape| self.entry(shape))
    }

    fn entry(&self, shape: &Shape) -> DefinitionOutput<'_> {
        let expression = model_expression(shape);
        DefinitionOutput {
            family: &self.names[shape],
            cpu: shape.cpu_milli,
            memory: shape.memory_mib,
            gpu: shape.gpus,
            gpu_milli: shape.gpu_milli,
            placement_constraints: expression
                .into_iter()
                .map(|expression| ConstraintOutput { kind: "memberOf", expression })
                .collect(),
        }
    }
}

/// The memberOf expression of the GPU models that a pod may have; `None`: any.
pub(crate) fn model_expression(shape: &Shape) -> Option<String> {
    let models: Vec<_> = shape.models.iter().map(|model| &**model).collect();
    match models[..] {
        [] => None,
        [model] => Some(format!("attribute:{MODEL} == {model}")),
        _ => Some(format!("attribute:{MODEL} in [{}]", models.join(", "))),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionOutput<'a> {
    family: &'a str,
    cpu: u32,
    memory: u32,
    #[serde(skip_serializing_if = "is_zero")]
    gpu: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_milli: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    placement_constraints: Vec<ConstraintOutput>,
}

#[derive(Debug, Serialize)]
struct ConstraintOutput {
    #[serde(rename = "type")]
    kind: &'static str,
    expression: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A family that says what a task of it asks for: `c6000-m12288-g1-share460-on-T4`. Not unique where models contain dots
/// or hyphens.
fn family(shape: &Shape) -> String {
    let mut parts = vec![format!("c{}-m{}", shape.cpu_milli, shape.memory_mib)];
    if shape.gpus > 0 {
        parts.push(format!("g{}", shape.gpus));
    }
    if let Some(gpu_milli) = shape.gpu_milli {
        parts.push(format!("share{gpu_milli}"));
    }
    if !shape.models.is_empty() {
        parts.push("on".to_owned());
        parts.extend(shape.models.iter().map(|model| model.replace('.', "_")));
    }
    parts.join("-")
}

/// Names that are unique: one that comes up again gets a number.
#[derive(Debug, Default)]
pub(super) struct UsedNames {
    /// The names, with the number that the next one alike gets.
    used: HashMap<String, u64>,
}

impl UsedNames {
    pub(super) fn next(&mut self, wanted: &str, separator: char) -> String {
        let Some(next) = self.used.get(wanted).copied() else {
            self.used.insert(wanted.to_owned(), 2);
            return wanted.to_owned();
        };
        let free = (next..).map(|number| (format!("{wanted}{separator}{number}"), number));
        let (name, number) = free.into_iter().find(|(name, _)| !self.used.contains_key(name)).unwrap_or_default();
        self.used.insert(wanted.to_owned(), number + 1);
        self.used.insert(name.clone(), 2);
        name
    }
}
