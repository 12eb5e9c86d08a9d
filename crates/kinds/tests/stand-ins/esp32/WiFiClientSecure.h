#pragma once
#include "Arduino.h"

class WiFiClientSecure : public Client {
public:
  size_t write(uint8_t value) override;
  int connect(IPAddress ip, uint16_t port) override;
  int connect(const char *host, uint16_t port) override;
  int connect(IPAddress ip, uint16_t port, const char *host, const char *authority, const char *certificate,
              const char *private_key);
  void stop() override;
  int lastError(char *buffer, const size_t size);
  void setCACert(const char *authority);
};
