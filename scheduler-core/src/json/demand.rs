//! Demands: `{"cpu": 250, "memory": 512, "gpu": 1, "ports": [80], "portsUdp": [53], "eni": true}`, and `gpuMilli` for a
//! share of the one GPU. ECS has no such type.

use super::text::{Amount, Port};
use crate::model::{Demand, GPU_MILLI, GpuDemand, HostPort, HostPorts, Protocol};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct DemandForm {
    cpu: Option<Amount>,
    memory: Option<Amount>,
    gpu: Option<GpuDemand>,
    gpu_milli: Option<u16>,
    ports: Option<Vec<Port>>,
    ports_udp: Option<Vec<Port>>,
    eni: Option<bool>,
}

impl<'de> Deserialize<'de> for Demand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Demand, D::Error> {
        let form = DemandForm::deserialize(deserializer)?;
        let demand = Demand {
            cpu_units: form.cpu.map_or(0, |amount| amount.0),
            memory_mib: form.memory.map_or(0, |amount| amount.0),
            gpus: gpus(form.gpu, form.gpu_milli)?,
            host_ports: host_ports(form.ports.unwrap_or_default(), form.ports_udp.unwrap_or_default()),
            needs_eni: form.eni.unwrap_or(false),
        };
        demand.checked().map_err(D::Error::custom)?;
        Ok(demand)
    }
}

/// What is written of a demand, also as part of a task definition's short form.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DemandOutput {
    cpu: u32,
    memory: u32,
    #[serde(skip_serializing_if = "is_no_gpu")]
    gpu: GpuDemand,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_milli: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports_udp: Vec<u16>,
}

impl DemandOutput {
    pub(super) fn new(demand: &Demand) -> DemandOutput {
        let (gpu, gpu_milli) = match demand.gpus {
            GpuDemand::Share(milli) => (GpuDemand::Count(1), Some(milli)),
            whole => (whole, None),
        };
        DemandOutput {
            cpu: demand.cpu_units,
            memory: demand.memory_mib,
            gpu,
            gpu_milli,
            ports: numbers(&demand.host_ports, Protocol::Tcp),
            ports_udp: numbers(&demand.host_ports, Protocol::Udp),
        }
    }
}

impl Serialize for Demand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct WithEni {
            #[serde(flatten)]
            demand: DemandOutput,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            eni: bool,
        }
        WithEni { demand: DemandOutput::new(self), eni: self.needs_eni }.serialize(serializer)
    }
}

/// Whole GPUs, or a share of one: then `gpu` is 1.
fn gpus<E: Error>(whole: Option<GpuDemand>, milli: Option<u16>) -> Result<GpuDemand, E> {
    match (whole.unwrap_or_default(), milli) {
        (whole, None) => Ok(whole),
        (GpuDemand::Count(1), Some(milli)) if u32::from(milli) == GPU_MILLI => Ok(GpuDemand::Count(1)),
        (GpuDemand::Count(1), Some(milli)) => Ok(GpuDemand::Share(milli)),
        (_, Some(_)) => Err(E::custom("`gpuMilli` is a share of one GPU; give `\"gpu\": 1` with it")),
    }
}

pub(super) fn host_ports(tcp: Vec<Port>, udp: Vec<Port>) -> HostPorts {
    let tcp = tcp.into_iter().map(|Port(port)| HostPort::tcp(port));
    tcp.chain(udp.into_iter().map(|Port(port)| HostPort::udp(port))).collect()
}

/// The numbers of the ports of one protocol, in order.
pub(super) fn numbers(ports: &HostPorts, protocol: Protocol) -> Vec<u16> {
    ports.iter().filter(|port| port.protocol == protocol).map(|port| port.port).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_no_gpu(gpus: &GpuDemand) -> bool {
    gpus.is_none()
}
