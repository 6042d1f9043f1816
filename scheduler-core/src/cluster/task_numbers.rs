//! From a task's number to its record: numbers come in order, so neighbours lie together in pages.

use rustc_hash::FxHashMap;

use super::TaskId;
use super::tasks::TaskIndex;

const PAGE_LEN: u64 = 256;
const NOBODY: TaskIndex = TaskIndex::MAX;

/// The indices of [`PAGE_LEN`] successive numbers.
#[derive(Debug, Clone)]
struct Page {
    live: u32,
    indices: [TaskIndex; PAGE_LEN as usize],
}

/// Only pages with a live number are kept.
///
/// A map entry a task would be spread over all of the table; here tasks started one after another share a few lines of
/// memory, and there is nothing to rehash.
#[derive(Debug, Clone, Default)]
pub(super) struct TaskNumbers {
    pages: FxHashMap<u64, Box<Page>>,
}

fn place_of(id: TaskId) -> (u64, usize) {
    (id.0 / PAGE_LEN, (id.0 % PAGE_LEN) as usize)
}

impl TaskNumbers {
    pub(super) fn get(&self, id: TaskId) -> Option<TaskIndex> {
        let (page, place) = place_of(id);
        let index = self.pages.get(&page)?.indices[place];
        (index != NOBODY).then_some(index)
    }

    /// Notes a number that is not there yet.
    pub(super) fn insert(&mut self, id: TaskId, index: TaskIndex) {
        let (page, place) = place_of(id);
        let empty = || Box::new(Page { live: 0, indices: [NOBODY; PAGE_LEN as usize] });
        let page = self.pages.entry(page).or_insert_with(empty);
        page.live += 1;
        page.indices[place] = index;
    }

    /// Forgets a number that is there.
    pub(super) fn remove(&mut self, id: TaskId) {
        let (number, place) = place_of(id);
        let page = self.pages.get_mut(&number).expect("the number of a task has a page");
        page.live -= 1;
        page.indices[place] = NOBODY;
        if page.live == 0 {
            self.pages.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_across_pages_and_empty_pages_go() {
        let mut numbers = TaskNumbers::default();
        let ids = [0, 1, 255, 256, 70_000, u64::MAX].map(TaskId);
        for (index, id) in ids.into_iter().enumerate() {
            numbers.insert(id, index as TaskIndex);
        }
        assert_eq!(numbers.pages.len(), 4);
        assert_eq!(ids.map(|id| numbers.get(id)), [0, 1, 2, 3, 4, 5].map(Some));
        assert_eq!([2, 257, 512, 1_000_000].map(|id| numbers.get(TaskId(id))), [None; 4]);
        for id in ids {
            numbers.remove(id);
            assert_eq!(numbers.get(id), None);
        }
        assert!(numbers.pages.is_empty());
    }
}
