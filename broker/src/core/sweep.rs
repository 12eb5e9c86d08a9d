//! What time does: sessions end, delayed wills are sent, silent clients are dropped. Each session
//! stands in one list by when it is to be looked at next: idle clients cost nothing.

use mqtt::Reason;

use super::{Core, SessionId};

impl Core {
    /// Called a few times a second; looks at the clock that was handed in.
    pub fn sweep(&mut self) {
        let now_ms = self.clock.now_ms();
        while let Some((due, id)) = self.due.first().copied()
            && due <= now_ms
        {
            self.due.remove(&(due, id));
            if let Some(session) = self.sessions.get_mut(&id) {
                session.due_ms = None;
            }
            self.look_at(id, now_ms);
        }
        self.tell_sys(now_ms);
    }

    fn look_at(&mut self, id: SessionId, now_ms: i64) {
        let silent = self.sessions.get(&id).and_then(|session| session.outbox.clone()).filter(|outbox| {
            !outbox.paused.get() && outbox.keep_alive_ms.is_some_and(|limit| now_ms - outbox.heard_ms.get() > limit)
        });
        match silent {
            Some(outbox) => {
                outbox.say_goodbye(Reason::KeepAliveTimeout);
                self.disconnected(id, &outbox, Reason::KeepAliveTimeout);
            }
            None => self.sweep_session(id, now_ms),
        }
    }

    /// Ends what is over for a session that is away, and notes when to look at it again.
    pub(super) fn sweep_session(&mut self, id: SessionId, now_ms: i64) {
        let Some(session) = self.sessions.get(&id) else { return };
        if session.outbox.is_none() {
            let ended = session.ends_at_ms().is_some_and(|end| end <= now_ms);
            if session.will_due_ms.is_some_and(|due| due <= now_ms) || ended {
                self.publish_will(id);
            }
            if ended {
                return self.forget(id);
            }
        }
        self.look_again(id, now_ms);
    }

    /// Notes when a session is to be looked at; later is too early at worst. A session stands in the
    /// list once, however often its client comes and goes.
    pub(super) fn look_again(&mut self, id: SessionId, now_ms: i64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let due = match &session.outbox {
            Some(outbox) => outbox.keep_alive_ms.map(|limit| (outbox.heard_ms.get() + limit).max(now_ms) + 1),
            None => [session.will_due_ms, session.ends_at_ms()].into_iter().flatten().min(),
        };
        let Some(due) = due else { return };
        match session.due_ms {
            Some(before) if before <= due => return,
            Some(before) => {
                self.due.remove(&(before, id));
            }
            None => {}
        }
        session.due_ms = Some(due);
        self.due.insert((due, id));
        debug_assert!(self.due.len() <= self.sessions.len(), "a session stands in the list twice");
    }
}
