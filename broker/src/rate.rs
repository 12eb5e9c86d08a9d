//! How often something may happen: a bucket of tokens that fills by the clock.

/// So many a second, and so many at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_sec: u32,
    pub burst: u32,
}

/// The rates of one zone; `None` sets none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Connections of one address. What is more is closed at once, and told.
    pub connects: Option<Rate>,
    /// Publications of one client. One that sends more is read more slowly; nothing is lost.
    pub messages: Option<Rate>,
}

/// What one client (or address) has left.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    /// In millionths of a token; below zero is a debt.
    millionths: i64,
    at_us: i64,
}

const ONE: i64 = 1_000_000;

impl Bucket {
    pub fn full(rate: Rate, now_us: i64) -> Bucket {
        Bucket { rate, millionths: i64::from(rate.burst) * ONE, at_us: now_us }
    }

    /// A clock that was set back fills nothing.
    fn fill(&mut self, now_us: i64) {
        let passed = now_us.saturating_sub(self.at_us).max(0);
        let most = i64::from(self.rate.burst) * ONE;
        self.millionths = passed.saturating_mul(i64::from(self.rate.per_sec)).saturating_add(self.millionths).min(most);
        self.at_us = now_us;
    }

    /// Takes one if there is one.
    pub fn try_take(&mut self, now_us: i64) -> bool {
        self.fill(now_us);
        let there = self.millionths >= ONE;
        if there {
            self.millionths -= ONE;
        }
        there
    }

    /// Takes one, on credit if need be.
    pub fn take(&mut self, now_us: i64) {
        self.fill(now_us);
        self.millionths = self.millionths.saturating_sub(ONE);
    }

    /// How long until the debt is paid, in microseconds; 0: there is none.
    pub fn debt_us(&mut self, now_us: i64) -> i64 {
        self.fill(now_us);
        match self.millionths {
            debt if debt < 0 => debt.saturating_neg() / i64::from(self.rate.per_sec.max(1)),
            _ => 0,
        }
    }

    /// Nothing is remembered that a new one would not know.
    pub fn is_full(&mut self, now_us: i64) -> bool {
        self.fill(now_us);
        self.millionths >= i64::from(self.rate.burst) * ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let mut bucket = Bucket::full(Rate { per_sec: 10, burst: 3 }, 0);
        assert!((0..3).all(|_| bucket.try_take(0)));
        assert!(!bucket.try_take(99_999));
        assert!(bucket.try_take(200_000));
        assert!(!bucket.is_full(200_000));
        assert!(bucket.is_full(1_000_000));
    }

    #[test]
    fn a_debt_is_paid_by_waiting() {
        let mut bucket = Bucket::full(Rate { per_sec: 10, burst: 1 }, 0);
        for _ in 0..4 {
            bucket.take(0);
        }
        assert_eq!(bucket.debt_us(0), 300_000);
        assert_eq!(bucket.debt_us(-5_000_000), 300_000, "a clock that was set back");
        assert_eq!(bucket.debt_us(i64::MAX), 0);
    }
}
