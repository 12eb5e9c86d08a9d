//! The recorder as a keeper of the broker. It outlives brokers: what was recorded can be read
//! while the site is stopped, and a site that starts again goes on in the same file.

use std::sync::{Arc, Mutex, PoisonError};

use broker::{Keeper, Message, Offer, Settled};
use recorder::{Sample, Sink};
use tokio::sync::mpsc;

use crate::rights::proof::is_trial;

pub(crate) struct Keeping {
    sink: Arc<Mutex<Sink>>,
    /// The broker that runs now.
    listener: Arc<Mutex<Option<mpsc::UnboundedSender<Settled>>>>,
}

impl Keeping {
    pub fn new(sink: Sink, mut results: mpsc::UnboundedReceiver<recorder::Settled>) -> Keeping {
        let listener: Arc<Mutex<Option<mpsc::UnboundedSender<Settled>>>> = Arc::default();
        let current = listener.clone();
        tokio::spawn(async move {
            while let Some(recorder::Settled { up_to, stored }) = results.recv().await {
                if let Some(listener) = current.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                    listener.send(Settled { up_to, stored }).ok();
                }
            }
        });
        Keeping { sink: Arc::new(Mutex::new(sink)), listener }
    }

    /// What a broker that starts is given.
    pub fn keeper(&self) -> (Box<dyn Keeper>, mpsc::UnboundedReceiver<Settled>) {
        let (listener, results) = mpsc::unbounded_channel();
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        (Box::new(Recording(self.sink.clone())), results)
    }
}

struct Recording(Arc<Mutex<Sink>>);

impl Keeper for Recording {
    fn offer(&mut self, message: &Arc<Message>) -> Offer {
        if is_trial(message) {
            return Offer::NotMine;
        }
        // Held for a moment only, and by one broker: this never waits.
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offer = sink.offer(&Sample {
            topic: message.topic.as_str(),
            payload: &message.payload,
            qos: message.qos as u8,
            retain: message.retain,
            at_us: message.at_us,
        });
        match offer {
            recorder::Offer::Unticketed => Offer::NotMine,
            recorder::Offer::Ticket(ticket) => Offer::Ticket(ticket),
            recorder::Offer::Full => Offer::Full,
        }
    }
}
