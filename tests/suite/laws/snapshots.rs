//! A damaged snapshot is refused with a reason, or is a cluster that holds just what the snapshot says.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use scheduler_core::laws;
use scheduler_core::{Cluster, ClusterSnapshot, DesiredStatus, GpuDemand, SeededDraw};
use serde_json::{Value, json};

use super::cases;

/// What happens to one value of the snapshot, or to its neighbours.
#[derive(Debug, Clone)]
enum Damage {
    Dropped,
    Replaced(Value),
    /// By another value of the same snapshot.
    ReplacedByAnother(Index),
    /// By what stands elsewhere under the same key: a task on another instance, the demand of another task.
    ReplacedByAlike(Index),
    /// An entry of a list stands there twice.
    Doubled,
    /// The list that it is in stands in the other order.
    Reversed,
    /// A number is a little more or less.
    Moved(i64),
}

fn damage() -> impl Strategy<Value = Damage> {
    let values = [
        json!(null),
        json!(0),
        json!(1),
        json!(-1),
        json!(0.5),
        json!(i32::MAX),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("STOPPED"),
        json!("lastStopped"),
        json!([]),
        json!({}),
        json!(true),
        json!(false),
    ];
    prop_oneof![
        1 => Just(Damage::Dropped),
        1 => prop::sample::select(values.to_vec()).prop_map(Damage::Replaced),
        1 => any::<Index>().prop_map(Damage::ReplacedByAnother),
        8 => any::<Index>().prop_map(Damage::ReplacedByAlike),
        1 => Just(Damage::Doubled),
        1 => Just(Damage::Reversed),
        1 => prop::sample::select(vec![-64, -1, 1, 64]).prop_map(Damage::Moved),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_damaged_snapshot_is_refused_or_taken_at_its_word(
        history in laws::history(30),
        damages in prop::collection::vec((any::<Index>(), damage()), 1..=3),
    ) {
        let mut value = serde_json::to_value(history.replay().snapshot()).expect("a snapshot is plain values");
        for (place, damage) in &damages {
            inflict(&mut value, *place, damage);
        }
        let Ok(snapshot) = serde_json::from_value::<ClusterSnapshot>(value) else { return Ok(()) };
        match Cluster::restore(snapshot.clone()) {
            Err(reason) => prop_assert!(!reason.to_string().is_empty()),
            Ok(cluster) => {
                prop_assert_eq!(cluster.snapshot(), snapshot);
                prop_assert_eq!(cluster.audit(), Ok(()));
                for request in &history.requests {
                    let placed = history.scheduler.place_once(&cluster, request, &mut SeededDraw::new(history.seed));
                    if let Some(placement) = placed.expect("the request is valid") {
                        prop_assert!(cluster.fork().start(&placement).is_ok());
                    }
                }
            }
        }
    }
}

/// What a task may be said to hold.
#[derive(Debug, Clone, Copy)]
enum Held {
    Cpu,
    Memory,
    Port,
    Gpu,
    Eni,
}

proptest! {
    #![proptest_config(cases())]

    /// All that an instance has may be taken; what is more than that, or taken by another already, is refused.
    #[test]
    fn a_snapshot_whose_tasks_hold_too_much_is_refused(
        history in laws::history(30),
        which in any::<Index>(),
        what in any::<Index>(),
    ) {
        let cluster = history.replay();
        let mut snapshot = cluster.snapshot();
        let running: Vec<usize> = (0..snapshot.tasks.len())
            .filter(|task| snapshot.tasks[*task].desired_status == DesiredStatus::Running)
            .collect();
        if running.is_empty() {
            return Ok(());
        }
        let task = running[which.index(running.len())];
        let instance = cluster.instance(snapshot.tasks[task].instance).expect("a task runs on it");
        let remaining = instance.remaining();
        let mut spec = snapshot.tasks[task].spec.as_ref().clone();
        let demand = &mut spec.demand;
        let taken = instance.taken_ports().find(|port| !demand.host_ports.contains(*port));
        let held = [
            Some(Held::Cpu),
            Some(Held::Memory),
            taken.map(|_| Held::Port),
            matches!(demand.gpus, GpuDemand::Count(_)).then_some(Held::Gpu),
            (!demand.needs_eni && instance.remaining_enis() == Some(0)).then_some(Held::Eni),
        ];
        let held: Vec<Held> = held.into_iter().flatten().collect();
        let held = held[what.index(held.len())];
        let restored = |snapshot: &ClusterSnapshot| Cluster::restore(snapshot.clone());
        match held {
            Held::Cpu => demand.cpu_units += remaining.cpu_units,
            Held::Memory => demand.memory_mib += remaining.memory_mib,
            Held::Port => demand.host_ports = demand.host_ports.iter().chain(taken).collect(),
            Held::Gpu => demand.gpus = GpuDemand::Count(snapshot.tasks[task].gpu_indices.len() + 1),
            Held::Eni => demand.needs_eni = true,
        }
        snapshot.tasks[task].spec = Arc::new(spec.clone());
        if matches!(held, Held::Cpu | Held::Memory) {
            prop_assert!(restored(&snapshot).is_ok(), "all of it: {:?}", restored(&snapshot).err());
            let demand = &mut spec.demand;
            match held {
                Held::Cpu => demand.cpu_units += 1,
                _ => demand.memory_mib += 1,
            }
            snapshot.tasks[task].spec = Arc::new(spec);
        }
        prop_assert!(restored(&snapshot).is_err(), "{:?} of task {}", held, task);
    }
}

fn inflict(snapshot: &mut Value, place: Index, damage: &Damage) {
    let mut pointers = Vec::new();
    collect_pointers(snapshot, String::new(), &mut pointers);
    let pointer = place.get(&pointers);
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let another = match damage {
        Damage::ReplacedByAnother(index) => snapshot.pointer(index.get(&pointers).as_str()).cloned(),
        Damage::ReplacedByAlike(index) => {
            let alike: Vec<&str> = pointers
                .iter()
                .map(String::as_str)
                .filter(|other| other.rsplit_once('/').is_some_and(|(_, it)| it == key))
                .collect();
            snapshot.pointer(alike[index.index(alike.len())]).cloned()
        }
        Damage::Replaced(value) => Some(value.clone()),
        Damage::Moved(by) => snapshot.pointer(pointer).and_then(Value::as_i64).map(|number| json!(number + by)),
        Damage::Dropped | Damage::Doubled | Damage::Reversed => None,
    };
    match (snapshot.pointer_mut(parent).expect("it was collected"), damage) {
        (Value::Object(fields), Damage::Dropped) => drop(fields.remove(&key.replace("~1", "/").replace("~0", "~"))),
        (Value::Array(entries), Damage::Dropped) => drop(entries.remove(number(key))),
        (Value::Array(entries), Damage::Doubled) => entries.insert(number(key), entries[number(key)].clone()),
        (Value::Array(entries), Damage::Reversed) => entries.reverse(),
        _ => {}
    }
    if let Some(another) = another {
        *snapshot.pointer_mut(pointer).expect("it was collected") = another;
    }
}

fn number(key: &str) -> usize {
    key.parse().expect("the key of a list's entry is its number")
}

/// The JSON pointers of all values below this one, itself last.
fn collect_pointers(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                collect_pointers(field, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(entries) => {
            for (number, entry) in entries.iter().enumerate() {
                collect_pointers(entry, format!("{at}/{number}"), into);
            }
        }
        _ => {}
    }
    into.push(at);
}
