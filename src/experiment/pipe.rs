//! The trace of a run as a stream: the run writes in a thread of its own, and waits where nobody reads.

use std::io::{self, BufRead, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How much is handed over at once [bytes].
const CHUNK_BYTES: usize = 1 << 16;
/// How many chunks may wait to be read.
const CHUNKS_MAX: usize = 16;

/// The end that is written to.
pub struct PipeWriter {
    sender: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
}

/// The end that is read from.
pub struct PipeReader {
    receiver: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

/// Both ends of a stream.
pub fn pipe() -> (PipeWriter, PipeReader) {
    let (sender, receiver) = sync_channel(CHUNKS_MAX);
    let reader = PipeReader { receiver, chunk: Vec::new(), at: 0 };
    (PipeWriter { sender, chunk: Vec::with_capacity(CHUNK_BYTES) }, reader)
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.sender.send(chunk).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for PipeReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.chunk.len() {
            let Ok(chunk) = self.receiver.recv() else { return Ok(&[]) };
            (self.chunk, self.at) = (chunk, 0);
        }
        Ok(&self.chunk[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_end_is_the_end() {
        let (mut writer, reader) = pipe();
        let text: Vec<u8> = (0..200_000_u32).map(|n| if n % 7 == 0 { b'\n' } else { b'x' }).collect();
        let expected = text.clone();
        let written = std::thread::spawn(move || writer.write_all(&text).and_then(|()| writer.flush()));
        let lines: Vec<String> = reader.lines().map(Result::unwrap).collect();
        assert!(written.join().unwrap().is_ok());
        assert_eq!(lines.len(), expected.split(|byte| *byte == b'\n').count());
    }

    #[test]
    fn a_writer_whose_reader_is_gone_is_told() {
        let (mut writer, reader) = pipe();
        drop(reader);
        assert!(writer.write_all(b"x").and_then(|()| writer.flush()).is_err());
    }
}
