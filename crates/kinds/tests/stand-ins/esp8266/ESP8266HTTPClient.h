#pragma once
#include "ESP8266WiFi.h"

class HTTPClient {
public:
  bool begin(WiFiClient &client, const String &url);
  void setTimeout(uint16_t milliseconds);
  int GET();
  const String &getString();
  void end();
};
