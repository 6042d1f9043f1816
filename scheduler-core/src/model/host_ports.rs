//! Host ports: a small sorted set of (protocol, port), as `PORTS` and `PORTS_UDP` hold them.
//!
//! TCP and UDP are separate name spaces (spec 1.3). A set has at most a hundred members in practice, so it is one
//! sorted list: lookups take O(log n), changes O(n).

use std::fmt;

/// The most ports that may be reserved on one container instance at a time, TCP and UDP together, the default
/// reserved ports included (C-06; ECS API reference, `PortMapping.hostPort`).
pub const RESERVED_PORT_LIMIT: u32 = 100;

/// TCP ports that the Linux agent reserves at registration (C-02).
const LINUX_TCP: [u16; 5] = [22, 2375, 2376, 51678, 51679];

/// TCP ports that the Windows agent reserves at registration.
const WINDOWS_TCP: [u16; 11] = [53, 135, 139, 445, 2375, 2376, 3389, 5985, 5986, 51678, 51679];

/// The transport protocol of a port mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protocol {
    /// `tcp`, ECS's default.
    #[default]
    Tcp,
    /// `udp`.
    Udp,
}

impl Protocol {
    /// Reads ECS's text: `udp` is UDP, anything else is TCP (case-sensitive; ECS API reference, `PortMapping.protocol`).
    pub fn from_ecs(text: &str) -> Protocol {
        if text == "udp" { Protocol::Udp } else { Protocol::Tcp }
    }

    /// `"tcp"` or `"udp"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One port of a container instance.
///
/// Ordered by protocol, then port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port, 1 to 65535; 0 is refused wherever demands and resources are checked.
    pub port: u16,
}

impl HostPort {
    /// A TCP port.
    pub const fn tcp(port: u16) -> HostPort {
        HostPort { protocol: Protocol::Tcp, port }
    }

    /// A UDP port.
    pub const fn udp(port: u16) -> HostPort {
        HostPort { protocol: Protocol::Udp, port }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.protocol)
    }
}

/// A set of host ports, sorted by protocol and port.
///
/// ```
/// use scheduler_core::model::{HostPort, HostPorts};
///
/// let taken = HostPorts::default_linux();
/// let wanted: HostPorts = [HostPort::tcp(22), HostPort::udp(22)].into_iter().collect();
/// let clashes: Vec<String> = taken.clashes(&wanted).map(|port| port.to_string()).collect();
/// assert_eq!(clashes, ["22/tcp"]); // UDP ports are a name space of their own.
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HostPorts(Vec<HostPort>);

impl HostPorts {
    /// The empty set.
    pub const fn new() -> HostPorts {
        HostPorts(Vec::new())
    }

    /// A set of TCP ports.
    pub fn tcp(ports: &[u16]) -> HostPorts {
        ports.iter().map(|&port| HostPort::tcp(port)).collect()
    }

    /// What the Linux agent reserves at registration: TCP 22, 2375, 2376, 51678 and 51679 (C-02).
    pub fn default_linux() -> HostPorts {
        HostPorts::tcp(&LINUX_TCP)
    }

    /// What the Windows agent reserves at registration.
    pub fn default_windows() -> HostPorts {
        HostPorts::tcp(&WINDOWS_TCP)
    }

    /// Whether `port` is in the set.
    pub fn contains(&self, port: HostPort) -> bool {
        self.0.binary_search(&port).is_ok()
    }

    /// Adds `port`; false if it was there already.
    pub fn insert(&mut self, port: HostPort) -> bool {
        match self.0.binary_search(&port) {
            Ok(_) => false,
            Err(index) => {
                self.0.insert(index, port);
                true
            }
        }
    }

    /// Takes `port` out; false if it was not there.
    pub fn remove(&mut self, port: HostPort) -> bool {
        match self.0.binary_search(&port) {
            Ok(index) => {
                self.0.remove(index);
                true
            }
            Err(_) => false,
        }
    }

    /// The ports in order: TCP before UDP, then by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = HostPort> + '_ {
        self.0.iter().copied()
    }

    /// The ports in order, as a slice.
    pub fn as_slice(&self) -> &[HostPort] {
        &self.0
    }

    /// The number of ports, TCP and UDP together.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no port.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ports that are in both sets, in order.
    pub fn clashes<'a>(&'a self, other: &'a HostPorts) -> impl Iterator<Item = HostPort> + 'a {
        let (few, many) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        few.iter().filter(|&port| many.contains(port))
    }
}

impl FromIterator<HostPort> for HostPorts {
    fn from_iter<I: IntoIterator<Item = HostPort>>(ports: I) -> HostPorts {
        let mut ports: Vec<HostPort> = ports.into_iter().collect();
        ports.sort_unstable();
        ports.dedup();
        HostPorts(ports)
    }
}

impl<'a> IntoIterator for &'a HostPorts {
    type Item = HostPort;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, HostPort>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ports: &HostPorts, expected: &[&str]) {
        let texts: Vec<String> = ports.iter().map(|port| port.to_string()).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn ports_are_kept_sorted_and_distinct() {
        let mut ports: HostPorts =
            [HostPort::udp(53), HostPort::tcp(443), HostPort::tcp(80), HostPort::tcp(80)].into_iter().collect();
        check(&ports, &["80/tcp", "443/tcp", "53/udp"]);
        assert!(ports.insert(HostPort::tcp(53)));
        assert!(!ports.insert(HostPort::tcp(53)));
        check(&ports, &["53/tcp", "80/tcp", "443/tcp", "53/udp"]);
        assert!(ports.remove(HostPort::tcp(80)));
        assert!(!ports.remove(HostPort::tcp(80)));
        check(&ports, &["53/tcp", "443/tcp", "53/udp"]);
    }

    #[test]
    fn clashes_are_symmetric_and_know_the_protocol() {
        let taken = HostPorts::default_linux();
        let wanted = [HostPort::udp(22), HostPort::tcp(2376), HostPort::tcp(80)].into_iter().collect();
        check(&taken.clashes(&wanted).collect(), &["2376/tcp"]);
        check(&wanted.clashes(&taken).collect(), &["2376/tcp"]);
    }

    #[test]
    fn the_agents_defaults_are_as_documented() {
        check(&HostPorts::default_linux(), &["22/tcp", "2375/tcp", "2376/tcp", "51678/tcp", "51679/tcp"]);
        assert_eq!(HostPorts::default_windows().len(), 11);
        assert!(HostPorts::default_windows().contains(HostPort::tcp(3389)));
    }

    #[test]
    fn an_unknown_protocol_is_tcp() {
        for (text, protocol) in [("udp", Protocol::Udp), ("tcp", Protocol::Tcp), ("UDP", Protocol::Tcp)] {
            assert_eq!(Protocol::from_ecs(text), protocol, "{text}");
        }
    }
}
