//! Sentences that replace others: what is refused, what is kept to go back to.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use wire::{RightsObject as Object, RightsSentence as Sentence, RightsSubject as Subject, RightsVerb as Verb};

use super::sentence::{check, kept};
use crate::Error;
use crate::limits::{RIGHTS_SENTENCES, RIGHTS_UNDONE};
use crate::settings::{DeviceRecord, Settings};

/// The sentences before a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RightsBefore {
    /// When they were replaced.
    pub at_ms: i64,
    #[serde(with = "kept")]
    pub rights: Vec<Sentence>,
}

/// What must be true of all sentences of a site, in a file and after a change.
pub(crate) fn verify(sentences: &[Sentence]) -> Result<(), Error> {
    if sentences.len() > RIGHTS_SENTENCES {
        return Err(Error::LimitOutside { field: "sentences", most: RIGHTS_SENTENCES as u64 });
    }
    let mut seen = HashSet::new();
    for (index, sentence) in sentences.iter().enumerate() {
        check(sentence).map_err(|fault| Error::RightsWord { index, part: fault.part, why: fault.why })?;
        if sentence.number == 0 || !seen.insert(sentence.number) {
            return Err(Error::RightsWord { index, part: "number", why: "each has a number of its own" });
        }
    }
    Ok(())
}

/// What a person asks for: new sentences get their numbers, and names must exist or be meant.
pub(crate) fn asked(settings: &Settings, mut sentences: Vec<Sentence>) -> Result<Vec<Sentence>, Error> {
    let known = |number: u32| settings.rights.iter().any(|sentence| sentence.number == number);
    for (index, sentence) in sentences.iter_mut().enumerate() {
        let refused = |part, why| Err(Error::RightsWord { index, part, why });
        if let Subject::Device(name) = &sentence.subject {
            match settings.devices.iter().find(|device| device.id == *name) {
                None => return refused("subject", "there is no such device"),
                Some(device) if device.guest() && sentence.verb != Verb::MustNot => {
                    return refused("subject", "a guest writes below its own name only");
                }
                Some(_) => {}
            }
        }
        // A number is given here alone: it must not come to mean another sentence.
        if !known(sentence.number) {
            sentence.number = 0;
        }
    }
    let mut next = settings.next_right;
    for sentence in sentences.iter_mut().filter(|sentence| sentence.number == 0) {
        sentence.number = next;
        next = next.saturating_add(1);
    }
    verify(&sentences)?;
    Ok(sentences)
}

/// Puts sentences in place of those of today, which are kept.
pub(crate) fn replace(settings: &mut Settings, sentences: Vec<Sentence>, now_ms: i64) {
    let highest = sentences.iter().map(|sentence| sentence.number).max().unwrap_or(0);
    settings.next_right = settings.next_right.max(highest.saturating_add(1));
    let rights = std::mem::replace(&mut settings.rights, sentences);
    settings.rights_before.push(RightsBefore { at_ms: now_ms, rights });
    if settings.rights_before.len() > RIGHTS_UNDONE {
        settings.rights_before.remove(0);
    }
}

/// Goes back by one change. A right for a while that has ended meanwhile stays ended.
pub(crate) fn undo(settings: &mut Settings, now_ms: i64) -> Result<(), Error> {
    let before = settings.rights_before.pop().ok_or(Error::NothingToUndo)?;
    settings.rights = before.rights;
    drop_ended(settings, now_ms);
    Ok(())
}

/// Whether a right for a while has ended.
pub(crate) fn any_ended(settings: &Settings, now_ms: i64) -> bool {
    settings.rights.iter().any(|sentence| sentence.until_ms.is_some_and(|until_ms| until_ms <= now_ms))
}

pub(crate) fn drop_ended(settings: &mut Settings, now_ms: i64) {
    settings.rights.retain(|sentence| sentence.until_ms.is_none_or(|until_ms| now_ms < until_ms));
}

/// A new device, with the sentence that its kind asks for: a hub reads what was said below its name.
pub(crate) fn welcome(settings: &mut Settings, device: DeviceRecord) {
    let hub = kinds::find(&device.kind).is_some_and(|kind| kind.reads_own_branch) && !device.guest();
    if hub && settings.rights.len() < RIGHTS_SENTENCES {
        settings.rights.push(Sentence {
            number: settings.next_right,
            subject: Subject::Device(device.id.clone()),
            verb: Verb::Reads,
            object: Object::OwnBranch,
            until_ms: None,
        });
        settings.next_right = settings.next_right.saturating_add(1);
    }
    settings.devices.push(device);
}

/// Rights of a device that is no more must not become those of another with its name.
pub(crate) fn forget_strays(settings: &mut Settings) {
    let there: HashSet<&String> = settings.devices.iter().map(|device| &device.id).collect();
    let stays = |sentence: &Sentence| match &sentence.subject {
        Subject::Device(name) => there.contains(name),
        _ => true,
    };
    settings.rights.retain(stays);
    settings.rights_before.iter_mut().for_each(|before| before.rights.retain(stays));
}
