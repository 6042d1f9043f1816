//! `--map`: which columns of a table become what of a task.

use super::decimal::Decimal;
use super::error::ImportError;

/// What of a task is made of what of a row: `at=submit_s,cpu=cores*1024,memory=2048,duration=run_s`. Right of `=` stands a
/// number, a column, or a column times a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap {
    pub(super) at: Source,
    pub(super) cpu: Source,
    pub(super) memory: Source,
    pub(super) gpu: Option<Source>,
    pub(super) duration: Option<Source>,
    pub(super) end: Option<Source>,
    pub(super) count: Option<Source>,
    pub(super) group: Option<Source>,
    pub(super) id: Option<Source>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Constant(Decimal, Box<str>),
    Column { name: Box<str>, factor: Decimal },
}

const EXPECTED: &str = "FIELD=COLUMN, FIELD=COLUMN*NUMBER or FIELD=NUMBER, with commas; the fields are at, cpu, memory, gpu, \
                        duration, end, count, group and id; at and memory must be there, each once";

impl std::str::FromStr for ColumnMap {
    type Err = ImportError;

    fn from_str(text: &str) -> Result<Self, ImportError> {
        let wrong = |found: &str| ImportError::Map { found: found.into(), expected: EXPECTED };
        let mut fields: Vec<(&str, Source)> = Vec::new();
        for part in text.split(',') {
            let (field, source) = part.split_once('=').ok_or_else(|| wrong(part))?;
            let field = field.trim();
            if fields.iter().any(|(known, _)| *known == field) {
                return Err(wrong(part));
            }
            fields.push((field, Source::parse(source.trim()).ok_or_else(|| wrong(part))?));
        }
        let mut take = |name| {
            let index = fields.iter().position(|(field, _)| *field == name)?;
            Some(fields.swap_remove(index).1)
        };
        let map = Self {
            at: take("at").ok_or_else(|| wrong(text))?,
            cpu: take("cpu").unwrap_or(Source::Constant(Decimal::from(0), "0".into())),
            memory: take("memory").ok_or_else(|| wrong(text))?,
            gpu: take("gpu"),
            duration: take("duration"),
            end: take("end"),
            count: take("count"),
            group: take("group"),
            id: take("id"),
        };
        let is_name = |source: &Option<Source>| match source {
            Some(Source::Column { factor, .. }) => *factor == Decimal::ONE,
            _ => true,
        };
        let has_one_end = map.duration.is_none() || map.end.is_none();
        match fields.first() {
            Some((field, _)) => Err(wrong(field)),
            None if has_one_end && is_name(&map.group) && is_name(&map.id) => Ok(map),
            None => Err(wrong(text)),
        }
    }
}

impl Source {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        if let Some(number) = Decimal::parse(text) {
            return Some(Self::Constant(number, text.into()));
        }
        let (name, factor) = match text.rsplit_once('*') {
            Some((name, factor)) => (name.trim(), Decimal::parse(factor.trim())?),
            None => (text, Decimal::ONE),
        };
        (!name.is_empty()).then(|| Self::Column { name: name.into(), factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read() {
        let map: ColumnMap = "at=t,cpu = cores*1024,memory=64,group=job".parse().expect("a map");
        assert_eq!(map.cpu, Source::Column { name: "cores".into(), factor: Decimal::from(1024) });
        assert_eq!(map.memory, Source::Constant(Decimal::from(64), "64".into()));
        assert_eq!(map.group, Some(Source::Column { name: "job".into(), factor: Decimal::ONE }));
        for text in [
            "",
            "at=t",
            "memory=1",
            "at=t,memory=1,memory=2",
            "at=t,memory=",
            "at=t,memory=m*x",
            "at,memory=1",
            "at=t,memory=m*-1",
            "at=t,memory=1,disk=2",
            "at=t,memory=1,duration=d,end=e",
            "at=t,memory=1,id=i*2",
            "at=t,memory=*2",
        ] {
            assert!(text.parse::<ColumnMap>().is_err(), "{text}");
        }
    }
}
