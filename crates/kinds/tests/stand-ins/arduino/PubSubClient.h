#pragma once
#include <Arduino.h>

class PubSubClient : public Print {
public:
  PubSubClient(Client &client);
  size_t write(uint8_t value) override;
  PubSubClient &setServer(const char *domain, uint16_t port);
  PubSubClient &setServer(IPAddress address, uint16_t port);
  PubSubClient &setCallback(void (*callback)(char *, uint8_t *, unsigned int));
  boolean setBufferSize(uint16_t size);
  boolean connect(const char *id, const char *user, const char *password);
  boolean publish(const char *topic, const char *payload);
  boolean subscribe(const char *topic);
  boolean loop();
  boolean connected();
  int state();
};
