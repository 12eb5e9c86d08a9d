#pragma once
#include "Arduino.h"

class HTTPClient {
public:
  bool begin(String url);
  void setTimeout(uint16_t milliseconds);
  int GET();
  String getString();
  void end();
};
