#pragma once
#include "Arduino.h"

typedef enum { WL_IDLE_STATUS = 0, WL_CONNECTED = 3, WL_DISCONNECTED = 6 } wl_status_t;
typedef enum { WIFI_MODE_STA = 1 } wifi_mode_t;
#define WIFI_STA WIFI_MODE_STA

class WiFiClass {
public:
  bool mode(wifi_mode_t mode);
  wl_status_t begin(const char *network, const char *password = nullptr);
  wl_status_t status();
  IPAddress localIP();
};
extern WiFiClass WiFi;
