// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
// <<w:intro>>

#include <WiFi.h>
#include <WiFiClientSecure.h>
#include <ESPmDNS.h>
#include <HTTPClient.h>
#include <PubSubClient.h>
#include <sys/time.h>
#include <time.h>

// <<w:fill_in>>
const char* WIFI_NAME = "<<w:wifi_name>>";
const char* WIFI_PASSWORD = "<<w:wifi_password>>";

// <<w:given>>
// <<w:name_why>>
const char* BROKER_HOST = "<<c:host_name>>";
const char* BROKER_MDNS = "<<c:mdns_name>>";
// <<w:spare_why>>
const char* BROKER_ADDRESS = "<<c:ip>>";
const uint16_t BROKER_PORT = <<int:port_mqtts>>;
const uint16_t TIME_PORT = <<int:claim_port>>;
const char* DEVICE_ID = "<<c:device_id>>";
const char* DEVICE_PASSWORD = "<<c:password>>";
const char* PUBLISH_TOPIC = "<<c:topic>>";
const char* COMMAND_FILTER = "<<c:command_filter>>";

// <<w:ca_why>>
const char* AUTHORITY_PEM = R"PEM(
<<pem:ca_pem>>)PEM";

WiFiClientSecure network;
PubSubClient mqtt(network);
uint32_t waitSeconds = 1;
uint32_t lastSent = 0;

// <<w:chip_why>>
float readTemperature() {
  return temperatureRead();
}

bool clockIsSet() {
  return time(nullptr) > 1700000000;
}

// <<w:clock_courtier>>
bool askCourtierForTime() {
  HTTPClient http;
  http.setTimeout(5000);
  if (!http.begin(String("http://") + BROKER_ADDRESS + ":" + TIME_PORT + "/time")) return false;
<<part:esp-clock.ino>>

<<part:esp-wifi.ino>>
  MDNS.begin(DEVICE_ID);
}

// <<w:verify_why>>
bool openLink(IPAddress address) {
  if (address == IPAddress(0, 0, 0, 0)) return false;
  if (network.connect(address, BROKER_PORT, BROKER_HOST, AUTHORITY_PEM, nullptr, nullptr)) return true;
  char reason[100] = "";
  network.lastError(reason, sizeof(reason));
  Serial.print("<<w:msg_tls>>");
  Serial.println(reason);
  network.stop();
  return false;
}

bool connectToCourtier() {
  IPAddress spare;
  spare.fromString(BROKER_ADDRESS);
  // <<w:find_why>>
  if (!openLink(MDNS.queryHost(BROKER_MDNS)) && !openLink(spare)) return false;
  if (mqtt.connect(DEVICE_ID, DEVICE_ID, DEVICE_PASSWORD)) {
    mqtt.subscribe(COMMAND_FILTER);
    Serial.println("<<w:msg_connected>>");
    return true;
  }
  Serial.print("<<w:msg_refused>>");
  Serial.println(mqtt.state());
  network.stop();
  return false;
}

<<part:esp-command.ino>>

void setup() {
  Serial.begin(115200);
  network.setCACert(AUTHORITY_PEM);
  mqtt.setServer(BROKER_HOST, BROKER_PORT);
  mqtt.setCallback(onCommand);
  // <<w:buffer_why>>
  mqtt.setBufferSize(1024);
}

<<part:esp-loop.ino>>
    snprintf(message, sizeof(message), "{\"temperature\":%.1f}", readTemperature());
    mqtt.publish(PUBLISH_TOPIC, message);
  }
  delay(10);
}
