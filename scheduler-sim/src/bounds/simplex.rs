//! A small revised simplex method for covering: rows of demand, columns that come one by one.
//!
//! In floating point. Nobody believes what comes out: the dual prices are a hint that is proved elsewhere.

/// Smaller numbers count as 0.
pub(super) const EPSILON: f64 = 1e-9;

/// Minimizes the cost of columns, one row each of which has to come to its right side.
pub(super) struct Simplex {
    rows: usize,
    /// The inverse of the basis, row by row.
    inverse: Vec<f64>,
    /// How much of each column in the basis is used.
    values: Vec<f64>,
    costs: Vec<f64>,
}

impl Simplex {
    /// Starts from one column a row that is 1 there and 0 elsewhere, with that right side and cost.
    pub(super) fn new(right_sides: Vec<f64>, costs: Vec<f64>) -> Self {
        let rows = right_sides.len();
        let mut inverse = vec![0.0; rows * rows];
        (0..rows).for_each(|row| inverse[row * rows + row] = 1.0);
        Self { rows, inverse, values: right_sides, costs }
    }

    /// The cost of the solution so far.
    pub(super) fn cost(&self) -> f64 {
        self.values.iter().zip(&self.costs).map(|(value, cost)| value * cost).sum()
    }

    /// What one more of each row's right side costs.
    pub(super) fn duals(&self) -> Vec<f64> {
        let mut duals = vec![0.0; self.rows];
        for (cost, row) in self.costs.iter().zip(self.inverse.chunks_exact(self.rows.max(1))) {
            if cost.abs() > 0.0 {
                duals.iter_mut().zip(row).for_each(|(dual, entry)| *dual += cost * entry);
            }
        }
        duals
    }

    /// Brings a column into the basis, given by its rows and entries. False if it can take nobody's place.
    pub(super) fn enter(&mut self, column: &[(usize, f64)], cost: f64) -> bool {
        let rows = self.rows;
        let direction: Vec<f64> = self
            .inverse
            .chunks_exact(rows)
            .map(|row| column.iter().map(|(index, entry)| row[*index] * entry).sum())
            .collect();
        let ratio = |row: usize| self.values[row].max(0.0) / direction[row];
        let leaving = (0..rows).filter(|row| direction[*row] > 1e-7).min_by(|a, b| ratio(*a).total_cmp(&ratio(*b)));
        let Some(leaving) = leaving else { return false };
        let step = ratio(leaving);
        let pivot: Vec<f64> =
            self.inverse[leaving * rows..][..rows].iter().map(|entry| entry / direction[leaving]).collect();
        for (row, factor) in direction.iter().enumerate() {
            if row == leaving || factor.abs() < 1e-14 {
                continue;
            }
            let entries = &mut self.inverse[row * rows..][..rows];
            entries.iter_mut().zip(&pivot).for_each(|(entry, pivot)| *entry -= factor * pivot);
            self.values[row] -= factor * step;
        }
        self.inverse[leaving * rows..][..rows].copy_from_slice(&pivot);
        self.values[leaving] = step;
        self.costs[leaving] = cost;
        true
    }
}
