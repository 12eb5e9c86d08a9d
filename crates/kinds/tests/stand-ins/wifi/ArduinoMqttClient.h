#pragma once
#include "Arduino.h"

class MqttClient : public Client {
public:
  MqttClient(Client &client);
  size_t write(uint8_t value) override;
  int connect(IPAddress ip, uint16_t port) override;
  int connect(const char *host, uint16_t port) override;
  void stop() override;
  uint8_t connected();
  int connectError() const;
  void setId(const char *id);
  void setUsernamePassword(const char *user, const char *password);
  void setKeepAliveInterval(unsigned long milliseconds);
  void onMessage(void (*callback)(int));
  int subscribe(const char *topic, uint8_t qos = 0);
  int beginMessage(const char *topic, bool retain = false, uint8_t qos = 0, bool dup = false);
  int endMessage();
  String messageTopic() const;
  void poll();
  int available();
  int read();
};
