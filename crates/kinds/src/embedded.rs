//! The data files, as they are built in. A flat table.

/// Every kind, in the order in which a person should see them.
pub const KINDS: &[&str] = &[
    include_str!("../data/esp32-arduino.toml"),
    include_str!("../data/micropython.toml"),
    include_str!("../data/raspberry-python.toml"),
    include_str!("../data/node-red.toml"),
    include_str!("../data/other.toml"),
    include_str!("../data/simulated.toml"),
];

/// What every kind shares.
pub const COMMON: &str = include_str!("../data/common.toml");
pub const README: &str = include_str!("../data/readme.txt");

/// Templates by the name that a kind's file gives them.
pub fn template(name: &str) -> Option<&'static str> {
    Some(match name {
        "esp32-arduino/courtier.ino" => include_str!("../data/esp32-arduino/courtier.ino"),
        "micropython/main.py" => include_str!("../data/micropython/main.py"),
        "raspberry-python/publish.py" => include_str!("../data/raspberry-python/publish.py"),
        "raspberry-python/config.ini" => include_str!("../data/raspberry-python/config.ini"),
        "raspberry-python/requirements.txt" => include_str!("../data/raspberry-python/requirements.txt"),
        "node-red/flows-import.json" => include_str!("../data/node-red/flows-import.json"),
        _ => return None,
    })
}
