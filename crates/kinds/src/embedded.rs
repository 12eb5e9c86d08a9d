//! The data files, as they are built in. A flat table.

/// Every kind, in the order in which a person should see them.
pub const KINDS: &[&str] = &[
    include_str!("../data/esp32-arduino.toml"),
    include_str!("../data/esp8266-arduino.toml"),
    include_str!("../data/micropython.toml"),
    include_str!("../data/circuitpython.toml"),
    include_str!("../data/microbit.toml"),
    include_str!("../data/arduino-wifi.toml"),
    include_str!("../data/esp-idf.toml"),
    include_str!("../data/m5stack.toml"),
    include_str!("../data/phyphox.toml"),
    include_str!("../data/owntracks.toml"),
    include_str!("../data/raspberry-python.toml"),
    include_str!("../data/shell.toml"),
    include_str!("../data/node-red.toml"),
    include_str!("../data/browser.toml"),
    include_str!("../data/home-assistant.toml"),
    include_str!("../data/esphome.toml"),
    include_str!("../data/tasmota.toml"),
    include_str!("../data/shelly.toml"),
    include_str!("../data/zigbee2mqtt.toml"),
    include_str!("../data/chirpstack.toml"),
    include_str!("../data/telegraf.toml"),
    include_str!("../data/other.toml"),
    include_str!("../data/simulated.toml"),
];

/// What every kind shares.
pub const COMMON: &str = include_str!("../data/common.toml");
pub const README: &str = include_str!("../data/readme.txt");
/// For a kind whose files hold all it needs.
pub const README_SHORT: &str = include_str!("../data/readme-short.txt");

/// Templates by the name that a kind's file gives them.
pub fn template(name: &str) -> Option<&'static str> {
    Some(match name {
        "esp32-arduino/courtier.ino" => include_str!("../data/esp32-arduino/courtier.ino"),
        "esp8266-arduino/courtier.ino" => include_str!("../data/esp8266-arduino/courtier.ino"),
        "micropython/main.py" => include_str!("../data/micropython/main.py"),
        "circuitpython/code.py" => include_str!("../data/circuitpython/code.py"),
        "circuitpython/settings.toml" => include_str!("../data/circuitpython/settings.toml"),
        "arduino-wifi/courtier.ino" => include_str!("../data/arduino-wifi/courtier.ino"),
        "arduino-wifi/arduino_secrets.h" => include_str!("../data/arduino-wifi/arduino_secrets.h"),
        "esp-idf/main/main.c" => include_str!("../data/esp-idf/main/main.c"),
        "esp-idf/main/settings.h" => include_str!("../data/esp-idf/main/settings.h"),
        "esp-idf/main/CMakeLists.txt" => include_str!("../data/esp-idf/main/CMakeLists.txt"),
        "esp-idf/main/idf_component.yml" => include_str!("../data/esp-idf/main/idf_component.yml"),
        "esp-idf/CMakeLists.txt" => include_str!("../data/esp-idf/CMakeLists.txt"),
        "esp-idf/sdkconfig.defaults" => include_str!("../data/esp-idf/sdkconfig.defaults"),
        "m5stack/main.py" => include_str!("../data/m5stack/main.py"),
        "microbit/makecode.ts" => include_str!("../data/microbit/makecode.ts"),
        "microbit/main.py" => include_str!("../data/microbit/main.py"),
        "raspberry-python/publish.py" => include_str!("../data/raspberry-python/publish.py"),
        "raspberry-python/config.ini" => include_str!("../data/raspberry-python/config.ini"),
        "raspberry-python/requirements.txt" => include_str!("../data/raspberry-python/requirements.txt"),
        "shell/publish.sh" => include_str!("../data/shell/publish.sh"),
        "shell/listen.sh" => include_str!("../data/shell/listen.sh"),
        "shell/mosquitto_pub" => include_str!("../data/shell/mosquitto_pub"),
        "shell/mosquitto_sub" => include_str!("../data/shell/mosquitto_sub"),
        "node-red/flows-import.json" => include_str!("../data/node-red/flows-import.json"),
        "node-red/deploy.mjs" => include_str!("../data/node-red/deploy.mjs"),
        "browser/index.html" => include_str!("../data/browser/index.html"),
        "home-assistant/discovery.json" => include_str!("../data/home-assistant/discovery.json"),
        "home-assistant/announce.sh" => include_str!("../data/home-assistant/announce.sh"),
        "home-assistant/mosquitto_pub" => include_str!("../data/home-assistant/mosquitto_pub"),
        "esphome/device.yaml" => include_str!("../data/esphome/device.yaml"),
        "esphome/secrets.yaml" => include_str!("../data/esphome/secrets.yaml"),
        "tasmota/tasmota.txt" => include_str!("../data/tasmota/tasmota.txt"),
        "tasmota/plain.txt" => include_str!("../data/tasmota/plain.txt"),
        "shelly/2-mqtt.json" => include_str!("../data/shelly/2-mqtt.json"),
        "shelly/1-authority.json" => include_str!("../data/shelly/1-authority.json"),
        "shelly/3-restart.json" => include_str!("../data/shelly/3-restart.json"),
        "shelly/setup.sh" => include_str!("../data/shelly/setup.sh"),
        "phyphox/courtier.phyphox" => include_str!("../data/phyphox/courtier.phyphox"),
        "owntracks/courtier.otrc" => include_str!("../data/owntracks/courtier.otrc"),
        "zigbee2mqtt/configuration-mqtt.yaml" => include_str!("../data/zigbee2mqtt/configuration-mqtt.yaml"),
        "chirpstack/chirpstack-mqtt.toml" => include_str!("../data/chirpstack/chirpstack-mqtt.toml"),
        "telegraf/courtier.conf" => include_str!("../data/telegraf/courtier.conf"),
        _ => return None,
    })
}

/// What templates of several kinds have in common, by the name that they give it.
pub fn part(name: &str) -> Option<&'static str> {
    Some(match name {
        "micropython-clock.py" => include_str!("../data/parts/micropython-clock.py"),
        "esp-clock.ino" => include_str!("../data/parts/esp-clock.ino"),
        "esp-wifi.ino" => include_str!("../data/parts/esp-wifi.ino"),
        "esp-command.ino" => include_str!("../data/parts/esp-command.ino"),
        "esp-loop.ino" => include_str!("../data/parts/esp-loop.ino"),
        _ => return None,
    })
}
