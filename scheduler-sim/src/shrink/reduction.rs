//! Which parts are left out, in which order.

use serde_json::value::RawValue;

use super::numbers::{Amount, amounts, registered_len, without_registered};
use super::parts::{Before, PARTS, Part};
use crate::trace::Pieces;

/// No more replays are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CutShort;

/// Whether what is left shows it still.
type Shows<'a> = &'a mut dyn FnMut(&Pieces) -> Result<bool, CutShort>;

/// Leaves out of a trace that shows it whatever can go. At any time it is one that does.
///
/// # Errors
/// [`CutShort`]: more could go.
pub(super) fn reduce(pieces: &mut Pieces, shows: Shows<'_>) -> Result<(), CutShort> {
    let mut reduction = Reduction { pieces, shows, changes: 0 };
    reduction.by_chunks()?;
    reduction.by_elements()
}

struct Reduction<'a> {
    pieces: &'a mut Pieces,
    shows: Shows<'a>,
    /// Counts what went.
    changes: u64,
}

impl Reduction<'_> {
    /// All of each part, then halves of each, and so on: what is large goes in few replays.
    fn by_chunks(&mut self) -> Result<(), CutShort> {
        let mut divisor = 1;
        loop {
            let mut are_single = true;
            for part in PARTS {
                let size = part.len(self.pieces).div_ceil(divisor);
                if size > 1 || divisor == 1 {
                    self.pass(part, size.max(1))?;
                }
                are_single &= size <= 1;
            }
            self.lower(Part::List("containerInstances"))?;
            if are_single {
                return Ok(());
            }
            divisor *= 2;
        }
    }

    /// Single elements and counts, until nothing goes any more.
    fn by_elements(&mut self) -> Result<(), CutShort> {
        // For each part, the state in which it had nothing to give.
        let mut settled = [None; PARTS.len()];
        while settled.iter().any(|state| *state != Some(self.changes)) {
            for (part, settled) in PARTS.into_iter().zip(&mut settled) {
                if *settled == Some(self.changes) {
                    continue;
                }
                let before = self.changes;
                self.pass(part, 1)?;
                self.lower(part)?;
                *settled = (self.changes == before).then_some(before);
            }
        }
        Ok(())
    }

    /// Tries to leave out chunk after chunk of a part, from its end.
    fn pass(&mut self, part: Part, size: usize) -> Result<(), CutShort> {
        let mut end = part.len(self.pieces);
        while end > 0 {
            let start = end.saturating_sub(size);
            let before = part.remove(self.pieces, start..end);
            self.keep_if_shown(before)?;
            end = start;
        }
        Ok(())
    }

    /// Lowers the counts in the elements of a part, and shortens the lists in them.
    fn lower(&mut self, part: Part) -> Result<(), CutShort> {
        for (index, element) in part.elements(self.pieces).into_iter().enumerate().rev() {
            let mut element = self.shorten(part, index, element)?;
            for amount in amounts(&element) {
                element = self.lower_amount(part, index, element, &amount)?;
            }
        }
        Ok(())
    }

    /// Leaves instances out that an event registers; the event that is left.
    fn shorten(&mut self, part: Part, index: usize, mut event: Box<RawValue>) -> Result<Box<RawValue>, CutShort> {
        for registered in (0..registered_len(&event)).rev() {
            if let Ok(shorter) = without_registered(&event, registered) {
                let before = part.replace(self.pieces, index, shorter.clone());
                if self.keep_if_shown(before)? {
                    event = shorter;
                }
            }
        }
        Ok(event)
    }

    /// By as much as it can be, else by half of that, and so on; the element that is left.
    fn lower_amount(
        &mut self,
        part: Part,
        index: usize,
        mut element: Box<RawValue>,
        amount: &Amount,
    ) -> Result<Box<RawValue>, CutShort> {
        let mut now = amount.now;
        let mut step = now - amount.least();
        while step > 0 {
            let Ok(lower) = amount.set(&element, now - step) else { break };
            let before = part.replace(self.pieces, index, lower.clone());
            if self.keep_if_shown(before)? {
                element = lower;
                now -= step;
                step = step.min(now - amount.least());
            } else {
                step /= 2;
            }
        }
        Ok(element)
    }

    /// Whether the trace shows it as it is now; else it becomes what it was before.
    fn keep_if_shown(&mut self, before: Before) -> Result<bool, CutShort> {
        let shown = (self.shows)(self.pieces);
        if shown == Ok(true) {
            self.changes += 1;
        } else {
            before.restore(self.pieces);
        }
        shown
    }
}
