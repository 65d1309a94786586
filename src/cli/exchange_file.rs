//! Exchanges of a run, written to a file that appears when it is whole, or to standard output.

use std::io::{self, BufWriter, Write};

use nightreel::engine::{ExportError, Output, OutputFile};
use nightreel::interchange::{BatchWriter, ExchangeWriter, HarWriter};
use nightreel::model::Exchange;
use nightreel::store::{Reader, RunId};

use super::exit::Failure;
use super::export_format::ExchangeFormat;

/// How many exchanges are read at once.
const PAGE: usize = 512;

/// How many exchanges were written, and how many the format has no place for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wrote {
    pub(crate) written: u64,
    pub(crate) left_out: u64,
}

/// Writes the settled exchanges of a run, in input order.
pub(crate) fn write_exchanges(
    reader: &mut Reader,
    run: RunId,
    output: &Output,
    format: ExchangeFormat,
) -> Result<Wrote, Failure> {
    match output {
        Output::Stdout => {
            let written = write(reader, run, output, (format, BufWriter::new(io::stdout().lock())));
            written.map(|(wrote, _)| wrote)
        }
        Output::File(path) => {
            let failed = |source| Failure::from(ExportError::output(output, source));
            let file = OutputFile::create(path).map_err(failed)?;
            let (wrote, file) = write(reader, run, output, (format, BufWriter::new(file)))?;
            let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
            file.finish().map_err(failed)?;
            Ok(wrote)
        }
    }
}

/// Writes to anything; gives it back.
fn write<W: Write>(
    reader: &mut Reader,
    run: RunId,
    output: &Output,
    (format, out): (ExchangeFormat, W),
) -> Result<(Wrote, W), Failure> {
    let mut writer = Writer::new(format, out).map_err(|source| ExportError::output(output, source))?;
    let (mut wrote, mut after) = (Wrote::default(), None);
    loop {
        let page = reader.exchanges(run, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for kept in &page {
            let has_place = writer.write(&kept.exchange).map_err(|source| ExportError::output(output, source))?;
            wrote.written += u64::from(has_place);
            wrote.left_out += u64::from(!has_place);
        }
    }
    let out = writer.finish().map_err(|source| ExportError::output(output, source))?;
    Ok((wrote, out))
}

enum Writer<W> {
    Lines(ExchangeWriter<W>),
    Har(HarWriter<W>),
    Batch(BatchWriter<W>),
}

impl<W: Write> Writer<W> {
    fn new(format: ExchangeFormat, out: W) -> io::Result<Self> {
        Ok(match format {
            ExchangeFormat::Lines => Self::Lines(ExchangeWriter::new(out)),
            ExchangeFormat::Har => Self::Har(HarWriter::new(out)?),
            ExchangeFormat::Batch(part) => Self::Batch(BatchWriter::new(out, part)),
        })
    }

    /// Says whether the format has a place for the exchange.
    fn write(&mut self, exchange: &Exchange) -> io::Result<bool> {
        match self {
            Self::Lines(writer) => writer.write(exchange).map(|()| true),
            Self::Har(writer) => writer.write(exchange).map(|()| true),
            Self::Batch(writer) => writer.write(exchange),
        }
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::Lines(writer) => writer.finish(),
            Self::Har(writer) => writer.finish(),
            Self::Batch(writer) => writer.finish(),
        }
    }
}
