#pragma once
#include "Arduino.h"

typedef enum { WL_IDLE_STATUS = 0, WL_CONNECTED = 3, WL_DISCONNECTED = 7 } wl_status_t;
typedef enum WiFiMode { WIFI_OFF = 0, WIFI_STA = 1 } WiFiMode_t;

class ESP8266WiFiClass {
public:
  bool mode(WiFiMode_t mode);
  wl_status_t begin(const char *network, const char *password = nullptr);
  wl_status_t status();
  IPAddress localIP();
};
extern ESP8266WiFiClass WiFi;

class WiFiClient : public Client {
public:
  size_t write(uint8_t value) override;
  size_t write(const uint8_t *buffer, size_t size) override;
  int connect(IPAddress ip, uint16_t port) override;
  int connect(const char *host, uint16_t port) override;
  void stop() override;
};
