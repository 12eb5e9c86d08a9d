//! What time does: sessions end, delayed wills are sent, silent clients are dropped.

use mqtt::Reason;

use super::{Core, SessionId};

impl Core {
    /// Called a few times a second; looks at the clock that was handed in.
    pub fn sweep(&mut self) {
        let now_ms = self.clock.now_ms();
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            let silent = self.sessions.get(&id).and_then(|session| session.outbox.clone()).filter(|outbox| {
                !outbox.paused.get() && outbox.keep_alive_ms.is_some_and(|limit| now_ms - outbox.heard_ms.get() > limit)
            });
            if let Some(outbox) = silent {
                outbox.say_goodbye(Reason::KeepAliveTimeout);
                self.disconnected(id, &outbox, Reason::KeepAliveTimeout);
            }
            self.sweep_session(id, now_ms);
        }
    }

    pub(super) fn sweep_session(&mut self, id: SessionId, now_ms: i64) {
        let Some(session) = self.sessions.get(&id) else { return };
        if session.outbox.is_some() {
            return;
        }
        let ended = session.ends_at_ms().is_some_and(|end| end <= now_ms);
        if session.will_due_ms.is_some_and(|due| due <= now_ms) || ended {
            self.publish_will(id);
        }
        if ended {
            self.forget(id);
        }
    }
}
