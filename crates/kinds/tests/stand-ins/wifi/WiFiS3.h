#pragma once
#include "WiFiNetwork.h"

class WiFiSSLClient : public WiFiClient {
public:
  void setCACert(const char *authority);
};
