//! Rows for people: each column as wide as its widest cell.

use std::fmt::Write;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// The rows, each indented by two spaces and without spaces at its end; the first may be a head.
pub(super) fn aligned<const N: usize>(sides: [Side; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), side) in row.iter().zip(widths).zip(sides).filter(|((_, width), _)| *width > 0) {
            // Writing to a text cannot fail.
            let _ = match side {
                Side::Left => write!(line, "  {cell:<width$}"),
                Side::Right => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_and_empty_ones_are_left_out() {
        let rows = [["é", "", "10"], ["abc", "", "9"]].map(|row| row.map(str::to_owned));
        let text = aligned([Side::Left, Side::Left, Side::Right], &rows);
        assert_eq!(text, "  é    10\n  abc   9\n");
    }
}
