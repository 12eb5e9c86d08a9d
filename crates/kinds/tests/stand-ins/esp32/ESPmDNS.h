#pragma once
#include "Arduino.h"

class MDNSResponder {
public:
  bool begin(const char *name);
  IPAddress queryHost(const char *host, uint32_t timeout = 2000);
};
extern MDNSResponder MDNS;
