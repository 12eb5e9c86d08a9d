//! The time of day for boards without a clock, as they ask for it: SNTP (RFC 4330). Off by default:
//! its port is one that only an administrator may open on most systems.

use std::net::SocketAddr;

use broker::Clock;
use tokio::net::UdpSocket;
use wire::{ClockStatus, Nothing, Problem, ServeClock};

use crate::{Appliance, Error};

/// Between 1900, where NTP begins, and 1970.
const SECONDS_BEFORE_1970: u64 = 2_208_988_800;
const PACKET: usize = 48;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;

/// Answers until it is dropped.
pub(crate) struct ClockServer {
    pub address: SocketAddr,
    task: tokio::task::AbortHandle,
}

impl Drop for ClockServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ClockServer {
    pub fn start(address: SocketAddr, clock: Clock) -> std::io::Result<ClockServer> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let task = tokio::spawn(async move {
            let mut asked = [0; PACKET + 1];
            loop {
                let Ok((len, from)) = socket.recv_from(&mut asked).await else { continue };
                // An answer is never longer than the question: nobody is flooded through us.
                if let Some(answer) = answer(asked.get(..len).unwrap_or_default(), clock.now_us()) {
                    socket.send_to(&answer, from).await.ok();
                }
            }
        });
        Ok(ClockServer { address, task: task.abort_handle() })
    }
}

/// The answer to a client's question; nothing else is answered.
fn answer(asked: &[u8], now_us: i64) -> Option<[u8; PACKET]> {
    let asked: &[u8; PACKET] = asked.try_into().ok()?;
    let [first, ..] = *asked;
    let (version, mode) = (first >> 3 & 7, first & 7);
    if mode != CLIENT || !(1..=4).contains(&version) {
        return None;
    }
    let sent = asked.get(40..48)?;
    let now = timestamp(now_us)?;
    let mut answer = [0; PACKET];
    // No leap second; stratum 10, a clock set by other means; a precision of a millisecond.
    answer.get_mut(..4)?.copy_from_slice(&[version << 3 | SERVER, 10, 6, 0xf6]);
    answer.get_mut(12..16)?.copy_from_slice(b"LOCL");
    answer.get_mut(16..24)?.copy_from_slice(&now);
    answer.get_mut(24..32)?.copy_from_slice(sent);
    answer.get_mut(32..40)?.copy_from_slice(&now);
    answer.get_mut(40..48)?.copy_from_slice(&now);
    Some(answer)
}

/// Seconds since 1900 and their fraction, 32 bits each; the seconds begin again in 2036.
fn timestamp(now_us: i64) -> Option<[u8; 8]> {
    let now_us = u64::try_from(now_us).ok()?;
    let seconds = (now_us / 1_000_000 + SECONDS_BEFORE_1970) & 0xffff_ffff;
    let fraction = ((now_us % 1_000_000) << 32) / 1_000_000;
    Some((seconds << 32 | fraction).to_be_bytes())
}

impl Appliance {
    pub async fn clock_status(&self, _: Nothing) -> Result<ClockStatus, Problem> {
        let site = self.inner.site()?;
        let port = site.settings.load().sntp_port;
        Ok(ClockStatus { port, serving: site.engine().is_some_and(|engine| engine.serves_clock()) })
    }

    /// A port that cannot be had is refused, and nothing changes.
    pub async fn clock_serve(&self, request: ServeClock) -> Result<ClockStatus, Problem> {
        let inner = &self.inner;
        {
            let _changing = inner.changing.lock().await;
            let site = inner.site()?;
            if request.port == Some(0) {
                return Err(Error::PortInvalid { field: "port", port: 0 }.into());
            }
            if let Some(engine) = site.engine() {
                let mut wanted = (*site.settings.load_full()).clone();
                wanted.sntp_port = request.port;
                engine.serve_clock(&wanted, engine.address())?;
            }
            site.change(inner, |settings| {
                settings.sntp_port = request.port;
                Ok(())
            })
            .await?;
        }
        self.clock_status(Nothing {}).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn question() -> [u8; PACKET] {
        let mut question = [0; PACKET];
        question[0] = 4 << 3 | CLIENT;
        question[40..48].copy_from_slice(b"whenever");
        question
    }

    #[test]
    fn a_question_is_answered_with_the_time_and_its_own_stamp() {
        let answer = answer(&question(), 1_000_000_500_000).unwrap();
        assert_eq!(answer[0], 4 << 3 | SERVER);
        assert_eq!(&answer[24..32], b"whenever");
        let seconds = u32::from_be_bytes(answer[40..44].try_into().unwrap());
        assert_eq!(u64::from(seconds) - SECONDS_BEFORE_1970, 1_000_000);
        assert_eq!(answer[44], 0x80, "half a second");
    }

    #[test]
    fn the_seconds_begin_again_in_2036_as_the_standard_says() {
        let in_2037_us = 2_114_380_800_i64 * 1_000_000;
        let stamp = timestamp(in_2037_us).unwrap();
        let seconds = u32::from_be_bytes(stamp[..4].try_into().unwrap());
        assert_eq!(u64::from(seconds) + (1 << 32) - SECONDS_BEFORE_1970, 2_114_380_800);
    }

    #[test]
    fn only_questions_are_answered() {
        let mut from_server = question();
        from_server[0] = 4 << 3 | SERVER;
        let mut control = question();
        control[0] = 2 << 3 | 6;
        for asked in [&from_server[..], &control, &question()[..47], &[], &[0; 49]] {
            assert!(answer(asked, 0).is_none());
        }
    }
}
