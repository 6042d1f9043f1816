//! Which known name was meant: by its letters, by its beginning, or by what others call it.

/// The candidate that `word` was most likely meant to be, if one is near enough. Never the word itself.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<Box<str>> {
    let length = word.chars().count();
    if length > 100 {
        return None;
    }
    let allowed = (length / 3).max(1);
    let measured = candidates.into_iter().filter(|&candidate| candidate != word).map(|candidate| {
        let distance = strsim::osa_distance(&word.to_ascii_lowercase(), &candidate.to_ascii_lowercase());
        (distance, candidate)
    });
    let best = measured.filter(|&(distance, _)| distance <= allowed).min()?;
    Some(best.1.into())
}

/// What other programs call a key, and the keys here, the first that the object has.
const ALIASES: &[(&str, &[&str])] = &[
    ("type", &["instanceType"]),
    ("az", &["availabilityZone"]),
    ("zone", &["availabilityZone"]),
    ("at", &["atSeconds"]),
    ("time", &["atSeconds"]),
    ("timestamp", &["atSeconds"]),
    ("name", &["family", "serviceName", "service", "ec2InstanceId", "id", "taskArn"]),
    ("serviceName", &["service"]),
    ("service", &["serviceName"]),
    ("id", &["ec2InstanceId", "task", "taskArn"]),
    ("instance", &["containerInstance", "containerInstances", "targetId"]),
    ("instanceId", &["ec2InstanceId", "containerInstance", "containerInstances", "targetId"]),
    ("nodes", &["containerInstances"]),
    ("jobs", &["tasks"]),
    ("replicas", &["desiredCount"]),
    ("count", &["desiredCount"]),
    ("lifetime", &["durationSeconds", "taskLifetimeSeconds"]),
    ("runtime", &["durationSeconds"]),
    ("ram", &["memory"]),
    ("gpus", &["gpu"]),
    ("cost", &["pricePerHour"]),
    ("labels", &["attributes"]),
];

/// The key that `word` was most likely meant to be: one that differs in case alone, one that others call so, one with
/// nearly the same letters, one that begins with the word, or one that contains it or is contained in it.
pub(super) fn nearest_key<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let same = known.iter().find(|key| key.to_ascii_lowercase() == lower);
    let alias = || {
        let (_, keys) = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word))?;
        keys.iter().find_map(|key| known.iter().find(|known| known == &key))
    };
    let near = || {
        let nearest = nearest(word, known.iter().copied())?;
        known.iter().find(|known| **known == &*nearest)
    };
    same.or_else(alias).or_else(near).or_else(|| contained(&lower, known)).copied()
}

/// Shorter words are in too many names.
const SHORTEST_PART: usize = 3;

fn contained<'k, 'a>(word: &str, known: &'k [&'a str]) -> Option<&'k &'a str> {
    if !(SHORTEST_PART..=100).contains(&word.len()) {
        return None;
    }
    let rank = |key: &str| {
        let key = key.to_ascii_lowercase();
        let is_part = key.len() >= SHORTEST_PART && word.contains(&key);
        if key.starts_with(word) || key.len() >= SHORTEST_PART && word.starts_with(&key) {
            Some(0)
        } else {
            (key.contains(word) || is_part).then_some(1)
        }
    };
    let ranked = known.iter().filter_map(|key| Some((rank(key)?, key.len().abs_diff(word.len()), key)));
    ranked.min().map(|(_, _, key)| key)
}

/// Most keys that are listed.
const LISTED: usize = 15;

/// The keys that there are, as many as help.
pub(super) fn listed_keys(known: &[&str]) -> Box<str> {
    let mut text = known.iter().take(LISTED).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    if known.len() > LISTED {
        text.push_str(", …");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_suggested_by_letters_alias_and_part() {
        let event = ["atSeconds", "runTask", "stopTask"];
        let instance = ["ec2InstanceId", "count", "instanceType", "availabilityZone", "pricePerHour"];
        let run = ["taskDefinition", "count", "placementStrategy", "id", "durationSeconds", "predictedDurationSeconds"];
        let cases: [(&str, &[&str], Option<&str>); 14] = [
            ("at", &event, Some("atSeconds")),
            ("run", &event, Some("runTask")),
            ("stoptask", &event, Some("stopTask")),
            ("type", &instance, Some("instanceType")),
            ("az", &instance, Some("availabilityZone")),
            ("zone", &instance, Some("availabilityZone")),
            ("price", &instance, Some("pricePerHour")),
            ("name", &instance, Some("ec2InstanceId")),
            ("duration", &run, Some("durationSeconds")),
            ("durationSecs", &run, Some("durationSeconds")),
            ("strategy", &run, Some("placementStrategy")),
            ("definition", &run, Some("taskDefinition")),
            ("serviceName", &["service", "desiredCount"], Some("service")),
            ("color", &run, None),
        ];
        for (word, known, expected) in cases {
            assert_eq!(nearest_key(word, known), expected, "{word}");
        }
    }

    #[test]
    fn a_name_is_never_suggested_for_itself() {
        assert_eq!(nearest("job", ["job"]), None);
        assert_eq!(nearest("job", ["job", "jab"]).as_deref(), Some("jab"));
    }
}
