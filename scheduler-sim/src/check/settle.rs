//! Between events, and before time moves on: rounds of turns until nothing changes any more.

use super::CheckError;
use super::cluster::Changed;
use super::replay::Replay;
use super::services::{ServiceModel, ServiceNumber};

impl Replay<'_> {
    /// Follows the lines of one such time; whether anything had changed for anybody.
    ///
    /// In each round DAEMON services are first, then waiting tasks, then REPLICA services. What changes in a round is for
    /// the next one, but for what waiting tasks are placed on, which REPLICA services look at in the same round.
    pub(super) fn settle(&mut self) -> Result<bool, CheckError> {
        let mut had_a_turn = false;
        while !self.cluster.changed.is_empty() || !self.dirty.is_empty() {
            had_a_turn = true;
            self.log.check_pulse()?;
            let mut changed = std::mem::take(&mut self.cluster.changed);
            let daemons = self.services.iter().filter(|(_, service)| service.is_daemon());
            let daemons: Vec<ServiceNumber> = daemons.map(|(id, _)| *id).collect();
            daemons.into_iter().try_for_each(|id| self.reconcile_daemon(id, &changed))?;
            self.retry_waiting(&mut changed)?;
            self.reconcile_replicas(&changed)?;
        }
        Ok(had_a_turn)
    }

    /// A REPLICA service has a turn if something happened to it, if room was made since its missing copies were refused,
    /// or if it is whole and instances changed over which it spreads its tasks.
    fn reconcile_replicas(&mut self, changed: &Changed) -> Result<(), CheckError> {
        let dirty = std::mem::take(&mut self.dirty);
        let is_concerned = |service: &ServiceModel| {
            if service.missing.is_empty() {
                let may_move = !changed.instances.is_empty() || (service.cannot_move && !changed.freed.is_empty());
                return may_move && self.is_balanced(service);
            }
            changed.freed_at > service.refused_at
                || (service.ask.reads_tasks() && changed.placed_at > service.refused_at)
        };
        let turns = self.services.iter().filter(|(_, service)| !service.is_daemon());
        let turns = turns.filter(|(id, service)| dirty.contains(id) || is_concerned(service));
        let turns: Vec<ServiceNumber> = turns.map(|(id, _)| *id).collect();
        for id in turns {
            self.service_mut(id).cannot_move &= changed.freed.is_empty() && changed.instances.is_empty();
            self.reconcile_replica(id)?;
        }
        Ok(())
    }
}
