//! Orders: what instances are sorted by and kept apart by, for as long as somebody needs it.

use std::sync::{Arc, Weak};

use super::block::Entry;
use super::objective::Objective;
use super::sequence::{BlockSize, Sequence};
use crate::model::AttributeName;

/// What an order is: which instances are kept apart, and what each part is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderSpec {
    /// `None`: none are kept apart.
    pub(crate) partition: Option<AttributeName>,
    pub(crate) objective: Objective,
}

/// Keeps an order in the clusters that have it as long as it lives.
pub(crate) type OrderHandle = Arc<OrderSpec>;

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(super) handle: Weak<OrderSpec>,
    pub(super) objective: Objective,
    pub(crate) partition: usize,
    /// One for each value of the partition.
    pub(crate) sequences: Vec<Sequence>,
    /// There were too many values to keep apart: it is left empty until everything is built anew.
    pub(super) is_scattered: bool,
}

impl Order {
    pub(crate) fn objective(&self) -> Objective {
        self.objective
    }

    pub(super) fn insert(&mut self, value: usize, entry: &Entry, size: BlockSize, open: usize) {
        if self.sequences.len() <= value {
            if is_scattered(value + 1, size, open) {
                self.sequences = Vec::new();
                self.is_scattered = true;
                return;
            }
            self.sequences.resize_with(value + 1, || Sequence::new(size));
        }
        self.sequences[value].insert(entry);
    }
}

/// Whether blocks would stay nearly empty: to walk through the values is then no better than a scan, and takes more memory.
pub(super) fn is_scattered(values: usize, size: BlockSize, open: usize) -> bool {
    values > size.capacity() && values > open / 8
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Orders(pub(super) Vec<Order>);

impl Orders {
    /// The order of a handle, if it is among them and not too scattered to be of use.
    pub(crate) fn get(&self, handle: &OrderHandle) -> Option<&Order> {
        let mut kept = self.0.iter().filter(|order| !order.is_scattered);
        kept.find(|order| std::ptr::eq(order.handle.as_ptr(), Arc::as_ptr(handle)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_many_values_for_its_instances_is_scattered() {
        let is_scattered = |values, open| super::is_scattered(values, BlockSize::new(8), open);
        assert!(!is_scattered(8, 8), "no more values than a block holds");
        assert!(is_scattered(9, 9) && is_scattered(9, 71));
        assert!(!is_scattered(9, 72), "eight instances a value");
    }
}
