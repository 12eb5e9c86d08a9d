// What WiFiS3 and WiFiNINA have in common.
#pragma once
#include "Arduino.h"

typedef enum { WL_IDLE_STATUS = 0, WL_CONNECTED = 3 } wl_status_t;

class CWifi {
public:
  int begin(const char *network, const char *password);
  uint8_t status();
};
extern CWifi WiFi;

class WiFiClient : public Client {
public:
  size_t write(uint8_t value) override;
  int connect(IPAddress ip, uint16_t port) override;
  int connect(const char *host, uint16_t port) override;
  void stop() override;
};
