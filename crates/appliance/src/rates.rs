//! How many messages a second: now, and over the last ten minutes.

use std::collections::VecDeque;

/// Seconds that "now" looks back.
const NOW_SECS: usize = 5;
/// Values of 5 s each in ten minutes.
const HISTORY: usize = 120;

#[derive(Default)]
pub(crate) struct Rates {
    /// Messages in each of the last seconds.
    seconds: VecDeque<u64>,
    history: VecDeque<f64>,
    total: u64,
    beats: usize,
}

impl Rates {
    /// Called every second with the messages since the start of the broker.
    pub fn sample(&mut self, total: u64) {
        // A broker that started again counts from zero.
        let fresh = if total < self.total { total } else { total - self.total };
        self.total = total;
        push(&mut self.seconds, fresh, NOW_SECS);
        self.beats += 1;
        if self.beats.is_multiple_of(NOW_SECS) {
            let now = self.now();
            push(&mut self.history, now, HISTORY);
        }
    }

    pub fn now(&self) -> f64 {
        let sum: u64 = self.seconds.iter().sum();
        sum as f64 / self.seconds.len().max(1) as f64
    }

    pub fn history(&self) -> Vec<f64> {
        self.history.iter().copied().collect()
    }

    /// A broker that is stopped says nothing.
    pub fn pause(&mut self) {
        self.seconds.clear();
        self.total = 0;
    }
}

fn push<T>(list: &mut VecDeque<T>, value: T, most: usize) {
    list.push_back(value);
    if list.len() > most {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rates = Rates::default();
        for second in 1..=700u64 {
            rates.sample(second * 10);
        }
        assert_eq!(rates.now(), 10.0);
        assert_eq!(rates.history().len(), HISTORY);
        rates.sample(30);
        assert_eq!(rates.now(), 14.0, "a restarted broker counts from zero");
    }
}
