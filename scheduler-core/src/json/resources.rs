//! Registered resources: ECS's list of `Resource`, read also from the short map
//! `{"cpu": 2048, "memory": 7680, "gpu": 1, "ports": [22], "portsUdp": []}`.
//!
//! In both, absent TCP ports are the Linux agent's default ones (C-02); an empty list is none.

use super::demand::{host_ports, numbers};
use super::text::{Amount, Port, read_port};
use crate::model::{HostPorts, Protocol, Resources};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Resources, D::Error> {
        let resources = deserializer.deserialize_any(ResourcesVisitor)?;
        resources.checked().map_err(D::Error::custom)?;
        Ok(resources)
    }
}

struct ResourcesVisitor;

impl<'de> Visitor<'de> for ResourcesVisitor {
    type Value = Resources;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resources, or a map with `cpu` and `memory`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Resources, A::Error> {
        from_list(Vec::deserialize(SeqAccessDeserializer::new(list))?)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Resources, A::Error> {
        let form = ShortForm::deserialize(MapAccessDeserializer::new(map))?;
        let resources = Resources::new(form.cpu.0, form.memory.0).with_gpus(form.gpu.map_or(0, |gpu| gpu.0));
        Ok(with_ports(resources, form.ports, form.ports_udp))
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShortForm {
    cpu: Amount,
    memory: Amount,
    gpu: Option<Amount>,
    ports: Option<Vec<Port>>,
    ports_udp: Option<Vec<Port>>,
}

/// ECS's `Resource`. The numeric fields that `type` does not name are filled with zeros.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceForm {
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    integer_value: Option<Amount>,
    long_value: Option<Amount>,
    string_set_value: Option<Vec<String>>,
}

impl ResourceForm {
    fn amount<E: Error>(&self) -> Result<u32, E> {
        let value = match self.kind.as_deref() {
            None | Some("INTEGER") => self.integer_value,
            Some("LONG") => self.long_value,
            Some(_) => None,
        };
        value.map(|amount| amount.0).ok_or_else(|| {
            let name = &self.name;
            E::custom(format_args!(
                "resource `{name}` has no whole number; it is of type `INTEGER` with `integerValue`"
            ))
        })
    }

    fn ports<E: Error>(self) -> Result<Vec<Port>, E> {
        let texts = self.string_set_value.unwrap_or_default();
        let port = |text: &String| {
            read_port(text).map(Port).ok_or_else(|| {
                E::custom(format_args!("resource `{}` lists {text:?}, which is not a port from 1 to 65535", self.name))
            })
        };
        texts.iter().map(port).collect()
    }
}

/// Resources of other names, such as `NEURON_CORES`, are skipped.
fn from_list<E: Error>(list: Vec<ResourceForm>) -> Result<Resources, E> {
    let (mut cpu, mut memory, mut gpus, mut tcp, mut udp) = (None, None, None, None, None);
    for resource in list {
        let name = resource.name.clone();
        let is_second = match name.as_str() {
            "CPU" => cpu.replace(resource.amount()?).is_some(),
            "MEMORY" => memory.replace(resource.amount()?).is_some(),
            "GPU" => gpus.replace(resource.string_set_value.unwrap_or_default()).is_some(),
            "PORTS" => tcp.replace(resource.ports()?).is_some(),
            "PORTS_UDP" => udp.replace(resource.ports()?).is_some(),
            _ => false,
        };
        if is_second {
            return Err(E::custom(format_args!("resource `{name}` is given twice")));
        }
    }
    let cpu = cpu.ok_or_else(|| E::custom("resource `CPU` is missing"))?;
    let memory = memory.ok_or_else(|| E::custom("resource `MEMORY` is missing"))?;
    let resources = Resources::new(cpu, memory).with_gpu_ids(gpus.unwrap_or_default());
    Ok(with_ports(resources, tcp, udp))
}

fn with_ports(resources: Resources, tcp: Option<Vec<Port>>, udp: Option<Vec<Port>>) -> Resources {
    let agents_own = || numbers(&HostPorts::default_linux(), Protocol::Tcp).into_iter().map(Port).collect();
    resources.with_reserved_ports(host_ports(tcp.unwrap_or_else(agents_own), udp.unwrap_or_default()))
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceOutput {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    integer_value: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_set_value: Option<Vec<String>>,
}

impl ResourceOutput {
    fn integer(name: &'static str, value: u32) -> ResourceOutput {
        ResourceOutput { name, kind: "INTEGER", integer_value: Some(value), string_set_value: None }
    }

    fn string_set(name: &'static str, values: impl IntoIterator<Item = impl ToString>) -> ResourceOutput {
        let values = values.into_iter().map(|value| value.to_string()).collect();
        ResourceOutput { name, kind: "STRINGSET", integer_value: None, string_set_value: Some(values) }
    }
}

impl Serialize for Resources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = vec![
            ResourceOutput::integer("CPU", self.cpu_units()),
            ResourceOutput::integer("MEMORY", self.memory_mib()),
            ResourceOutput::string_set("PORTS", numbers(self.reserved_ports(), Protocol::Tcp)),
            ResourceOutput::string_set("PORTS_UDP", numbers(self.reserved_ports(), Protocol::Udp)),
        ];
        if !self.gpu_ids().is_empty() {
            list.push(ResourceOutput::string_set("GPU", self.gpu_ids()));
        }
        list.serialize(serializer)
    }
}
