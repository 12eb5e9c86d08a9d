#!/bin/sh
# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
set -eu
cd "$(dirname "$0")"

# <<w:options_why>>
XDG_CONFIG_HOME=$PWD
export XDG_CONFIG_HOME
BRANCH='<<sh:branch>>'

# <<w:announce_why>>
mosquitto_pub -q 1 -r -t "$BRANCH"/homeassistant/device/'<<sh:device_id>>'/config -f discovery.json
