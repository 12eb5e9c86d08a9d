// The ESP8266 Arduino core, 3.x.
#pragma once
#include "../arduino/Base.h"

#define PROGMEM
#define ADC_VCC 255
#define ADC_MODE(mode) \
  int __get_adc_mode(void) { return (int)(mode); }

class EspClass {
public:
  uint16_t getVcc();
};
extern EspClass ESP;

void configTime(int timezone, int daylightOffset, const char *server1, const char *server2 = nullptr,
                const char *server3 = nullptr);
