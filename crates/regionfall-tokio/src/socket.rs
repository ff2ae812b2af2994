//! A client's socket: bytes in and out, as tokio's own sockets take and give them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use regionfall::simulation::StreamId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::hub::Hub;

/// An open connection from an app server to a member.
///
/// It behaves as a TCP socket: what is written may never arrive and nobody says so; a member that died under a
/// living kernel answers with a reset, one that fell silent not at all.
pub struct Socket {
    hub: Arc<Hub>,
    id: StreamId,
}

impl Socket {
    pub(crate) fn new(hub: Arc<Hub>, id: StreamId) -> Self {
        Self { hub, id }
    }

    pub(crate) fn id(&self) -> StreamId {
        self.id
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.hub
            .poll_read(self.id, context, buffer.remaining())
            .map_ok(|bytes| buffer.put_slice(&bytes))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.hub.poll_write(self.id, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.hub.finish_writing(self.id);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.hub.close(self.id);
    }
}
