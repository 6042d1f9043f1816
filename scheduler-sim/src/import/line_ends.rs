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
}

impl<R: Read> Read for PlainLineEnds<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A held byte may come out in front of what is read, so one place is left for it.
        let Some(room) = out.len().checked_sub(1).filter(|room| *room > 0) else {
            return self.inner.read(out);
        };
        let mut input = vec![0; room];
        let count = self.inner.read(&mut input)?;
        let mut written = 0;
        let mut put = |byte| {
            out[written] = byte;
            written += 1;
        };
        if count == 0 && std::mem::take(&mut self.held) {
            put(b'\r');
        }
        for byte in &input[..count] {
            if std::mem::take(&mut self.held) && *byte != b'\n' {
                put(b'\r');
            }
            if *byte == b'\r' { self.held = true } else { put(*byte) }
        }
        if written == 0 && count > 0 { self.read(out) } else { Ok(written) }
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
