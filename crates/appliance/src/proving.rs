//! When the rights are proven, and what follows: a broker that decides otherwise than the sentences
//! say has no door to the room.

use std::sync::Arc;

use mqtt::Topic;
use wire::{EventKind, RightsProof};

use crate::doors::{Knocker, PROVER};
use crate::engine::Engine;
use crate::rights::cases::{How, Prover, provers};
use crate::rights::proof::{is_stand_in, prove};
use crate::site::Site;
use crate::{Error, Inner};

impl Inner {
    /// Proves the rights of a site that runs, and opens or closes its room accordingly. The caller
    /// holds the lock on changes.
    pub async fn prove_rights(self: &Arc<Inner>, site: &Arc<Site>) {
        let Some(engine) = site.engine() else { return };
        self.prove_with(&engine, site).await;
        if self.proven() {
            if let Err(error) = engine.open_room(self, site).await {
                tracing::error!(%error, "the doors to the room stay closed");
            }
        } else {
            engine.close_room().await;
        }
        self.open_claim_door(engine.claim_door(self, site));
    }

    /// Asks the broker, and keeps what it answered.
    pub async fn prove_with(&self, engine: &Engine, site: &Site) {
        let proof = self.ask(engine, site).await.unwrap_or_else(|error| RightsProof {
            at_ms: self.clock.now_ms(),
            tried: 0,
            wrong: Vec::new(),
            hindrance: Some(error.to_string()),
        });
        if !proof.holds() {
            for fault in &proof.wrong {
                tracing::error!(?fault, "the broker decides otherwise than the rights say");
            }
            if let Some(hindrance) = &proof.hindrance {
                tracing::error!(hindrance, "the rights cannot be proven");
            }
            self.journal.tell(self.clock.now_ms(), EventKind::RightsWrong, None);
        }
        self.set_proof(Some(proof));
    }

    async fn ask(&self, engine: &Engine, site: &Site) -> Result<RightsProof, Error> {
        let settings = site.settings.load_full();
        // This door is open whether the room's are or not.
        let doors = self.doors(site, std::net::Ipv4Addr::LOCALHOST);
        let now_ms = self.clock.now_ms();
        let provers = provers(&settings, now_ms);
        let heard = heard(engine, &provers).await;
        let pass = self.probes.pass(PROVER)?;
        let knocker = Knocker::new(&doors, &self.probes)?;
        Ok(prove(&knocker, &provers, &heard, pass.credentials().1, now_ms).await)
    }
}

/// The topics of the stand-ins that somebody subscribed to.
async fn heard(engine: &Engine, provers: &[Prover]) -> Vec<String> {
    let mut heard = Vec::new();
    for prover in provers.iter().filter(|prover| is_stand_in(&prover.member.id)) {
        for case in prover.cases.iter().filter(|case| case.allowed && case.how == How::Publish) {
            let Ok(topic) = Topic::parse(case.asked.as_str()) else { continue };
            if !engine.broker.subscribers(&topic).await.is_empty() {
                heard.push(case.asked.clone());
            }
        }
    }
    heard
}
