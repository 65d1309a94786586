//! A terminal that understands what the bar is drawn with, and wraps as real ones do.

/// What is on the terminal after some output. It has no bottom.
#[derive(Debug)]
pub(super) struct Teletype {
    pub(super) width: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Teletype {
    pub(super) fn new(width: usize) -> Self {
        Self { width, rows: vec![Vec::new()], row: 0, column: 0 }
    }

    /// Shows more output.
    pub(super) fn show(&mut self, text: &str) {
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '\r' => self.column = 0,
                '\n' => self.next_row(),
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['), "a sequence is a CSI");
                    self.control(&sequence(&mut chars));
                }
                char => {
                    assert!(!char.is_control(), "{char:?} drives the terminal");
                    self.put(char);
                }
            }
        }
    }

    /// The rows that hold something, without the blanks at their ends.
    pub(super) fn rows(&self) -> Vec<String> {
        let rows = self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned());
        let mut rows: Vec<_> = rows.collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn put(&mut self, char: char) {
        if self.column >= self.width {
            self.next_row();
        }
        let row = &mut self.rows[self.row];
        if row.len() <= self.column {
            row.resize(self.column + 1, ' ');
        }
        row[self.column] = char;
        self.column += 1;
    }

    fn next_row(&mut self) {
        (self.row, self.column) = (self.row + 1, 0);
        if self.rows.len() <= self.row {
            self.rows.push(Vec::new());
        }
    }

    fn control(&mut self, sequence: &str) {
        let (count, code) = sequence.split_at(sequence.len() - 1);
        let number = count.parse().unwrap_or(1);
        match (count, code) {
            (_, "A") => self.row = self.row.checked_sub(number).expect("the cursor stays on the screen"),
            (_, "B") => self.row = (self.row + number).min(self.rows.len() - 1),
            ("2", "K") => self.rows[self.row].clear(),
            ("", "J") => {
                self.rows[self.row].truncate(self.column);
                self.rows.truncate(self.row + 1);
            }
            (_, "m") => {}
            _ => panic!("unknown sequence {sequence:?}"),
        }
    }
}

/// The parameters and the final letter of a sequence.
fn sequence(chars: &mut std::str::Chars<'_>) -> String {
    let text = chars.as_str();
    let end = text.find(|char: char| char.is_ascii_alphabetic()).expect("a sequence ends") + 1;
    *chars = text[end..].chars();
    text[..end].to_owned()
}
