#pragma once
#include "WiFiNetwork.h"

// No setCACert: its module checks with the authorities that it holds.
class WiFiSSLClient : public WiFiClient {};
