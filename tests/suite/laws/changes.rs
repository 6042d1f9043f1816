//! A fold over the changes that the calls return knows as much as the cluster.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scheduler_core::{Cluster, InstanceId, InstanceTotals, InstanceView, laws};

use super::cases;

type Totals = BTreeMap<InstanceId, InstanceTotals>;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn changes_tell_all_that_changed(history in laws::history(40)) {
        let mut run = history.begin();
        let mut folded = totals(&run.cluster);
        for operation in &history.operations {
            for change in run.apply(operation).unwrap_or_default() {
                prop_assert_eq!(change.before, folded.get(&change.instance).copied());
                match change.after {
                    Some(after) => folded.insert(change.instance, after),
                    None => folded.remove(&change.instance),
                };
            }
            prop_assert_eq!(&folded, &totals(&run.cluster), "{:?}", operation);
        }
    }

    #[test]
    fn zones_add_up_to_their_instances(history in laws::history(30)) {
        let cluster = history.replay();
        let present = || cluster.instances().filter(InstanceView::is_present);
        let mut instances = 0;
        for zone in cluster.zones() {
            let here = || present().filter(|instance| instance.zone() == zone.name);
            let totals = || here().filter_map(|instance| instance.totals());
            instances += here().count();
            prop_assert_eq!(zone.instances as usize, here().count());
            prop_assert_eq!(zone.registered_cpu_units, totals().map(|it| u64::from(it.registered.cpu_units)).sum::<u64>());
            prop_assert_eq!(zone.used_cpu_units, totals().map(|it| u64::from(it.used.cpu_units)).sum::<u64>());
            prop_assert_eq!(zone.registered_memory_mib, totals().map(|it| u64::from(it.registered.memory_mib)).sum::<u64>());
            prop_assert_eq!(zone.used_memory_mib, totals().map(|it| u64::from(it.used.memory_mib)).sum::<u64>());
            prop_assert_eq!(zone.registered_gpu_milli, totals().map(|it| u64::from(it.registered.gpu_milli)).sum::<u64>());
            prop_assert_eq!(zone.used_gpu_milli, totals().map(|it| u64::from(it.used.gpu_milli)).sum::<u64>());
            prop_assert_eq!(zone.running_tasks, totals().map(|it| u64::from(it.running_tasks)).sum::<u64>());
        }
        prop_assert_eq!(instances, present().count());
    }
}

fn totals(cluster: &Cluster) -> Totals {
    cluster.instances().filter_map(|instance| Some((instance.id(), instance.totals()?))).collect()
}
