//! The commands of the rights: shown, changed, undone, tried, proven.

use std::sync::Arc;

use broker::{Action as BrokerAction, Effect, Identity, Rights};
use mqtt::{Filter, Topic};
use sha2::{Digest, Sha256};
use wire::{
    ChangeRights, DeviceRef, DeviceRights, EventKind, Nothing, Problem, RightsAction as Action, RightsAnswer,
    RightsChanged, RightsEnded, RightsObject, RightsPreview, RightsSentence as Sentence, RightsShown, RightsSubject,
    RightsVerb, RightsWhy, TestRights,
};

use super::{Member, cases, change, compare, grid, judge, rules};
use crate::settings::Settings;
use crate::site::Site;
use crate::{Appliance, Error, Inner};

impl Appliance {
    pub async fn rights_show(&self, _: Nothing) -> Result<RightsShown, Problem> {
        let site = self.inner.site()?;
        Ok(self.inner.show_rights(&site.settings.load()))
    }

    /// Verifies and compares; with `apply` also takes effect, and is proven.
    pub async fn rights_change(&self, request: ChangeRights) -> Result<RightsChanged, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let settings = site.settings.load_full();
        if request.revision != revision(&settings.rights) {
            return Err(Error::RightsOutdated.into());
        }
        let sentences = change::asked(&settings, request.sentences)?;
        let preview = inner.preview(&site, &settings, &sentences).await;
        if request.apply && sentences != settings.rights {
            let now_ms = inner.clock.now_ms();
            site.change(inner, |settings| {
                change::replace(settings, sentences, now_ms);
                Ok(())
            })
            .await?;
            inner.rights_changed(&site).await;
        }
        let rights = inner.show_rights(&site.settings.load());
        Ok(RightsChanged { applied: request.apply, preview, rights })
    }

    pub async fn rights_undo(&self, _: Nothing) -> Result<RightsShown, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let now_ms = inner.clock.now_ms();
        site.change(inner, |settings| change::undo(settings, now_ms)).await?;
        inner.rights_changed(&site).await;
        Ok(inner.show_rights(&site.settings.load()))
    }

    pub async fn rights_test(&self, request: TestRights) -> Result<RightsAnswer, Problem> {
        let site = self.inner.site()?;
        Ok(answer(&site.settings.load(), &request, self.inner.clock.now_ms())?)
    }

    pub async fn rights_of(&self, request: DeviceRef) -> Result<DeviceRights, Problem> {
        let site = self.inner.site()?;
        let settings = site.settings.load_full();
        let device = settings.device(&request.id)?;
        let (member, now_ms) = (Member::of(device), self.inner.clock.now_ms());
        if !settings.admitted(device) {
            let (device, sentences) = (request.id, Vec::new());
            return Ok(DeviceRights { device, sentences, allowed: Vec::new(), forbidden: Vec::new() });
        }
        let rules = rules(&settings.rights, &member, &settings.slug, now_ms);
        Ok(DeviceRights {
            device: request.id,
            sentences: cases::of_member(&settings, &member, now_ms),
            allowed: compare::grants(&rules, Effect::Allow),
            forbidden: compare::grants(&rules, Effect::Deny),
        })
    }

    pub async fn rights_prove(&self, _: Nothing) -> Result<RightsShown, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        site.running()?;
        inner.prove_rights(&site).await;
        Ok(inner.show_rights(&site.settings.load()))
    }
}

/// Rights for a while end on time. Called every second.
pub(crate) async fn expire(inner: &Arc<Inner>, site: &Arc<Site>) -> Result<(), Error> {
    let now_ms = inner.clock.now_ms();
    if !change::any_ended(&site.settings.load(), now_ms) {
        return Ok(());
    }
    let _changing = inner.changing.lock().await;
    site.change(inner, |settings| {
        change::drop_ended(settings, now_ms);
        Ok(())
    })
    .await?;
    inner.rights_changed(site).await;
    Ok(())
}

impl Inner {
    async fn rights_changed(self: &Arc<Inner>, site: &Arc<Site>) {
        self.journal.tell(self.clock.now_ms(), EventKind::RightsChanged, None);
        self.prove_rights(site).await;
    }

    fn show_rights(&self, settings: &Settings) -> RightsShown {
        let columns = grid::columns(settings);
        RightsShown {
            sentences: settings.rights.clone(),
            revision: revision(&settings.rights),
            rows: grid::rows(settings, &columns, self.clock.now_ms()),
            columns,
            groups: grid::groups(settings),
            devices: settings.devices.iter().map(|device| device.id.clone()).collect(),
            undo_ms: settings.rights_before.last().map(|before| before.at_ms),
            proof: self.proof(),
        }
    }

    async fn preview(&self, site: &Site, settings: &Settings, sentences: &[Sentence]) -> RightsPreview {
        let now_ms = self.clock.now_ms();
        let of = |sentences: &[Sentence], member: &Member| rules(sentences, member, &settings.slug, now_ms);
        let admitted = settings.devices.iter().filter(|device| settings.admitted(device));
        let members: Vec<Member> = admitted.map(Member::of).collect();
        let differences = members
            .iter()
            .filter_map(|member| {
                let (before, after) = (of(&settings.rights, member), of(sentences, member));
                compare::difference(&member.id, &before, &after)
            })
            .collect();
        let after = Rights::new(members.iter().map(|member| (Identity::new(&member.id), of(sentences, member))));
        let clients = match site.engine() {
            Some(engine) => engine.broker.clients().await,
            None => Vec::new(),
        };
        let mut ended = Vec::new();
        for client in clients.iter().filter(|client| members.iter().any(|each| each.id == client.identity.as_str())) {
            let lost = client.subscriptions.iter().filter(|filter| {
                let filter = Filter::parse(filter.as_str());
                !filter.is_ok_and(|filter| after.decide_filter(&client.identity, &client.client_id, &filter).allowed)
            });
            let device = client.identity.as_str();
            ended.extend(lost.map(|filter| RightsEnded { device: device.to_owned(), filter: filter.clone() }));
        }
        RightsPreview { differences, ended }
    }
}

/// A name for what the sentences are now.
fn revision(sentences: &[Sentence]) -> String {
    // Invariant: sentences are plain data; if they could not be written, no revision would fit.
    let text = serde_json::to_vec(sentences).unwrap_or_default();
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What the broker decides, by the same rules, and which sentence it is.
fn answer(settings: &Settings, request: &TestRights, now_ms: i64) -> Result<RightsAnswer, Error> {
    let device = settings.device(&request.device)?;
    let member = Member::of(device);
    let plain = |allowed, why, sentence| RightsAnswer {
        allowed,
        why,
        sentence,
        nearby: Vec::new(),
        held_back: Vec::new(),
        proposal: None,
    };
    let publish = request.action == Action::Publish;
    let asked = if publish {
        Topic::parse(request.topic.as_str())?;
        request.topic.clone()
    } else {
        Filter::parse(request.topic.as_str()).map_err(|_| Error::Filter)?;
        judge::unshared(&request.topic).to_owned()
    };
    if device.revoked_ms.is_some() {
        return Ok(plain(false, RightsWhy::Revoked, None));
    }
    if !settings.admitted(device) {
        return Ok(plain(false, RightsWhy::GuestsClosed, None));
    }
    let who = Identity::new(&member.id);
    let rules = rules(&settings.rights, &member, &settings.slug, now_ms);
    let rights = Rights::new([(who.clone(), rules.clone())]);
    let decision = if publish {
        rights.decide(&who, &member.id, BrokerAction::Publish, &Topic::parse(asked.as_str())?)
    } else {
        rights.decide_filter(&who, &member.id, &Filter::parse(request.topic.as_str()).map_err(|_| Error::Filter)?)
    };
    let number = decision.rule.and_then(|rule| rule.parse().ok());
    let concerned = rules.iter().filter(|rule| if publish { rule.publish } else { rule.read });
    let numbers = |effect: Effect, overlapping: bool| -> Vec<u32> {
        let wanted = Filter::parse(asked.as_str()).ok();
        let touches = |filter: &str| match (&wanted, Filter::parse(filter)) {
            (Some(wanted), Ok(filter)) => compare::overlap(&filter, wanted),
            _ => false,
        };
        let chosen = concerned.clone().filter(|rule| rule.effect == effect && (!overlapping || touches(&rule.filter)));
        chosen.filter_map(|rule| rule.id.parse().ok()).collect()
    };
    if decision.allowed {
        let held_back = if publish { Vec::new() } else { numbers(Effect::Deny, true) };
        return Ok(RightsAnswer { held_back, ..plain(true, RightsWhy::Allowed, number) });
    }
    if number.is_some() {
        // A sentence that forbids would win over any that allows.
        return Ok(plain(false, RightsWhy::Forbidden, number));
    }
    let proposal = narrowest(settings, &member, request.action, &asked);
    Ok(RightsAnswer { nearby: numbers(Effect::Allow, false), proposal, ..plain(false, RightsWhy::NothingAllows, None) })
}

/// The sentence that allows this, and nothing else.
fn narrowest(settings: &Settings, member: &Member, action: Action, asked: &str) -> Option<Sentence> {
    let sentence = Sentence {
        number: 0,
        subject: RightsSubject::Device(member.id.clone()),
        verb: if action == Action::Publish { RightsVerb::Writes } else { RightsVerb::Reads },
        object: RightsObject::Filter(asked.to_owned()),
        until_ms: None,
    };
    change::asked(settings, vec![sentence.clone()]).is_ok().then_some(sentence)
}
