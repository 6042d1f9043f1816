//! Line ends as a table's reader counts them: CR LF becomes LF, or it would count a row's line from the end before it.

use std::io::{self, Read};

/// Passes everything on but a carriage return in front of a line feed.
pub(super) struct PlainLineEnds<R> {
    inner: R,
    /// A carriage return that was read last, before it is known what follows.
    held: bool,
}

impl<R: Read> PlainLineEnds<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, held: false }
    }

    /// Moves `count` bytes from `start` to the front, without carriage returns in front of a line feed.
    fn compact(&mut self, out: &mut [u8], start: usize, count: usize) -> usize {
        let mut written = 0;
        for index in start..start + count {
            let byte = out[index];
            if std::mem::take(&mut self.held) && byte != b'\n' {
                out[written] = b'\r';
                written += 1;
            }
            if byte == b'\r' {
                self.held = true;
            } else {
                out[written] = byte;
                written += 1;
            }
        }
        written
    }
}

impl<R: Read> Read for PlainLineEnds<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.len() < 2 {
            // A pair has no place there; the table's reader asks for thousands of bytes.
            return Err(io::ErrorKind::InvalidInput.into());
        }
        loop {
            // A held byte comes out in front of what is read, so its place is left free.
            let start = usize::from(self.held);
            let count = self.inner.read(&mut out[start..])?;
            if count == 0 {
                out[0] = b'\r';
                return Ok(usize::from(std::mem::take(&mut self.held)));
            }
            let written = self.compact(out, start, count);
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_carriage_return_in_front_of_a_line_feed_goes() {
        let check = |text: &str, expected: &str| {
            for step in 2..6 {
                let mut reader = PlainLineEnds::new(text.as_bytes());
                let (mut out, mut buffer) = (Vec::new(), vec![0; step]);
                loop {
                    match reader.read(&mut buffer).unwrap() {
                        0 => break,
                        count => out.extend_from_slice(&buffer[..count]),
                    }
                }
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{text:?} by {step}");
            }
        };
        check("a,b\r\nc,d\r\n", "a,b\nc,d\n");
        check("a\rb\r\r\n\r", "a\rb\r\n\r");
        check("", "");
    }
}
