//! Those who must keep a message before it is acknowledged.

use std::sync::Arc;

use crate::Message;

/// What a keeper says to a message that it is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It need not keep this one.
    NotMine,
    /// It will tell when this ticket is settled. Tickets of one keeper only ever grow.
    Ticket(u64),
    /// It cannot take more: the publication is not acknowledged as stored (5.0: reason 0x97).
    Full,
}

/// Everything above the `up_to` before and up to this one shares the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub up_to: u64,
    pub stored: bool,
}

/// Plugged into the broker: PUBACK and PUBREC wait until every keeper has settled its ticket.
pub trait Keeper: Send + 'static {
    /// Never blocks.
    fn offer(&mut self, message: &Arc<Message>) -> Offer;
}
