// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
#pragma once

// <<w:fill_in>>
#define WIFI_NAME "<<w:wifi_name>>"
#define WIFI_PASSWORD "<<w:wifi_password>>"

// <<w:given>>
#define BROKER_NAME "<<c:host_name>>"
#define BROKER_ADDRESS "<<c:ip>>"
#define BROKER_PORT <<int:port_mqtts>>
#define DEVICE_ID "<<c:device_id>>"
#define DEVICE_PASSWORD "<<c:password>>"
#define PUBLISH_TOPIC "<<c:topic>>"
#define COMMAND_FILTER "<<c:command_filter>>"

// <<w:ca_why>>
static const char AUTHORITY_PEM[] =
<<pem_c:ca_pem>>;
