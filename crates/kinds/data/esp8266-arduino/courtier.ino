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
  String answer = http.GET() == 200 ? http.getString() : String();
  http.end();
  int digits = 0;
  uint32_t seconds = 0;
  for (unsigned int i = 0; i < answer.length() && digits < 10; i++) {
    bool digit = isDigit(answer[i]);
    seconds = digit ? seconds * 10 + (answer[i] - '0') : 0;
    digits = digit ? digits + 1 : 0;
  }
  if (digits < 10) return false;
  struct timeval now = { (time_t)seconds, 0 };
  settimeofday(&now, nullptr);
  return clockIsSet();
}

// <<w:clock_why>>
void setClock() {
  while (!clockIsSet()) {
    // <<w:clock_internet>>
    configTime(0, 0, "pool.ntp.org", "time.cloudflare.com");
    for (int i = 0; i < 40 && !clockIsSet(); i++) delay(200);
    if (clockIsSet() || askCourtierForTime()) return;
    Serial.println("<<w:msg_clock>>");
    delay(2000);
  }
}

void joinWifi() {
  if (WiFi.status() == WL_CONNECTED) return;
  Serial.print("<<w:msg_wifi>>");
  Serial.println(WIFI_NAME);
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  for (int i = 0; i < 100 && WiFi.status() != WL_CONNECTED; i++) delay(200);
  if (WiFi.status() != WL_CONNECTED) return;
  Serial.print("<<w:msg_wifi_ok>>");
  Serial.println(WiFi.localIP());
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

// <<w:commands_why>>
void onCommand(char* topic, byte* payload, unsigned int length) {
  Serial.print(topic);
  Serial.print(" ");
  Serial.write(payload, length);
  Serial.println();
}

void setup() {
  Serial.begin(115200);
  // <<w:verify_why>>
  network.setTrustAnchors(&authority);
  mqtt.setCallback(onCommand);
  // <<w:buffer_why>>
  mqtt.setBufferSize(1024);
}

void loop() {
  if (!mqtt.connected()) {
    joinWifi();
    bool ready = WiFi.status() == WL_CONNECTED;
    if (ready) setClock();
    if (!ready || !connectToCourtier()) {
      // <<w:backoff_why>>
      delay(waitSeconds * 1000);
      waitSeconds = waitSeconds < 16 ? waitSeconds * 2 : 30;
      return;
    }
    waitSeconds = 1;
  }
  mqtt.loop();
  if (millis() - lastSent >= 1000) {
    lastSent = millis();
    char message[48];
    snprintf(message, sizeof(message), "{\"volts\":%.2f}", readVolts());
    mqtt.publish(PUBLISH_TOPIC, message);
  }
  delay(10);
}
