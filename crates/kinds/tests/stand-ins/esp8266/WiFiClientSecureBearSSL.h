#pragma once
#include "ESP8266WiFi.h"

namespace BearSSL {
class X509List {
public:
  X509List(const char *pem);
};

class WiFiClientSecure : public WiFiClient {
public:
  void setTrustAnchors(const X509List *authorities);
  void setX509Time(time_t now);
  int getLastSSLError(char *text = nullptr, size_t length = 0);
};
} // namespace BearSSL
