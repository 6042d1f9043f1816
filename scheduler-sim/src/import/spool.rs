//! Events in the order of time, whatever the order in which they come, in bounded memory.
//!
//! Up to [`LIMIT`] bytes of events stay in memory. What is beyond goes, sorted, to temporary files without names, which are
//! merged at the end: n events take O(n log n) time and no more memory than that.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};

use serde::Serialize;

/// Most bytes of events in memory.
pub(super) const LIMIT: usize = 32 << 20;
/// What an event takes besides its text.
const OVERHEAD: usize = 48;

/// An event: when, its number among all, and its text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spooled {
    at_ms: u64,
    number: u64,
    text: Box<[u8]>,
}

/// Collects events, then gives them in the order of time; those of one moment in the order in which they came.
#[derive(Debug)]
pub(super) struct Spool {
    batch: Vec<Spooled>,
    batch_bytes: usize,
    runs: Vec<File>,
    count: u64,
    limit: usize,
}

impl Spool {
    pub(super) fn new(limit: usize) -> Self {
        Self { batch: Vec::new(), batch_bytes: 0, runs: Vec::new(), count: 0, limit }
    }

    /// Adds an event.
    pub(super) fn push(&mut self, at_ms: u64, event: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(event)?.into_boxed_slice();
        self.batch_bytes += text.len() + OVERHEAD;
        self.batch.push(Spooled { at_ms, number: self.count, text });
        self.count += 1;
        if self.batch_bytes > self.limit { self.put_aside() } else { Ok(()) }
    }

    /// Moves the events in memory to a file, sorted.
    fn put_aside(&mut self) -> io::Result<()> {
        self.batch.sort_unstable();
        let mut file = BufWriter::with_capacity(1 << 16, tempfile::tempfile()?);
        for event in self.batch.drain(..) {
            file.write_all(&event.at_ms.to_le_bytes())?;
            file.write_all(&event.number.to_le_bytes())?;
            file.write_all(&(event.text.len() as u64).to_le_bytes())?;
            file.write_all(&event.text)?;
        }
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        self.runs.push(file);
        self.batch_bytes = 0;
        Ok(())
    }

    /// Gives all events in the order of time.
    pub(super) fn drain(mut self, mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        self.batch.sort_unstable();
        let mut in_memory = self.batch.into_iter();
        let mut files: Vec<_> = self.runs.into_iter().map(|file| BufReader::with_capacity(1 << 16, file)).collect();
        let in_memory_run = files.len();
        let mut next = |run: usize| match files.get_mut(run) {
            Some(file) => read_event(file),
            None => Ok(in_memory.next()),
        };
        let mut heads = BinaryHeap::new();
        for run in 0..=in_memory_run {
            heads.extend(next(run)?.map(|event| Reverse((event, run))));
        }
        while let Some(Reverse((event, run))) = heads.pop() {
            visit(event.at_ms, &event.text)?;
            heads.extend(next(run)?.map(|event| Reverse((event, run))));
        }
        Ok(())
    }
}

fn read_event(file: &mut BufReader<File>) -> io::Result<Option<Spooled>> {
    let mut head = [0; 24];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let number = |at: usize| head[at..at + 8].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
    let mut text = vec![0; number(16) as usize].into_boxed_slice();
    file.read_exact(&mut text)?;
    Ok(Some(Spooled { at_ms: number(0), number: number(8), text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_time_from_memory_and_from_files() {
        for limit in [0, 200, 1000, LIMIT] {
            let mut spool = Spool::new(limit);
            let mut expected = Vec::new();
            for number in 0..100_u64 {
                let at_ms = number * 37 % 11;
                spool.push(at_ms, &number).expect("a temporary file");
                expected.push((at_ms, number));
            }
            expected.sort_unstable();
            let mut found = Vec::new();
            let visit = |at_ms, text: &[u8]| {
                found.push((at_ms, serde_json::from_slice(text)?));
                Ok(())
            };
            spool.drain(visit).expect("a temporary file");
            assert_eq!(found, expected, "{limit}");
        }
    }
}
