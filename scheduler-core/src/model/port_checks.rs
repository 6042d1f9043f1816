//! Port mappings by network mode: which are valid, and which host ports they reserve (spec 1.3).

use super::container::{ContainerDefinition, NetworkMode, PortMapping};
use super::host_ports::{HostPort, HostPorts};
use super::task_definition_error::{PortProblem, TaskDefinitionError};

/// The most port ranges of one container.
pub(super) const MAX_PORT_RANGES: usize = 100;

/// The static host ports that a task of these containers reserves.
///
/// # Errors
/// The first mapping that the network mode does not allow, or a host port that is wanted twice (C-08).
pub(super) fn static_host_ports(
    mode: NetworkMode,
    containers: &[ContainerDefinition],
) -> Result<HostPorts, TaskDefinitionError> {
    let mut ports = HostPorts::new();
    for container in containers {
        check_mappings(mode, &container.port_mappings)
            .map_err(|problem| TaskDefinitionError::Port { container: container.name.clone(), problem })?;
        for port in container.port_mappings.iter().filter_map(|mapping| reserved(mode, mapping)) {
            if !ports.insert(port) {
                return Err(TaskDefinitionError::DuplicateHostPort { container: container.name.clone(), port });
            }
        }
    }
    Ok(ports)
}

/// The host port that a valid mapping reserves: in `bridge` mode a static one, in `host` mode the container's own
/// (C-09), otherwise none.
fn reserved(mode: NetworkMode, mapping: &PortMapping) -> Option<HostPort> {
    let port = match mode {
        NetworkMode::Bridge | NetworkMode::Default => mapping.host_port.filter(|&port| port != 0),
        NetworkMode::Host => mapping.container_port,
        NetworkMode::Awsvpc | NetworkMode::None => None,
    };
    port.map(|port| HostPort { protocol: mapping.protocol, port })
}

fn check_mappings(mode: NetworkMode, mappings: &[PortMapping]) -> Result<(), PortProblem> {
    if mode == NetworkMode::None && !mappings.is_empty() {
        return Err(PortProblem::NoNetwork);
    }
    mappings.iter().try_for_each(|mapping| check_mapping(mode, mapping))?;
    let count = mappings.iter().filter(|mapping| mapping.container_port_range.is_some()).count();
    if count > MAX_PORT_RANGES {
        return Err(PortProblem::TooManyRanges { count });
    }
    let mut ports: Vec<(u16, u16)> = mappings.iter().filter_map(PortMapping::container_ports).collect();
    ports.sort_unstable();
    match ports.windows(2).find(|pair| pair[1].0 <= pair[0].1) {
        Some(pair) => Err(PortProblem::PortTwice { port: pair[1].0 }),
        None => Ok(()),
    }
}

fn check_mapping(mode: NetworkMode, mapping: &PortMapping) -> Result<(), PortProblem> {
    let host_port = mapping.host_port.filter(|&port| port != 0);
    match (mapping.container_port, mapping.container_port_range) {
        (None, None) => Err(PortProblem::NoContainerPort),
        (Some(port), Some(range)) => Err(PortProblem::PortAndRange { port, range }),
        (Some(0), None) => Err(PortProblem::PortZero),
        (Some(container_port), None) => match host_port {
            Some(host_port)
                if matches!(mode, NetworkMode::Host | NetworkMode::Awsvpc) && host_port != container_port =>
            {
                Err(PortProblem::HostPortDiffers { mode, container_port, host_port })
            }
            _ => Ok(()),
        },
        (None, Some(range)) => match mapping.host_port {
            _ if range.first == 0 || range.first >= range.last => Err(PortProblem::RangeOrder { range }),
            _ if !matches!(mode, NetworkMode::Bridge | NetworkMode::Awsvpc) => {
                Err(PortProblem::RangeInMode { range, mode })
            }
            Some(host_port) => Err(PortProblem::RangeWithHostPort { range, host_port }),
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NetworkMode::{Awsvpc, Bridge, Default, Host, None};

    fn check(mode: NetworkMode, mappings: &[PortMapping], expected: Result<&[&str], &str>) {
        let container = ContainerDefinition { port_mappings: mappings.to_vec(), ..ContainerDefinition::new("app") };
        let actual = static_host_ports(mode, &[container])
            .map(|ports| ports.iter().map(|port| port.to_string()).collect::<Vec<_>>())
            .map_err(|error| error.to_string());
        let expected = expected.map(|ports| ports.iter().map(|&port| port.to_owned()).collect::<Vec<_>>());
        assert_eq!(actual, expected.map_err(str::to_owned), "{mode} {mappings:?}");
    }

    #[test]
    fn what_is_reserved_depends_on_the_network_mode() {
        let fixed = [PortMapping::tcp(80).on_host_port(8080), PortMapping::udp(53).on_host_port(53)];
        check(Bridge, &fixed, Ok(&["8080/tcp", "53/udp"]));
        check(Default, &fixed, Ok(&["8080/tcp", "53/udp"]));
        let own = [PortMapping::tcp(80), PortMapping::udp(53).on_host_port(53), PortMapping::tcp(81).on_host_port(0)];
        check(Host, &own, Ok(&["80/tcp", "81/tcp", "53/udp"])); // C-09
        check(Awsvpc, &own, Ok(&[]));
        check(None, &[], Ok(&[]));
        check(Bridge, &[PortMapping::range(8000, 8010)], Ok(&[]));
    }

    #[test]
    fn dynamic_ports_reserve_nothing() {
        check(Bridge, &[PortMapping::tcp(80).on_host_port(0), PortMapping::tcp(81)], Ok(&[])); // T8
    }

    #[test]
    fn invalid_mappings_are_refused() {
        let tcp = PortMapping::tcp;
        let range = PortMapping::range;
        check(None, &[tcp(80)], Err("container `app`: port mappings are not allowed in network mode `none`"));
        check(
            Bridge,
            &[PortMapping::default()],
            Err("container `app`: a port mapping has neither `containerPort` nor `containerPortRange`; \
                 give one of them"),
        );
        check(
            Bridge,
            &[PortMapping { container_port: Some(80), ..range(80, 90) }],
            Err("container `app`: container port `80` and range `80-90` are in one port mapping; give one of them"),
        );
        check(Bridge, &[tcp(0)], Err("container `app`: container port `0` is not a port; ports go from 1 to 65535"));
        for mode in [Host, Awsvpc] {
            let message = format!(
                "container `app`: When networkMode={mode}, the host ports and container ports in port mappings must \
                 match. `81` is not `80`"
            );
            check(mode, &[tcp(80).on_host_port(81)], Err(&message));
        }
        check(
            Host,
            &[range(80, 90)],
            Err(
                "container `app`: port range `80-90` is not allowed in network mode `host`, only in `bridge` and `awsvpc`",
            ),
        );
        check(
            Bridge,
            &[range(80, 90).on_host_port(80)],
            Err("container `app`: port range `80-90` has host port `80`; leave the host port out"),
        );
        for (first, last) in [(0, 9), (9, 9), (9, 8)] {
            let message = format!(
                "container `app`: port range `{first}-{last}` is not valid; the first port is at least 1 and below the last"
            );
            check(Bridge, &[range(first, last)], Err(&message));
        }
    }

    #[test]
    fn a_container_port_is_in_one_mapping() {
        let twice = |port: u16| {
            format!(
                "container `app`: container port `{port}` is in two port mappings; it can be in one, for one protocol"
            )
        };
        check(Bridge, &[PortMapping::tcp(80), PortMapping::udp(80)], Err(&twice(80)));
        check(Bridge, &[PortMapping::range(80, 90), PortMapping::tcp(90)], Err(&twice(90)));
        check(Bridge, &[PortMapping::range(85, 95), PortMapping::range(80, 90)], Err(&twice(85)));
    }

    #[test]
    fn a_container_has_at_most_100_ranges() {
        let ranges = |count: u16| (0..count).map(|index| PortMapping::range(1 + 2 * index, 2 + 2 * index));
        check(Bridge, &ranges(100).collect::<Vec<_>>(), Ok(&[]));
        check(
            Bridge,
            &ranges(101).collect::<Vec<_>>(),
            Err("container `app`: `101` port ranges are given; a container has at most 100"),
        );
    }

    #[test]
    fn a_static_host_port_is_wanted_once() {
        let mappings = [PortMapping::tcp(80).on_host_port(80), PortMapping::tcp(81).on_host_port(80)];
        check(
            Bridge,
            &mappings,
            Err("host port `80/tcp` is mapped twice, the second time by container `app`; a task can take it once"),
        );
    }
}
