//! Tables for people: columns as wide as their widest cell.

/// On which side the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table with a header.
#[derive(Debug)]
pub(crate) struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

/// What stands between two columns.
const GAP: &str = "  ";

impl Table {
    /// An empty table with its header.
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        let header = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { aligns: columns.iter().map(|(_, align)| *align).collect(), rows: vec![header] }
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.aligns.len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// The table as lines, each behind an indent and with a line feed; no line ends in blanks.
    pub(crate) fn render(&self, indent: &str) -> String {
        let widths: Vec<usize> = (0..self.aligns.len())
            .map(|column| self.rows.iter().map(|row| width(&row[column])).max().unwrap_or_default())
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells =
                row.iter().zip(&widths).zip(&self.aligns).map(|((cell, width), align)| pad(cell, *width, *align));
            let line = cells.collect::<Vec<_>>().join(GAP);
            text.push_str(indent);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

fn pad(cell: &str, to: usize, align: Align) -> String {
    let blanks = " ".repeat(to.saturating_sub(width(cell)));
    match align {
        Align::Left => format!("{cell}{blanks}"),
        Align::Right => format!("{blanks}{cell}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("run", Align::Right), ("job", Align::Left), ("cost", Align::Right)]);
        table.row(["12", "nächtlich", "$0"].map(str::to_owned));
        table.row(["7", "b", "$1.20"].map(str::to_owned));
        assert_eq!(table.render(" "), " run  job         cost\n  12  nächtlich     $0\n   7  b          $1.20\n");
    }

    #[test]
    fn no_line_ends_in_blanks() {
        let mut table = Table::new(&[("a", Align::Left), ("b", Align::Left)]);
        table.row(["long cell", ""].map(str::to_owned));
        assert!(table.render("").lines().all(|line| line.trim_end() == line));
    }
}
