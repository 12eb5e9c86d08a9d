// The cores of the UNO R4 WiFi and of the MKR WiFi boards.
#pragma once
#include "../arduino/Base.h"
