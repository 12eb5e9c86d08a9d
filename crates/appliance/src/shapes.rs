//! What simulated devices measure: a sine, a random walk, the curve of a day, a switch.

use std::f64::consts::TAU;

use serde_json::json;

const HOUR_MS: i64 = 3_600_000;

/// How the values of a device move.
#[derive(Clone, Copy)]
enum Shape {
    Sine,
    Walk,
    Day,
    Switch,
}

impl Shape {
    fn of(index: usize) -> Shape {
        match index % 4 {
            0 => Shape::Sine,
            1 => Shape::Walk,
            2 => Shape::Day,
            _ => Shape::Switch,
        }
    }
}

/// The values of one device: pure, so that they can be tested.
pub(crate) struct Values {
    shape: Shape,
    index: usize,
    walk: f64,
    random: u64,
}

impl Values {
    pub fn new(index: usize) -> Values {
        let random = 0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d);
        Values { shape: Shape::of(index), index, walk: 0.0, random }
    }

    /// -1 to 1, by xorshift: the same walk after each restart does no harm.
    fn noise(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// The JSON of the next message.
    pub fn next(&mut self, now_ms: i64) -> String {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let phase = self.index as f64 * 0.7;
        let hours = now_ms.rem_euclid(24 * HOUR_MS) as f64 / HOUR_MS as f64;
        let noise = self.noise();
        let (temperature, humidity) = match self.shape {
            Shape::Sine => {
                let angle = now_ms.rem_euclid(120_000) as f64 / 120_000.0 * TAU + phase;
                (21.0 + 3.0 * angle.sin(), 50.0 - 8.0 * angle.sin())
            }
            Shape::Walk => {
                self.walk = (self.walk + noise * 0.3).clamp(-6.0, 6.0);
                (20.0 + self.walk, 55.0 - 2.0 * self.walk)
            }
            // Coldest at 4, warmest at 16.
            Shape::Day => {
                let warmth = ((hours - 10.0) / 24.0 * TAU).sin();
                (17.0 + 6.0 * warmth + noise * 0.1, 60.0 - 15.0 * warmth + noise * 0.3)
            }
            Shape::Switch => {
                let on = now_ms.div_euclid(30_000) % 2 == 0;
                let heat = if on { 1.5 } else { 0.0 };
                let temperature = round(19.0 + heat + noise * 0.1);
                return json!({"temperature": temperature, "humidity": 48.0, "switch": u8::from(on)}).to_string();
            }
        };
        json!({"temperature": round(temperature), "humidity": round(humidity)}).to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn every_shape_stays_within_what_a_room_can_be() {
        for index in 0..8 {
            let mut values = Values::new(index);
            let mut seen = std::collections::BTreeSet::new();
            for beat in 0..50_000i64 {
                let text = values.next(1_795_520_268_000 + beat * 2_000);
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                let (temperature, humidity) = (value["temperature"].as_f64().unwrap(), value["humidity"].as_f64());
                assert!((5.0..35.0).contains(&temperature), "{text}");
                assert!((20.0..95.0).contains(&humidity.unwrap()), "{text}");
                seen.insert((temperature * 10.0) as i64);
            }
            assert!(seen.len() > 3, "device {index} moves");
        }
    }
}
