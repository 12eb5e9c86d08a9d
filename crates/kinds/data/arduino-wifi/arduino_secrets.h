// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
#pragma once

// <<w:fill_in>>
const char WIFI_NAME[] = "<<w:wifi_name>>";
const char WIFI_PASSWORD[] = "<<w:wifi_password>>";

// <<w:given>>
const char BROKER_ADDRESS[] = "<<c:ip>>";
const int BROKER_PORT = <<int:port_mqtts>>;
const char DEVICE_ID[] = "<<c:device_id>>";
const char DEVICE_PASSWORD[] = "<<c:password>>";
const char PUBLISH_TOPIC[] = "<<c:topic>>";
const char COMMAND_FILTER[] = "<<c:command_filter>>";

// <<w:ca_why>>
const char AUTHORITY_PEM[] = R"PEM(
<<pem:ca_pem>>)PEM";
