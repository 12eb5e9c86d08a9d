//! A disk that loses power: what was synced is there, of what came after anything may be missing.

use std::collections::BTreeMap;
use std::path::Path;

pub enum Record {
    Open { file: u32, path: String },
    Write { file: u32, offset: usize, data: Vec<u8> },
    Truncate { file: u32, size: usize },
    Sync { file: u32 },
    Unlink { path: String },
    Sent { socket: u32, data: Vec<u8> },
}

/// Reads what the recorder wrote.
pub fn records(log: &[u8]) -> Vec<Record> {
    let mut at = 0;
    let mut all = Vec::new();
    while at + 17 <= log.len() {
        let number = |from: usize, len: usize| {
            log[at + from..at + from + len].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let (file, offset, len) = (number(1, 4) as u32, number(5, 8) as usize, number(13, 4) as usize);
        let Some(data) = log.get(at + 17..at + 17 + len) else { break };
        let (data, text) = (data.to_vec(), || String::from_utf8_lossy(data).into_owned());
        all.push(match log[at] {
            b'O' => Record::Open { file, path: text() },
            b'W' => Record::Write { file, offset, data },
            b'T' => Record::Truncate { file, size: offset },
            b'S' => Record::Sync { file },
            b'U' => Record::Unlink { path: text() },
            b'A' => Record::Sent { socket: file, data },
            other => panic!("record {other}"),
        });
        at += 17 + len;
    }
    all
}

#[derive(Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Pending>,
}

/// How the power goes.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Nothing that was not synced reached the disk.
    Nothing,
    /// All of it did: the process was killed, the machine runs on.
    Everything,
    /// Some of it, chosen by this number; the last of them only in part.
    Some(u64),
}

#[derive(Default)]
pub struct Disk {
    names: BTreeMap<u32, String>,
    files: BTreeMap<String, File>,
}

impl Disk {
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Open { file, path } => {
                let name = path.rsplit('/').next().unwrap_or(path).to_owned();
                self.files.entry(name.clone()).or_default();
                self.names.insert(*file, name);
            }
            Record::Write { file, offset, data } => self.change(*file, Pending::Write(*offset, data.clone())),
            Record::Truncate { file, size } => self.change(*file, Pending::Truncate(*size)),
            Record::Sync { file } => {
                if let Some(file) = self.names.get(file).and_then(|name| self.files.get_mut(name)) {
                    for change in std::mem::take(&mut file.pending) {
                        put(&mut file.synced, &change);
                    }
                }
            }
            Record::Unlink { path } => drop(self.files.remove(path.rsplit('/').next().unwrap_or(path))),
            Record::Sent { .. } => {}
        }
    }

    fn change(&mut self, file: u32, change: Pending) {
        if let Some(file) = self.names.get(&file).and_then(|name| self.files.get_mut(name)) {
            file.pending.push(change);
        }
    }

    /// What is found when the power is back, written to a folder.
    pub fn after(&self, cut: Cut, folder: &Path) {
        for (name, file) in &self.files {
            let mut content = file.synced.clone();
            let mut dice = match cut {
                Cut::Some(seed) => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
                _ => 0,
            };
            for change in &file.pending {
                match cut {
                    Cut::Nothing => break,
                    Cut::Everything => put(&mut content, change),
                    Cut::Some(_) => {
                        dice ^= dice << 13;
                        dice ^= dice >> 7;
                        dice ^= dice << 17;
                        match (dice % 4, change) {
                            (0, _) => {}
                            // A sector is written whole or not at all; a page of several may be torn.
                            (1, Pending::Write(offset, data)) => {
                                let sectors = (dice >> 8) as usize % (data.len() / 512 + 1);
                                put(&mut content, &Pending::Write(*offset, data[..sectors * 512].to_vec()));
                            }
                            _ => put(&mut content, change),
                        }
                    }
                }
            }
            std::fs::write(folder.join(name), content).unwrap();
        }
    }
}

fn put(content: &mut Vec<u8>, change: &Pending) {
    match change {
        Pending::Write(offset, data) => {
            if content.len() < offset + data.len() {
                content.resize(offset + data.len(), 0);
            }
            content[*offset..offset + data.len()].copy_from_slice(data);
        }
        Pending::Truncate(size) => content.resize(*size, 0),
    }
}
