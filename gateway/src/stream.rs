//! A client's socket, with or without TLS. Reading goes through one buffer per thread, so that an idle
//! connection holds none; writing goes from a buffer that exists while something is to be said.

use crate::codec::{Fault, Framer, Raw};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Size of the read buffer that the connections of a thread share.
const READ_BYTES: usize = 64 * 1024;

/// How long we go on reading from a client that was told to go, so that it gets to read why.
const LINGER: Duration = Duration::from_millis(500);

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connected socket.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What came of one turn at the socket.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) wrote: usize,
    pub(crate) read: usize,
    /// The client closed its side, or the socket is broken.
    pub(crate) over: bool,
    pub(crate) fault: Option<Fault>,
}

impl Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    /// Waits until something was written from `out` or read into `packets`, if `reading`.
    pub(crate) async fn turn(
        &mut self,
        out: &mut Vec<u8>,
        reading: bool,
        framer: &mut Framer,
        packets: &mut VecDeque<Raw>,
    ) -> Turn {
        std::future::poll_fn(|cx| {
            let mut turn = Turn::default();
            let mut written = 0;
            while let Some(rest) = out.get(written..).filter(|rest| !rest.is_empty()) {
                match self.poll_write(cx, rest) {
                    // Nobody hears us any more. What the client said before it left may still lie in the socket, and with
                    // QoS 0 it is not said again: reading goes on to the end.
                    Poll::Ready(Ok(0) | Err(_)) => {
                        written = out.len();
                        break;
                    }
                    Poll::Ready(Ok(bytes)) => written += bytes,
                    Poll::Pending => break,
                }
            }
            turn.wrote = written;
            if written > 0 && written == out.len() {
                out.clear();
                if out.capacity() > 4_096 {
                    *out = Vec::new();
                }
            } else {
                out.drain(..written);
            }
            // TLS keeps records back until they are flushed.
            if matches!(self, Self::Tls(_)) && matches!(self.poll_flush(cx), Poll::Ready(Err(_))) {
                turn.over = true;
            }
            if reading && !turn.over {
                READ.with_borrow_mut(|buffer| {
                    let mut buffer = ReadBuf::new(buffer);
                    match self.poll_read(cx, &mut buffer) {
                        Poll::Ready(Ok(())) if buffer.filled().is_empty() => turn.over = true,
                        Poll::Ready(Ok(())) => {
                            turn.read = buffer.filled().len();
                            turn.fault = framer.feed(buffer.filled(), |raw| packets.push_back(raw)).err();
                        }
                        Poll::Ready(Err(_)) => turn.over = true,
                        Poll::Pending => {}
                    }
                });
            }
            if turn.wrote > 0 || turn.read > 0 || turn.over { Poll::Ready(turn) } else { Poll::Pending }
        })
        .await
    }

    /// Says the last words and reads on for a moment: closing over unread bytes would make the client's
    /// system throw away what we said last.
    pub(crate) async fn part(mut self, out: &[u8]) {
        let last_words = async {
            match &mut self {
                Self::Plain(stream) => {
                    stream.write_all(out).await?;
                    stream.shutdown().await?;
                }
                Self::Tls(stream) => {
                    stream.write_all(out).await?;
                    stream.shutdown().await?;
                }
            }
            let mut sink = [0u8; 512];
            loop {
                let mut buffer = ReadBuf::new(&mut sink);
                std::future::poll_fn(|cx| self.poll_read(cx, &mut buffer)).await?;
                if buffer.filled().is_empty() {
                    return io::Result::Ok(());
                }
            }
        };
        let _gone_anyway = tokio::time::timeout(LINGER, last_words).await;
    }
}
