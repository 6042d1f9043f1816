//! Tables of comma-separated values, plain or packed with gzip, whose errors name the file and the line.

use std::path::Path;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::decimal::Decimal;
use super::error::ImportError;
use super::line_ends::PlainLineEnds;
use super::seconds::MAX_MS;
use crate::trace::input::{Input, UnpackedReader};

/// A table with a row of column names.
pub(crate) struct Table {
    pub(crate) file: Box<str>,
    reader: Reader<PlainLineEnds<UnpackedReader>>,
    columns: StringRecord,
}

/// A row, and the line it is on.
pub(crate) struct Row<'t> {
    pub(crate) file: &'t str,
    columns: &'t StringRecord,
    record: StringRecord,
    pub(crate) line: u64,
}

impl Table {
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        let file: Box<str> = path.to_string_lossy().into();
        let read = |source| ImportError::Read { file: file.clone(), source };
        let unpacked = Input::open(path).and_then(|input| input.reader()).map_err(read)?;
        let mut reader =
            ReaderBuilder::new().trim(csv::Trim::All).from_reader(PlainLineEnds::new(unpacked.into_reader()));
        let columns = reader.headers().cloned().map_err(|source| table_error(&file, source))?;
        Ok(Self { file, reader, columns })
    }

    /// The position of a column; `hint` says what to do where there is none.
    pub(crate) fn column(&self, column: &str, hint: &'static str) -> Result<Column, ImportError> {
        self.optional_column(column).ok_or_else(|| {
            let found: Vec<_> = self.columns.iter().map(|name| format!("`{name}`")).collect();
            let found = if found.is_empty() { "none".into() } else { found.join(", ").into() };
            ImportError::MissingColumn { file: self.file.clone(), column: column.into(), found, hint }
        })
    }

    /// The position of a column that need not be there.
    pub(crate) fn optional_column(&self, column: &str) -> Option<Column> {
        self.columns.iter().position(|name| name == column).map(|index| Column { index })
    }

    /// The next row.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, ImportError> {
        let mut record = StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                Ok(Some(Row { file: &self.file, columns: &self.columns, record, line }))
            }
            Ok(false) => Ok(None),
            Err(source) => Err(table_error(&self.file, source)),
        }
    }
}

fn table_error(file: &str, source: csv::Error) -> ImportError {
    let file = file.into();
    if !matches!(source.kind(), ErrorKind::Io(_)) {
        return ImportError::Table { file, source };
    }
    match source.into_kind() {
        ErrorKind::Io(source) => ImportError::Read { file, source },
        _ => unreachable!("the kind was looked at"),
    }
}

/// A column that is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    index: usize,
}

impl Row<'_> {
    /// The text of a field.
    pub(crate) fn text(&self, column: Column) -> &str {
        self.record.get(column.index).unwrap_or_default()
    }

    /// A name: 1 to 255 characters, none of them a control character.
    pub(crate) fn name(&self, column: Column) -> Result<&str, ImportError> {
        let text = self.text(column);
        if text.is_empty() || text.chars().count() > 255 || text.chars().any(char::is_control) {
            return Err(self.wrong(column, "a name of 1 to 255 characters"));
        }
        Ok(text)
    }

    /// An amount of something, as the engine holds it.
    pub(crate) fn amount(&self, column: Column) -> Result<u32, ImportError> {
        let amount = self.text(column).parse::<u32>().ok().filter(|&amount| i32::try_from(amount).is_ok());
        amount.ok_or_else(|| self.wrong(column, "an integer from 0 to 2147483647"))
    }

    /// Seconds, if there are any.
    pub(crate) fn seconds(&self, column: Column) -> Result<Option<u64>, ImportError> {
        if self.text(column).is_empty() {
            return Ok(None);
        }
        let seconds = self.text(column).parse::<u64>().ok().filter(|&seconds| seconds <= 100_000_000_000);
        seconds.map(Some).ok_or_else(|| self.wrong(column, "whole seconds from 0 to 100000000000"))
    }

    /// An integer.
    pub(crate) fn integer(&self, column: Column) -> Result<u64, ImportError> {
        self.text(column).parse().map_err(|_| self.wrong(column, "an integer"))
    }

    /// A number from 0 on, which may have decimals.
    pub(super) fn decimal(&self, column: Column) -> Result<Decimal, ImportError> {
        Decimal::parse(self.text(column)).ok_or_else(|| self.wrong(column, "a number from 0 on"))
    }

    /// An amount in units of which the field's unit has `factor`, which must be a whole one.
    pub(crate) fn exact_amount(&self, column: Column, factor: u32) -> Result<u32, ImportError> {
        let product = self.decimal(column)?.times(Decimal::from(factor)).and_then(|it| it.rounded(i32::MAX as u64));
        let whole = product.filter(|amount| amount.is_exact).and_then(|amount| u32::try_from(amount.value).ok());
        whole.ok_or_else(|| self.wrong(column, "a number that is a whole one of CPU units or MiB, below 2147483648"))
    }

    /// Seconds with decimals, in milliseconds, if there are any.
    pub(crate) fn milliseconds(&self, column: Column) -> Result<Option<u64>, ImportError> {
        if self.text(column).is_empty() {
            return Ok(None);
        }
        let product = self.decimal(column)?.times(Decimal::from(1000)).and_then(|it| it.rounded(MAX_MS));
        product.map(|it| Some(it.value)).ok_or_else(|| self.wrong(column, "seconds from 0 to 100000000000"))
    }

    /// The error for a field that is not what its column holds.
    pub(crate) fn wrong(&self, column: Column, expected: &'static str) -> ImportError {
        let found = self.text(column).chars().take(80).collect::<String>().into();
        let column = self.columns.get(column.index).unwrap_or_default().into();
        ImportError::Field { file: self.file.into(), line: self.line, column, found, expected }
    }
}

/// The lines of names that must not come twice.
#[derive(Debug, Default)]
pub(crate) struct UniqueNames(std::collections::HashMap<Box<str>, u64>);

impl UniqueNames {
    /// The name in a row, which no row before it had.
    pub(crate) fn take(&mut self, row: &Row<'_>, column: Column) -> Result<Box<str>, ImportError> {
        let name: Box<str> = row.name(column)?.into();
        match self.0.insert(name.clone(), row.line) {
            None => Ok(name),
            Some(first) => Err(ImportError::Duplicate { file: row.file.into(), line: row.line, name, first }),
        }
    }
}
