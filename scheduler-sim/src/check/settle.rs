//! Between events: DAEMON services, waiting tasks and REPLICA services have their turns, round after round, until nobody
//! has anything to do.

use super::CheckError;
use super::record::{Record, What};
use super::replay::{Rank, Replay};

/// Whose turn it is; the order is that of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    Daemon(usize),
    Queue,
    Replica(usize),
}

impl Replay<'_> {
    /// Follows the lines of one such time; whether there were any. `is_last`: nothing else happens in this instant.
    pub(super) fn settle(&mut self, is_last: bool) -> Result<bool, CheckError> {
        let mut last: Option<Turn> = None;
        let mut untimely = None;
        let freed_before = self.cluster.freed;
        self.queue.begin_turn();
        self.services.values_mut().for_each(|service| service.is_placing = false);
        loop {
            let now_ms = self.now_ms;
            let Some(record) = self.log.peek()?.filter(|record| record.at_ms == now_ms).cloned() else { break };
            let Some(turn) = self.turn_of(&record) else { break };
            // Until somebody makes room, whoever has something to do had it from the beginning.
            let is_ordered = self.cluster.freed == freed_before;
            match self.take_turn(last, turn, &record, is_ordered) {
                Ok(()) => last = Some(turn),
                // It may be right after what else happens in this instant.
                Err(error @ CheckError::Wrong(_)) if !is_last || self.is_anything_due() => {
                    untimely = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let is_done = match self.undone(true, |_| true) {
            Some(should) => Err(self.log.wrong(should)),
            None => self.check_told(),
        };
        is_done.map_err(|error| untimely.unwrap_or(error))?;
        Ok(last.is_some())
    }

    fn is_anything_due(&self) -> bool {
        self.agenda.range(..=(self.now_ms, Rank::InstantEnd, u64::MAX)).next().is_some()
    }

    fn turn_of(&self, record: &Record) -> Option<Turn> {
        if self.is_of_queue(record) {
            return Some(Turn::Queue);
        }
        let is_by_service = match &record.what {
            What::Placed { .. } | What::Refused { waits: false, .. } => true,
            What::Refused { .. } => false,
            What::Stopped { why, .. } => {
                matches!(&**why, "scale-in" | "deployment" | "draining" | "rebalancing")
            }
        };
        if record.event.is_some() || !is_by_service {
            return None;
        }
        let of_group = self.services.iter().find(|(_, service)| *service.ask.group == *record.group);
        of_group.map(|(id, service)| if service.is_daemon() { Turn::Daemon(*id) } else { Turn::Replica(*id) })
    }

    fn take_turn(
        &mut self,
        last: Option<Turn>,
        turn: Turn,
        record: &Record,
        is_ordered: bool,
    ) -> Result<(), CheckError> {
        // Whoever had a turn since the last line had nothing to do.
        let overtaken = match last.filter(|_| is_ordered) {
            Some(last) if last < turn => self.undone(false, |it| last <= it && it < turn),
            Some(last) if last > turn => self.undone(false, |it| last <= it || it < turn),
            None if is_ordered => self.undone(false, |it| it < turn),
            _ => None,
        };
        if let Some(should) = overtaken {
            return Err(self.log.wrong(should));
        }
        if last != Some(turn) {
            self.queue.begin_turn();
            let Self { cluster, services, .. } = self;
            if let Turn::Daemon(id) | Turn::Replica(id) = turn
                && let Some(service) = services.get_mut(&id)
            {
                service.begin_turn(cluster.version, cluster.freed);
            }
        }
        match turn {
            Turn::Daemon(id) => self.follow_daemon(id, record),
            Turn::Queue => self.leave_queue(record),
            Turn::Replica(id) => self.follow_replica(id, record),
        }
    }

    /// What somebody, of those who are asked for, should do first; before the end moves between zones may yet come.
    fn undone(&mut self, is_end: bool, is_asked: impl Fn(Turn) -> bool) -> Option<String> {
        let ids: Vec<(usize, bool)> = self.services.iter().map(|(id, service)| (*id, service.is_daemon())).collect();
        for (id, _) in ids.iter().filter(|(id, is_daemon)| *is_daemon && is_asked(Turn::Daemon(*id))) {
            if let Some(should) = self.daemon_should(*id) {
                return Some(should);
            }
        }
        if is_asked(Turn::Queue)
            && let Some(name) = self.waiting_that_fits(0, u64::MAX)
        {
            return Some(format!("`{name}` waits and fits, so it is placed"));
        }
        let replicas = ids.iter().filter(|(id, is_daemon)| !is_daemon && is_asked(Turn::Replica(*id)));
        replicas.into_iter().find_map(|(id, _)| self.replica_should(*id, is_end))
    }
}
