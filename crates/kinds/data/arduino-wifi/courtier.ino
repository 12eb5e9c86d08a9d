// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
// <<w:intro>>

#include <ArduinoMqttClient.h>
#if defined(ARDUINO_UNOR4_WIFI) || defined(ARDUINO_UNOWIFIR4)
#include <WiFiS3.h>
#else
#include <WiFiNINA.h>
#endif
#include "arduino_secrets.h"

WiFiSSLClient network;
MqttClient mqtt(network);
unsigned long waitSeconds = 1;
unsigned long lastSent = 0;

// <<w:curve_why>>
float readTemperature() {
  return 21.0f + 3.0f * sin(millis() / 30000.0f);
}

void joinWifi() {
  if (WiFi.status() == WL_CONNECTED) return;
  Serial.print("<<w:msg_wifi>>");
  Serial.println(WIFI_NAME);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  for (int i = 0; i < 100 && WiFi.status() != WL_CONNECTED; i++) delay(200);
}

bool connectToCourtier() {
  if (mqtt.connect(BROKER_ADDRESS, BROKER_PORT)) {
    mqtt.subscribe(COMMAND_FILTER);
    Serial.println("<<w:msg_connected>>");
    return true;
  }
  Serial.print("<<w:msg_refused>>");
  Serial.println(mqtt.connectError());
  network.stop();
  return false;
}

// <<w:commands_new>>
void onCommand(int length) {
  (void)length;
  Serial.print(mqtt.messageTopic());
  Serial.print(" ");
  while (mqtt.available()) Serial.print((char)mqtt.read());
  Serial.println();
}

void setup() {
  Serial.begin(115200);
#if defined(ARDUINO_UNOR4_WIFI) || defined(ARDUINO_UNOWIFIR4)
  // <<w:verify_why>>
  network.setCACert(AUTHORITY_PEM);
#endif
  // <<w:module_why>>
  mqtt.setId(DEVICE_ID);
  mqtt.setUsernamePassword(DEVICE_ID, DEVICE_PASSWORD);
  mqtt.setKeepAliveInterval(30000);
  mqtt.onMessage(onCommand);
}

void loop() {
  if (!mqtt.connected()) {
    joinWifi();
    if (WiFi.status() != WL_CONNECTED || !connectToCourtier()) {
      // <<w:backoff_why>>
      delay(waitSeconds * 1000);
      waitSeconds = waitSeconds < 16 ? waitSeconds * 2 : 30;
      return;
    }
    waitSeconds = 1;
  }
  mqtt.poll();
  if (millis() - lastSent >= 1000) {
    lastSent = millis();
    mqtt.beginMessage(PUBLISH_TOPIC);
    mqtt.print("{\"temperature\":");
    mqtt.print(readTemperature(), 1);
    mqtt.print("}");
    mqtt.endMessage();
  }
  delay(10);
}
