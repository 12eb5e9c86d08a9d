//! What each identity may do: sentences that people read, and the rules that the broker gets.
//!
//! A sentence is data (`sentence.rs`); `flatten.rs` makes rules of all that speak of a device;
//! `grid.rs` and `compare.rs` show what they come to; `judge.rs` reads them once more, in another
//! way, for the proof that the running broker decides as they say (`proof.rs`).

pub(crate) mod cases;
mod change;
mod commands;
mod compare;
mod flatten;
mod grid;
pub(crate) mod judge;
#[cfg(test)]
mod model;
pub(crate) mod proof;
pub(crate) mod sentence;

pub(crate) use change::{RightsBefore, forget_strays, verify, welcome};
pub(crate) use commands::expire;
pub(crate) use flatten::{Member, rules, table};

use broker::{Action, Identity, Rights};
use mqtt::Topic;

use crate::Inner;
use crate::settings::{DeviceRecord, Settings};

/// Whether a device that speaks through us may write there: by a cable, by a post.
pub(crate) fn may_write(settings: &Settings, device: &DeviceRecord, topic: &Topic, now_ms: i64) -> bool {
    let who = Identity::new(&device.id);
    let rules = rules(&settings.rights, &Member::of(device), &settings.slug, now_ms);
    let rights = Rights::new([(who.clone(), rules)]);
    settings.admitted(device) && rights.decide(&who, &device.id, Action::Publish, topic).allowed
}

impl Inner {
    /// The rules of all, as the broker shall have them from now on.
    pub fn rights(&self, settings: &Settings) -> Rights {
        let mut table = table(settings, self.clock.now_ms());
        if let Some(tamper) = self.options.tamper {
            tamper(&mut table);
        }
        Rights::new(table)
    }
}
