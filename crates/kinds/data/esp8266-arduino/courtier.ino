// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
// <<w:intro>>

#include <ESP8266WiFi.h>
#include <ESP8266HTTPClient.h>
#include <PubSubClient.h>
#include <WiFiClientSecureBearSSL.h>
#include <sys/time.h>
#include <time.h>

ADC_MODE(ADC_VCC);

// <<w:fill_in>>
const char* WIFI_NAME = "<<w:wifi_name>>";
const char* WIFI_PASSWORD = "<<w:wifi_password>>";

// <<w:given>>
const char* BROKER_ADDRESS = "<<c:ip>>";
const uint16_t BROKER_PORT = <<int:port_mqtts>>;
const uint16_t TIME_PORT = <<int:claim_port>>;
const char* DEVICE_ID = "<<c:device_id>>";
const char* DEVICE_PASSWORD = "<<c:password>>";
const char* PUBLISH_TOPIC = "<<c:topic>>";
const char* COMMAND_FILTER = "<<c:command_filter>>";

// <<w:ca_why>>
const char AUTHORITY_PEM[] PROGMEM = R"PEM(
<<pem:ca_pem>>)PEM";

BearSSL::X509List authority(AUTHORITY_PEM);
BearSSL::WiFiClientSecure network;
PubSubClient mqtt(network);
uint32_t waitSeconds = 1;
uint32_t lastSent = 0;

// <<w:sensor_why>>
float readVolts() {
  return ESP.getVcc() / 1000.0f;
}

bool clockIsSet() {
  return time(nullptr) > 1700000000;
}

// <<w:clock_courtier>>
bool askCourtierForTime() {
  WiFiClient link;
  HTTPClient http;
  http.setTimeout(5000);
  if (!http.begin(link, String("http://") + BROKER_ADDRESS + ":" + TIME_PORT + "/time")) return false;
<<part:esp-clock.ino>>

<<part:esp-wifi.ino>>
}

bool connectToCourtier() {
  IPAddress address;
  // <<w:address_why>>
  if (!address.fromString(BROKER_ADDRESS)) return false;
  mqtt.setServer(address, BROKER_PORT);
  if (mqtt.connect(DEVICE_ID, DEVICE_ID, DEVICE_PASSWORD)) {
    mqtt.subscribe(COMMAND_FILTER);
    Serial.println("<<w:msg_connected>>");
    return true;
  }
  char reason[100] = "";
  if (network.getLastSSLError(reason, sizeof(reason)) != 0) {
    Serial.print("<<w:msg_tls>>");
    Serial.println(reason);
  } else {
    Serial.print("<<w:msg_refused>>");
    Serial.println(mqtt.state());
  }
  network.stop();
  return false;
}

<<part:esp-command.ino>>

void setup() {
  Serial.begin(115200);
  // <<w:verify_why>>
  network.setTrustAnchors(&authority);
  mqtt.setCallback(onCommand);
  // <<w:buffer_why>>
  mqtt.setBufferSize(1024);
}

<<part:esp-loop.ino>>
    snprintf(message, sizeof(message), "{\"volts\":%.2f}", readVolts());
    mqtt.publish(PUBLISH_TOPIC, message);
  }
  delay(10);
}
