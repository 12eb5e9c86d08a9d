//! One level of a topic, with what was last said there.

use std::cmp::Ordering;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::kind::Gist;

pub(crate) type NodeId = u32;

/// Numbers of a sparkline: one for each 10 s of the last 10 minutes.
pub(crate) const SPARK_LEN: usize = 60;
pub(crate) const SPARK_STEP_MS: i64 = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub parent: Option<NodeId>,
    pub name: String,
    pub depth: u8,
    /// In the order in which they are shown.
    pub children: Vec<NodeId>,
    /// The version of the tree at the last change of anything that its row shows.
    pub version: u64,
    pub value: Option<Value>,
    /// Messages of this node and all below, for the rate of a branch.
    pub rate: Rate,
}

#[derive(Debug)]
pub(crate) struct Value {
    pub topic: String,
    pub payload: Bytes,
    pub previous: Bytes,
    pub gist: Gist,
    pub qos: u8,
    pub retained: bool,
    pub at_ms: i64,
    pub publisher: Option<String>,
    pub count: u64,
    pub spark: Spark,
}

/// The last number of each step.
#[derive(Debug, Default)]
pub(crate) struct Spark {
    numbers: VecDeque<(i64, f32)>,
}

impl Spark {
    pub fn push(&mut self, at_ms: i64, number: f64) {
        let step = at_ms.div_euclid(SPARK_STEP_MS);
        match self.numbers.back_mut() {
            Some((last, value)) if *last == step => *value = number as f32,
            _ => self.numbers.push_back((step, number as f32)),
        }
        while self.numbers.len() > SPARK_LEN {
            self.numbers.pop_front();
        }
    }

    /// What lies within the last 10 minutes, oldest first.
    pub fn since(&self, now_ms: i64) -> impl Iterator<Item = f32> {
        let first = now_ms.div_euclid(SPARK_STEP_MS) - SPARK_LEN as i64;
        self.numbers.iter().filter(move |(step, _)| *step > first).map(|(_, number)| *number)
    }
}

/// Messages a second, over the last ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// Counts of the last eleven seconds, the newest last.
    seconds: [u32; 11],
    newest: i64,
}

impl Rate {
    pub fn count(&mut self, at_ms: i64) {
        self.turn(at_ms);
        if let Some(newest) = self.seconds.last_mut() {
            *newest = newest.saturating_add(1);
        }
    }

    fn turn(&mut self, now_ms: i64) {
        let second = now_ms.div_euclid(1000);
        let passed = second - self.newest;
        if passed <= 0 {
            return;
        }
        let passed = usize::try_from(passed).unwrap_or(self.seconds.len()).min(self.seconds.len());
        self.seconds.rotate_left(passed);
        self.seconds.iter_mut().rev().take(passed).for_each(|count| *count = 0);
        self.newest = second;
    }

    /// Whole seconds only: the one that runs would make the figure tremble.
    pub fn per_second(&self, now_ms: i64) -> f32 {
        let second = now_ms.div_euclid(1000);
        let newest = self.newest;
        let whole = self.seconds.iter().rev().enumerate().filter(|(back, _)| {
            let age = second - (newest - i64::try_from(*back).unwrap_or(0));
            (1..=10).contains(&age)
        });
        whole.map(|(_, count)| *count as f32).sum::<f32>() / 10.0
    }

    pub fn is_quiet(&self, now_ms: i64) -> bool {
        now_ms.div_euclid(1000) - self.newest > 11
    }
}

/// Names as people sort them: `serre-2` before `serre-10`.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return a.cmp(b),
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let order = digits(&mut left).cmp(&digits(&mut right));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(x), Some(y)) if x == y => {
                left.next();
                right.next();
            }
            (Some(x), Some(y)) => return x.to_lowercase().cmp(y.to_lowercase()).then(x.cmp(&y)),
        }
    }
}

/// A run of digits: without leading zeros, by length and then by value.
fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> (usize, String) {
    let mut run = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if !(run.is_empty() && digit == '0') {
            run.push(digit);
        }
    }
    (run.len(), run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_sort_them() {
        let mut names = ["serre-10", "serre-2", "Serre-1", "a", "serre-02", "serre", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "a", "Serre-1", "serre", "serre-02", "serre-2", "serre-10"]);
    }

    #[test]
    fn a_rate_counts_whole_seconds_and_fades() {
        let mut rate = Rate::default();
        for at_ms in (0..20_000).step_by(100) {
            rate.count(at_ms);
        }
        assert_eq!(rate.per_second(20_000), 10.0);
        assert_eq!(rate.per_second(25_000), 5.0);
        assert_eq!(rate.per_second(40_000), 0.0);
        assert!(rate.is_quiet(40_000) && !rate.is_quiet(25_000));
    }
}
