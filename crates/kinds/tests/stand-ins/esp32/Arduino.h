// The ESP32 Arduino core, 3.x.
#pragma once
#include "../arduino/Base.h"

float temperatureRead();
void configTime(long gmtOffset, int daylightOffset, const char *server1, const char *server2 = nullptr,
                const char *server3 = nullptr);
