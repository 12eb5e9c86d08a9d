//! A connected client: one task reads, one writes. They share nothing but the outbox.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt::{Packet, Reason, codec};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::task::AbortHandle;

use crate::core::{Core, Outbox, PublishState, SessionId, Verdict, Welcome};
use crate::handshake::{Duplex, Shard};
use crate::{EventKind, config, enhanced};

/// How long a connection may take to accept its last bytes.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often a publisher that waits looks whether its subscriber stalled.
const STALL_CHECK: Duration = Duration::from_millis(50);

/// Sets the two tasks of a connection going.
pub(crate) fn start(stream: Box<dyn Duplex>, rest: BytesMut, welcome: Welcome, shard: Shard) {
    let (reader, writer) = tokio::io::split(stream);
    let Welcome { session, outbox, bucket } = welcome;
    let writing = tokio::task::spawn_local(write(writer, session, outbox.clone(), shard.clone()));
    let writing = writing.abort_handle();
    let reason = Reason::ImplementationSpecificError;
    let end = Ending { session, outbox, shard, writing, reason };
    tokio::task::spawn_local(async move {
        let mut end = end;
        let state = PublishState::limited(bucket);
        end.reason = read(reader, rest, &end, state).await;
        drop(end);
    });
}

/// The end of a connection, however it comes: a panic of ours ends this one, is counted, and touches
/// no other.
struct Ending {
    session: SessionId,
    outbox: Rc<Outbox>,
    shard: Shard,
    writing: AbortHandle,
    reason: Reason,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Ok(mut core) = self.shard.core.try_borrow_mut() {
            if std::thread::panicking() {
                core.counters.panicked();
                core.event(Some(self.outbox.peer), None, None, EventKind::Panicked);
            }
            core.disconnected(self.session, &self.outbox, self.reason);
        }
        self.outbox.close(self.reason);
        if self.writing.is_finished() {
            return;
        }
        let writing = self.writing.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(LAST_WORDS).await;
            writing.abort();
        });
    }
}

/// Reads until the connection ends; answers why.
async fn read(
    mut reader: ReadHalf<Box<dyn Duplex>>,
    mut rest: BytesMut,
    Ending { session, outbox, shard, .. }: &Ending,
    mut state: PublishState,
) -> Reason {
    loop {
        if let Some(end) = handle_whole_packets(&mut rest, *session, outbox, shard, &mut state) {
            return end;
        }
        let behind = shard.core.borrow_mut().behind.take();
        if behind.is_some() || is_unsettled(outbox) {
            // Seldom, and large: an idle connection owns none of it.
            if let Some(reason) = Box::pin(wait(outbox, behind, shard)).await {
                return reason;
            }
        }
        if let Some(bucket) = &mut state.bucket {
            let now_us = shard.core.borrow().clock.now_us();
            let debt = bucket.debt_us(now_us);
            if debt > 0
                && let Some(reason) = Box::pin(slowed(outbox, debt, shard)).await
            {
                return reason;
            }
        }
        if behind.is_some() {
            // What was read before the wait goes first.
            outbox.heard_ms.set(shard.core.borrow().clock.now_ms());
            continue;
        }
        tokio::select! {
            biased;
            () = outbox.closed.notified() => {}
            read = read_some(&mut reader, &mut rest, shard) => match read {
                Ok(0) | Err(_) => return outbox.closing().unwrap_or(Reason::UnspecifiedError),
                Ok(_) => {}
            },
        }
        if let Some(reason) = outbox.closing() {
            return reason;
        }
    }
}

/// Waits for the subscriber that is behind, or for the keepers.
async fn wait(outbox: &Outbox, behind: Option<SessionId>, shard: &Shard) -> Option<Reason> {
    outbox.paused.set(true);
    let ended = match behind {
        Some(subscriber) => caught_up(outbox, subscriber, shard).await,
        None => unsettled(outbox, shard).await,
    };
    outbox.paused.set(false);
    ended
}

/// A client that publishes faster than it may is not read for a while: nothing is lost, and its
/// own socket tells it.
async fn slowed(outbox: &Outbox, debt_us: i64, shard: &Shard) -> Option<Reason> {
    outbox.paused.set(true);
    tokio::select! {
        () = tokio::time::sleep(Duration::from_micros(debt_us.unsigned_abs())) => {}
        () = outbox.closed.notified() => {}
    }
    outbox.paused.set(false);
    outbox.heard_ms.set(shard.core.borrow().clock.now_ms());
    outbox.closing()
}

fn is_unsettled(outbox: &Outbox) -> bool {
    outbox.acks.borrow().len() >= config::UNSETTLED_ACKS
}

/// Waits while too much of this client is not yet on disk: its socket is not read meanwhile.
async fn unsettled(outbox: &Outbox, shard: &Shard) -> Option<Reason> {
    loop {
        let drained = outbox.drained.notified();
        if let Some(reason) = outbox.closing() {
            return Some(reason);
        }
        if !is_unsettled(outbox) {
            return None;
        }
        drained.await;
        outbox.heard_ms.set(shard.core.borrow().clock.now_ms());
    }
}

/// Waits while a subscriber of this client's publications is behind: nothing is dropped instead.
async fn caught_up(outbox: &Outbox, subscriber: SessionId, shard: &Shard) -> Option<Reason> {
    let relief = shard.core.borrow().relief.clone();
    loop {
        let relieved = relief.notified();
        if let Some(reason) = outbox.closing() {
            return Some(reason);
        }
        if !shard.core.borrow().is_behind(subscriber) {
            return None;
        }
        tokio::select! {
            () = relieved => {}
            () = outbox.closed.notified() => {}
            // A subscriber that stalls tells nobody.
            () = tokio::time::sleep(STALL_CHECK) => {}
        }
    }
}

/// Reads into the buffer that all connections share: an idle connection owns none.
async fn read_some(
    reader: &mut ReadHalf<Box<dyn Duplex>>,
    rest: &mut BytesMut,
    shard: &Shard,
) -> std::io::Result<usize> {
    poll_fn(|cx| {
        let mut scratch = shard.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        match Pin::new(&mut *reader).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                rest.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn handle_whole_packets(
    rest: &mut BytesMut,
    session: SessionId,
    outbox: &Rc<Outbox>,
    shard: &Shard,
    state: &mut PublishState,
) -> Option<Reason> {
    let mut core = shard.core.borrow_mut();
    core.behind = None;
    let limits = core.limits;
    loop {
        let fault = match codec::frame_len(rest, &limits) {
            Ok(Some(len)) if rest.len() >= len => {
                let frame: Bytes = rest.split_to(len).freeze();
                match codec::decode(&frame, Some(outbox.version), &limits) {
                    Ok(packet) => match take(&mut core, session, outbox, packet, state, shard) {
                        Verdict::GoOn if core.behind.is_some() => return None,
                        Verdict::GoOn => continue,
                        Verdict::Ended => return Some(Reason::Success),
                        Verdict::Fault(reason, what) => codec::DecodeError { reason, offset: 0, what },
                    },
                    Err(error) => error,
                }
            }
            Ok(_) => break,
            Err(error) => error,
        };
        let kind = EventKind::ProtocolError { reason: fault.reason, what: fault.what.to_owned(), offset: fault.offset };
        core.session_event(session, kind);
        outbox.say_goodbye_because(fault.reason, Some(fault.what));
        return Some(fault.reason);
    }
    if rest.is_empty() {
        *rest = BytesMut::new();
    }
    None
}

fn take(
    core: &mut Core,
    session: SessionId,
    outbox: &Rc<Outbox>,
    packet: Packet,
    state: &mut PublishState,
    shard: &Shard,
) -> Verdict {
    match packet {
        Packet::Auth(auth) => {
            outbox.heard_ms.set(core.clock.now_ms());
            enhanced::again(outbox, &auth, &*shard.authenticator)
        }
        packet => core.handle(session, outbox, packet, state),
    }
}

/// Writes what the outbox holds, all at once, each time it is woken.
async fn write(mut writer: WriteHalf<Box<dyn Duplex>>, session: SessionId, outbox: Rc<Outbox>, shard: Shard) {
    loop {
        if outbox.is_idle() {
            if outbox.closing().is_some() {
                writer.shutdown().await.ok();
                return;
            }
            outbox.wake.notified().await;
            continue;
        }
        let mut bytes = outbox.take();
        let written = async {
            while !bytes.is_empty() {
                if writer.write_buf(&mut bytes).await? == 0 {
                    return Err(std::io::ErrorKind::WriteZero.into());
                }
                outbox.progressed();
            }
            writer.flush().await
        };
        if written.await.is_err() {
            return outbox.close(Reason::UnspecifiedError);
        }
        outbox.written();
        // There is room again: what waits in the session's queue goes on.
        shard.core.borrow_mut().pump(session);
    }
}
