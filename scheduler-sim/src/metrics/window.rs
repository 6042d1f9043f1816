//! The window of the averages, and the pieces of time during which nothing changed.
//!
//! State functions are constant from the end of one instant to the next (metrics.md, section 1). A metric keeps its
//! state, and whenever the state is about to change asks its [`Clock`] how long it has stood.

/// The span that averages cover: from W (`--warmup`) to the horizon H, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// W.
    pub from_ms: u64,
    /// H.
    pub to_ms: u64,
}

impl Window {
    /// H - W; 1 where H is 0, because each mean is then the value at 0.
    pub fn length_ms(self) -> u128 {
        if self.to_ms == 0 { 1 } else { u128::from(self.to_ms.saturating_sub(self.from_ms)) }
    }

    /// What of `[since, until)` lies in `[W, H)`.
    fn overlap(self, since_ms: u64, until_ms: u64) -> u64 {
        until_ms.min(self.to_ms).saturating_sub(since_ms.max(self.from_ms))
    }
}

/// A span without change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Milliseconds of it in the window.
    pub(super) weight: u64,
    /// Whether an instant of `[W, H]` lies in it, so that it counts for peaks.
    pub(super) is_seen: bool,
}

/// Measures how long a state has stood. Nothing after the horizon is to be told to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    window: Window,
    since_ms: u64,
}

impl Clock {
    /// A clock that starts at 0.
    pub(super) fn new(window: Window) -> Self {
        Self { window, since_ms: 0 }
    }

    /// A clock that starts later.
    pub(super) fn starting_at(window: Window, at_ms: u64) -> Self {
        Self { window, since_ms: at_ms }
    }

    /// The piece that ends now; `None` if no time has passed since the last one.
    pub(super) fn advance(&mut self, at_ms: u64) -> Option<Piece> {
        if at_ms <= self.since_ms {
            return None;
        }
        let since_ms = std::mem::replace(&mut self.since_ms, at_ms);
        Some(Piece {
            weight: self.window.overlap(since_ms, at_ms),
            is_seen: since_ms.max(self.window.from_ms) < at_ms && since_ms <= self.window.to_ms,
        })
    }

    /// The last piece, up to the horizon, the instant of the horizon included.
    pub(super) fn close(self) -> Piece {
        let Self { window, since_ms } = self;
        let weight = if window.to_ms == 0 { 1 } else { window.overlap(since_ms, window.to_ms) };
        Piece { weight, is_seen: since_ms <= window.to_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_to_the_window() {
        let mut clock = Clock::new(Window { from_ms: 10, to_ms: 30 });
        assert_eq!(clock.advance(0), None);
        assert_eq!(clock.advance(10), Some(Piece { weight: 0, is_seen: false }));
        assert_eq!(clock.advance(25), Some(Piece { weight: 15, is_seen: true }));
        assert_eq!(clock.advance(25), None);
        assert_eq!(clock.close(), Piece { weight: 5, is_seen: true });
    }

    #[test]
    fn a_change_at_the_horizon_is_seen_and_weighs_nothing() {
        let mut clock = Clock::new(Window { from_ms: 0, to_ms: 30 });
        assert_eq!(clock.advance(30), Some(Piece { weight: 30, is_seen: true }));
        assert_eq!(clock.close(), Piece { weight: 0, is_seen: true });
    }

    #[test]
    fn a_horizon_of_zero_weighs_the_state_at_zero() {
        let clock = Clock::new(Window { from_ms: 0, to_ms: 0 });
        assert_eq!(clock.close(), Piece { weight: 1, is_seen: true });
    }
}
